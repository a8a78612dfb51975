"""EMIAS as a `System`: REST with page tokens, ETags and idempotency keys (contracts §2)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from medmost.domain.record import Doc, Observation, Side
from medmost.systems.contract import Accepted, Cursor, Health, Page, Write
from medmost.systems.emias.changes import Changes
from medmost.systems.emias.wire import NAMES
from medmost.systems.health import Pulse
from medmost.systems.http import Answer, Call, Http, encoded
from medmost.systems.items import body_of, items, observation, told
from medmost.systems.limits import Operation
from medmost.systems.paths import query, segment
from medmost.systems.settings import EmiasSettings
from medmost.systems.timekeeping import Timekeeper
from medmost.systems.tokens import TokenKeeper


class Emias:
    """Every call but a list ends within `settings.deadline` seconds, token renewals and waiting included."""

    side = Side.EMIAS

    def __init__(self, http: Http, settings: EmiasSettings, tokens: TokenKeeper) -> None:
        self._http = http
        self._settings = settings
        time = Timekeeper(http.clock)
        self._changes = Changes(http, settings, time)
        self._pulse = Pulse(http, tokens, time)

    async def changes(self, kind: str, cursor: Cursor | None) -> AsyncIterator[Page]:
        async for docs, after in self._changes.pages(kind, cursor):
            yield Page(tuple(observation(self.side, NAMES, kind, doc) for doc in docs), after)

    async def everything(self, kind: str) -> AsyncIterator[Page]:
        async for docs, after in self._changes.pages(kind, None, chase=True):
            yield Page(tuple(observation(self.side, NAMES, kind, doc) for doc in docs), after)

    async def read(self, kind: str, ref: str) -> Observation | None:
        answer = await self._call("read", "GET", kind, ref=ref, ok=(200, 404))
        return None if answer.status == 404 else self._record(kind, answer)

    async def write(self, write: Write) -> Observation | Accepted:
        body = body_of(NAMES, write.doc)
        headers = {"Idempotency-Key": write.key}
        if write.ref is None:
            if write.origin is not None:
                body[NAMES.origin] = write.origin
            answer = await self._call("write", "POST", write.kind, body=body, headers=headers, ok=(200, 201, 202))
        else:
            headers["If-Match"] = f'"{write.expected}"'
            answer = await self._call(
                "write", "PUT", write.kind, ref=write.ref, body=body, headers=headers, ok=(200, 202)
            )
        return Accepted() if answer.status == 202 else self._record(write.kind, answer)

    async def delete(self, kind: str, ref: str, expected: int, key: str) -> Observation:
        headers = {"Idempotency-Key": key, "If-Match": f'"{expected}"'}
        return self._record(kind, await self._call("write", "DELETE", kind, ref=ref, headers=headers))

    async def find(self, kind: str, *, origin: str | None = None, natural: Doc | None = None) -> list[Observation]:
        if origin is not None:
            answer = await self._call("read", "GET", kind, parameters={"origin": origin})
        elif natural:
            answer = await self._call("read", "POST", kind, tail=":search", body=natural)
        else:
            return []
        docs = items(self.side, NAMES, answer.object(), "items")
        return [observation(self.side, NAMES, kind, doc) for doc in docs]

    def told(self, kind: str, record: Any) -> Observation | None:
        return told(self.side, NAMES, kind, record)

    async def subscribe(self, url: str, secret: str, collections: list[str]) -> None:
        path = self._settings.api_path + "/subscriptions"
        body = encoded({"url": url, "secret": secret, "collections": collections})
        ok = (200, 201)
        await self._http.call(
            Call(operation="write", method="POST", route=path, path=path, until=self._end(), body=body, ok=ok)
        )

    async def probe(self) -> Health:
        return await self._pulse.after(self._changes.probe(self._end()))

    def health(self) -> Health:
        return self._pulse.now()

    async def close(self) -> None:
        await self._http.close()

    async def _call(
        self,
        operation: Operation,
        method: str,
        kind: str,
        *,
        ref: str | None = None,
        tail: str = "",
        parameters: dict[str, str | int | None] | None = None,
        body: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        ok: tuple[int, ...] = (200,),
    ) -> Answer:
        base = f"{self._settings.api_path}/{self._settings.collections[kind]}"
        return await self._http.call(
            Call(
                operation=operation,
                method=method,
                route=base + ("/{id}" if ref is not None else "") + tail,
                path=base + (f"/{segment(ref)}" if ref is not None else "") + tail + query(parameters or {}),
                until=self._end(),
                headers=headers or {},
                body=None if body is None else encoded(body),
                ok=ok,
            )
        )

    def _record(self, kind: str, answer: Answer) -> Observation:
        return observation(self.side, NAMES, kind, answer.object())

    def _end(self) -> float:
        return self._http.clock.monotonic() + self._settings.deadline
