"""One run of the programme: every requirement, then everything that was made is removed."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from medmost.domain.record import Side
from medmost.launch.acceptance.objects import Objects
from medmost.launch.acceptance.registry import registry
from medmost.launch.acceptance.requirements import Trouble, carry_out
from medmost.launch.acceptance.rig import PATIENCE, open_rig
from medmost.sync.house import House
from medmost.systems.contract import System

READ_ONLY = ("1.1", "4.1")
"""Requirements that write nothing: all that a real contour is asked for."""
CLEAN = "10.1"


class Tried(msgspec.Struct, frozen=True):
    """A requirement and what came of it; `troubles` empty: it holds."""

    id: str
    ru: tuple[str, str, str]
    en: tuple[str, str, str]
    seconds: float
    troubles: list[Trouble] = []

    @property
    def passed(self) -> bool:
        return not self.troubles


class Protocol(msgspec.Struct):
    """What a run came to, to be printed and signed."""

    started: str
    tag: str
    tried: list[Tried] = []
    finished: str = ""
    read_only: bool = False

    @property
    def passed(self) -> bool:
        return all(one.passed for one in self.tried)

    def as_json(self) -> dict[str, Any]:
        told: dict[str, Any] = msgspec.to_builtins(self)
        return {"passed": self.passed, "failed": [one.id for one in self.tried if not one.passed], **told}


async def accept(
    house: House,
    ends: Mapping[Side, System],
    *,
    read_only: bool = False,
    patience: float = PATIENCE,
    progress: Callable[[str, int, int | None], None] = lambda *_: None,
) -> Protocol:
    """Tries every requirement in order; a failed one does not stop those after it.

    `patience`: seconds that what has to wait is given. What was made is removed whatever happens; what could not be
    is named by the last requirement.
    """
    tag = secrets.token_hex(4)
    protocol = Protocol(_now(house), tag, read_only=read_only)
    wanted = [one for one in registry(dict(house.mappings)) if not read_only or one.id in READ_ONLY]
    async with open_rig(house, ends, Objects(tag, datetime.fromtimestamp(house.clock.now(), UTC)), patience) as rig:
        left: list[str] = []
        try:
            for number, requirement in enumerate(wanted, 1):
                began = time.monotonic()
                troubles = await carry_out(requirement, rig)
                took = round(time.monotonic() - began, 2)
                protocol.tried.append(Tried(requirement.id, requirement.ru, requirement.en, took, troubles))
                progress(requirement.id, number, len(wanted))
        finally:
            left = await rig.clear()
    if not read_only:
        troubles = [(f"не удалено: {one}", f"not removed: {one}") for one in left]
        ru = ("Испытательные записи удалены", "удалить всё внесённое", "не осталось ни одной")
        en = ("Test records are removed", "remove all that was entered", "none is left")
        protocol.tried.append(Tried(CLEAN, ru, en, 0.0, troubles))
    protocol.finished = _now(house)
    return protocol


def _now(house: House) -> str:
    return datetime.fromtimestamp(house.clock.now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
