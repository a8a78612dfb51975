"""A proxy in front of a real system: passes calls on unchanged and writes them down masked."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from medmost_stand.traffic import tape
from medmost_stand.traffic.masking import Mask

_HOP = frozenset(
    """connection keep-alive proxy-authenticate proxy-authorization te trailer transfer-encoding upgrade host
    content-length content-encoding accept-encoding""".split()
)
"""Headers of one hop (RFC 9110 §7.6.1), and those that the proxy's own client sets."""
LARGEST = 64 * 1024 * 1024


class Recorder:
    """`upstream` is the real address. The file is appended to after each answer; it never holds what is not masked."""

    def __init__(self, upstream: str, path: Path, mask: Mask, system: str = "") -> None:
        self._upstream = upstream.rstrip("/")
        self._mask = mask
        self._path = path
        self._lock = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None
        self.recorded = 0
        self._system = system or str(urlsplit(upstream).port or "")

    def app(self) -> web.Application:
        """Serves every address of the upstream."""
        app = web.Application(client_max_size=LARGEST)
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        app.on_startup.append(self._open)
        app.on_cleanup.append(self._close)
        return app

    async def _open(self, _: web.Application) -> None:
        self._session = aiohttp.ClientSession(auto_decompress=True)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.touch(mode=0o600)
        self._path.write_bytes(tape.head(self._system))

    async def _close(self, _: web.Application) -> None:
        if self._session is not None:
            await self._session.close()

    async def _pass_on(self, request: web.Request) -> web.Response:
        if self._session is None:
            raise web.HTTPServiceUnavailable
        body = await request.read()
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        target = self._upstream + request.raw_path
        async with self._session.request(
            request.method, target, data=body or None, headers=headers, allow_redirects=False
        ) as answer:
            whole = await answer.read()
            given = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP}
            status = answer.status
        path, _, query = request.raw_path.partition("?")
        exchange = tape.masked(self._mask, request.method, path, query, headers, body, status, given, whole)
        async with self._lock:
            await asyncio.to_thread(self._append, tape.line(exchange))
        self.recorded += 1
        return web.Response(status=status, headers=given, body=whole)

    def _append(self, line: bytes) -> None:
        with self._path.open("ab") as file:
            file.write(line)
