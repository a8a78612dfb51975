"""What a system in memory keeps, and what its own people do to it: `put`, `edit`, `remove`."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from medmost.domain.record import Doc, Observation, Side

MOSCOW = ZoneInfo("Europe/Moscow")
START = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
OWN = {
    Side.GOSUSLUGI: {"ref": "id", "version": "редакция", "stamp": "изменено", "origin": "внешнийИд"},
    Side.EMIAS: {"ref": "id", "version": "version", "stamp": "updatedAt", "origin": "originId"},
}


class TickingClock:
    """A second passes whenever somebody looks: stamps are never equal, and never depend on the machine."""

    def __init__(self, start: datetime = START) -> None:
        self.at = start

    def __call__(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


@dataclass
class Stored:
    """The newest version of a record; `doc` holds no members of the system's own, and is None for a tombstone."""

    ref: str
    version: int
    doc: Doc | None
    origin: str | None
    stamp: datetime
    seq: int


@dataclass
class Effect:
    """One accepted write."""

    kind: str
    ref: str
    op: Literal["create", "put", "delete"]
    version: int
    by: Literal["medmost", "person"]
    key: str | None = None


class Records:
    """The records of one system, one dict per kind, in the order of change by `seq`."""

    def __init__(self, side: Side, now: Callable[[], datetime] | None = None) -> None:
        self.side = side
        self.now = now or TickingClock()
        self.effects: list[Effect] = []
        self._records: dict[str, dict[str, Stored]] = {}
        self._seq = self._ids = 0
        self._mixed_up: dict[tuple[str, str], tuple[str, bool]] = {}

    # ------------------------------------------------------------ what people do
    def put(self, kind: str, doc: Doc, ref: str | None = None, at: datetime | None = None) -> str:
        """A person enters a record, or puts another body in the place of the one at `ref`. `at`: when it was so."""
        known = self._of(kind).get(ref) if ref else None
        stored = self._keep(kind, ref or self._new_ref(kind), doc, known.origin if known else None)
        stored.stamp = at or stored.stamp
        self._log(kind, stored, "put" if known else "create", "person")
        return stored.ref

    def edit(self, kind: str, ref: str, **changes: Any) -> None:
        """A person changes members at the top of a record; None takes one out."""
        doc = self.doc(kind, ref)
        for name, value in changes.items():
            doc.pop(name, None) if value is None else doc.__setitem__(name, value)
        self.put(kind, doc, ref)

    def mixes_up(self, kind: str, ref: str, other: str, *, keep_id: bool = True) -> None:
        """Whoever asks for `ref` gets `other`, under the id and version of the one asked for or under its own."""
        self._mixed_up[kind, ref] = (other, keep_id)

    def sorts_itself_out(self) -> None:
        self._mixed_up.clear()

    def remove(self, kind: str, ref: str) -> None:
        """A person deletes a record: a tombstone stays."""
        stored = self._keep(kind, ref, None, self._of(kind)[ref].origin)
        self._log(kind, stored, "delete", "person")

    def doc(self, kind: str, ref: str) -> Doc:
        """A record's body as it is now, to look at or to change."""
        doc = self._of(kind)[ref].doc
        assert doc is not None, f"{kind} {ref} is a tombstone"
        return copy.deepcopy(doc)

    def refs(self, kind: str) -> list[str]:
        """Records that are there, oldest first."""
        return [stored.ref for stored in self._of(kind).values() if stored.doc is not None]

    def seen(self, kind: str, ref: str) -> Observation:
        """What a read would give, without being a call."""
        return self._shown(kind, self._of(kind)[ref])

    def written(self, kind: str | None = None) -> list[Effect]:
        """Writes that medmost has had accepted."""
        return [one for one in self.effects if one.by == "medmost" and kind in (None, one.kind)]

    # ------------------------------------------------------------ inside
    def _of(self, kind: str) -> dict[str, Stored]:
        return self._records.setdefault(kind, {})

    def _new_ref(self, kind: str) -> str:
        self._ids += 1
        return f"{self.side.value[0]}-{kind}-{self._ids}"

    def _keep(self, kind: str, ref: str, doc: Doc | None, origin: str | None) -> Stored:
        self._seq += 1
        known = self._of(kind).get(ref)
        own = set(OWN[self.side].values())
        body = None if doc is None else {k: v for k, v in copy.deepcopy(doc).items() if k not in own}
        stored = Stored(ref, known.version + 1 if known else 1, body, origin, self.now(), self._seq)
        self._of(kind)[ref] = stored
        return stored

    def _shown(self, kind: str, stored: Stored) -> Observation:
        names, doc = OWN[self.side], None
        if (kind, stored.ref) in self._mixed_up:
            ref, keep_id = self._mixed_up[kind, stored.ref]
            other = self._of(kind)[ref]
            stored = replace(stored, doc=other.doc) if keep_id else other
        if stored.doc is not None:
            moment = stored.stamp.astimezone(MOSCOW)
            stamp = moment.strftime("%d.%m.%Y %H:%M:%S") if self.side is Side.GOSUSLUGI else moment.isoformat()
            doc = {names["ref"]: stored.ref, names["version"]: stored.version, names["stamp"]: stamp}
            if stored.origin:
                doc[names["origin"]] = stored.origin
            doc |= copy.deepcopy(stored.doc)
        return Observation(
            side=self.side, kind=kind, ref=stored.ref, version=stored.version, doc=doc, origin=stored.origin,
            stamp=stored.stamp,
        )  # fmt: skip

    def _log(
        self,
        kind: str,
        stored: Stored,
        op: Literal["create", "put", "delete"],
        by: Literal["medmost", "person"],
        key: str | None = None,
    ) -> None:
        self.effects.append(Effect(kind, stored.ref, op, stored.version, by, key))
