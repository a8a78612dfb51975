"""The shape of `/api/v1/status` (contracts §4), for the OpenAPI document."""

from __future__ import annotations

from typing import Any

import msgspec


class SystemStatus(msgspec.Struct, kw_only=True):
    """One end. `last_ok`: UTC, ISO; None where a number is not known."""

    reachable: bool
    breaker: str
    token_seconds: int | None
    certificate_days: int | None
    calls_per_minute: int
    last_ok: str | None


class KindStatus(msgspec.Struct, kw_only=True):
    """Pairs of one kind by state (design §2a); freshness and next poll in seconds."""

    stage: str
    pairs: int
    level: int
    behind: int
    conflict: int
    invalid: int
    ambiguous: int
    quarantined: int
    refused: int
    no_consent: int
    foreign: int
    freshness_seconds: float | None
    next_poll_seconds: float | None


class Deliveries(msgspec.Struct, kw_only=True):
    due: int
    in_flight: int
    waiting: int
    awaiting_answer: int
    dead: int


class Brake(msgspec.Struct, kw_only=True):
    """What stands still until a person has looked. Nothing in place of a kind or system: all of them."""

    id: int
    code: str
    system: str
    kind: str
    why: str
    since: str


class Drift(msgspec.Struct, kw_only=True):
    """A field that is carried no more, because its system shows it in another way than the mapping says."""

    id: int
    code: str
    system: str
    kind: str
    field: str
    at: str
    moved_to: str
    since: str


class Status(msgspec.Struct, kw_only=True):
    """What `medmost status --json` prints."""

    healthy: bool
    systems: dict[str, SystemStatus]
    kinds: dict[str, KindStatus]
    deliveries: Deliveries
    brakes: list[Brake]
    drift: list[Drift]
    decided_conflicts: int


class ProblemDetails(msgspec.Struct, kw_only=True):
    """RFC 9457 with our stable `code`."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    reasons: list[Any] | None = None
