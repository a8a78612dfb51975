"""One HTTP request, one answer. The only place that opens sockets; tests and the simulation put their own here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import aiohttp
import msgspec

LARGEST_BODY = 32 * 1024 * 1024
"""Bytes of one answer: a page of a thousand records is under 5 MB; anything above this is not a page."""


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    method: str
    url: str  # quoted
    headers: dict[str, str]
    body: bytes | None
    timeout: float  # seconds, for all of it


class HttpResponse(msgspec.Struct, frozen=True):
    status: int
    headers: Mapping[str, str]  # looked up without regard to case
    body: bytes


class NoAnswer(Exception):
    """No whole answer. `arrived` is False only where no connection was made. The text never holds data."""

    def __init__(self, cause: str, *, arrived: bool) -> None:
        super().__init__(cause)
        self.arrived = arrived


class Transport(Protocol):
    async def __call__(self, request: HttpRequest) -> HttpResponse:
        """Raises NoAnswer and nothing else."""
        ...

    async def close(self) -> None: ...


class AiohttpTransport:
    """aiohttp with one pool per system: no redirects, environment proxies, cookies or hidden repeats."""

    def __init__(self, *, connections: int, connect: float) -> None:
        self._connections = connections
        self._connect = connect
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        session = self._opened()
        timeout = aiohttp.ClientTimeout(total=request.timeout, connect=None, sock_connect=self._connect)
        try:
            async with session.request(
                request.method,
                request.url,
                data=request.body,
                headers=request.headers,
                allow_redirects=False,
                timeout=timeout,
            ) as response:
                return HttpResponse(response.status, response.headers, await _body(response))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise NoAnswer(type(error).__name__, arrived=False) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NoAnswer(type(error).__name__, arrived=True) from None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=True,
            )
            # aiohttp sends a PUT or DELETE again by itself when a kept connection drops; a lost answer would then
            # come back as a version conflict with ourselves. There is no public switch (3.14).
            session._retry_connection = False
            self._session = session
        return self._session


async def _body(response: aiohttp.ClientResponse) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > LARGEST_BODY:
            response.close()
            raise NoAnswer("body too large", arrived=True)
        parts.append(part)
    return b"".join(parts)
