"""Orders of the portal: how one is made and how its history grows (facts/gosuslugi.md §2.3, §2.4, §2.7)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from medmost_stand.clock import MOSCOW, Clock
from medmost_stand.dialect import Body
from medmost_stand.effects import Actor
from medmost_stand.gosuslugi.services import DEPARTMENT, DEPARTMENT_NAME
from medmost_stand.gosuslugi.wire import policy_of
from medmost_stand.records import Record
from medmost_stand.refusal import Reason, Refusal
from medmost_stand.system import System

FINAL = frozenset({3, 4, 5, 22, 24})  # §2.7
CANCELLABLE = frozenset({17, 21, 2})
SUBMITTED = (  # the recorded chain of §2.7; it takes the portal seconds
    (0, "Черновик заявления"),
    (17, "Зарегистрировано на портале"),
    (21, "Заявление отправлено в ведомство"),
    (2, "Заявление получено ведомством"),
)
_AGAIN = frozenset({17})  # an order whose sending has failed may be sent again
_CANCELLED = (4, "Отменено заявителем")
_RU = re.compile(r"(\d\d)\.(\d\d)\.(\d{4}) (\d\d):(\d\d)(?::(\d\d))?")


def order_time(at: datetime) -> str:
    """A time as order details show it: milliseconds and +0300 without a colon (§2.4)."""
    at = at.astimezone(MOSCOW)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}+0300"


def parse_time(value: object) -> datetime:
    """A time of a status row: ДД.ММ.ГГГГ ЧЧ:ММ[:СС] by Moscow or ISO with a zone; Refusal INVALID_FIELD."""
    try:
        found = _RU.fullmatch(value) if isinstance(value, str) else None
        if found is not None:
            day, month, year, hour, minute, second = (int(part or 0) for part in found.groups())
            return datetime(year, month, day, hour, minute, second, tzinfo=MOSCOW)
        at = datetime.fromisoformat(str(value))
        if at.tzinfo is None:
            raise ValueError("zone")
    except ValueError:
        text = "Поле «at»: нужно московское время ДД.ММ.ГГГГ ЧЧ:ММ или ISO со смещением"
        raise Refusal(Reason.INVALID_FIELD, text, "at") from None
    return at


class Orders:
    """The portal's orders over the shelf of requests."""

    def __init__(self, system: System, clock: Clock) -> None:
        self._system = system
        self._clock = clock
        self.owner_of: Callable[[str], int | None] = lambda _: None  # the citizen with a policy number

    def submit(self, body: Body, actor: Actor) -> Record:
        """A new order: a whole `order`, or serviceCode with policyNumber, as a citizen's form sends it."""
        order_id = self.next_id()
        given = body.get("order")
        order = dict(given) if isinstance(given, dict) else {}
        if policy_of(order) is None:
            self._check_submission(body)
            order["orderAttributes"] = [{"name": "policyNumber", "value": body["policyNumber"]}]
            if body.get("comment"):
                order["orderAttributes"].append({"name": "comment", "value": body["comment"]})
        code = str(order.get("eserviceId") or body.get("serviceCode"))
        name = str(order.get("serviceName") or body.get("serviceName") or "Услуга " + code)
        now = self._clock.now()
        rows = _first_rows(order_id, order.get("statuses"), now)
        order |= {"id": order_id, "orderType": "ORDER", "eserviceId": code, "serviceName": name}
        order |= {"orderDate": order_time(now), "requestDate": order_time(now), "statuses": rows}
        owner = self.owner_of(policy_of(order) or "")
        if owner is not None:
            order |= {"ownerId": owner, "userId": owner}
        order.setdefault("serviceTargetId", "-" + code)
        order.setdefault("stateOrgCode", DEPARTMENT)
        order.setdefault("stateStructureName", DEPARTMENT_NAME)
        order.setdefault("orderAttachmentFiles", [])
        order.setdefault("orderResponseFiles", [])
        _repeat_last_row(order)
        return self._system.create("requests", {"order": order}, actor, str(order_id))

    def new_draft(self, order: Body, actor: Actor) -> Record:
        """A draft with its first row; it is nobody's but its applicant's until it is sent."""
        order_id = order["id"]
        order["statuses"] = [_recorded(_row(order_id, order_id * 10, *SUBMITTED[0], self._clock.now()))]
        _repeat_last_row(order)
        return self._system.create("requests", {"order": order}, actor, str(order_id))

    def advance(self, record_id: str, status_id: int, title: str, comment: str, actor: Actor) -> Record | None:
        """The portal's own next row, None where the order has ended or gone meanwhile."""
        record = self._system.shelves["requests"].records.get(record_id)
        if record is None or record.deleted:
            return None
        order = record.fields()["order"]
        rows = order["statuses"]
        if order["orderStatusId"] in FINAL and status_id not in _AGAIN:
            return None
        rows.append(_row(order["id"], _next_row(order["id"], rows), status_id, title, self._clock.now()))
        done = {"comment": comment, "hasResult": "Y" if order.get("orderResponseFiles") else "N"}
        rows[-1] = _recorded(rows[-1]) | done | {"sender": order["stateStructureName"]}
        _repeat_last_row(order)
        return self._system.put_whole("requests", record_id, {"order": order}, actor)

    def add_status(self, record_id: str, body: Body, expected: int | None, actor: Actor) -> Record:
        """The department's next row; the same originRowId again changes nothing."""
        old = self._system.get("requests", record_id)
        if old.deleted:
            raise Refusal(Reason.GONE, "Заявление удалено")
        status_id, title, origin = _checked_status(body)
        order = old.fields()["order"]
        rows: list[Body] = order.setdefault("statuses", [])
        if origin is not None and any(row.get("originRowId") == origin for row in rows):
            return old
        if expected is not None and expected != old.version:
            text = f"Заявление изменилось: сейчас редакция {old.version}, в запросе {expected}"
            raise Refusal(Reason.VERSION_MISMATCH, text, headers={"ETag": f'"{old.version}"'})
        row = _row(order["id"], _next_row(order["id"], rows), status_id, title, parse_time(body.get("at")))
        row |= {"comment": body.get("comment") or "", "sender": body.get("sender") or DEPARTMENT_NAME}
        if origin is not None:
            row["originRowId"] = origin
        rows.append(row)
        _repeat_last_row(order)
        return self._system.put_whole("requests", record_id, {"order": order}, actor)

    def cancel(self, record_id: str, actor: Actor) -> Record:
        """The applicant's cancellation, while the last row allows it."""
        record = self._system.get("requests", record_id)
        order = record.fields()["order"]
        if record.deleted or not order["currentStatusHistory"].get("cancelAllowed"):
            raise Refusal(Reason.CANCEL_NOT_ALLOWED, "Отмена заявления в текущем статусе невозможна")
        status, title = _CANCELLED
        rows = order["statuses"]
        rows.append(_row(order["id"], _next_row(order["id"], rows), status, title, self._clock.now()))
        _repeat_last_row(order)
        return self._system.put_whole("requests", record_id, {"order": order}, actor)

    def act_on(self, record_id: str, body: Body, expected: int | None, actor: Actor) -> Record:
        """What a person does to an order at the portal: a status row, `{"cancel": true}`, or `{"order": …}`
        with changed details."""
        if body.get("cancel") is True:
            return self.cancel(record_id, actor)
        details = body.get("order")
        if not isinstance(details, dict):
            return self.add_status(record_id, body, expected, actor)
        order = self._system.get("requests", record_id).fields()["order"] | details | {"id": int(record_id)}
        _repeat_last_row(order)
        return self._system.put_whole("requests", record_id, {"order": order}, actor)

    def _check_submission(self, body: Body) -> None:
        number = body.get("policyNumber")
        if not body.get("serviceCode"):
            raise Refusal(Reason.INVALID_FIELD, "Не заполнено обязательное поле «serviceCode»", "serviceCode")
        if not isinstance(number, str) or not self._system.shelves["policies"].named(number):
            text = "Поле «policyNumber»: такого полиса в системе нет"
            raise Refusal(Reason.UNKNOWN_REFERENCE, text, "policyNumber")

    def next_id(self) -> int:
        ids = (int(known) for known in self._system.shelves["requests"].records if known.isdigit())
        return max(ids, default=1_000_000_000) + 1


