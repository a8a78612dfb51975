"""The rules both systems enforce on a write, in the words of the dialect that asks.

Source: the agreed rules of the stand (contracts.md §2; design.md §6 for statuses). Nothing is changed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from medmost_stand.clock import moment
from medmost_stand.dialect import Body, Dialect, Form, Status, at, key_of
from medmost_stand.records import Shelf
from medmost_stand.refusal import Reason, Refusal

PERSON = "person"


class Rules:
    """Checks one write against the shelves of a system; every refusal names the field."""

    def __init__(self, dialect: Dialect, shelves: Mapping[str, Shelf]) -> None:
        self._dialect = dialect
        self._shelves = shelves

    def check(self, collection: str, body: Body, before: Body | None, own_id: str | None, client: str) -> None:
        """Raises Refusal if this body may not become the record's next version (`before` None: a create)."""
        form = self._shelves[collection].form
        _check_fields(form, body)
        self._check_references(form, body)
        self._check_unique(form, body, own_id)
        if form.status is not None:
            _check_onward(form.status, "Статус", body, before)
        if collection == "visits":
            _check_onward(
                Status(self._dialect.visit.status, self._dialect.visit.onward), "Статус записи на приём", body, before
            )
            self._check_time(body, before, own_id, client)

    def _check_references(self, form: Form, body: Body) -> None:
        for field in form.fields:
            value = at(body, field.path)
            if field.refers is None or value is None:
                continue
            if not self._shelves[field.refers].named(field.format.normal(value)):
                raise Refusal(
                    Reason.UNKNOWN_REFERENCE,
                    f"Поле «{field.path}» ссылается на запись, которой в системе нет",
                    field.path,
                )

    def _check_unique(self, form: Form, body: Body, own_id: str | None) -> None:
        if form.unique and self._shelves[form.collection].by_key(body) - {own_id}:
            names = ", ".join(f"«{path}»" for path in form.key)
            raise Refusal(Reason.DUPLICATE, f"Запись с таким же значением {names} уже есть", form.key[0])

    def _check_time(self, body: Body, before: Body | None, own_id: str | None, client: str) -> None:
        words = self._dialect.visit
        form = self._shelves["visits"].form
        place = key_of(form, body, (words.schedule, words.start))
        if place is None or at(body, words.status) != words.booked:
            return
        if before is not None and place == key_of(form, before, (words.schedule, words.start)):
            return
        visits = self._shelves["visits"]
        if any(self._holds_time(other) for other in visits.at_time(body) - {own_id}):
            raise Refusal(Reason.SLOT_TAKEN, "Это время уже занято другим пациентом", words.start)
        # The portal's grid lags behind EMIAS': there only a person's booking is held against it.
        if words.keeps_grid or client == PERSON:
            self._check_grid((place[0], place[1]))

    def _holds_time(self, visit_id: str) -> bool:
        words = self._dialect.visit
        return at(self._shelves["visits"].records[visit_id].fields(), words.status) in words.live

    def _check_grid(self, place: tuple[Any, Any]) -> None:
        words = self._dialect.visit
        slots = self._shelves["slots"]
        for slot_id in slots.keyed(place):
            if at(slots.records[slot_id].fields(), words.slot_status) != words.free:
                raise Refusal(Reason.SLOT_TAKEN, "Это время уже занято другим пациентом", words.start)
            return
        schedules = self._shelves["schedules"]
        for schedule_id in schedules.keyed((place[0],)):
            day = moment(place[1] * 1_000_000).date()
            first, last = _period(schedules.form, schedules.records[schedule_id].fields(), self._dialect)
            if not (first <= day <= last):
                raise Refusal(
                    Reason.UNKNOWN_REFERENCE, "В этот день врач не принимает: расписание не действует", words.start
                )


def _check_onward(status: Status, title: str, body: Body, before: Body | None) -> None:
    old = None if before is None else at(before, status.path)
    new = at(body, status.path)
    if old is None or old == new or old not in status.onward or new in status.onward[old]:
        return
    raise Refusal(Reason.STATUS_BACKWARD, f"{title} не возвращается: было «{old}», стало бы «{new}»", status.path)


def _period(form: Form, schedule: Body, dialect: Dialect) -> tuple[date, date]:
    words = dialect.visit
    edges: list[date] = []
    for path, open_end in ((words.period_from, date.min), (words.period_to, date.max)):
        edge = key_of(form, schedule, (path,))
        edges.append(edge[0] if edge is not None and isinstance(edge[0], date) else open_end)
    return edges[0], edges[1]


def _check_fields(form: Form, body: Body) -> None:
    for field in form.fields:
        value = at(body, field.path)
        if value is None:
            if field.required:
                raise Refusal(Reason.INVALID_FIELD, f"Не заполнено обязательное поле «{field.path}»", field.path)
            continue
        try:
            field.format.normal(value)
        except (ValueError, OverflowError):
            raise Refusal(
                Reason.INVALID_FIELD, f"Поле «{field.path}»: нужно {field.format.expected}", field.path
            ) from None
