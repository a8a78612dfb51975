"""Calls about webhook subscriptions; both systems have them, each under its own address and list name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from aiohttp import web

from medmost_stand.api import Call, Route, json_response
from medmost_stand.clock import Clock
from medmost_stand.storage import Storage
from medmost_stand.subscriptions import Subscriptions


def subscription_body(collections: Sequence[str]) -> dict[str, Any]:
    """What is sent to subscribe, as the OpenAPI describes it."""
    return {
        "type": "object",
        "required": ["url", "secret"],
        "properties": {
            "url": {"type": "string", "format": "uri"},
            "secret": {"type": "string", "pattern": "^whsec_"},
            "collections": {"type": "array", "items": {"enum": list(collections)}},
        },
    }


class SubscriptionCalls:
    """`list_name` is what the system calls the rows of a list."""

    def __init__(self, subscriptions: Subscriptions, storage: Storage, clock: Clock, list_name: str) -> None:
        self._subscriptions = subscriptions
        self._storage = storage
        self._clock = clock
        self._list_name = list_name

    def routes(self, base: str) -> list[Route]:
        """The rows of the route table."""
        wrong = {400: "Неверное тело", 422: "Неверное поле"}
        removed = {200: "Удалена", 204: "Нет такой", 404: "Нет такой"}
        return [
            Route(
                "POST",
                base,
                self.put,
                "Подписка, одна на адрес",
                body=subscription_body(self._subscriptions.known),
                answers={200: "Была", 201: "Новая", **wrong},
            ),
            Route("GET", base, self.list_own, "Свои подписки", answers={200: "Список"}),
            Route("DELETE", base + "/{id}", self.remove, "Отписка", answers=removed),
        ]

    async def put(self, call: Call) -> web.Response:
        """201 for a new address, 200 for a known one; the secret is never shown again."""
        body = await call.json()
        subscription, new = self._subscriptions.put(call.client, body, self._clock.seconds())
        await self._storage.committed()
        return json_response(orjson.dumps(subscription.shown()), 201 if new else 200)

    async def list_own(self, call: Call) -> web.Response:
        """The caller's subscriptions."""
        rows = [subscription.shown() for subscription in self._subscriptions.of(call.client)]
        return json_response(orjson.dumps({self._list_name: rows}))

    async def remove(self, call: Call) -> web.Response:
        """The subscription as it was."""
        subscription = self._subscriptions.remove(call.client, call.id)
        await self._storage.committed()
        return json_response(orjson.dumps(subscription.shown() | {"active": False}))
