"""Routes as data, and the one way a call goes through: faults, token, limit, handler, refusal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from medmost_stand.dialect import Body
from medmost_stand.faults import Draw, Faults
from medmost_stand.limits import CallLimit
from medmost_stand.refusal import Reason, Refusal

Security = Literal["open", "token", "session", "account", "loopback"]
_ANYWHERE = "/{unknown:(?s:.*)}"
NEVER_FAULTY = ("/health", "/openapi.json")
MAX_BODY_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Call:
    """One request on its way to a handler: who calls, and about which collection."""

    request: web.Request
    client: str
    collection: str
    take: Callable[[Call, Body], Body] | None = None  # a fault's reading of the body
    shift: int = 0  # rows by which a fault moves the beginning of a page
    miscount: int = 0  # rows by which a fault makes the list longer than it is

    @property
    def id(self) -> str:
        """The record id in the path."""
        return self.request.match_info["id"]

    async def json(self) -> Body:
        """The body as a JSON object; Refusal BAD_REQUEST or TOO_LARGE."""
        try:
            raw = await self.request.read()
            body = orjson.loads(raw)
        except web.HTTPRequestEntityTooLarge:
            raise Refusal(Reason.TOO_LARGE, f"Тело запроса больше {MAX_BODY_BYTES} байт") from None
        except orjson.JSONDecodeError:
            raise Refusal(Reason.BAD_REQUEST, "Тело запроса не разбирается как JSON") from None
        if not isinstance(body, dict):
            raise Refusal(Reason.BAD_REQUEST, "Тело запроса должно быть объектом JSON")
        return body if self.take is None else self.take(self, body)

    async def form(self) -> Mapping[str, object]:
        """The fields of a form; Refusal BAD_REQUEST for a body that cannot be read as one."""
        try:
            return await self.request.post()
        except (ValueError, LookupError, HttpProcessingError, web.HTTPException):
            raise Refusal(Reason.BAD_REQUEST, "Тело запроса не разбирается как форма") from None


Handler = Callable[[Call], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a call as the OpenAPI names it; those of the path are found by themselves."""

    name: str
    where: Literal["query", "header"]
    description: str
    required: bool = False
    schema: dict[str, Any] = field(default_factory=lambda: {"type": "string"})


@dataclass(frozen=True, slots=True)
class Route:
    """One call of a system: the same row registers the handler and describes it in the OpenAPI."""

    method: str
    path: str
    handler: Handler
    summary: str
    security: Security = "token"
    collection: str = ""
    parameters: tuple[Parameter, ...] = ()
    body: dict[str, Any] | None = None
    answers: dict[int, str] = field(default_factory=dict)
    body_type: str = "application/json"
    answer_type: str = "application/json"  # of a page: text/html, its refusals included
    schemas: dict[int, dict[str, Any]] = field(default_factory=dict)  # of the JSON bodies of some answers
    gate: Callable[[web.Request], str] | None = None  # in place of the system's own gate and limit


@dataclass(frozen=True, slots=True)
class Doors:
    """What a system puts in front of its handlers."""

    refused: Callable[[Refusal], web.Response]
    gate: Callable[[web.Request], str]
    session: Callable[[web.Request], str] | None
    account: Callable[[web.Request], str] | None
    faults: Faults
    limit: CallLimit | None
    calls: Counter[tuple[str, str, int]]


def json_response(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """JSON that is already bytes."""
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


async def _say_what_this_is(_: web.Request, response: web.StreamResponse) -> None:
    """Every answer tells that this is a stand, whatever became of it on the way: no one takes it for the real thing."""
    response.headers["X-Environment"] = "stand"


def mount(routes: Sequence[Route], doors: Doors) -> web.Application:
    """An application that serves these routes and answers unknown addresses in the system's own words."""
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app.on_response_prepare.append(_say_what_this_is)
    for route in routes:
        app.router.add_route(route.method, route.path, _served(route, doors))
    known = list(app.router.resources())

    # A last route, not a middleware: a middleware would cost every call a fifth of its time.
    async def unknown(request: web.Request) -> web.StreamResponse:
        allowed: set[str] = set()
        for resource in known:
            _, methods = await resource.resolve(request)
            allowed |= methods
        if not allowed:
            return doors.refused(Refusal(Reason.NO_SUCH_ADDRESS, "Такого адреса нет, см. /openapi.json"))
        names = ", ".join(sorted(allowed))
        return doors.refused(Refusal(Reason.WRONG_METHOD, f"Здесь можно: {names}", headers={"Allow": names}))

    app.router.add_route("*", _ANYWHERE, unknown)
    return app


def _served(route: Route, doors: Doors) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    name = route.path
    # Logging in and pages meet only rules that name their path: a rule about records leaves tokens alone.
    faulty = route.security != "loopback" and route.path not in NEVER_FAULTY
    named_only = route.security != "token"

    async def serve(request: web.Request) -> web.StreamResponse:
        if faulty and doors.faults.rules:
            draw = doors.faults.draw(route.method, request.path, route.collection, named_only=named_only)
            response = await draw.spoil(request, lambda: answer(request, draw))
        else:
            response = await answer(request, None)
        doors.calls[route.method, name, response.status] += 1
        return response

    async def answer(request: web.Request, draw: Draw | None) -> web.StreamResponse:
        try:
            client = _let_in(route, doors, request)
            call = Call(request, client, route.collection)
            return await route.handler(call if draw is None else draw.taken(call))
        except Refusal as refusal:
            return doors.refused(refusal)

    return serve


def _let_in(route: Route, doors: Doors, request: web.Request) -> str:
    if route.security == "open":
        return ""
    if route.security == "loopback":
        if request.remote not in ("127.0.0.1", "::1"):
            raise Refusal(Reason.NOT_ALLOWED, "Служебные адреса стенда доступны только с этой машины")
        return ""
    if route.security == "session" and doors.session is not None:
        return doors.session(request)
    if route.security == "account" and doors.account is not None:
        return doors.account(request)
    if route.gate is not None:
        return route.gate(request)
    if doors.limit is not None:
        doors.limit.take()
    return doors.gate(request)
