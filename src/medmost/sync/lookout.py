"""Is this still the place we know? The environment, a record that nobody edits, the settings as they were (F30, F37).

Looked at before anything is sent and every minute after that. What is not as it was holds everything until a person
has seen it; what cannot be asked now (an outage) says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import orjson

from medmost.domain import guard
from medmost.domain.errors import Fatal, MedmostError
from medmost.domain.record import BOTH, Observation, Side
from medmost.store import ledgers
from medmost.store.database import Database
from medmost.store.transaction import Transaction
from medmost.sync.braking import LOOKED_AT, PRESENT, accept_rules, hold_at_once
from medmost.sync.house import House
from medmost.systems.contract import System

ENVIRONMENT = "environment"


class Canary(msgspec.Struct, frozen=True):
    """A record at one side that people have agreed to leave as it is (rclone's --check-access)."""

    kind: str
    ref: str


class Lookout:
    """Keeps an eye on both ends. `environment`: what the settings say; empty where nobody told (a simulation)."""

    def __init__(
        self,
        house: House,
        database: Database,
        systems: Mapping[Side, System],
        canaries: Mapping[Side, Canary] | None = None,
        environment: str = "",
    ) -> None:
        self.house, self.database, self.systems = house, database, systems
        self._canaries = dict(canaries or {})
        self._environment = environment

    async def look(self) -> None:
        """Every canary and marker once."""
        if self._environment:
            await self._look_at_markers()
        for side, canary in self._canaries.items():
            await self._look_at(side, canary)

    async def _look_at_markers(self) -> None:
        """A system that has not answered yet has shown nothing; a stand that answers always says what it is.

        Where a stand is expected it is asked first, so that one without a mark is known before anything is sent to it.
        """
        if self._environment == guard.STAND:
            for system in self.systems.values():
                if system.health().last_ok is None:
                    await system.probe()
        healths = {side: self.systems[side].health() for side in BOTH}
        shown = {side.value: one.environment for side, one in healths.items() if one.last_ok is not None}
        verdict = guard.environment(self._environment, None, shown)
        if verdict.stops:
            await self.database.write(lambda tx: hold_at_once(tx, self.house, verdict, None))

    async def _look_at(self, side: Side, canary: Canary) -> None:
        try:
            seen = await self.systems[side].read(canary.kind, canary.ref)
        except MedmostError:
            return  # not there now: the watch tells of outages
        await self.database.write(lambda tx: self._compare(tx, side, canary, seen))

    def _compare(self, tx: Transaction, side: Side, canary: Canary, seen: Observation | None) -> None:
        shown = self._digest(seen, canary)
        name = f"canary.{side.value}.{canary.kind}.{canary.ref}"
        known = ledgers.setting(tx, name)
        if known is None and shown is not None:
            ledgers.set_setting(tx, name, shown.hex())
            return
        verdict = guard.canary(bytes.fromhex(known) if known else b"", shown)
        if verdict.stops:
            hold_at_once(tx, self.house, verdict, side)

    def _digest(self, seen: Observation | None, canary: Canary) -> bytes | None:
        if seen is None or seen.doc is None or seen.ref != canary.ref:
            return None
        fields = self.house.mappings[canary.kind].read(seen.side, seen.doc).fields
        return self.house.cipher.blind("canary", orjson.dumps(fields, option=orjson.OPT_SORT_KEYS).decode())


# ---------------------------------------------------------------- settings, looked at when a state is opened
def recognise_environment(tx: Transaction, configured: str) -> None:
    """A state belongs to the environment it was made in.

    Raises:
        Fatal: it was made for another one; its records must not reach this one's systems.
    """
    remembered = ledgers.setting(tx, ENVIRONMENT)
    if guard.environment(configured, remembered, {}).stops:
        raise Fatal(
            "MM-STATE-ENVIRONMENT",
            f"База состояния создана для среды «{remembered}», а настройки говорят «{configured}»: "
            "нужна своя папка настроек и своя база",
            f"the state was made for the environment `{remembered}`, the settings say `{configured}`: "
            "take a configuration folder and a state of its own",
        )
    if remembered is None:
        ledgers.set_setting(tx, ENVIRONMENT, configured)


def recognise_rules(tx: Transaction, house: House, present: Mapping[str, str]) -> bool:
    """Addresses and accounts of both ends against those a person has looked at. True where everything is held now.

    `present`: name of an end -> fingerprint. A first start looks for itself: the stages ask anyway.
    """
    text = ledgers.setting(tx, LOOKED_AT)
    looked_at: dict[str, str] = orjson.loads(text) if text else {}
    ledgers.set_setting(tx, PRESENT, orjson.dumps(dict(present)).decode())
    verdict = guard.changed_rules(looked_at, present)
    if verdict.stops:
        return hold_at_once(tx, house, verdict, None)
    if not looked_at:
        accept_rules(tx)
    return False
