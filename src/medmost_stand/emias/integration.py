"""The page of integration points: register one, get its secret and keys, name its webhooks (our model)."""

from __future__ import annotations

from aiohttp import web

from medmost_stand.api import Call
from medmost_stand.clock import Clock
from medmost_stand.dialect import COLLECTIONS
from medmost_stand.emias.integration_api import IntegrationApi
from medmost_stand.emias.points import Points
from medmost_stand.emias.staff_door import StaffDoor
from medmost_stand.refusal import Refusal
from medmost_stand.screens import Form, Screens
from medmost_stand.storage import Storage
from medmost_stand.subscriptions import Subscriptions

HOOK_FIELDS = ("url", "secret")


class IntegrationPage:
    """A secret or a key is on the page that answers its making, and on no other."""

    def __init__(
        self, api: IntegrationApi, points: Points, subscriptions: Subscriptions, storage: Storage, clock: Clock,
        screens: Screens, door: StaffDoor,
    ) -> None:  # fmt: skip
        self._api = api
        self._points = points
        self._subscriptions = subscriptions
        self._storage = storage
        self._clock = clock
        self._screens = screens
        self._door = door

    async def page(self, call: Call) -> web.Response:
        """One's own points, and the form of a new one."""
        return self._shown(call)

    async def register(self, call: Call) -> web.Response:
        """A new point with its secret and a first key."""
        fields: Form = {}
        try:
            fields = await self._screens.form(call)
            client_id = fields.get("client_id", "")
            organization = {name: fields.get(name, "") for name in ("name", "ogrn", "inn")}
            body = {"name": fields.get("title") or client_id, "organization": organization}
            _, new = self._points.put(call.client, client_id, body)
            made = {}
            if new:
                made = {"client_secret": self._points.new_secret(call.client, client_id)}
                made["api_key"] = self._points.new_key(call.client, client_id)[1]
            await self._storage.committed()
        except Refusal as refusal:
            return self._shown(call, 422, problem=refusal.text, values=fields)
        return self._shown(call, made=made | {"client_id": client_id})

    async def secret(self, call: Call) -> web.Response:
        """A fresh secret; the former one stops to work."""
        try:
            await self._screens.form(call)
            plain = self._points.new_secret(call.client, call.id)
            await self._storage.committed()
        except Refusal as refusal:
            return self._shown(call, 422, problem=refusal.text)
        return self._shown(call, made={"client_id": call.id, "client_secret": plain})

    async def key(self, call: Call) -> web.Response:
        """A fresh API key beside the others."""
        try:
            await self._screens.form(call)
            _, plain = self._points.new_key(call.client, call.id)
            await self._storage.committed()
        except Refusal as refusal:
            return self._shown(call, 422, problem=refusal.text)
        return self._shown(call, made={"client_id": call.id, "api_key": plain})

    async def drop_key(self, call: Call, fields: Form) -> web.Response:
        """Revokes a key."""
        self._points.drop_key(call.client, call.id, fields.get("key", ""))
        await self._storage.committed()
        return self._screens.done(call, "/integration", "Ключ отозван")

    async def hook(self, call: Call, fields: Form) -> web.Response:
        """Names an address for notices of changes."""
        point = self._points.own(call.client, call.id)
        body = {name: fields.get(name, "") for name in HOOK_FIELDS} | {"collections": list(COLLECTIONS)}
        self._subscriptions.put(point.client_id, body, self._clock.seconds())
        await self._storage.committed()
        return self._screens.done(call, "/integration", "Уведомления подключены")

    async def drop_hook(self, call: Call, fields: Form) -> web.Response:
        """Takes an address away."""
        point = self._points.own(call.client, call.id)
        self._subscriptions.remove(point.client_id, fields.get("hook", ""))
        await self._storage.committed()
        return self._screens.done(call, "/integration", "Уведомления отключены")

    def _shown(self, call: Call, status: int = 200, **values: object) -> web.Response:
        values = {"made": None, "values": {}, "problem": None} | values
        person, points = self._door.person(call), self._api.shown(call.client)
        return self._screens.shown(call, "integration.html", status, person=person, points=points, **values)
