"""What a clerk does at the registry: by the same desk and rules as every other write of a person, webhooks go out."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal, InvalidOperation

from aiohttp import web

from medmost_stand.api import Call
from medmost_stand.clock import MOSCOW
from medmost_stand.desk import PersonDesk
from medmost_stand.dialect import Body
from medmost_stand.emias import cards
from medmost_stand.emias.registry import Registry
from medmost_stand.emias.staff_door import REGISTRY
from medmost_stand.refusal import Reason, Refusal
from medmost_stand.screens import Form, Screens
from medmost_stand.system import System
from medmost_stand.world.laboratory import PANELS, Panel, Test, flag

_INTERPRETATIONS = {"none": "N", "low": "L", "high": "H"}


class RegistryActs:
    """Handlers of forms; each ends on the page that shows what it did."""

    def __init__(self, system: System, desk: PersonDesk, screens: Screens, registry: Registry) -> None:
        self._system = system
        self._desk = desk
        self._screens = screens
        self._registry = registry

    async def contacts(self, call: Call, fields: Form) -> web.Response:
        """Another phone number or e-mail address."""
        policy = self._fields("policies", call.id)
        changed = {"phone": fields.get("phone", ""), "email": fields.get("email", "")}
        kept = {name: value for name, value in (policy | changed).items() if value != ""}
        return await self._do(call, "PUT", "policies", call.id, kept, patient(call.id), "Контакты сохранены")

    async def book(self, call: Call, fields: Form) -> web.Response:
        """A visit at a free slot."""
        policy = self._registry.record("policies", call.id)
        schedule = self._registry.record("schedules", call.request.match_info["schedule"])
        slot = self._free_slot(schedule, fields.get("slot", ""))
        visit = {
            "policyNumber": policy["policyNumber"],
            "lpuOid": schedule["lpuOid"],
            "doctor": {"snils": schedule["doctor"]["snils"]},
            "startTime": slot["startTime"],
            "endTime": slot.get("endTime"),
            "scheduleId": schedule["scheduleId"],
            "roomNumber": (schedule["room"] or {}).get("number"),
            "doctorFio": cards.doctor(schedule),
            "specialityName": schedule["arSpecialityName"],
            "status": "BOOKED",
            "source": "REGISTRY",
        }
        body = {name: value for name, value in visit.items() if value not in (None, "")}
        said = f"Записан на {cards.shown(slot['startTime'])}"
        return await self._do(call, "POST", "visits", None, body, patient(call.id), said)

    async def status(self, call: Call, fields: Form) -> web.Response:
        """The patient came, was seen, did not come; or the visit is called off with a reason."""
        visit, status = self._fields("visits", call.id), fields.get("status", "")
        if status not in cards.STATUSES or status == "REJECTED":
            raise Refusal(Reason.INVALID_FIELD, "Выберите, что произошло с записью")
        changed = visit | {"status": status}
        if status == "CANCELLED":
            changed["cancelReason"] = fields.get("reason") or "Отменено регистратурой"
        policy = self._registry.policy_of(visit)
        said = f"Запись на {cards.shown(visit['startTime'])}: {cards.STATUSES[status].lower()}"
        return await self._do(call, "PUT", "visits", call.id, changed, patient(policy["id"]), said)

    async def move(self, call: Call, fields: Form) -> web.Response:
        """The visit goes to another free slot of the same doctor."""
        visit = self._registry.record("visits", call.id)
        slot = self._free_slot(visit, fields.get("slot", ""))
        body: Body = {name: slot[name] for name in ("scheduleId", "startTime", "endTime") if name in slot}
        policy = self._registry.policy_of(visit)
        said = f"Перенесено на {cards.shown(slot['startTime'])}"
        return await self._do(call, "MOVE", "visits", call.id, body, patient(policy["id"]), said)

    async def slot(self, call: Call, fields: Form) -> web.Response:
        """Closes a free time or opens a closed one."""
        slot, wanted = self._fields("slots", call.id), fields.get("status", "")
        if (slot["status"], wanted) not in (("FREE", "CLOSED"), ("CLOSED", "FREE")):
            raise Refusal(Reason.STATUS_BACKWARD, "Закрыть можно только свободное время, открыть — только закрытое")
        said = f"{cards.shown(slot['startTime'])}: {cards.SLOTS[wanted]}"
        return await self._do(call, "PUT", "slots", call.id, slot | {"status": wanted}, self.of_slot(call), said)

    def of_visit(self, call: Call) -> str:
        """The page of the patient a visit belongs to."""
        return patient(self._registry.policy_of(self._registry.record("visits", call.id))["id"])

    def of_slot(self, call: Call) -> str:
        """The page of the schedule a slot belongs to."""
        slot = self._registry.record("slots", call.id)
        found = self._system.shelves["schedules"].equal({"scheduleId": slot["scheduleId"]})
        return f"{REGISTRY}/schedules/{found[0].id}" if found else f"{REGISTRY}/schedules"

    async def result(self, call: Call) -> web.Response:
        """A laboratory or diagnostic document with its values; wrong ones leave the form as it was filled in."""
        policy, fields = self._registry.record("policies", call.id), dict[str, str]()
        panel: Panel | None = None
        try:
            fields = await self._screens.form(call)
            panel = next((one for one in PANELS if one.code == fields.get("panel")), None)
            if panel is None:
                raise Refusal(Reason.INVALID_FIELD, "Выберите анализ из списка")
            body = self._document(policy, panel, fields)
            return await self._do(call, "POST", "results", None, body, patient(call.id), f"Внесено: {panel.title}")
        except Refusal as refusal:
            shown = {"policy": policy, "panels": PANELS, "panel": panel, "values": fields}
            return self._registry.again(call, "result.html", refusal, **shown)

    async def vaccination(self, call: Call) -> web.Response:
        """A vaccination given; wrong values leave the form as it was filled in."""
        policy, fields = self._registry.record("policies", call.id), dict[str, str]()
        try:
            fields = await self._screens.form(call)
            given = {
                "policyNumber": policy["policyNumber"],
                "infectionName": fields.get("infection"),
                "dateVaccination": fields.get("date"),
                "doseNumber": int(fields["dose"]) if fields.get("dose", "").isdigit() else fields.get("dose"),
                "vaccineName": fields.get("vaccine"),
                "series": fields.get("series"),
                "lpuOid": (policy["attachment"] or {}).get("lpuOid"),
                "reactionKind": fields.get("reaction"),
            }
            body = {name: value for name, value in given.items() if value not in (None, "")}
            said = f"Внесена прививка: {fields.get('infection')}"
            return await self._do(call, "POST", "vaccinations", None, body, patient(call.id), said)
        except Refusal as refusal:
            return self._registry.again(call, "vaccination.html", refusal, policy=policy, values=fields)

    def _document(self, policy: Body, panel: Panel, fields: Form) -> Body:
        now = self._system.clock.now().replace(second=0, microsecond=0)
        rows = [_observation(test, fields.get(f"value-{test.code}", "")) for test in panel.tests]
        observations = [row for row in rows if row is not None]
        if not observations:
            raise Refusal(Reason.INVALID_FIELD, "Впишите хотя бы одно значение")
        document = {
            "documentId": str(uuid.uuid4()),
            "policyNumber": policy["policyNumber"],
            "type": "LAB" if panel.category == "laboratory" else "DIAG",
            "title": panel.title,
            "serviceCode": panel.code,
            "status": "PRELIMINARY" if fields.get("preliminary") else "FINAL",
            "collectedAt": _moment(fields.get("taken", "")),
            "issuedAt": now.isoformat(),
            "lpuOid": (policy["attachment"] or {}).get("lpuOid"),
            "doctorFio": fields.get("doctor"),
            "conclusion": fields.get("conclusion"),
            "observations": observations,
        }
        return {name: value for name, value in document.items() if value not in (None, "")}

    def _free_slot(self, schedule: Body, slot_id: str) -> Body:
        record = self._system.shelves["slots"].records.get(slot_id)
        body = {} if record is None or record.deleted else record.fields()
        if body.get("scheduleId") != schedule["scheduleId"] or body.get("status") != "FREE":
            raise Refusal(Reason.SLOT_TAKEN, "Это время уже занято: выберите другое")
        return body

    def _fields(self, collection: str, record_id: str) -> Body:
        self._registry.record(collection, record_id)
        return self._system.shelves[collection].records[record_id].fields()

    async def _do(
        self, call: Call, method: str, collection: str, record_id: str | None, body: Body, where: str, said: str
    ) -> web.Response:
        self._desk.do(method, collection, record_id, body, None)
        await self._system.storage.committed()
        return self._screens.done(call, where, said)


def patient(policy_id: str) -> str:
    """The page of a patient."""
    return f"{REGISTRY}/policies/{policy_id}"


def _observation(test: Test, typed: str) -> Body | None:
    """One measured value as EMIAS writes it; None where nothing was typed."""
    if not typed:
        return None
    try:
        value = Decimal(typed.replace(",", "."))
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or abs(value) > 10**6:
        raise Refusal(Reason.INVALID_FIELD, f"{test.name}: нужно число, например 5,4", f"value-{test.code}")
    low, high = Decimal(test.low), Decimal(test.high)
    return {
        "code": test.code,
        "name": test.name,
        "value": _number(value),
        "unit": test.unit,
        "low": _number(low),
        "high": _number(high),
        "interpretation": _INTERPRETATIONS[flag(value, low, high)],
    }


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def _moment(typed: str) -> str | None:
    """A `datetime-local` of the form, Moscow time."""
    if not typed:
        return None
    try:
        return datetime.fromisoformat(typed).replace(tzinfo=MOSCOW).isoformat()
    except ValueError:
        raise Refusal(Reason.INVALID_FIELD, "Когда взят материал: нужны дата и время", "taken") from None
