"""Access tokens: renewed before they expire, one renewal at a time, kept encrypted by the store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from medmost.domain.errors import Transient
from medmost.systems.clock import Clock


class TokenVault(Protocol):
    """Where tokens survive a restart. The store encrypts what it is given and knows nothing of its form."""

    async def load(self, name: str) -> bytes | None: ...

    async def save(self, name: str, secret: bytes | None) -> None:
        """Keeps the newest secret of that name; None forgets it."""
        ...


class Grant(msgspec.Struct, frozen=True):
    """A token as a system issued it, and its life in seconds."""

    value: str
    life: float


class _Kept(msgspec.Struct):
    value: str
    life: float
    received: datetime  # by our wall clock: the only one that outlives the process


class _Held(msgspec.Struct):
    value: str
    life: float
    since: float  # monotonic


def margin(life: float) -> float:
    """Seconds before expiry at which a token is renewed: a fifth of its life, or a minute, but never more than half."""
    return max(0.2 * life, min(60.0, 0.5 * life))


class TokenKeeper:
    """One system's access token.

    Age counts by our monotonic clock from the moment of receipt, so neither side's wall clock matters; only a token
    found after a restart is aged by the wall clock, and a wrong guess there costs one 401 and one renewal.
    """

    def __init__(
        self,
        obtain: Callable[[], Awaitable[Grant]],
        load: Callable[[], Awaitable[bytes | None]],
        save: Callable[[bytes | None], Awaitable[None]],
        clock: Clock,
    ) -> None:
        self._obtain = obtain
        self._load = load
        self._save = save
        self._clock = clock
        self._held: _Held | None = None
        self._loaded = False
        self._lock = asyncio.Lock()
        self._not_before = 0.0
        self.renewals = 0

    def ready(self) -> str | None:
        """The token, where nothing has to be waited for."""
        held = self._held
        return held.value if held is not None and self._left(held) > margin(held.life) else None

    async def token(self) -> str:
        """A token that the system should accept. Raises what `obtain` raises when there is none and none to be had."""
        if (ready := self.ready()) is not None:
            return ready
        held = self._held
        if held is not None and self._left(held) > 0 and self._spared():
            return held.value  # somebody renews it, or just failed to: it is good until it expires
        async with self._lock:
            return await self._renewed_in_lock(held)

    async def replace(self, rejected: str) -> str:
        """Another token than the one the system rejected: obtained once, whoever asks."""
        async with self._lock:
            held = self._held
            if held is not None and held.value != rejected:
                return held.value
            self._held = None
            return await self._renew()

    def seconds_left(self) -> int | None:
        """Until expiry, for people; None without a token."""
        return None if self._held is None else max(int(self._left(self._held)), 0)

    def _left(self, held: _Held) -> float:
        return held.since + held.life - self._clock.monotonic()

    def _spared(self) -> bool:
        return self._lock.locked() or self._clock.monotonic() < self._not_before

    async def _renewed_in_lock(self, before: _Held | None) -> str:
        if not self._loaded:
            self._loaded = True
            self._held = self._held or await self._found()
        held = self._held
        if held is not None and held is not before and self._left(held) > margin(held.life):
            return held.value  # another task renewed it while we waited
        try:
            return await self._renew()
        except Transient:
            if held is None or self._left(held) <= 0:
                raise
            self._not_before = self._clock.monotonic() + min(5.0, self._left(held) / 4)
            return held.value

    async def _renew(self) -> str:
        since = self._clock.monotonic()
        grant = await self._obtain()
        self.renewals += 1
        self._held = _Held(grant.value, grant.life, since)
        await self._save(msgspec.json.encode(_Kept(grant.value, grant.life, self._clock.now())))
        return grant.value

    async def _found(self) -> _Held | None:
        secret = await self._load()
        if secret is None:
            return None
        try:
            kept = msgspec.json.decode(secret, type=_Kept)
        except msgspec.DecodeError:  # written by another version: a new token is cheap
            return None
        age = (self._clock.now() - kept.received.astimezone(UTC)).total_seconds()
        if not 0 <= age < kept.life:
            return None
        return _Held(kept.value, kept.life, self._clock.monotonic() - age)
