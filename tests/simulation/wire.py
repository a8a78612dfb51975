"""The wire between medmost and the two systems: the real adapters send their requests here.

A request and its answer travel separately; each can be lost, late, or replaced. What has left arrives though its
sender is dead, unless it was lost itself.
"""

from __future__ import annotations

import asyncio
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import orjson

from medmost.systems.transport import HttpRequest, HttpResponse, NoAnswer
from simulation.model import EPOCH, Portal, parts

if TYPE_CHECKING:
    from simulation.town import Town

Reply = tuple[int, dict[str, str], bytes]


class Headers(dict[str, str]):
    """Looked up without regard to case, as the real transport's."""

    def __init__(self, given: dict[str, str]) -> None:
        super().__init__({name.lower(): value for name, value in given.items()})

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


class Wire:
    """The transport of one process to one system."""

    def __init__(self, town: Town, portal: Portal, owner: int) -> None:
        self.town, self.portal, self.owner = town, portal, owner
        self.loop = town.loop

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        town, loop = self.town, self.loop
        call, collection, ref = named(request)
        town.hash(f"{loop.now:.6f} {self.portal.side} {request.method} {call} {collection} {ref}")
        if town.dies(self.owner, f"before sending {call}"):
            await loop.create_future()
        fault = town.weather.for_call(call) or town.closed(self.portal.side, call, collection)
        if fault is not None:
            town.struck(fault, self.portal.side, collection, ref, request.body)
        out, back = town.travel(), town.travel()
        if fault == "slow":
            out, back = out + town.rng.random() * 15, back + town.rng.random() * 15
        future: asyncio.Future[Reply | NoAnswer] = loop.create_future()
        if fault == "no connection":
            loop.soon(min(3.0, request.timeout), settle, future, NoAnswer("no connection", arrived=False))
        elif fault == "request lost":
            loop.soon(out, settle, future, NoAnswer("reset", arrived=True))
        elif fault == "arrives after the loss":
            loop.soon(out, settle, future, NoAnswer("reset", arrived=True))
            loop.soon(
                out + town.rng.random() * min(15.0, request.timeout - out), self._arrive, None, request, None, 0.0
            )
        elif fault == "never answered" or out + back >= request.timeout:
            if fault != "never answered" or town.rng.random() < 0.7:
                loop.soon(min(out, request.timeout * 0.99), self._arrive, None, request, None, 0.0)
            loop.soon(request.timeout, settle, future, NoAnswer("timeout", arrived=True))
        else:
            loop.soon(out, self._arrive, future, request, fault, back)
        if town.dies(self.owner, f"after sending {call}"):
            await loop.create_future()
        reply = await future
        if town.dies(self.owner, f"at the answer to {call}"):
            await loop.create_future()
        if isinstance(reply, NoAnswer):
            raise reply
        status, headers, body = reply
        return HttpResponse(status, Headers(headers), body)

    async def close(self) -> None:
        return

    # ------------------------------------------------------------ in the world
    def _arrive(self, future: asyncio.Future[Any] | None, request: HttpRequest, fault: str | None, back: float) -> None:
        reply = self._instead(request, fault) if fault in INSTEAD else None
        if reply is None:
            path = request.url.partition("://")[2].partition("/")[2]
            reply = self.portal.handle(request.method, "/" + path, request.headers, request.body)
            reply = self._spoilt(reply, fault, request)
        if future is None:
            return
        answer: Reply | NoAnswer = NoAnswer("reset", arrived=True) if fault == "answer lost" else reply
        self.loop.soon(back, settle, future, answer)

    def _instead(self, request: HttpRequest, fault: str | None) -> Reply | None:
        """What comes back without the request having been looked at."""
        rng = self.town.rng
        if fault == "token revoked":
            self.portal.tokens.clear()
            return None
        if fault == "stale for no reason":
            status, code = (412, "SIM_VERSION_MISMATCH") if self.portal.side == "emias" else (409, "version_mismatch")
            body = {"error": {"code": code}} if self.portal.side == "emias" else {"code": code, "message": ""}
            return status, JSON, orjson.dumps(body)
        if fault in ("429", "429 with seconds", "429 with a date"):
            now = EPOCH + self.loop.now
            after = {"429": None, "429 with seconds": rng.choice(("0", "1", "7", "45", "-1", "soon")),
                     "429 with a date": formatdate(now + rng.choice((-60, 5, 30)), usegmt=True)}[fault]  # fmt: skip
            date = {"Date": formatdate(now, usegmt=True)}
            return 429, JSON | date | ({"Retry-After": after} if after is not None else {}), b"{}"
        if fault in ("500", "503", "writes closed", "one kind down"):
            status = 500 if fault == "500" else 503
            return status, JSON, b'{"error":{"code":"SIM_INTERNAL"},"code":"internal","message":"x"}'
        if fault == "redirect to a login":
            return 302, {"Location": "https://login.example/", "Content-Type": "text/html"}, b""
        if fault == "an error with 200" and request.method == "GET":
            return 200, JSON, b'{"error":{"code":"SIM_INTERNAL"},"code":"internal","message":"x"}'
        if fault == "HTML with 200" and request.method == "GET":
            return 200, {"Content-Type": "text/html"}, b"<html>maintenance</html>"
        return None

    def _spoilt(self, reply: Reply, fault: str | None, request: HttpRequest) -> Reply:
        """The true answer, damaged on its way."""
        status, headers, body = reply
        _, collection, ref = named(request)
        if fault == "500 after the effect":
            return 500, JSON, b"{}"
        if fault == "HTML with 200":
            return 200, {"Content-Type": "text/html"}, b"<html>maintenance</html>"
        if fault == "an error with 200":
            return 200, JSON, b'{"error":{"code":"SIM_INTERNAL"},"code":"internal","message":"x"}'
        if fault == "truncated":
            return status, headers, body[: len(body) * 2 // 3]
        if fault == "wrong type":
            return status, {**headers, "Content-Type": "text/plain"}, body
        if fault == "another person's record" and status in (200, 201):
            return status, headers, self.town.of_another(self.portal, collection, ref, body)
        if fault == "shorter than its total" and status == 200 and b'"content"' in body:
            page = orjson.loads(body)
            page["content"] = page["content"][: len(page["content"]) // 2]
            return status, headers, orjson.dumps(page)
        return reply


JSON = {"Content-Type": "application/json"}
INSTEAD = {
    "token revoked", "stale for no reason", "429", "429 with seconds", "429 with a date", "500", "503", "writes closed",
    "one kind down", "redirect to a login", "an error with 200", "HTML with 200",
}  # fmt: skip


def settle(future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():
        future.set_result(value)


def named(request: HttpRequest) -> tuple[str, str, str]:
    """What kind of call a request is, its collection, and the record it names."""
    path = "/" + request.url.partition("://")[2].partition("/")[2]
    bare, _, query = path.partition("?")
    if "/oauth/" in bare or "/esia-rs/" in bare:
        return "token", "", ""
    if bare.startswith("/api/gusmev/order/"):
        return "read", "requests", bare.rpartition("/")[2]
    steps = parts(bare, "/api/exchange/v1" if bare.startswith("/api/exchange") else "/api/v1")
    collection, _, verb = steps[0].partition(":")
    if collection == "subscriptions":
        return "subscribe", "", ""
    if verb == "search" or (len(steps) == 2 and steps[1] == "search") or "origin=" in query:
        return "look", collection, ""
    if len(steps) == 2:
        return {"GET": "read", "PUT": "put", "DELETE": "delete"}[request.method], collection, steps[1]
    return ("create" if request.method == "POST" else "page"), collection, ""
