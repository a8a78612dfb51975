"""From settings to the two systems."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

from medmost.domain.record import Side
from medmost.systems.clock import Clock, MachineClock
from medmost.systems.contract import System
from medmost.systems.emias import wire as emias_wire
from medmost.systems.emias.auth import ClientCredentials
from medmost.systems.emias.exchange import Emias
from medmost.systems.gosuslugi import wire as gosuslugi_wire
from medmost.systems.gosuslugi.esia import ExtAppToken
from medmost.systems.gosuslugi.login import EsiaLogin
from medmost.systems.gosuslugi.login import complain as esia_complain
from medmost.systems.gosuslugi.system import Gosuslugi
from medmost.systems.http import Http
from medmost.systems.limits import Gate
from medmost.systems.settings import EmiasSettings, GosuslugiSettings
from medmost.systems.signing import make_signer
from medmost.systems.tokens import TokenKeeper, TokenVault
from medmost.systems.transport import AiohttpTransport, Transport

LOGINS_PER_MINUTE, LOGINS_AT_ONCE = 1200, 8
Chance = Callable[[], float]
"""A uniform number in [0, 1)."""


async def connect(
    gosuslugi: GosuslugiSettings,
    emias: EmiasSettings,
    vault: TokenVault,
    clock: Clock | None = None,
    transports: dict[Side, Transport] | None = None,
    chance: Chance = random.random,
) -> dict[Side, System]:
    """Both systems, ready to be called; no connection is made yet. Raises Fatal MM-SYS-SIGNER for an unusable key.

    `chance` decides which calls the throttle holds back; a simulation seeds it.
    """
    clock = clock or MachineClock()
    given = transports or {}
    return {
        Side.GOSUSLUGI: connect_gosuslugi(gosuslugi, vault, clock, given.get(Side.GOSUSLUGI), chance),
        Side.EMIAS: connect_emias(emias, vault, clock, given.get(Side.EMIAS), chance),
    }


def connect_gosuslugi(
    settings: GosuslugiSettings,
    vault: TokenVault,
    clock: Clock,
    transport: Transport | None = None,
    chance: Chance = random.random,
) -> Gosuslugi:
    side = Side.GOSUSLUGI
    gate = Gate(
        side,
        clock,
        per_minute=settings.per_minute,
        in_flight=settings.in_flight,
        per_operation={"orders": settings.orders_per_minute},
        chance=chance,
    )
    env = settings.environment
    http = Http(
        side, settings.base_url, transport or _sockets(settings), gate, clock, gosuslugi_wire.complain, environment=env
    )
    signer = make_signer(settings.signer, settings.key, settings.certificate, settings.command, settings.raw_command)
    tokens = _keeper(side, ExtAppToken(http, settings, signer), vault, clock)
    http.authorise(tokens)
    return Gosuslugi(http, settings, tokens, signer)


def connect_emias(
    settings: EmiasSettings,
    vault: TokenVault,
    clock: Clock,
    transport: Transport | None = None,
    chance: Chance = random.random,
) -> Emias:
    side = Side.EMIAS
    gate = Gate(side, clock, per_minute=settings.per_minute, in_flight=settings.in_flight, chance=chance)
    headers = {"X-API-Key": settings.api_key}
    env = settings.environment
    http = Http(
        side, settings.base_url, transport or _sockets(settings), gate, clock, emias_wire.complain, headers, env
    )
    tokens = _keeper(side, ClientCredentials(http, settings), vault, clock)
    http.authorise(tokens)
    return Emias(http, settings, tokens)


def connect_login(settings: GosuslugiSettings, clock: Clock | None = None) -> EsiaLogin:
    """ЕСИА for citizens: calls and limits of its own, so that many logins never hold up the exchange, nor it them."""
    clock = clock or MachineClock()
    gate = Gate(Side.GOSUSLUGI, clock, per_minute=LOGINS_PER_MINUTE, in_flight=LOGINS_AT_ONCE)
    base = settings.esia_url or settings.base_url
    http = Http(Side.GOSUSLUGI, base, _sockets(settings), gate, clock, esia_complain, environment=settings.environment)
    return EsiaLogin(
        http,
        settings,
        make_signer(settings.signer, settings.key, settings.certificate, settings.command, settings.raw_command),
    )


def _sockets(settings: GosuslugiSettings | EmiasSettings) -> AiohttpTransport:
    return AiohttpTransport(connections=settings.in_flight, connect=settings.connect)


def _keeper(side: Side, issuer: ExtAppToken | ClientCredentials, vault: TokenVault, clock: Clock) -> TokenKeeper:
    name = f"{side.value}.token"
    return TokenKeeper(issuer.obtain, partial(vault.load, name), partial(vault.save, name), clock)
