"""Making twins: level, on one side only, or differing so that exactly one write brings them level."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from random import Random

from medmost_stand.world.model import MOSCOW, Body, Mark, Record, System, Twin

ONLY_EMIAS = 0.09
"""Part of a one-way collection that is new at EMIAS, besides what newcomers and new schedules bring."""
DIFFERING = 0.085

Stale = Callable[[Random, Record], Record]
"""An older state of the record: the side that is behind still shows it."""


def share(count: int, part: float) -> int:
    """`part` of `count`, never less than one: the smallest world still has one of each."""
    return max(1, math.ceil(count * part))


def handful(people: int, most: int) -> int:
    """Planted traps of one sort: one in a tiny world, two to `most` in a larger one."""
    return 1 if people < 100 else min(most, 2 + people // 250)


class Maker:
    """Makes twins with plausible change stamps, all of them before `today` begins in Moscow."""

    def __init__(self, rng: Random, today: date) -> None:
        self.rng = rng
        self.midnight = datetime.combine(today, time(0), MOSCOW)

    def level(self, record: Record, since: datetime | None = None) -> Twin:
        """Equal at both, changed at Gosuslugi some minutes after EMIAS."""
        at = self._settled(since)
        later = min(at + timedelta(seconds=self.rng.randrange(20, 2000)), self.midnight)
        return Twin({"emias": record, "gosuslugi": record}, {"emias": at, "gosuslugi": later})

    def only(self, system: System, record: Record, mark: Mark, overlay: Body | None = None) -> Twin:
        """Known to one system; lately changed there."""
        made = Twin({system: record}, {system: self._recent()}, mark)
        if overlay:
            made.overlay[system] = overlay
        return made

    def differing(self, ahead: System, record: Record, behind: Record, mark: Mark = "differing") -> Twin:
        """`record` at the side that is ahead and was changed lately, `behind` at the other."""
        other: System = "gosuslugi" if ahead == "emias" else "emias"
        stamps = {ahead: self._recent(), other: self._settled(None)}
        return Twin({ahead: record, other: behind}, stamps, mark, ahead)

    def one_way(self, listed: list[Record], stale: Stale) -> list[Twin]:
        """Twins of a collection that flows from EMIAS: some new there, some changed there, the rest level."""
        usable = list(range(len(listed)))
        self.rng.shuffle(usable)
        fresh = share(len(usable), ONLY_EMIAS)
        changed = share(len(usable), DIFFERING)
        new, old = set(usable[:fresh]), set(usable[fresh : fresh + changed])
        made = []
        for place, record in enumerate(listed):
            if place in new:
                made.append(self.only("emias", record, "one_sided"))
            elif place in old:
                made.append(self.differing("emias", record, stale(self.rng, record)))
            else:
                made.append(self.level(record))
        return made

    def _settled(self, since: datetime | None) -> datetime:
        """Some time ago, at least 80 hours, unless what happened (`since`) is younger than that."""
        at = self.midnight - timedelta(seconds=self.rng.randrange(80 * 3600, 380 * 86400))
        return at if since is None or since > self.midnight else max(at, since)

    def _recent(self) -> datetime:
        return self.midnight - timedelta(seconds=self.rng.randrange(3600, 60 * 3600))
