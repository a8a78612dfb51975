"""Registration at EMIAS by calls (our model): integration points, their secret, API keys and webhooks.

A person does the same on the page of integration points (`integration.py`), over the same register.
"""

from __future__ import annotations

import orjson
from aiohttp import web

from medmost_stand.api import Call, Handler, Route, json_response
from medmost_stand.clock import Clock
from medmost_stand.dialect import Body
from medmost_stand.emias.points import Points
from medmost_stand.storage import Storage
from medmost_stand.subscription_calls import subscription_body
from medmost_stand.subscriptions import Subscriptions

BASE = "/api/integration/v1/points"
_TEXT = {"type": "string"}
_POINT = {
    "type": "object",
    "required": ["organization"],
    "properties": {
        "name": _TEXT,
        "organization": {
            "type": "object",
            "required": ["name", "ogrn", "inn"],
            "properties": {"name": _TEXT, "ogrn": _TEXT, "inn": _TEXT},
        },
    },
}
_ABSENT = {404: "Нет такой точки"}
_WRONG = {400: "Неверный JSON", 422: "Неверное поле"}


class IntegrationApi:
    """`call.client` is the login of the account that owns the points."""

    def __init__(self, points: Points, subscriptions: Subscriptions, storage: Storage, clock: Clock) -> None:
        self._points = points
        self._subscriptions = subscriptions
        self._storage = storage
        self._clock = clock

    def routes(self) -> list[Route]:
        """The rows of the route table."""
        one, done, made = f"{BASE}/{{client_id}}", {200: "Готово"}, {201: "Создано"}
        taken, hook = {409: "Имя занято"}, subscription_body(self._subscriptions.known)
        return [
            _row("GET", BASE, self.list_own, "Свои точки интеграции", done),
            _row("PUT", one, self.put, "Точка интеграции", done | made | _WRONG | taken, _POINT),
            _row("POST", f"{one}/secret", self.new_secret, "Новый client_secret", made | _ABSENT),
            _row("POST", f"{one}/api-keys", self.new_key, "Новый ключ API", made | _ABSENT | taken),
            _row("DELETE", f"{one}/api-keys/{{id}}", self.drop_key, "Отзыв ключа API", done | _ABSENT),
            _row("POST", f"{one}/webhooks", self.put_hook, "Уведомления", done | made | _ABSENT | _WRONG, hook),
            _row("DELETE", f"{one}/webhooks/{{id}}", self.drop_hook, "Отписка", done | _ABSENT),
        ]

    def shown(self, owner: str) -> list[Body]:
        """The account's points with their webhooks."""
        return [
            point.shown() | {"webhooks": [hook.shown() for hook in self._subscriptions.of(point.client_id)]}
            for point in self._points.of(owner)
        ]

    async def list_own(self, call: Call) -> web.Response:
        """All that the account has registered; secrets and keys by their ends only."""
        return _answer({"points": self.shown(call.client)})

    async def put(self, call: Call) -> web.Response:
        """Registers or changes a point; a new one gets its secret, shown this once."""
        client_id = call.request.match_info["client_id"]
        point, new = self._points.put(call.client, client_id, await call.json())
        shown = point.shown()
        if new:
            plain = self._points.new_secret(call.client, client_id)
            shown = self._points.own(call.client, client_id).shown() | {"client_secret": plain}
        await self._storage.committed()
        return _answer(shown, 201 if new else 200)

    async def new_secret(self, call: Call) -> web.Response:
        """`{"client_secret"}`: shown this once; the former one stops to work."""
        plain = self._points.new_secret(call.client, call.request.match_info["client_id"])
        await self._storage.committed()
        return _answer({"client_secret": plain}, 201)

    async def new_key(self, call: Call) -> web.Response:
        """`{"id","api_key"}`: the key is shown this once."""
        key, plain = self._points.new_key(call.client, call.request.match_info["client_id"])
        await self._storage.committed()
        return _answer({"id": key.id, "api_key": plain}, 201)

    async def drop_key(self, call: Call) -> web.Response:
        """Revokes a key; the point as it is then."""
        point = self._points.drop_key(call.client, call.request.match_info["client_id"], call.id)
        await self._storage.committed()
        return _answer(point.shown())

    async def put_hook(self, call: Call) -> web.Response:
        """A webhook of the point, one per address."""
        point = self._points.own(call.client, call.request.match_info["client_id"])
        hook, new = self._subscriptions.put(point.client_id, await call.json(), self._clock.seconds())
        await self._storage.committed()
        return _answer(hook.shown(), 201 if new else 200)

    async def drop_hook(self, call: Call) -> web.Response:
        """Takes a webhook away with its unsent messages."""
        point = self._points.own(call.client, call.request.match_info["client_id"])
        hook = self._subscriptions.remove(point.client_id, call.id)
        await self._storage.committed()
        return _answer(hook.shown() | {"active": False})


def _row(
    method: str, path: str, handler: Handler, summary: str, answers: dict[int, str], body: Body | None = None
) -> Route:
    return Route(method, path, handler, summary, "account", body=body, answers=answers)


def _answer(body: Body, status: int = 200) -> web.Response:
    return json_response(orjson.dumps(body), status, {"Cache-Control": "no-store"})
