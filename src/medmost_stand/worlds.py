"""The synthetic world on its way into a system's shelves, and what is kept of it over a stop."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson

from medmost_stand.clock import stamp_of
from medmost_stand.records import Record
from medmost_stand.storage import Storage
from medmost_stand.system import System
from medmost_stand.world import Citizen, World

_META = "world"


@dataclass(frozen=True, slots=True)
class Population:
    """Who lives in a system's world and what was planted there, as plain JSON values."""

    people: int
    seed: int
    citizens: list[dict[str, Any]]
    planted: dict[str, Any]

    def by_login(self, login: str) -> dict[str, Any] | None:
        """The citizen with this test login."""
        return next((citizen for citizen in self.citizens if citizen["login"] == login), None)

    def by_oid(self, oid: int) -> dict[str, Any] | None:
        """The citizen with this ЕСИА oid."""
        return next((citizen for citizen in self.citizens if citizen["oid"] == oid), None)


def settle(system: System, world: World, people: int, seed: int) -> Population:
    """Fills a system with its side of the world and keeps who lives there; commits."""
    name = system.dialect.name
    seeds = world.gosuslugi if name == "gosuslugi" else world.emias
    system.seed(
        Record(collection, one.id, 1, stamp_of(one.changed_at), None, False, orjson.dumps(one.body))
        for collection in system.dialect.collections
        for one in seeds.get(collection, [])
    )
    population = Population(people, seed, [_plain(citizen) for citizen in world.citizens], world.planted.get(name, {}))
    kept = {"people": people, "seed": seed, "citizens": population.citizens, "planted": population.planted}
    system.storage.put_meta(_META, orjson.dumps(kept))
    system.storage.flush()
    return population


def settled(storage: Storage) -> Population | None:
    """The population of an earlier run; None in a new file."""
    raw = storage.meta(_META)
    return None if raw is None else Population(**orjson.loads(raw))


def _plain(citizen: Citizen) -> dict[str, Any]:
    birth: date = citizen.birth_date
    return {
        "oid": citizen.oid,
        "login": citizen.login,
        "password": citizen.password,
        "trusted": citizen.trusted,
        "policy_number": citizen.policy_number,
        "last_name": citizen.last_name,
        "first_name": citizen.first_name,
        "patronymic": citizen.patronymic,
        "birth_date": birth.isoformat(),
        "sex": citizen.sex,
        "snils": citizen.snils,
        "phone": citizen.phone,
        "email": citizen.email,
        "planted": list(citizen.planted),
        "parent_oid": citizen.parent_oid,
    }
