"""What the synthetic Moscow is made of, before either system stores it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from hashlib import blake2b
from typing import Any, Literal

MOSCOW = timezone(timedelta(hours=3), "MSK")
"""Moscow has kept +03:00 since 26.10.2014; nothing in this world is older."""

System = Literal["gosuslugi", "emias"]
SYSTEMS: tuple[System, System] = ("gosuslugi", "emias")
COLLECTIONS = (
    "policies",
    "organizations",
    "schedules",
    "slots",
    "visits",
    "results",
    "vaccinations",
    "requests",
)
TWO_WAY = frozenset({"policies", "visits", "requests"})
PERSONAL = frozenset({"visits", "results", "vaccinations", "requests"})

PART = 1000
"""People of one part of a world that is too large to be made in one piece."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of the parts a large world is made of, each from its own seed and with numbers of its own.

    A world in one piece is the only part of one: its numbers are drawn from the whole of every range.
    """

    seed: int
    number: int = 0
    of: int = 1

    @property
    def salt(self) -> int:
        """The seed of everything drawn in this part."""
        if self.of == 1:
            return self.seed
        return int.from_bytes(blake2b(f"{self.seed}/part/{self.number}".encode(), digest_size=7).digest())

    def slice(self, low: int, high: int) -> tuple[int, int]:
        """This part's own stretch of a range of numbers."""
        width = (high - low) // self.of
        return low + self.number * width, low + (self.number + 1) * width

    def serial(self, drawn: int, size: int) -> int:
        """This part's own number below `size` for a number drawn below `size // of`."""
        return (drawn * self.of + self.number) % size

    def place(self, place: int, size: int = PART) -> int:
        """The place in the whole world of what stands at `place` here, when no part has more than `size`."""
        return self.number * size + place


Record = dict[str, Any]
"""A neutral record: canonical field names of design §6, Python values, `None` for an absent optional value."""
Body = dict[str, Any]
"""A wire form: what one system shows of a record."""


@dataclass(slots=True)
class Seed:
    """One record of one system before it is stored.

    `body` is the wire form without the system's own id, version, change stamp and origin id. Seeds are stored
    as they are: the planted invalid ones would not pass the rules that hold for every later write.
    """

    id: str
    body: Body
    changed_at: datetime


@dataclass(slots=True)
class Citizen:
    """A person of the synthetic Moscow with an ЕСИА account.

    `trusted` is the confirmed level of the account: only trusted citizens have personal records at Gosuslugi.
    `planted` names the traps this person carries, e.g. `policy-conflict`.
    """

    oid: int
    login: str
    password: str
    trusted: bool
    policy_number: str
    last_name: str
    first_name: str
    patronymic: str | None
    birth_date: date
    sex: Literal["M", "F"]
    snils: str | None
    phone: str | None
    email: str | None
    planted: list[str] = field(default_factory=list)
    parent_oid: int | None = None
    """Under whose account a child is."""


@dataclass(slots=True)
class World:
    """Both systems as they stand before they are first brought level.

    `planted[system][collection]` says what a right bridge must find:

    * `conflict`, `invalid`, `foreign`, `rejected`, `ambiguous`: ids at that system (conflicts, and two people under
      one number, are named at both; the latter are planted only where a world is asked for them);
    * `one_sided`: records of linked people (or of nobody) that live only at this system and must get level,
      rejected visits included, invalid and foreign ones not;
    * `differing`: pairs that differ and get level by one write; both systems name the same number;
    * `writes`: accepted writes this system must receive until both are level, one per difference;
    * `unlinked`: records of untrusted citizens, which never leave EMIAS and are in no other number.
    """

    citizens: list[Citizen]
    gosuslugi: dict[str, list[Seed]]
    emias: dict[str, list[Seed]]
    planted: dict[str, dict[str, dict[str, Any]]]

    def join(self, part: World) -> None:
        """Takes in another part of the same world."""
        self.citizens += part.citizens
        for here, there in ((self.gosuslugi, part.gosuslugi), (self.emias, part.emias)):
            for collection, seeds in there.items():
                here[collection] += seeds
        for system, collections in part.planted.items():
            for collection, numbers in collections.items():
                mine = self.planted[system][collection]
                for name in numbers:
                    mine[name] += numbers[name]


Mark = Literal["level", "one_sided", "differing", "conflict", "invalid", "foreign", "rejected", "unlinked", "ambiguous"]


@dataclass(slots=True)
class Twin:
    """One thing of the world as each system may know it; None where a system has never heard of it.

    `overlay` holds wire fields put over the finished body (an impossible date, an unknown code, another
    spelling of the same value); `ahead` names the side whose value is carried when the two differ.
    """

    at: dict[System, Record]
    changed_at: dict[System, datetime]
    mark: Mark = "level"
    ahead: System | None = None
    overlay: dict[System, Body] = field(default_factory=dict)

    @property
    def record(self) -> Record:
        """The truth: what EMIAS says, else the only thing there is."""
        return self.at["emias"] if "emias" in self.at else self.at["gosuslugi"]