def _checked_status(body: Body) -> tuple[int, str, str | None]:
    status_id, title, origin = body.get("statusId"), body.get("title"), body.get("originRowId")
    if isinstance(status_id, bool) or not isinstance(status_id, int) or not 0 <= status_id < 1000:
        raise Refusal(Reason.INVALID_FIELD, "Поле «statusId»: нужен номер статуса", "statusId")
    if not isinstance(title, str) or not title.strip():
        raise Refusal(Reason.INVALID_FIELD, "Не заполнено обязательное поле «title»", "title")
    return status_id, title, None if origin is None else str(origin)


def _first_rows(order_id: int, given: object, now: datetime) -> list[Body]:
    if isinstance(given, list) and given:
        return [dict(row) | {"id": order_id * 10 + place, "orderId": order_id} for place, row in enumerate(given)]
    return [_row(order_id, order_id * 10 + place, *status, now) for place, status in enumerate(SUBMITTED)]


def _next_row(order_id: int, rows: list[Body]) -> int:
    return max((int(row["id"]) for row in rows), default=order_id * 10 - 1) + 1


def _row(order_id: int, row_id: int, status_id: int, title: str, at: datetime) -> dict[str, Any]:
    return {
        "id": row_id,
        "orderId": order_id,
        "statusId": status_id,
        "title": title,
        "date": order_time(at),
        "finalStatus": status_id in FINAL,
        "hasResult": "N",
        "cancelAllowed": status_id in CANCELLABLE,
        "unreadEvent": False,
        "sender": "ЕПГУ",
        "comment": "",
    }


def _recorded(row: Body) -> Body:
    """The row with the fields that the recording of 2023 has beside the documented ones."""
    allowed = dict.fromkeys(("deliveryCancelAllowed", "sendMessageAllowed", "editAllowed"), False)
    colour = "edit" if row["statusId"] == 0 else "in_progress"
    return row | allowed | {"statusColorCode": colour, "unreadEvent": True}


def _repeat_last_row(order: Body) -> None:
    """The current status is the last row by time, whatever the ids say (§2.7: ids have no order)."""
    rows = order["statuses"]
    last = rows[max(range(len(rows)), key=lambda place: (str(rows[place]["date"]), place))]
    order |= {
        "orderStatusId": last["statusId"],
        "orderStatusName": last["title"],
        "currentStatusHistoryId": last["id"],
        "currentStatusHistory": last,
        "updated": last["date"],
        "closed": last["finalStatus"],
        "hasResult": order.get("hasResult", False),
    }
