"""Gosuslugi put together: parts, route table, door."""

from __future__ import annotations

import uuid

from aiohttp import web

from medmost_stand.accounts import Account, basic
from medmost_stand.admin import Admin
from medmost_stand.admin_routes import admin_routes
from medmost_stand.credentials import MNEMONIC, OGRN, Credentials, ecdsa_pair
from medmost_stand.desk import PersonDesk
from medmost_stand.end import Core, End, EndState, Ways
from medmost_stand.gosuslugi.batch import GosuslugiBatch
from medmost_stand.gosuslugi.cabinet import PAGES, Cabinet
from medmost_stand.gosuslugi.cabinet_routes import cabinet_routes
from medmost_stand.gosuslugi.certificates import TestCentre
from medmost_stand.gosuslugi.developer import DeveloperPage
from medmost_stand.gosuslugi.developer_api import DeveloperApi
from medmost_stand.gosuslugi.door import BACK, LOGIN, Door
from medmost_stand.gosuslugi.esia.build import build_esia
from medmost_stand.gosuslugi.esia.portal import PortalLogin
from medmost_stand.gosuslugi.esia.routes import esia_routes
from medmost_stand.gosuslugi.esia.settings import EsiaSettings
from medmost_stand.gosuslugi.exchange import GosuslugiExchange
from medmost_stand.gosuslugi.fer.methods import Methods
from medmost_stand.gosuslugi.fer.service import FerService
from medmost_stand.gosuslugi.order_access import to_department
from medmost_stand.gosuslugi.order_build import build_orders
from medmost_stand.gosuslugi.order_routes import order_routes
from medmost_stand.gosuslugi.order_rules import Orders
from medmost_stand.gosuslugi.partners import InformationSystem, Partners
from medmost_stand.gosuslugi.requests import RequestCalls
from medmost_stand.gosuslugi.routes import exchange_routes
from medmost_stand.gosuslugi.wire import refused
from medmost_stand.life import Life
from medmost_stand.limits import CallLimit
from medmost_stand.living import Living
from medmost_stand.records import Record
from medmost_stand.register import Secret
from medmost_stand.screens import Screens
from medmost_stand.sessions import Sessions
from medmost_stand.subscription_calls import SubscriptionCalls
from medmost_stand.worlds import Population

FOREIGN = "OTHER_SYSTEM"  # registered, but the exchange is closed to it


def build_gosuslugi(
    core: Core,
    population: Population,
    credentials: Credentials,
    *,
    limit: int,
    console_url: str,
    empty: bool = False,
    legacy_rsa: bool = False,
) -> End:
    """Gosuslugi over an opened and settled core; `limit` is calls a minute, `empty` leaves out the ready client."""
    orders = Orders(core.system, core.clock)
    desk = PersonDesk(core.system, orders, population.seed)
    state = EndState(
        core.system,
        core.clock,
        core.faults,
        core.tokens,
        core.subscriptions,
        core.webhooks,
        population,
        Living(Life("gosuslugi", population.seed, desk)),
        MNEMONIC,
        FOREIGN,
    )
    partners = Partners(core.storage, [] if empty else _ready(credentials, console_url))
    esia = build_esia(state, partners, EsiaSettings(legacy_rsa=legacy_rsa))
    _hide_drafts(core)
    order_api = build_orders(state, partners, orders)
    exchange = GosuslugiExchange(core.system)
    sessions = Sessions("citizen", LOGIN, f"gosuslugi:{credentials.token_secret}".encode(), core.clock)
    screens, centre = Screens(PAGES, sessions), TestCentre(core.storage)
    door = Door(state, screens, PortalLogin(esia.parts, esia.token, core.tokens, BACK))
    subscribing = SubscriptionCalls(core.subscriptions, core.storage, core.clock, "content")
    requests = RequestCalls(core.system, exchange, orders)
    routes = [
        *esia_routes(esia),
        *exchange_routes(exchange, GosuslugiBatch(core.system, exchange), requests, core.system.dialect.collections),
        *subscribing.routes("/api/exchange/v1/subscriptions"),
        *order_routes(order_api),
        *cabinet_routes(Cabinet(state, desk, screens, console_url), door, screens),
        *FerService(Methods(core.system, desk)).routes(),
        *DeveloperApi(partners, centre, core.storage).routes(),
        *DeveloperPage(state, partners, centre, screens).routes(),
        *admin_routes(Admin(state, desk)),
    ]
    limit_of_calls = CallLimit(limit, core.clock)
    ways = Ways(
        refused, esia.ext_app.gate, door.session, lambda request: _representative(request, state), limit_of_calls
    )
    end = End(state, routes, ways)
    end.app.cleanup_ctx.append(order_api.keep_going)
    return end


def _hide_drafts(core: Core) -> None:
    """Notices go out of what the department may see: not of drafts nor of other departments' orders."""
    notify = core.webhooks.on_change
    core.system.listeners.remove(notify)

    def notify_of_seen(record: Record) -> None:
        if record.collection != "requests" or to_department(record):
            notify(record)

    core.system.listeners.append(notify_of_seen)


def _representative(request: web.Request, state: EndState) -> str:
    """The test citizen who registers an organization; the account has to be confirmed, as ЕСИА asks for."""

    def find(login: str) -> Account | None:
        one = state.population.by_login(login)
        if one is None:
            return None
        return Account(login, one["password"], one["last_name"], "partner" if one["trusted"] else "citizen")

    return basic(request, find, "partner")


def _ready(credentials: Credentials, console_url: str) -> list[InformationSystem]:
    """The client a ready configuration is written for, and one that the exchange is closed to."""
    key = Secret.of("ready", credentials.gosuslugi_api_key)
    back = (console_url.rstrip("/") + "/*",)
    ours = InformationSystem(MNEMONIC, "медмост", OGRN, credentials.gosuslugi_certificate, back, keys=(key,))
    other = Secret.of("other", str(uuid.uuid4()))
    return [
        ours,
        InformationSystem(FOREIGN, "Другая система", OGRN, ecdsa_pair()[1], keys=(other,), allowed=False),
    ]
