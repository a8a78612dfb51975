"""What every step of a record's way needs: mappings, the cipher, the clock and the rules of this installation."""

from __future__ import annotations

import time
from collections.abc import Mapping as Mapped
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

import msgspec

from medmost.domain import guard
from medmost.domain.kinds import Kind
from medmost.domain.record import Doc, Fields, Observation, Reading, Side
from medmost.domain.windows import Window
from medmost.mapping.contract import Mapping
from medmost.store.cipher import Cipher
from medmost.store.links import patient_index
from medmost.sync.shapes import Watch

SKEW_WORTH_CORRECTING = 1.0
"""Seconds: one of the two systems tells its time by the second only."""


class Clock:
    """Wall time for records of what happened; the only clock the sync reads. A simulation replaces it."""

    def now(self) -> float:
        return time.time()


class Seen(msgspec.Struct):
    """An observation understood: canonical fields or problems, and the indexes it is found by."""

    observation: Observation
    reading: Reading | None  # None: a tombstone
    key_index: bytes | None = None
    patient_index: bytes | None = None
    moved_from: str | None = None  # the ref whose place this record takes
    moved_to: str | None = None  # the ref that took this record's place
    vouched: bool = False  # a person has looked: this record of a policy is its owner's, though much of it is new


@dataclass(frozen=True)
class House:
    mappings: Mapped[str, Mapping]
    cipher: Cipher
    clock: Clock = field(default_factory=Clock)
    random: Random = field(default_factory=Random)  # jitter and names of what happens; a simulation seeds it
    writer: str = "main"  # names this process's chain in the journal
    deadline: float = 20.0  # seconds a single write may take; a lease outlives it
    lease: float = 25.0
    deletes: guard.Limit = guard.DELETES  # how many in one pass need no person
    changes: guard.Limit = guard.CHANGES
    watch: Watch = field(default_factory=Watch)  # shapes learned, and the fields held because one has changed
    windows: Mapped[Side, tuple[Window, ...]] = field(default_factory=dict)  # when a system is known to be away
    skews: dict[Side, float] = field(default_factory=dict)  # seconds a system's clock is ahead of ours, as measured

    def resting(self, side: Side) -> bool:
        """Is this system in one of its maintenance windows? Then nothing is sent, and nobody is alarmed."""
        return any(window.holds(self.clock.now()) for window in self.windows.get(side, ()))

    def chance(self) -> float:
        """A uniform number in [0, 1): jitter, never a secret."""
        return self.random.random()

    def name(self) -> str:
        """A new name for one pass, command or incident, by which the journal ties together what came of it."""
        return f"{self.random.getrandbits(48):012x}"

    def kind(self, name: str) -> Kind:
        """The kind as it is at work: a field that is held is carried nowhere."""
        kind = self.mappings[name].kind
        return self.watch.carried(kind) if self.watch.held else kind

    def rank(self, name: str) -> int:
        """Parents go before their children."""
        return list(self.mappings).index(name)

    def key_index(self, kind: Kind, fields: Fields) -> bytes | None:
        key = kind.key_of(fields)
        return None if key is None else self.cipher.blind(f"key {kind.name}", key)

    def is_person(self, kind: Kind) -> bool:
        """Is a record of this kind a person's own, from which the others take their patient?"""
        return kind.name == "policy"

    def patient_index(self, kind: Kind, fields: Fields) -> bytes | None:
        """The patient a record belongs to; a policy is its own patient."""
        name = kind.patient or ("policy_number" if self.is_person(kind) else None)
        number = fields.get(name) if name else None
        return patient_index(self.cipher, str(number)) if number else None

    def understand(self, observation: Observation) -> Seen:
        """Maps the wire document; what does not fit keeps its place with the reasons."""
        doc = observation.doc
        if doc is None:
            return Seen(observation, None)
        mapping = self.mappings[observation.kind]
        reading = mapping.read(observation.side, doc)
        kind = mapping.kind
        if kind.judges_by_time:
            observation = self._on_our_clock(observation)
        return Seen(
            observation,
            reading,
            self.key_index(kind, reading.fields),
            self.patient_index(kind, reading.fields),
            _ref(doc, kind.moved_from),
            _ref(doc, kind.moved_to),
        )

    def _on_our_clock(self, observation: Observation) -> Observation:
        """Owner `latest` compares change stamps of two clocks: each is corrected by its measured skew (design §6)."""
        skew = self.skews.get(observation.side, 0.0)
        if observation.stamp is None or abs(skew) < SKEW_WORTH_CORRECTING:
            return observation
        return msgspec.structs.replace(observation, stamp=observation.stamp - timedelta(seconds=skew))


def _ref(doc: Doc, member: str | None) -> str | None:
    ref = doc.get(member) if member else None
    return ref if isinstance(ref, str) and ref else None


def letter(side: Side) -> str:
    return "G" if side is Side.GOSUSLUGI else "E"
