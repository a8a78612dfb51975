"""Visits of the synthetic Moscow: booked on free slots, past, off the grid, and how both systems differ on them."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from random import Random

from medmost_stand.world.clinics import Desk
from medmost_stand.world.model import MOSCOW, Citizen, Record

COMMENTS = ("Жалобы на кашель", "Повторный приём", "Нужна справка для работы", "Контроль давления")
CANCEL_REASONS = ("Отменено пациентом", "Врач на больничном", "Изменились планы пациента")
RECENT_DAYS = 10
"""Visits of the last days may still be open; older open ones are planted."""


class Registry:
    """Gives out times: each of a schedule once, slots only while they are free."""

    def __init__(self, rng: Random, desks: list[Desk], free: list[Record], today: date) -> None:
        self.rng = rng
        self.today = today
        self._desks = desks
        self._by_schedule = {desk.schedule["schedule_id"]: desk for desk in desks}
        self._free = free
        self._taken: set[tuple[str, datetime]] = set()

    def on_grid(self, citizen: Citizen) -> Record | None:
        """Booked on a slot, which becomes busy; None when no free slot is left."""
        if not self._free:
            return None
        slot = self._free.pop()
        slot["status"] = "busy"
        desk = self._by_schedule[slot["schedule_id"]]
        return self._visit(citizen, desk, slot["starts_at"], slot["ends_at"], "booked")

    def off_grid(self, citizen: Citizen, status: str) -> Record:
        """At an evening hour for which the schedule has no slots, in the next four weeks."""
        return self._at_free_time(citizen, status, -28, -1, range(18, 20))

    def past(self, citizen: Citizen, status: str, nearest: int, farthest: int) -> Record:
        """`nearest` to `farthest` days ago, within the schedule's period; no slots are kept for the past."""
        return self._at_free_time(citizen, status, nearest, farthest, range(8, 20))

    def closed(self, citizen: Citizen) -> Record:
        """Past and over one way or another."""
        status = self.rng.choices(("fulfilled", "noshow", "cancelled", "arrived"), (70, 8, 18, 4))[0]
        return self.past(citizen, status, 2, 380)

    def any(self, citizen: Citizen) -> Record:
        """An ordinary visit: mostly past, or booked for the coming two weeks, or still open since last week."""
        dice = self.rng.random()
        if dice < 0.27:
            return self.on_grid(citizen) or self.closed(citizen)
        if dice < 0.30:
            return self.off_grid(citizen, "booked")
        if dice < 0.34:
            return self.off_grid(citizen, "cancelled")
        if dice < 0.40:
            return self.past(citizen, "booked", 1, RECENT_DAYS - 1)
        return self.closed(citizen)

    def _at_free_time(self, citizen: Citizen, status: str, nearest: int, farthest: int, hours: range) -> Record:
        low, high = sorted((nearest, farthest))
        while True:
            desk = self.rng.choice(self._desks)
            day = self.today - timedelta(days=self.rng.randint(low, high))
            moment = time(self.rng.choice(hours), self.rng.choice((0, 15, 30, 45)))
            starts_at = datetime.combine(day, moment, MOSCOW)
            if (desk.schedule["schedule_id"], starts_at) not in self._taken:
                break
        return self._visit(citizen, desk, starts_at, starts_at + timedelta(minutes=desk.minutes), status)

    def _visit(self, citizen: Citizen, desk: Desk, starts_at: datetime, ends_at: datetime, status: str) -> Record:
        schedule = desk.schedule
        self._taken.add((schedule["schedule_id"], starts_at))
        cancelled = status == "cancelled"
        return {
            "policy_number": citizen.policy_number,
            "organization_oid": schedule["organization_oid"],
            "doctor_snils": schedule["doctor_snils"],
            "starts_at": starts_at,
            "ends_at": ends_at,
            "schedule_id": schedule["schedule_id"],
            "room": schedule["room"],
            "doctor_name": desk.doctor_fio,
            "speciality_name": schedule["speciality_name"],
            "status": status,
            "cancel_reason": self.rng.choice(CANCEL_REASONS) if cancelled else None,
            "comment": self.rng.choice(COMMENTS) if self.rng.random() < 0.4 else None,
            "booked_by": self.rng.choices(("portal", "registry", "doctor"), (5, 4, 1))[0],
        }
