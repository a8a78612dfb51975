"""A token is renewed in time, once, and outlives a restart."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from medmost.domain.errors import Fatal, Transient
from medmost.systems.tokens import Grant, TokenKeeper, margin


class HandClock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> datetime:
        return datetime(2026, 11, 23, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class Issuer:
    """Issues t1, t2, …; `verbs`: let it fail, or take its time."""

    def __init__(self, life: float = 3600) -> None:
        self.life = life
        self.issued = 0
        self.running = 0
        self.most_at_once = 0
        self.failure: Exception | None = None
        self.gate: asyncio.Event | None = None

    async def obtain(self) -> Grant:
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        try:
            await (self.gate.wait() if self.gate else asyncio.sleep(0))
            if self.failure:
                raise self.failure
            self.issued += 1
            return Grant(f"t{self.issued}", self.life)
        finally:
            self.running -= 1


class Drawer:
    def __init__(self) -> None:
        self.secret: bytes | None = None

    async def load(self) -> bytes | None:
        return self.secret

    async def save(self, secret: bytes | None) -> None:
        self.secret = secret


def keeper(issuer: Issuer, clock: HandClock, drawer: Drawer | None = None) -> TokenKeeper:
    drawer = drawer or Drawer()
    return TokenKeeper(issuer.obtain, drawer.load, drawer.save, clock)


@pytest.mark.parametrize(("life", "left"), [(3600, 720), (600, 120), (100, 50), (5, 2.5)])
def test_margin_fits_long_and_short_lives(life: float, left: float) -> None:
    assert margin(life) == left


async def test_token_is_renewed_before_it_expires() -> None:
    issuer, clock = Issuer(3600), HandClock()
    tokens = keeper(issuer, clock)
    assert await tokens.token() == "t1"
    clock.seconds += 2879
    assert await tokens.token() == "t1"
    clock.seconds += 2
    assert await tokens.token() == "t2"
    assert tokens.seconds_left() == 3600


async def test_life_of_five_seconds_always_holds() -> None:
    issuer, clock = Issuer(5), HandClock()
    tokens, born = keeper(issuer, clock), {}
    for _ in range(600):
        token = await tokens.token()
        born.setdefault(token, clock.seconds)
        assert clock.seconds - born[token] <= 2.5
        clock.seconds += 0.1
    assert 20 <= issuer.issued <= 25


async def test_many_callers_cause_one_renewal() -> None:
    issuer, clock = Issuer(), HandClock()
    tokens = keeper(issuer, clock)
    assert set(await asyncio.gather(*(tokens.token() for _ in range(50)))) == {"t1"}
    clock.seconds += 4000
    assert set(await asyncio.gather(*(tokens.token() for _ in range(50)))) == {"t2"}
    assert (issuer.issued, issuer.most_at_once) == (2, 1)


async def test_renewal_under_way_holds_nobody_up() -> None:
    issuer, clock = Issuer(3600), HandClock()
    tokens = keeper(issuer, clock)
    await tokens.token()
    clock.seconds += 3000
    issuer.gate = asyncio.Event()
    renewing = asyncio.create_task(tokens.token())
    await asyncio.sleep(0)
    assert await tokens.token() == "t1"
    issuer.gate.set()
    assert await renewing == "t2"


async def test_rejected_token_is_replaced_once() -> None:
    issuer, clock = Issuer(), HandClock()
    tokens = keeper(issuer, clock)
    first = await tokens.token()
    assert set(await asyncio.gather(*(tokens.replace(first) for _ in range(20)))) == {"t2"}
    assert await tokens.replace(first) == "t2"
    assert issuer.issued == 2


async def test_failed_early_renewal_keeps_the_old() -> None:
    issuer, clock = Issuer(3600), HandClock()
    tokens = keeper(issuer, clock)
    await tokens.token()
    clock.seconds += 3000
    issuer.failure = Transient("MM-SYS-DOWN", "", "")
    assert await tokens.token() == "t1"
    clock.seconds += 601
    with pytest.raises(Transient):
        await tokens.token()
    issuer.failure = None
    assert await tokens.token() == "t2"


async def test_refused_credentials_are_told() -> None:
    issuer = Issuer()
    issuer.failure = Fatal("MM-SYS-CREDENTIALS", "", "")
    with pytest.raises(Fatal):
        await keeper(issuer, HandClock()).token()


async def test_token_outlives_a_restart() -> None:
    issuer, clock, drawer = Issuer(3600), HandClock(), Drawer()
    await keeper(issuer, clock, drawer).token()
    clock.seconds += 1000
    again = keeper(issuer, clock, drawer)
    assert await again.token() == "t1"
    assert again.seconds_left() == 2600


@pytest.mark.parametrize("passed", [2900, 4000, -10])
async def test_aged_or_odd_kept_token_is_replaced(passed: float) -> None:
    issuer, clock, drawer = Issuer(3600), HandClock(), Drawer()
    await keeper(issuer, clock, drawer).token()
    clock.seconds += passed
    assert await keeper(issuer, clock, drawer).token() == "t2"


async def test_unreadable_kept_token_is_replaced() -> None:
    drawer = Drawer()
    drawer.secret = b"\x00not json"
    assert await keeper(Issuer(), HandClock(), drawer).token() == "t1"


async def test_cancelled_renewal_lets_others_renew() -> None:
    issuer, clock = Issuer(), HandClock()
    issuer.gate = asyncio.Event()
    tokens = keeper(issuer, clock)
    first = asyncio.create_task(tokens.token())
    second = asyncio.create_task(tokens.token())
    await asyncio.sleep(0)
    first.cancel()
    issuer.gate.set()
    assert await second == "t1"
