"""Words of the whole house: the two sides, what was seen of a record, and the pair that ties two records together."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

import msgspec

from medmost.domain.guard import Turn

Doc = dict[str, Any]
"""A record in a system's own wire form, with the fields we do not map."""
Fields = dict[str, Any]
"""Canonical values by canonical name: str, int, bool, None or lists of flat dicts of those; comparable with ==."""


class Side(StrEnum):
    GOSUSLUGI = "gosuslugi"
    EMIAS = "emias"

    @property
    def other(self) -> Side:
        return Side.EMIAS if self is Side.GOSUSLUGI else Side.GOSUSLUGI


BOTH = (Side.GOSUSLUGI, Side.EMIAS)
Presence = Literal["never", "here", "gone"]


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """One version of one record, as a system told it. `doc` is None for a tombstone."""

    side: Side
    kind: str
    ref: str
    version: int
    doc: Doc | None
    origin: str | None = None  # our own mark in a record that we created
    stamp: datetime | None = None  # the system's own change stamp: for owner `latest` only, never for order

    @property
    def gone(self) -> bool:
        return self.doc is None


class Problem(msgspec.Struct, frozen=True):
    """Why a field does not fit its mapping. Never holds the value, only its class (design §10)."""

    field: str
    reason: str  # stable: missing, format, unknown_code, type, range
    value_class: str  # e.g. "text of 12 letters", "missing", "number"
    allowed: str = ""


class Reading(msgspec.Struct, frozen=True, gc=False):
    """A wire document understood: canonical fields, or the problems that keep it from being understood."""

    fields: Fields
    problems: tuple[Problem, ...] = ()


class Sent(msgspec.Struct, kw_only=True):
    """What we sent a side and have no answer for: durable before the request leaves (design §2a.5)."""

    op: Literal["create", "put", "delete"]
    fields: Fields  # the values carried, canonical, as they should appear at the target
    source: Fields  # the same fields as the other side showed them
    doc: Doc | None  # the wire body, repeated exactly for an unresolved create
    expected: int
    ref: str | None
    key: str  # idempotency key
    origin: str | None
    before: Fields = {}  # the same fields as the target showed them when this was worked out
    until: float = 0.0  # UTC seconds: by then the request has arrived or never will
    tries: int = 0


class SideState(msgspec.Struct, kw_only=True):
    """What one system says of this pair now, and what it said when the two were last level, per field."""

    ref: str | None = None
    version: int = -1
    presence: Presence = "never"
    doc: Doc | None = None
    now: Fields | None = None
    stamp: datetime | None = None
    origin: str | None = None
    settled: Fields | None = None
    sent: Sent | None = None
    incarnation: int = 0
    late: dict[str, list[Any]] = msgspec.field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


class Wanted(msgspec.Struct):
    """A person's decision, carried until no side in `todo` lacks it (design §2a.10)."""

    value: Any
    todo: list[Side]


class Pair(msgspec.Struct, kw_only=True):
    """The two records of one object. Ids are surrogates; natural keys only find a pair."""

    id: int
    kind: str
    gosuslugi: SideState = msgspec.field(default_factory=SideState)
    emias: SideState = msgspec.field(default_factory=SideState)
    unsure: list[str] = msgspec.field(default_factory=list)
    wanted: dict[str, Wanted] = msgspec.field(default_factory=dict)
    turns: dict[str, list[Turn]] = msgspec.field(default_factory=dict)  # values a field was carried to of late
    hold: str | None = None
    refused: str | None = None
    closed: bool = False

    def side(self, side: Side) -> SideState:
        return self.gosuslugi if side is Side.GOSUSLUGI else self.emias
