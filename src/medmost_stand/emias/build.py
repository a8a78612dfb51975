"""EMIAS put together: parts, route table, door."""

from __future__ import annotations

import secrets
from functools import partial

from medmost_stand.accounts import basic, staff
from medmost_stand.admin import Admin
from medmost_stand.admin_routes import admin_routes
from medmost_stand.api import Route
from medmost_stand.credentials import MEDMOST, OGRN, Credentials
from medmost_stand.desk import PersonDesk
from medmost_stand.emias.auth import EmiasAuth
from medmost_stand.emias.batch import EmiasBatch
from medmost_stand.emias.exchange import EmiasExchange
from medmost_stand.emias.integration import IntegrationPage
from medmost_stand.emias.integration_api import IntegrationApi
from medmost_stand.emias.pages import PageTokens
from medmost_stand.emias.points import Point, Points
from medmost_stand.emias.portal.booking import Booking
from medmost_stand.emias.portal.record import PatientRecord
from medmost_stand.emias.portal.rest import Orchestrator
from medmost_stand.emias.portal.rpc import JsonRpc
from medmost_stand.emias.portal.sessions import Sessions
from medmost_stand.emias.registry import Registry
from medmost_stand.emias.registry_acts import RegistryActs
from medmost_stand.emias.routes import auth_routes, exchange_routes, subscription_routes
from medmost_stand.emias.staff_door import LOGIN, PAGES, StaffDoor
from medmost_stand.emias.staff_routes import door_routes, integration_routes, registry_routes
from medmost_stand.emias.wire import refused
from medmost_stand.end import Core, End, EndState, Ways
from medmost_stand.life import Life
from medmost_stand.living import Living
from medmost_stand.register import Organization, Secret
from medmost_stand.screens import Screens
from medmost_stand.sessions import Sessions as ScreenSessions
from medmost_stand.subscription_calls import SubscriptionCalls
from medmost_stand.tokens import HmacSeal, Tokens
from medmost_stand.worlds import Population

FOREIGN = "other-mis"  # registered, but the exchange is closed to it


def build_emias(core: Core, population: Population, credentials: Credentials, *, empty: bool = False) -> End:
    """EMIAS over an opened and settled core; `empty` leaves out the stand's ready client."""
    desk = PersonDesk(core.system, None, population.seed)
    state = EndState(
        core.system,
        core.clock,
        core.faults,
        core.tokens,
        core.subscriptions,
        core.webhooks,
        population,
        Living(Life("emias", population.seed, desk)),
        MEDMOST,
        FOREIGN,
    )
    points = Points(core.storage, [] if empty else _ready(credentials))
    auth = EmiasAuth(points, core.tokens)
    exchange = EmiasExchange(core.system, PageTokens(credentials.token_secret.encode()))
    subscribing = SubscriptionCalls(core.subscriptions, core.storage, core.clock, "items")
    registering = IntegrationApi(points, core.subscriptions, core.storage, core.clock)
    secret = f"emias:{credentials.token_secret}".encode()
    screens = Screens(PAGES, ScreenSessions("staff", LOGIN, secret, core.clock))
    door = StaffDoor(screens)
    routes = [
        *auth_routes(auth),
        *exchange_routes(exchange, EmiasBatch(core.system), core.system.dialect.collections),
        *subscription_routes(subscribing),
        *_portal(core, population, credentials),
        *registering.routes(),
        *_pages(state, desk, points, registering, door, screens),
        *admin_routes(Admin(state, desk)),
    ]
    account = partial(basic, find=staff, role="integrator")
    return End(state, routes, Ways(refused, auth.gate, door.session, account))


def _pages(
    state: EndState, desk: PersonDesk, points: Points, api: IntegrationApi, door: StaffDoor, screens: Screens
) -> list[Route]:
    """Everything that people of EMIAS see."""
    registry = Registry(state, screens, door)
    acts = RegistryActs(state.system, desk, screens, registry)
    storage = state.system.storage
    page = IntegrationPage(api, points, state.subscriptions, storage, state.clock, screens, door)
    return [
        *door_routes(door, screens),
        *registry_routes(registry, acts, screens),
        *integration_routes(page, screens),
    ]


def _portal(core: Core, population: Population, credentials: Credentials) -> list[Route]:
    """What patients' own programs use: booking in both its generations, and the record."""
    tokens = Tokens(
        "http://emias.stand/portal", HmacSeal(f"portal:{credentials.token_secret}".encode()), 3600, core.clock
    )
    sessions, booking = Sessions(tokens, population, core.clock), Booking(core.system)
    return [
        *sessions.routes(),
        *JsonRpc(booking).routes(),
        *Orchestrator(booking, sessions).routes(),
        *PatientRecord(core.system, sessions).routes(),
    ]


def _ready(credentials: Credentials) -> list[Point]:
    """The client a ready configuration is written for, and one that the exchange is closed to."""
    ours, other = Organization("Стенд медмост", OGRN, "7707083893", ""), secrets.token_urlsafe(24)
    secret = Secret.of("ready", credentials.emias_client_secret)
    key = Secret.of("ready", credentials.emias_api_key)
    unknown = Secret.of("other", other)
    return [
        Point(MEDMOST, "медмост", ours, secret, (key,)),
        Point(FOREIGN, "Другая МИС", ours, unknown, (unknown,), allowed=False),
    ]
