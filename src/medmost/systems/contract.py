"""One contract for every dialect of every system.

Adapters speak wire documents; they know nothing of mapping or state.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Protocol

import msgspec

from medmost.domain.errors import MedmostError
from medmost.domain.record import Doc, Observation, Side

Cursor = dict[str, Any]
"""A system's own position in its list of changes: opaque to everyone but its adapter, kept as JSON."""


class Page(msgspec.Struct, frozen=True):
    """Some observations and the position after them. The position is safe to keep once the page is absorbed."""

    observations: tuple[Observation, ...]
    cursor: Cursor
    total: int | None = None  # how many the whole list holds, where the system says so


class Write(msgspec.Struct, frozen=True, kw_only=True):
    """One conditional, idempotent write. `ref` None means create."""

    kind: str
    ref: str | None
    doc: Doc
    base: Doc | None  # the document `doc` was written onto
    expected: int
    key: str  # idempotency key, the same for each repetition
    origin: str | None  # our own id inside a record that we create


class Accepted(msgspec.Struct, frozen=True):
    """The system took the request and will show the result later (order API)."""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """What `medmost check` and the console ask a system about."""

    reachable: bool
    breaker: str  # closed, open, half-open
    token_seconds: int | None
    certificate_days: int | None
    calls_per_minute: int
    last_ok: str | None  # UTC, ISO
    skew_seconds: float | None
    signer: str | None = None
    warning: str | None = None  # to be shown in red: a signature that no real system would accept
    warning_en: str | None = None
    environment: str | None = None  # what the system says it is (stand, test, production); real ones may say nothing
    overloaded: bool = False  # answers come late, or more than one in twenty fails
    retries_per_minute: int = 0
    retries_held_back: int = 0  # by the retry budget, since the start
    trouble: MedmostError | None = None  # what the probe met, where it was not answered

    def with_trouble(self, error: MedmostError) -> Health:
        return msgspec.structs.replace(self, trouble=error)


class System(Protocol):
    """Raises Transient, Stale, Refused or Fatal (domain.errors) and nothing else."""

    side: Side

    def changes(self, kind: str, cursor: Cursor | None) -> AsyncIterator[Page]:
        """Pages since `cursor` (None: from the beginning), with an overlap for late commits.

        Each page brings its own next position. A record may come more than once; none is left out.
        """
        ...

    def everything(self, kind: str) -> AsyncIterator[Page]:
        """Every record there is, tombstones too where the system lists them."""
        ...

    async def read(self, kind: str, ref: str) -> Observation | None:
        """The present version; None where the system does not know the ref, which is never a delete."""
        ...

    async def write(self, write: Write) -> Observation | Accepted: ...

    async def delete(self, kind: str, ref: str, expected: int, key: str) -> Observation: ...

    async def find(self, kind: str, *, origin: str | None = None, natural: Doc | None = None) -> list[Observation]:
        """Records with our origin id, or with the natural key given in wire form. Tombstones only by origin."""
        ...

    def told(self, kind: str, record: Any) -> Observation | None:
        """The record inside a webhook as an observation; None where it is not whole and has to be read."""
        ...

    async def subscribe(self, url: str, secret: str, collections: list[str]) -> None:
        """Have changes of these collections sent to `url`; harmless when that is so already."""
        ...

    async def probe(self) -> Health:
        """One real authenticated call; never raises for an outage."""
        ...

    def health(self) -> Health: ...

    async def close(self) -> None: ...
