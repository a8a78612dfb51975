"""Both ends over real sockets, with the verbs of the stand's admin surface (contracts §2)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import aiohttp
import msgspec
import orjson

from medmost.domain.kinds import SHIPPED
from medmost.domain.record import Doc, Observation, Side
from medmost.systems.clock import MachineClock
from medmost.systems.connect import connect_emias, connect_gosuslugi
from medmost.systems.contract import Page, System
from medmost.systems.settings import EmiasSettings, GosuslugiSettings
from medmost_stand.stand import Settings, Stand
from medmost_stand.world import World, build_world

COLLECTIONS = {kind: {"policy": "policies"}.get(kind, f"{kind}s") for kind in SHIPPED}
TODAY = date(2026, 11, 23)
NUMBER = {Side.GOSUSLUGI: "Номер полиса", Side.EMIAS: "policyNumber"}
PHONE = {Side.GOSUSLUGI: "Телефон", Side.EMIAS: "phone"}
STAMP = {Side.GOSUSLUGI: "изменено", Side.EMIAS: "updatedAt"}
VERSION = {Side.GOSUSLUGI: "редакция", Side.EMIAS: "version"}
ORIGIN = {Side.GOSUSLUGI: "внешнийИд", Side.EMIAS: "originId"}
OWN_FIELD = {Side.GOSUSLUGI: "Примечание портала", Side.EMIAS: "ehrId"}


class MemoryVault:
    def __init__(self) -> None:
        self.secrets: dict[str, bytes | None] = {}

    async def load(self, name: str) -> bytes | None:
        return self.secrets.get(name)

    async def save(self, name: str, secret: bytes | None) -> None:
        self.secrets[name] = secret


def phone(side: Side, digits: int) -> str:
    text = f"{digits:07}"
    return f"+7(910){text}" if side is Side.GOSUSLUGI else f"+7910{text}"


@dataclass
class End:
    """One system of a running stand, and adapters that speak to it."""

    side: Side
    stand: Stand
    session: aiohttp.ClientSession
    vault: MemoryVault = field(default_factory=MemoryVault)
    adapters: list[System] = field(default_factory=list)

    @property
    def address(self) -> str:
        return self.stand.addresses[self.side.value]

    def adapter(self, **changes: Any) -> Any:
        """A fresh adapter; `changes` go over the settings."""
        keys, clock = self.stand.credentials, MachineClock()
        shared = (
            {"base_url": self.address, "environment": "stand", "in_flight": 16} | {"collections": COLLECTIONS} | changes
        )
        made: System
        if self.side is Side.GOSUSLUGI:
            own = {
                "api_key": keys.gosuslugi_api_key,
                "webhook_secret": keys.gosuslugi_webhook,
                "signer": keys.signer,
                "key": keys.gosuslugi_key,
                "certificate": keys.gosuslugi_certificate,
            }
            made = connect_gosuslugi(msgspec.convert(own | shared, GosuslugiSettings), self.vault, clock)
        else:
            own = {
                "client_id": "medmost",
                "client_secret": keys.emias_client_secret,
                "api_key": keys.emias_api_key,
                "webhook_secret": keys.emias_webhook,
            }
            made = connect_emias(msgspec.convert(own | shared, EmiasSettings), self.vault, clock)
        self.adapters.append(made)
        return made

    async def export(self, collection: str = "policies") -> dict[str, Doc]:
        rows = await self._lines(f"/stand/export/{collection}")
        return {row["id"]: row for row in rows}

    async def effects(self) -> list[Doc]:
        return await self._lines("/stand/effects")

    async def person(self, method: str, collection: str, ref: str | None = None, body: Doc | None = None) -> Doc:
        """What a person does at that system's own screen."""
        path = f"/stand/act/{collection}" + (f"/{ref}" if ref else "")
        async with self.session.request(method, self.address + path, json=body) as answer:
            assert answer.status < 300, await answer.text()
            return orjson.loads(await answer.read())

    async def faults(self, *rules: Doc) -> None:
        async with self.session.put(self.address + "/stand/faults", json={"rules": list(rules)}) as answer:
            assert answer.status == 200, await answer.text()

    async def calls(self) -> int:
        """Calls of medmost so far, token calls aside."""
        async with self.session.get(self.address + "/stand/calls") as answer:
            rows = orjson.loads(await answer.read())["calls"]
        return sum(row["count"] for row in rows if row["path"].startswith("/api/"))

    async def tokens(self, life: int | None = None) -> list[Any]:
        """Tokens issued so far; `life` in seconds of those issued from now on."""
        url = self.address + "/stand/tokens"
        made = self.session.get(url) if life is None else self.session.put(url, json={"life_seconds": life})
        async with made as answer:
            assert answer.status == 200, await answer.text()
            return orjson.loads(await answer.read())["issued"]

    async def shift_clock(self, seconds: float) -> None:
        async with self.session.post(self.address + "/stand/clock", json={"shift_seconds": seconds}) as answer:
            assert answer.status == 200, await answer.text()

    async def some_policy(self) -> Observation:
        """A live policy that was not planted as impossible."""
        planted = self.stand.ends[self.side.value].state.population.planted["policies"]
        odd = {ref for name in ("conflict", "invalid", "foreign") for ref in planted.get(name, [])}
        refs = [ref for ref in await self.export() if ref not in odd]
        found = await self.adapter().read("policy", refs[0])
        assert found is not None
        return found

    def copy_of(self, policy: Observation, number: int) -> Doc:
        """Another person's policy in the same form, without what the system writes."""
        assert policy.doc is not None
        own = ("id", VERSION[self.side], STAMP[self.side], ORIGIN[self.side])
        copy = {name: value for name, value in policy.doc.items() if name not in own}
        copy[NUMBER[self.side]] = f"77{number:014}"
        return copy

    async def _lines(self, path: str) -> list[Doc]:
        async with self.session.get(self.address + path) as answer:
            assert answer.status == 200, await answer.text()
            return [orjson.loads(line) for line in (await answer.read()).splitlines() if line]


@asynccontextmanager
async def running(side: Side, world: Callable[[], World] | None = None, **settings: Any) -> AsyncIterator[End]:
    """A stand of one system on a free port, with forty people unless a world is given."""
    given = world or (lambda: build_world(40, 7, TODAY))
    stand = Stand(Settings(ports={"gosuslugi": 0, "emias": 0}, only=side.value, world=given, **settings))
    await stand.start()
    try:
        async with aiohttp.ClientSession() as session:
            end = End(side, stand, session)
            try:
                yield end
            finally:
                for adapter in end.adapters:
                    await adapter.close()
    finally:
        await stand.stop()


async def read_all(pages: AsyncIterator[Page]) -> tuple[dict[str, int], Page]:
    """The newest version seen of each record, and the last page."""
    seen: dict[str, int] = {}
    last: Page | None = None
    async for page in pages:
        for one in page.observations:
            seen[one.ref] = max(one.version, seen.get(one.ref, -1))
        last = page
    assert last is not None
    return seen, last
