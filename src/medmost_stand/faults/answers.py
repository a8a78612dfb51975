"""Effects on the call as a whole: it is late, refused by somebody in front, cut off, or answered by a page."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable

from aiohttp import web

from medmost_stand.faults.rules import Rule

Answer = Callable[[], Awaitable[web.StreamResponse]]
_HTML = "<!DOCTYPE html><title>Технические работы</title><p>Сервис временно недоступен</p>"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on with no seconds: close sends RST, socket(7)


async def status(rule: Rule, _: web.Request, __: Answer) -> web.StreamResponse:
    """Nothing is done; `code` and `retry_after` are answered."""
    code, wait = rule.given["code"], rule.given["retry_after"]
    headers = {} if wait is None else {"Retry-After": str(wait)}
    body = b'{"code":"internal_error","message":"fault"}' if code != 204 else None
    return web.Response(status=code, body=body, content_type="application/json", headers=headers)


async def html_200(_: Rule, __: web.Request, ___: Answer) -> web.StreamResponse:
    """Nothing is done; a page of maintenance stands where JSON should."""
    return web.Response(text=_HTML, content_type="text/html")


async def request_lost(_: Rule, request: web.Request, __: Answer) -> web.StreamResponse:
    """Nothing is done, the connection ends."""
    return _drop(request)


async def answer_lost(_: Rule, request: web.Request, answer: Answer) -> web.StreamResponse:
    """All is done, then the connection ends."""
    await answer()
    return _drop(request)


async def truncated(_: Rule, request: web.Request, answer: Answer) -> web.StreamResponse:
    """All is done; half of the answer leaves and the connection is closed in good order."""
    response = await answer()
    half = await _half(request, response)
    if half is not None and request.transport is not None:
        request.transport.close()  # what was written still leaves, then the connection ends
    return half or response


async def reset(_: Rule, request: web.Request, answer: Answer) -> web.StreamResponse:
    """All is done; half of the answer leaves and the connection is reset (TCP RST)."""
    response = await answer()
    half = await _half(request, response)
    if half is not None and request.transport is not None:
        request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        request.transport.abort()
    return half or response


async def slow_drip(rule: Rule, request: web.Request, answer: Answer) -> web.StreamResponse:
    """All is done; the answer leaves `bytes` at a time with `ms` between them."""
    response = await answer()
    whole = _bytes(response)
    if not whole:
        return response
    drip = _headed(response, len(whole))
    size: int = rule.given["bytes"]
    try:
        await drip.prepare(request)
        for start in range(0, len(whole), size):
            await drip.write(whole[start : start + size])
            await asyncio.sleep(rule.given["ms"] / 1000)
    except ConnectionError:
        return drip  # the client gave up: that is what the fault is for
    return drip


async def _half(request: web.Request, response: web.StreamResponse) -> web.StreamResponse | None:
    whole = _bytes(response)
    if len(whole) < 2:
        return None
    cut = _headed(response, len(whole))
    await cut.prepare(request)
    await cut.write(whole[: len(whole) // 2])
    return cut


def _bytes(response: web.StreamResponse) -> bytes:
    body = response.body if isinstance(response, web.Response) else None
    return body if isinstance(body, bytes) else b""


def _headed(response: web.StreamResponse, length: int) -> web.StreamResponse:
    made = web.StreamResponse(status=response.status, headers={"Content-Type": "application/json"})
    made.content_length = length
    return made


def _drop(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=499)
