"""What people do at the screens of both systems, and which of it must still be seen in the end.

Every value a person enters is new, so where a value ends up tells whose edit survived. `Lineage` remembers which value
was entered on top of which, and where each has been shown.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from medmost.domain.kinds import Kind, Style
from medmost.domain.record import BOTH, Doc, Fields, Side
from medmost.mapping.contract import Mapping

KINDS = ("policy", "visit", "result", "request")
PATIENTS = tuple(f"77564108341{n:05d}" for n in range(4))
STRANGER = PATIENTS[3]  # has no link: nothing personal of theirs may cross
EDITED = {
    "policy": ("last_name", "phone", "email", "insurer_name", "clinic_oid"),
    "visit": ("comment", "room", "doctor_name"),
    "result": ("conclusion", "title"),
    "request": ("comment",),
}
CREATED_AT = {"policy": BOTH, "visit": BOTH, "result": (Side.EMIAS,), "request": (Side.GOSUSLUGI,)}
STATUSES = ("arrived", "fulfilled", "noshow", "cancelled")


def letters(number: int) -> str:
    """A number in Russian letters, for fields that take no digits."""
    text = ""
    while True:
        number, digit = divmod(number, 30)
        text = chr(ord("а") + digit) + text
        if not number:
            return "Зн" + text


def value_for(name: str, number: int) -> str:
    if name == "last_name":
        return letters(number)
    if name == "phone":
        return f"+7910{number:07d}"
    if name == "email":
        return f"n{number}@example.ru"
    if name == "clinic_oid":
        return f"1.2.643.5.1.13.13.12.2.77.{number}"
    return f"запись {number}"


def same(value: Any) -> Any:
    """Two values mean the same whatever their case: one of the systems shouts."""
    return value.casefold() if isinstance(value, str) else value


@dataclass
class Lineage:
    """value -> what was entered on top of it, where it was shown, whose it is."""

    count: int = 0
    children: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    shown: dict[str, set[Side]] = field(default_factory=lambda: defaultdict(set))
    patient: dict[str, str] = field(default_factory=dict)
    entered: list[tuple[Side, str, str, str, str]] = field(default_factory=list)  # side, kind, ref, field, value

    def new(self, name: str, patient: str) -> str:
        self.count += 1
        value = value_for(name, self.count)
        self.patient[same(value)] = patient
        return value

    def on_top(self, before: Any, after: str) -> None:
        if isinstance(before, str):
            self.children[same(before)].add(same(after))

    def newest(self, values: set[str]) -> set[str]:
        """What was entered last on top of each of these values."""
        found: set[str] = set()
        for value in values:
            later = self.children.get(value, set())
            found |= self.newest(later) if later else {value}
        return found


def snils_of(patient: str) -> str:
    """A person's SNILS, by the policy number: surnames are edited, and two records of one person still agree."""
    nine = f"{int(patient) % 997_000_000 + 2_000_000:09d}"
    control = sum(int(digit) * (9 - place) for place, digit in enumerate(nine)) % 101 % 100
    return f"{nine}{control:02d}"


