"""A person's desk at one system: what life and `/stand/act` do goes through the system's own rules."""

from __future__ import annotations

import random

import orjson

from medmost_stand.dialect import Body
from medmost_stand.effects import Actor
from medmost_stand.gosuslugi.order_rules import Orders
from medmost_stand.records import Record
from medmost_stand.refusal import Reason, Refusal
from medmost_stand.rules import PERSON
from medmost_stand.system import System


class PersonDesk:
    """`orders` is given at Gosuslugi, where a request is an order of the portal."""

    def __init__(self, system: System, orders: Orders | None, seed: int) -> None:
        self._system = system
        self._orders = orders
        self._rng = random.Random(seed)
        self._actor = Actor(PERSON)

    def sample(self, collection: str) -> tuple[str, Body] | None:
        """A live record by chance, by the desk's own generator."""
        record = self._system.shelves[collection].sample(self._rng)
        return None if record is None else (record.id, record.fields())

    def find(self, collection: str, **equal: object) -> list[tuple[str, Body]]:
        """Live records whose fields (paths) have exactly these values."""
        found = self._system.shelves[collection].equal(equal)
        return [(record.id, record.fields()) for record in found]

    async def act(self, method: str, collection: str, record_id: str | None, body: Body | None) -> tuple[int, Body]:
        """One act; a refusal by the rules comes back as its status and error body."""
        dialect = self._system.dialect
        try:
            record = self.do(method, collection, record_id, body or {}, None)
        except Refusal as refusal:
            return dialect.refusal_status(refusal), dialect.refusal_body(refusal)
        await self._system.storage.committed()
        created = method in ("POST", "MOVE")
        return (201 if created else 200), orjson.loads(dialect.exported(record))

    def do(self, method: str, collection: str, record_id: str | None, body: Body, expected: int | None) -> Record:
        """The act itself; raises Refusal. The caller awaits the storage."""
        system = self._system
        if method == "POST":
            if collection == "requests" and self._orders is not None:
                return self._orders.submit(body, self._actor)
            return system.create(collection, body, self._actor)
        if record_id is None:
            raise Refusal(Reason.BAD_REQUEST, "Не указана запись", "id")
        if method == "PUT":
            if collection == "requests" and self._orders is not None:
                return self._orders.act_on(record_id, body, expected, self._actor)
            return system.replace(collection, record_id, body, expected, self._actor)
        if method == "DELETE":
            return system.delete(collection, record_id, expected, self._actor)
        if method == "MOVE" and collection == "visits" and system.dialect.visit.keeps_grid:
            return system.move(record_id, body, expected, self._actor)
        raise Refusal(Reason.WRONG_METHOD, "Можно POST, PUT, DELETE; переносит записи на приём только ЕМИАС", "method")
