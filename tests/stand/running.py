"""A stand inside the test, on free ports, and a client of each system that speaks its dialect bare."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson

from medmost_stand.stand import Settings, Stand, SystemName
from medmost_stand.world import World
from stand.tiny import tiny_world

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Names:
    """Where the two dialects differ for the same promise."""

    base: str
    rows: str
    version: str
    changed: str
    origin: str
    deleted: str
    since: str
    size: str
    search: str
    batch: str
    idempotency: str
    number: str


NAMES: dict[SystemName, Names] = {
    "emias": Names(
        "/api/v1", "items", "version", "updatedAt", "originId", "deletedAt", "updatedSince", "pageSize",
        ":search", ":batch", "Idempotency-Key", "policyNumber",
    ),
    "gosuslugi": Names(
        "/api/exchange/v1", "content", "редакция", "изменено", "внешнийИд", "удалено", "changedAfter", "size",
        "/search", "/batch", "X-Request-Id", "Номер полиса",
    ),
}  # fmt: skip


@dataclass(slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]  # names in any case
    raw: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.raw)

    @property
    def lines(self) -> list[Any]:
        return [orjson.loads(line) for line in self.raw.splitlines() if line]


@dataclass(slots=True)
class Client:
    """One system as seen by its registered client; `call` sends the right token and key unless told otherwise."""

    name: SystemName
    stand: Stand
    session: aiohttp.ClientSession
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> Names:
        return NAMES[self.name]

    @property
    def address(self) -> str:
        return self.stand.addresses[self.name]

    async def log_in(self) -> None:
        token = (await self.call("POST", "/stand/tokens", {"kind": "valid"})).json["access_token"]
        self.headers = {"Authorization": f"Bearer {token}"}
        if self.name == "emias":
            self.headers["X-API-Key"] = self.stand.credentials.emias_api_key

    async def call(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, **query: Any
    ) -> Reply:
        given = self.headers if headers is None else headers
        data = None if body is None else orjson.dumps(body)
        async with self.session.request(
            method, self.address + path, data=data, headers=given, params=query, allow_redirects=False
        ) as response:
            return Reply(response.status, response.headers, await response.read())

    async def list(self, collection: str, **query: Any) -> Reply:
        return await self.call("GET", f"{self.names.base}/{collection}", **query)

    async def get(self, collection: str, record_id: str) -> Reply:
        return await self.call("GET", self._one(collection, record_id))

    async def create(self, collection: str, body: Body, key: str | None = None) -> Reply:
        extra = {} if key is None else {self.names.idempotency: key}
        return await self.call("POST", f"{self.names.base}/{collection}", body, self.headers | extra)

    async def put(self, collection: str, record_id: str, body: Body, version: int | None) -> Reply:
        extra = {} if version is None else {"If-Match": f'"{version}"'}
        return await self.call("PUT", self._one(collection, record_id), body, self.headers | extra)

    async def delete(self, collection: str, record_id: str, version: int | None = None) -> Reply:
        extra = {} if version is None else {"If-Match": f'"{version}"'}
        return await self.call("DELETE", self._one(collection, record_id), None, self.headers | extra)

    async def act(self, method: str, path: str, body: Body | None = None) -> Reply:
        """What a person does at this system's own screen."""
        return await self.call(method, f"/stand/act/{path}", body)

    async def effects(self) -> list[Body]:
        return (await self.call("GET", "/stand/effects")).lines

    async def faults(self, *rules: Body) -> None:
        reply = await self.call("PUT", "/stand/faults", {"rules": list(rules)})
        assert reply.status == 200, reply.raw.decode()

    def _one(self, collection: str, record_id: str) -> str:
        return f"{self.names.base}/{collection}/{quote(record_id)}"


@dataclass(slots=True)
class Running:
    """`clients` are logged in already."""

    stand: Stand
    clients: dict[SystemName, Client]

    def __getitem__(self, name: SystemName) -> Client:
        return self.clients[name]


@asynccontextmanager
async def running_stand(
    world: Callable[[], World] | None = tiny_world, only: SystemName | None = None, **settings: Any
) -> AsyncIterator[Running]:
    """A stand over the tiny world, or over `world`; None asks for the synthetic one of `people` and `seed`."""
    ports: dict[SystemName, int] = {"gosuslugi": 0, "emias": 0}
    stand = Stand(Settings(ports=ports, only=only, world=world, **settings))
    await stand.start()
    try:
        async with aiohttp.ClientSession() as session:
            clients = {name: Client(name, stand, session) for name in stand.ends}
            for client in clients.values():
                await client.log_in()
            yield Running(stand, clients)
    finally:
        await stand.stop()