class People:
    """Enter, change and remove records through the mapping of their kind: always well-formed documents."""

    def __init__(self, mappings: dict[str, Mapping], lineage: Lineage) -> None:
        self.mappings, self.lineage = mappings, lineage
        self.hours = 0

    # ------------------------------------------------------------ new records
    def fresh(self, kind: str, patient: str, key: Fields | None = None) -> Fields:
        """The canonical fields of a new record, with a natural key of its own or with a given one."""
        fields = dict(_example(self.mappings[kind].kind, kind))
        number = self.lineage.count + 1
        if kind == "policy":
            fields |= {"policy_number": patient, "snils": snils_of(patient)}
        else:
            fields["policy_number"] = patient
            fields |= self._own_key(kind, number)
        fields |= key or {}
        for name in EDITED[kind]:
            fields[name] = self.lineage.new(name, fields["policy_number"])
        return fields

    def _own_key(self, kind: str, number: int) -> Fields:
        if kind == "visit":
            return self.hour()
        return {"document_id": f"d-{number}"} if kind == "result" else {"order_id": str(2_000_000_000 + number)}

    def hour(self, back: int = 0) -> Fields:
        """A time with the doctor that nobody had yet, or `back` hours before the newest one."""
        self.hours += not back
        at = max(1, self.hours - back)
        day, hour = 1 + at // 10 % 28, 8 + at % 10
        return {
            "starts_at": f"2026-12-{day:02d}T{hour:02d}:{at // 280 % 60:02d}:00+03:00",
            "ends_at": f"2026-12-{day:02d}T{hour:02d}:{at // 280 % 60 + 12:02d}:00+03:00",
        }

    def document(self, kind: str, side: Side, fields: Fields) -> Doc:
        if kind != "request":
            return self.mappings[kind].write(side, fields, None)
        if side is Side.GOSUSLUGI:  # the portal's own members, which the bridge never writes
            return self.with_row(side, order_document(fields, {}), 2)
        return self.with_row(side, self.mappings[kind].write(side, fields | {"history": []}, None), 2)

    # ------------------------------------------------------------ changes
    def changed(self, kind: str, side: Side, ref: str, doc: Doc, name: str) -> Doc:
        """A new value in a field, entered on top of what this side shows."""
        before = self.mappings[kind].read(side, doc).fields
        value = self.lineage.new(name, str(before.get("policy_number")))
        if rules(self.mappings[kind].kind, name) in (None, side):
            self.lineage.on_top(before.get(name), value)
            self.lineage.entered.append((side, kind, ref, name, same(value)))
        if kind == "request" and side is Side.GOSUSLUGI:
            return order_document({**before, name: value}, doc)
        return self.mappings[kind].write(side, {name: value}, doc)

    def with_row(self, side: Side, doc: Doc, status: int) -> Doc:
        """A history has gone on; each system numbers its own rows."""
        self.lineage.count += 1
        n = self.lineage.count
        at = f"2026-11-{20 + n // 1440:02d}T{n // 60 % 24:02d}:{n % 60:02d}:00+03:00"
        if side is Side.EMIAS:
            row: Doc = {"id": str(7000 + n), "statusId": status, "title": f"шаг {n}", "at": at}
            head = {"statusId": status, "statusName": row["title"], "statusAt": at}
            return {**doc, **head, "history": [*doc.get("history", []), row]}
        order = dict(doc["order"])
        row = {"id": 7000 + n, "statusId": status, "title": f"шаг {n}", "date": at}
        return {**doc, "order": {**order, "statuses": [*order.get("statuses", []), row]}}


def rules(kind: Kind, name: str) -> Side | None:
    """The side whose value of a field is put back whenever the other side changes it."""
    return kind.source or kind.field(name).source


def order_document(fields: Fields, onto: Doc) -> Doc:
    """An order as the portal shows it."""
    order = {**onto.get("order", {}), "id": int(fields["order_id"]), "eserviceId": fields["service_code"],
             "serviceName": fields["service_name"], "orderDate": fields["submitted_at"],
             "orderAttributes": [{"name": "policyNumber", "value": fields["policy_number"]},
                                 {"name": "comment", "value": fields["comment"]}]}  # fmt: skip
    return {**onto, "order": order}


def _example(kind: Kind, name: str) -> Fields:
    empty: Fields = {field.name: None for field in kind.fields}
    if name == "policy":
        return empty | {"policy_type": "single", "first_name": "Алёна", "birth_date": "1985-03-15", "sex": "female",
                        "insurer_code": "77013", "status": "active"}  # fmt: skip
    if name == "visit":
        return empty | {"organization_oid": "1.2.643.5.1.13.13.12.2.77.10425", "doctor_snils": "08765430300",
                        "status": "booked", "booked_by": "patient"}  # fmt: skip
    if name == "result":
        return empty | {"category": "laboratory", "status": "final", "observations": [
            {"code": "1017128", "name": "Гемоглобин общий", "value": "134.5", "unit": "г/л", "low": "120",
             "high": "160", "flag": "normal"}]}  # fmt: skip
    return empty | {"service_code": "10000000109", "service_name": "Прикрепление к поликлинике",
                    "submitted_at": "2026-11-20T14:23:02+03:00"}  # fmt: skip


def carried(kind: Kind) -> list[str]:
    """Fields that must mean the same on both sides at rest; histories are compared by their rows."""
    return [one.name for one in kind.fields if one.only is None and one.style is not Style.GROW]
