"""The registry's screens: what a clerk sees of patients, visits, schedules, results and vaccinations."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from medmost_stand.api import Call
from medmost_stand.dialect import Body
from medmost_stand.emias import cards
from medmost_stand.emias.forms import VISIT
from medmost_stand.emias.staff_door import REGISTRY, StaffDoor
from medmost_stand.end import EndState
from medmost_stand.records import Record
from medmost_stand.refusal import Reason, Refusal
from medmost_stand.screens import Screens, posted
from medmost_stand.world.acts import CANCEL_REASONS
from medmost_stand.world.laboratory import PANELS

_MOST_FOUND = 30


class Registry:
    """Reads only. A patient is searched for by a form, never by an address."""

    def __init__(self, state: EndState, screens: Screens, door: StaffDoor) -> None:
        self._state = state
        self._system = state.system
        self._screens = screens
        self._door = door

    async def home(self, call: Call) -> web.Response:
        """The search."""
        return self._shown(call, "search.html", found=None, wanted="")

    async def search(self, call: Call) -> web.Response:
        """Patients by policy number, or by the beginning of their last name."""
        fields = await posted(call)
        self._screens.sessions.check_form(call.request, fields.get("mark", ""))
        wanted = fields.get("wanted", "")
        if wanted.replace(" ", "").isdigit():
            records = self._system.shelves["policies"].equal({"policyNumber": wanted.replace(" ", "")})
        else:
            records = [one for one in self._system.shelves["policies"] if _named(one, wanted)][: _MOST_FOUND + 1]
        found = [(one.id, one.fields()) for one in records[:_MOST_FOUND]]
        rows = [(place, cards.patient(body), cards.shown(body.get("birthDate")), body) for place, body in found]
        return self._shown(call, "search.html", found=rows, wanted=wanted, more=len(records) > _MOST_FOUND)

    async def policy(self, call: Call) -> web.Response:
        """One patient: policy, visits, results, vaccinations."""
        policy = self.record("policies", call.id)
        number = str(policy["policyNumber"])
        return self._shown(
            call,
            "policy.html",
            policy=policy,
            name=cards.patient(policy),
            visits=cards.under(self._system, "visits", number, "startTime"),
            results=cards.under(self._system, "results", number, "issuedAt"),
            vaccinations=cards.under(self._system, "vaccinations", number, "dateVaccination"),
            clinics=cards.clinics(self._system),
            onward={status: sorted(later - {"REJECTED", "CANCELLED"}) for status, later in VISIT.onward.items()},
            reasons=CANCEL_REASONS,
        )

    async def schedules(self, call: Call) -> web.Response:
        """Every doctor's schedule."""
        return self._shown(call, "schedules.html", rows=self._doctors(), patient=None)

    async def schedule(self, call: Call) -> web.Response:
        """One schedule with its slots to come."""
        schedule = self.record("schedules", call.id)
        days = cards.slots(self._system, schedule["scheduleId"])
        values: dict[str, Any] = {"schedule": schedule, "doctor": cards.doctor(schedule), "days": days}
        return self._shown(call, "schedule.html", clinics=cards.clinics(self._system), **values)

    async def booking(self, call: Call) -> web.Response:
        """A doctor for a patient."""
        policy = self.record("policies", call.id)
        return self._shown(call, "schedules.html", rows=self._doctors(free=True), patient=policy)

    async def times(self, call: Call) -> web.Response:
        """A free time of the doctor for a patient."""
        policy = self.record("policies", call.id)
        schedule = self.record("schedules", call.request.match_info["schedule"])
        return self._times(call, policy, schedule, f"{REGISTRY}/policies/{call.id}/booking/{schedule['id']}")

    async def move(self, call: Call) -> web.Response:
        """Another free time of the same doctor for a booked visit."""
        visit = self.record("visits", call.id)
        found = self._system.shelves["schedules"].equal({"scheduleId": visit["scheduleId"]})
        if not found:
            raise Refusal(Reason.NOT_FOUND, "У этой записи нет расписания: переносить некуда", status=404)
        policy = self.policy_of(visit)
        return self._times(call, policy, cards.full(found[0]), f"{REGISTRY}/visits/{call.id}/move")

    async def new_result(self, call: Call) -> web.Response:
        """The form of an analysis: which one first, then its values."""
        policy, code = self.record("policies", call.id), call.request.query.get("panel")
        panel = next((one for one in PANELS if one.code == code), None)
        return self._shown(call, "result.html", policy=policy, panels=PANELS, panel=panel, values={})

    async def new_vaccination(self, call: Call) -> web.Response:
        """The form of a vaccination."""
        today = f"{self._state.clock.now():%Y-%m-%d}"
        policy = self.record("policies", call.id)
        return self._shown(call, "vaccination.html", policy=policy, values={"date": today, "dose": "1"})

    # ------------------------------------------------------------ for acts, too
    def again(self, call: Call, page: str, refusal: Refusal, **values: object) -> web.Response:
        """A form once more with what was typed, and why it was refused."""
        return self._shown(call, page, 422, problem=refusal.text, **values)

    def record(self, collection: str, record_id: str) -> dict[str, Any]:
        """A live record with its id; what it lacks reads as empty; Refusal NOT_FOUND."""
        record = self._system.shelves[collection].records.get(record_id)
        if record is None or record.deleted:
            raise Refusal(Reason.NOT_FOUND, "Такой записи нет", status=404)
        return cards.full(record)

    def policy_of(self, body: Body) -> dict[str, Any]:
        """The policy a personal record is under; Refusal NOT_FOUND."""
        found = self._system.shelves["policies"].equal({"policyNumber": body["policyNumber"]})
        if not found:
            raise Refusal(Reason.NOT_FOUND, "Полиса этой записи в системе нет", status=404)
        return cards.full(found[0])

    def _times(self, call: Call, policy: Body, schedule: Body, action: str) -> web.Response:
        days = cards.slots(self._system, schedule["scheduleId"], free=True)
        values: dict[str, Any] = {"policy": policy, "doctor": cards.doctor(schedule), "days": days, "action": action}
        return self._shown(call, "times.html", schedule=schedule, **values)

    def _doctors(self, *, free: bool = False) -> list[dict[str, Any]]:
        names = cards.clinics(self._system)
        found = []
        for record in self._system.shelves["schedules"]:
            if record.deleted:
                continue
            body = cards.full(record)
            wanted = {"scheduleId": body["scheduleId"], "status": "FREE"}
            number = len(self._system.shelves["slots"].equal(wanted))
            if number or not free:
                found.append(
                    body | {"name": cards.doctor(body), "clinic": names.get(body["lpuOid"], ""), "free": number}
                )
        return sorted(found, key=lambda one: (one["clinic"], one["name"]))

    def _shown(self, call: Call, page: str, status: int = 200, **values: Any) -> web.Response:
        words = {"statuses": cards.STATUSES, "result_statuses": cards.RESULTS, "when": cards.shown}
        return self._screens.shown(call, page, status, person=self._door.person(call), **words, **values)


def _named(record: Record, wanted: str) -> bool:
    if record.deleted or len(wanted) < 2:
        return False
    return str(record.fields().get("lastName", "")).lower().startswith(wanted.lower())
