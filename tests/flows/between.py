"""Something between medmost and a system that passes everything on, except what a test has it spoil."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import aiohttp
import orjson
from aiohttp import web
from yarl import URL

from flows.running import Body

HOP = frozenset(("connection", "transfer-encoding", "content-length", "content-encoding", "keep-alive", "host"))
Edit = Callable[[Body], Body]


@dataclass
class Canned:
    """An answer given in place of the system's; the request never reaches it."""

    method: str
    path: str  # as in a shell, `/api/v1/policies/*`
    status: int
    body: bytes
    content_type: str = "application/json"
    given: int = 0


@dataclass
class Between:
    """`url` is what medmost is told; `edits` change records on their way to it, by their id."""

    url: str
    target: str
    canned: list[Canned] = field(default_factory=list)
    edits: dict[str, Edit] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)  # as they came, query and all

    def answer(self, method: str, path: str, status: int, body: Any, content_type: str = "application/json") -> Canned:
        """From now on such calls get this answer. `body`: bytes, or what is sent as JSON."""
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        self.canned.append(Canned(method, path, status, raw, content_type))
        return self.canned[-1]

    def mend(self) -> None:
        """Nothing is spoiled any more."""
        self.canned.clear()
        self.edits.clear()

    def edited(self, raw: bytes) -> bytes:
        if not self.edits:
            return raw
        try:
            whole = orjson.loads(raw)
        except orjson.JSONDecodeError:
            return raw
        if not isinstance(whole, dict):
            return raw
        for name in ("items", "content"):
            if isinstance(whole.get(name), list):
                whole[name] = [self._one(item) for item in whole[name]]
        return orjson.dumps(self._one(whole))

    def _one(self, item: Any) -> Any:
        edit = self.edits.get(str(item.get("id"))) if isinstance(item, dict) else None
        return item if edit is None else edit(dict(item))


async def _read(answer: aiohttp.ClientResponse) -> tuple[bytes, bool]:
    """What came, and whether that was all of it."""
    came = bytearray()
    try:
        async for part in answer.content.iter_any():
            came += part
    except aiohttp.ClientPayloadError:
        return bytes(came), False
    return bytes(came), True


async def _cut(request: web.Request, raw: bytes, promised: int, headers: dict[str, str]) -> web.StreamResponse:
    """A truncated answer stays truncated: less than was promised, then the connection ends."""
    answer = web.StreamResponse(headers=headers)
    answer.content_length = promised
    await answer.prepare(request)
    await answer.write(raw)
    if request.transport is not None:
        request.transport.close()
    return answer


@asynccontextmanager
async def between(target: str) -> AsyncIterator[Between]:
    """Serves on a free port until the block ends."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60), auto_decompress=True) as session:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        runner = web.AppRunner(app, access_log=None)
        here = Between("", target)

        async def pass_on(request: web.Request) -> web.StreamResponse:
            here.asked.append((request.method, request.path))
            here.urls.append(request.raw_path)
            for one in here.canned:
                if one.method == request.method and fnmatchcase(request.path, one.path):
                    one.given += 1
                    return web.Response(status=one.status, body=one.body, content_type=one.content_type)
            headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP}
            url = URL(target + request.raw_path, encoded=True)
            body = await request.read()
            async with session.request(
                request.method, url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP}
                raw, whole = await _read(answer)
                if whole:
                    return web.Response(status=answer.status, body=here.edited(raw), headers=kept)
                return await _cut(request, raw, answer.content_length or 0, kept)

        app.router.add_route("*", "/{path:.*}", pass_on)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        here.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield here
        finally:
            await runner.cleanup()
