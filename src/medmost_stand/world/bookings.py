"""How the two systems differ on visits and requests, which flow both ways (design §6)."""

from __future__ import annotations

from datetime import date, timedelta

from medmost_stand.world import orders
from medmost_stand.world.cast import Cast
from medmost_stand.world.model import Body, Citizen, Part, Record, System, Twin
from medmost_stand.world.twins import Maker, handful, share
from medmost_stand.world.visits import CANCEL_REASONS, COMMENTS, RECENT_DAYS, Registry

LONG_AGO = 3 * RECENT_DAYS
"""Planted open visits are older than this: life acts on the last RECENT_DAYS and the future only."""
IMPOSSIBLE: dict[System, tuple[Body, ...]] = {
    "emias": ({"status": "WAITLIST"}, {"endTime": "2026-02-31T10:00:00+03:00"}),
    "gosuslugi": ({"Статус записи": "В листе ожидания"}, {"Окончание приёма": "31.02.2026 10:00"}),
}
NEVER = "2026-02-31T10:00:00"


class Bookings:
    """Deals visits to patients, newcomers and unlinked people, with the promised differences."""

    def __init__(self, make: Maker, registry: Registry, cast: Cast, people: int) -> None:
        self.make = make
        self.rng = make.rng
        self.registry = registry
        self.cast = cast
        self.people = people
        self.stolen: list[Record] = []
        """Visits at EMIAS whose slots a second patient booked at Gosuslugi."""

    def twins(self) -> list[Twin]:
        """About 1.2 visits a person; some are made at one side only, so the rest is level."""
        total = round(self.people * 1.2)
        made = self._rejected() + self._conflicts() + self._invalid()
        made += [self._only_emias(self.cast.patients) for _ in range(share(total, 0.05))]
        made += [self._only_emias(self.cast.newcomers) for _ in range(share(total, 0.03))]
        made += [self._only_gosuslugi(turn) for turn in range(max(2, round(total * 0.05)))]
        made += [self._differing(turn) for turn in range(max(2, round(total * 0.09)))]
        for _ in range(share(total, 0.17)):
            record = self.registry.any(self.rng.choice(self.cast.unlinked))
            made.append(self.make.only("emias", record, "unlinked"))
        while len(made) < total:
            record = self.registry.any(self._patient())
            made.append(self.make.level(record, since=record["starts_at"]))
        return made

    def _patient(self) -> Citizen:
        return self.rng.choice(self.cast.patients)

    def _only_emias(self, whose: list[Citizen]) -> Twin:
        return self.make.only("emias", self.registry.any(self.rng.choice(whose)), "one_sided")

    def _only_gosuslugi(self, turn: int) -> Twin:
        """Times without slot records only, so that EMIAS changes no slot when it gets to know them."""
        citizen = self._patient()
        if turn % 3 == 0:
            record = self.registry.past(citizen, "booked", LONG_AGO, 300)
        elif turn % 3 == 1:
            record = self.registry.past(citizen, "cancelled", LONG_AGO, 300)
        else:
            record = self.registry.off_grid(citizen, "booked")
        return self.make.only("gosuslugi", {**record, "booked_by": "portal"}, "one_sided")

    def _differing(self, turn: int) -> Twin:
        """By turns: the status or the comment is ahead at one of the sides, or EMIAS changed the room."""
        rng, citizen = self.rng, self._patient()
        if turn % 2 == 0 and turn % 10 != 8:
            status = ("fulfilled", "cancelled", "noshow", "arrived")[turn // 2 % 4]
            record = self.registry.past(citizen, status, 2, 200)
            behind = {**record, "status": "booked", "cancel_reason": None}
            return self.make.differing("emias", record, behind)
        if turn % 10 == 8:
            record = self.registry.closed(citizen)
            return self.make.differing("emias", record, {**record, "room": "100"})
        behind = self.registry.past(citizen, "booked", LONG_AGO, 200)
        if turn % 6 == 5:
            ahead: System = "emias" if turn % 12 == 5 else "gosuslugi"
            behind["comment"], comment = rng.sample(COMMENTS, 2)
            return self.make.differing(ahead, {**behind, "comment": comment}, behind)
        reason = rng.choice(CANCEL_REASONS)
        record = {**behind, "status": "cancelled", "cancel_reason": reason}
        return self.make.differing("gosuslugi", record, behind)

    def _conflicts(self) -> list[Twin]:
        """The patient came, says EMIAS; cancelled, says Gosuslugi: only a person can tell."""
        made = []
        for turn in range(handful(self.people, 6)):
            citizen = self._patient()
            citizen.planted.append("visit-conflict")
            record = self.registry.past(citizen, ("fulfilled", "arrived")[turn % 2], LONG_AGO, 200)
            made.append(self.make.differing("emias", record, {**record, "status": "cancelled"}, "conflict"))
        return made

    def _rejected(self) -> list[Twin]:
        """A trusted patient booked at the portal what EMIAS had given to somebody else by then.

        That other patient is unlinked (the visit never meets this one at Gosuslugi) and was sent by a doctor;
        ours came by the hotline («Регистратура»): life leaves both sorts alone.
        """
        made = []
        for _ in range(handful(self.people, 5)):
            theirs = self.registry.on_grid(self.rng.choice(self.cast.unlinked))
            if theirs is None:
                raise ValueError("this world has no free slot left for a rejected visit")
            theirs.update(booked_by="doctor", comment=None)
            self.stolen.append(theirs)
            made.append(self.make.only("emias", theirs, "unlinked"))
            citizen = self._patient()
            citizen.planted.append("visit-rejected")
            ours = {**theirs, "policy_number": citizen.policy_number, "booked_by": "registry"}
            made.append(self.make.only("gosuslugi", ours, "rejected"))
        return made

    def _invalid(self) -> list[Twin]:
        made = []
        for system, overlays in IMPOSSIBLE.items():
            for overlay in overlays[: handful(self.people, 2)]:
                record = self.registry.past(self._patient(), "fulfilled", LONG_AGO, 200)
                made.append(self.make.only(system, record, "invalid", overlay))
        return made


def requests(make: Maker, cast: Cast, people: int, part: Part, today: date) -> list[Twin]:
    """About one request for two people; EMIAS is a row ahead, or has not heard of the order yet."""
    rng = make.rng
    numbers = iter(range(2_300_000_000 + part.seed % 1000 * 1_000_000 + part.number * 10_000, 2_400_000_000 * 100, 13))

    def request(whose: list[Citizen], *, answered: bool) -> Record:
        return orders.request(rng, next(numbers), rng.choice(whose), today, answered=answered)

    total = max(6, round(people * 0.5))
    made = [
        make.only("gosuslugi", request(cast.patients, answered=False), "one_sided") for _ in range(share(total, 0.1))
    ]
    for _ in range(share(total, 0.1)):
        record = request(cast.patients, answered=True)
        made.append(make.differing("emias", record, {**record, "history": record["history"][:-1]}))
    made += [
        make.only("emias", request(cast.unlinked, answered=rng.random() < 0.7), "unlinked")
        for _ in range(share(total, 0.12))
    ]
    made += [
        _impossible(make, request(cast.patients, answered=False), system)
        for system in ("emias", "gosuslugi")
        for _ in range(handful(people, 2))
    ]
    while len(made) < total:
        record = request(cast.patients, answered=rng.random() < 0.7)
        made.append(make.level(record, since=record["history"][-1]["at"] + timedelta(minutes=1)))
    return made


def _impossible(make: Maker, record: Record, system: str) -> Twin:
    """Submitted on 31 February, and final, so that life lets it alone."""
    record["history"].append(orders.row(3, record["history"][-1]["at"] + timedelta(hours=5), None, orders.DEPARTMENT))
    if system == "emias":
        return make.only("emias", record, "invalid", {"submittedAt": f"{NEVER}+03:00"})
    order = orders.gosuslugi(record)["order"]
    never = f"{NEVER}.000+0300"
    rows = [{**order["statuses"][0], "date": never}, *order["statuses"][1:]]
    order = {**order, "orderDate": never, "requestDate": never, "statuses": rows}
    return make.only("gosuslugi", record, "invalid", {"order": order})
