"""The order API put together over one system's state."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiohttp import web

from medmost_stand.end import EndState
from medmost_stand.gosuslugi.dictionaries import Dictionaries
from medmost_stand.gosuslugi.order_access import OrderAccess
from medmost_stand.gosuslugi.order_course import Courses
from medmost_stand.gosuslugi.order_files import OrderFiles
from medmost_stand.gosuslugi.order_making import Making
from medmost_stand.gosuslugi.order_push import PushCalls
from medmost_stand.gosuslugi.order_rules import Orders
from medmost_stand.gosuslugi.order_settings import OrderSettings
from medmost_stand.gosuslugi.orders import OrderAdmin, OrderCalls
from medmost_stand.gosuslugi.partners import Partners


@dataclass(frozen=True, slots=True)
class OrderApi:
    """The parts the route table needs."""

    access: OrderAccess
    calls: OrderCalls
    pushes: PushCalls
    dictionaries: Dictionaries
    admin: OrderAdmin
    courses: Courses

    async def keep_going(self, _: web.Application) -> AsyncIterator[None]:
        """Orders go their course while the application serves (for `cleanup_ctx`)."""
        task = asyncio.create_task(self.courses.run())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def build_orders(state: EndState, partners: Partners, orders: Orders) -> OrderApi:
    """The order API; from here on a person's order names its owner."""
    system, clock, settings = state.system, state.clock, OrderSettings()

    def owner_of(policy_number: str) -> int | None:
        found = (one["oid"] for one in state.population.citizens if one["policy_number"] == policy_number)
        return next(found, None)

    orders.owner_of = owner_of
    access = OrderAccess(partners, state.tokens, settings, clock)
    making = Making(system, orders, clock, lambda: state.population)
    files = OrderFiles(system.storage)
    courses = Courses(orders, making, files, system.storage, clock, settings)
    return OrderApi(
        access=access,
        calls=OrderCalls(system, orders, access, making, courses, files),
        pushes=PushCalls(system, access, making, courses, files, settings, clock),
        dictionaries=Dictionaries(system, access.count),
        admin=OrderAdmin(settings),
        courses=courses,
    )
