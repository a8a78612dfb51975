"""What the portal shows a citizen of its own records: policies, visits, results, vaccinations, requests."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from medmost_stand.clock import MOSCOW
from medmost_stand.dialect import Body
from medmost_stand.gosuslugi.wire import policy_of
from medmost_stand.records import Record
from medmost_stand.system import System

_ORDER_DATE = "%Y-%m-%dT%H:%M:%S.%f%z"


@dataclass(frozen=True, slots=True)
class Health:
    """Newest first; visits are split by whether they are still to come. What a record lacks reads as empty."""

    coming: list[Body]
    past: list[Body]
    results: list[Body]
    vaccinations: list[Body]


def policies_of(system: System, policy_number: str) -> list[tuple[str, Body]]:
    """The policies with this number (one, where the rules hold), by id; every field of the page is there."""
    records = system.shelves["policies"].equal({"Номер полиса": policy_number})
    found = [(record.id, defaultdict(str, record.fields())) for record in records]
    for _, policy in found:
        clinics = system.shelves["organizations"].equal({"OID": policy.get("Поликлиника прикрепления")})
        if clinics:
            policy["Поликлиника прикрепления"] = clinics[0].fields()["Полное наименование"]
    return list(found)


def health_of(system: System, policy_number: str) -> Health:
    """Everything personal under a policy number."""
    visits = _own(system, "visits", policy_number, "Начало приёма")
    names = {record.fields().get("OID"): record.fields() for record in _live(system, "organizations")}
    for visit in visits:
        place = names.get(visit.get("OID организации"), {})
        visit["Место"] = place.get("Краткое наименование") or place.get("Полное наименование") or ""
    now = system.clock.now()
    coming = [v for v in visits if v.get("Статус записи") == "Записан" and _moment(v.get("Начало приёма")) >= now]
    return Health(
        coming=coming[::-1],
        past=[visit for visit in visits if visit not in coming],
        results=_own(system, "results", policy_number, "Дата выдачи"),
        vaccinations=_own(system, "vaccinations", policy_number, "Дата вакцинации"),
    )


def _live(system: System, collection: str) -> list[Record]:
    return [record for record in system.shelves[collection] if not record.deleted]


def _own(system: System, collection: str, policy_number: str, dated: str) -> list[Body]:
    records = system.shelves[collection].equal({"Номер полиса": policy_number})
    found = [defaultdict(str, record.fields() | {"id": record.id}) for record in records]
    for body in found:
        body["Показатели"] = [defaultdict(str, row) for row in body.get("Показатели") or []]
    return sorted(found, key=lambda body: _moment(body.get(dated)), reverse=True)


def _moment(text: object) -> datetime:
    for form in ("%d.%m.%Y %H:%M", "%d.%m.%Y"):
        try:
            return datetime.strptime(str(text), form).replace(tzinfo=MOSCOW)
        except ValueError:
            continue
    return datetime(1, 1, 2, tzinfo=MOSCOW)  # what has no readable date stands last


def orders_of(system: System, policy_number: str) -> list[Body]:
    """The orders under a policy number with their rows in the order of time, newest order first."""
    orders = [record.fields()["order"] for record in _live(system, "requests")]
    own = [order for order in orders if policy_of(order) == policy_number]
    for order in own:
        order.setdefault("currentStatusHistory", {})
        rows = sorted(order.get("statuses", []), key=lambda row: str(row.get("date")))
        order["rows"] = [{"comment": ""} | row | {"shown": _shown_date(row.get("date"))} for row in rows]
        order["submitted"] = _shown_date(order.get("orderDate"))
    return sorted(own, key=lambda order: str(order.get("orderDate")), reverse=True)


def _shown_date(text: object) -> str:
    try:
        at = datetime.strptime(str(text), _ORDER_DATE).astimezone(MOSCOW)
    except ValueError:
        return str(text or "")
    return at.strftime("%d.%m.%Y %H:%M")
