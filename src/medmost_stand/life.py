"""People act at a system by themselves: what a portal and Moscow's clinics see all day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from random import Random

from medmost_stand.world import acts_emias, acts_gosuslugi
from medmost_stand.world.acts import Desk, Scene
from medmost_stand.world.model import MOSCOW

__all__ = ["Desk", "Life"]

TRIES = 20
"""Acts that may turn out impossible (nobody to cancel, no free slot) before a call of `act` gives up."""


def _moscow_now() -> datetime:
    return datetime.now(MOSCOW)


class Life:
    """Acts of people at one system, one at a time, in a seeded order.

    It never edits planted records and never makes an open conflict on purpose: the two systems' people change
    different fields, and only EMIAS' people touch visits whose time has come. A refusal by the system's rules
    (somebody was quicker) is an ordinary outcome.
    """

    def __init__(self, system: str, seed: int, desk: Desk, now: Callable[[], datetime] = _moscow_now) -> None:
        self._acts = acts_gosuslugi.ACTS if system == "gosuslugi" else acts_emias.ACTS
        self._desk = desk
        self._now = now
        self._rng = Random(f"{seed}/life/{system}")
        self._count = 0

    async def act(self) -> None:
        """Does one act of a person; nothing when none of a few is possible now."""
        sorts = [sort for sort, _ in self._acts]
        weights = [weight for _, weight in self._acts]
        for _ in range(TRIES):
            self._count += 1
            scene = Scene(self._desk, self._rng, self._now().astimezone(MOSCOW), self._count)
            planned = self._rng.choices(sorts, weights)[0](scene)
            if planned is not None:
                await self._desk.act(planned.method, planned.collection, planned.id, planned.body)
                return
