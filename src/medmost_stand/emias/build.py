"""EMIAS put together: parts, route table, door."""

from __future__ import annotations

import secrets

from medmost_stand.admin import Admin
from medmost_stand.admin_routes import admin_routes
from medmost_stand.credentials import MEDMOST, Credentials
from medmost_stand.desk import PersonDesk
from medmost_stand.emias.auth import Client, EmiasAuth
from medmost_stand.emias.batch import EmiasBatch
from medmost_stand.emias.exchange import EmiasExchange
from medmost_stand.emias.pages import PageTokens
from medmost_stand.emias.routes import auth_routes, exchange_routes, subscription_routes
from medmost_stand.emias.wire import refused
from medmost_stand.end import Core, End, EndState, Ways
from medmost_stand.life import Life
from medmost_stand.living import Living
from medmost_stand.subscription_calls import SubscriptionCalls
from medmost_stand.worlds import Population

FOREIGN = "other-mis"  # registered, but the exchange is closed to it


def build_emias(core: Core, population: Population, credentials: Credentials) -> End:
    """EMIAS over an opened and settled core."""
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
    clients = [
        Client(MEDMOST, credentials.emias_client_secret, credentials.emias_api_key, allowed=True),
        Client(FOREIGN, secrets.token_urlsafe(24), secrets.token_urlsafe(24), allowed=False),
    ]
    auth = EmiasAuth(clients, core.tokens)
    exchange = EmiasExchange(core.system, PageTokens(credentials.token_secret.encode()))
    subscribing = SubscriptionCalls(core.subscriptions, core.storage, core.clock, "items")
    routes = [
        *auth_routes(auth),
        *exchange_routes(exchange, EmiasBatch(core.system)),
        *subscription_routes(subscribing),
        *admin_routes(Admin(state, desk)),
    ]
    return End(state, routes, Ways(refused, auth.gate))
