"""One served system: its parts, what is common to both, and the running of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from aiohttp import web

from medmost_stand.added import Added
from medmost_stand.api import Call, Doors, Route, json_response, mount
from medmost_stand.clock import Clock
from medmost_stand.dialect import Dialect
from medmost_stand.faults import Faults
from medmost_stand.limits import CallLimit
from medmost_stand.living import Living
from medmost_stand.openapi import openapi
from medmost_stand.refusal import Refusal
from medmost_stand.storage import Storage
from medmost_stand.subscriptions import Subscriptions
from medmost_stand.system import System
from medmost_stand.tokens import HmacSeal, Tokens
from medmost_stand.webhooks import Webhooks
from medmost_stand.worlds import Population


@dataclass(slots=True)
class EndState:
    """All that lives as long as one system is served."""

    system: System
    clock: Clock
    faults: Faults
    tokens: Tokens
    subscriptions: Subscriptions
    webhooks: Webhooks
    population: Population
    living: Living
    client: str  # medmost's client id here
    foreign_client: str
    calls: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    added: tuple[Added, ...] = ()  # collections of files, for a new world
    address: str = ""  # where the system is served, known once it listens


@dataclass(frozen=True, slots=True)
class Core:
    """The parts of a system that need no HTTP."""

    storage: Storage
    clock: Clock
    system: System
    faults: Faults
    tokens: Tokens
    subscriptions: Subscriptions
    webhooks: Webhooks


def build_core(dialect: Dialect, path: Path, *, durable: bool, secret: bytes, token_life: int) -> Core:
    """Opens a system over its file; a change goes to the webhooks in the same transaction."""
    clock = Clock()
    storage = Storage(path, durable=durable)
    system = System(dialect, storage, clock)
    faults = Faults(system)
    tokens = Tokens(f"http://{dialect.name}.stand/", HmacSeal(secret), token_life, clock)
    faults.revoke_tokens = tokens.revoke_all
    subscriptions = Subscriptions(storage, dialect.collections)
    webhooks = Webhooks(dialect, storage, clock, subscriptions, faults)
    system.listeners.append(webhooks.on_change)
    return Core(storage, clock, system, faults, tokens, subscriptions, webhooks)


@dataclass(frozen=True, slots=True)
class Ways:
    """How a dialect refuses, lets in and limits."""

    refused: Callable[[Refusal], web.Response]
    gate: Callable[[web.Request], str]
    session: Callable[[web.Request], str] | None = None
    account: Callable[[web.Request], str] | None = None
    limit: CallLimit | None = None


class End:
    """A system at its address. `start` after `build`; `stop` leaves everything in the file."""

    def __init__(self, state: EndState, routes: Sequence[Route], ways: Ways) -> None:
        self.state = state
        name = state.system.dialect.name
        described: list[Route] = []

        async def describe(_: Call) -> web.Response:
            return json_response(orjson.dumps(openapi(name, described, state.address)))

        described += [
            *routes,
            Route("GET", "/health", _health, "Система отвечает", "open"),
            Route("GET", "/openapi.json", describe, "Описание вызовов", "open"),
        ]
        doors = Doors(ways.refused, ways.gate, ways.session, ways.account, state.faults, ways.limit, state.calls)
        self.app = mount(described, doors)
        self._runner = web.AppRunner(self.app, access_log=None, shutdown_timeout=2)

    async def prepare(self) -> web.AppRunner:
        """Sets the application up without listening yet."""
        await self._runner.setup()
        return self._runner

    async def start(self, site: web.BaseSite, address: str) -> None:
        """Listens and begins to send what is in the outbox."""
        self.state.address = address
        await self.state.webhooks.start()
        await site.start()

    async def stop(self) -> None:
        """Stops life, answers what is under way, keeps the rest."""
        await self.state.living.stop()
        await self._runner.cleanup()
        await self.state.webhooks.stop()
        self.state.system.storage.close()


async def _health(_: Call) -> web.Response:
    return json_response(b'{"status":"ok"}')
