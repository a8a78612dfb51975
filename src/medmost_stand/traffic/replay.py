"""A recording as a stand: answers calls with what was answered to the likest call of the recording.

A call is met by method, path and the names of its query; of several recorded ones that share most of query and body
is taken, unused ones first, so that what was asked twice is told in its order and the last answer is told again.
What the recorded call said of itself and the answer repeated (an origin id) is repeated of the present call.
"""

from __future__ import annotations

import base64
import copy
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import orjson
from aiohttp import web

from medmost_stand.traffic.tape import TOKENS, Exchange, public_path, public_query

_Key = tuple[str, str, tuple[str, ...]]


@dataclass(slots=True)
class _Kept:
    exchange: Exchange
    leaves: set[tuple[str, Any]]
    used: int = 0


class Replay:
    """`missed` names the calls that nothing was recorded for; they are answered 501."""

    def __init__(self, exchanges: Sequence[Exchange]) -> None:
        self._kept: dict[_Key, list[_Kept]] = defaultdict(list)
        for one in exchanges:
            self._kept[_key(one.method, one.path, one.query)].append(_Kept(one, _all_leaves(one.query, one.body)))
        self.answered = 0
        self.missed: list[str] = []

    def app(self) -> web.Application:
        """Serves the recorded addresses, and `GET /stand/replay`: what was asked for so far."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_get("/stand/replay", self._report)
        app.router.add_route("*", "/{path:.*}", self._serve)
        return app

    async def _report(self, _: web.Request) -> web.Response:
        told = {"answered": self.answered, "missed": self.missed}
        return web.Response(body=orjson.dumps(told), content_type="application/json")

    async def _serve(self, request: web.Request) -> web.Response:
        raw, _, text = request.raw_path.partition("?")
        path, query = public_path(raw, None), public_query(text, None)
        body = _parsed(await request.read())
        key = _key(request.method, path, query)
        if key not in self._kept:
            self.missed.append(f"{request.method} {path}")
            told = {"code": "not_recorded", "message": f"В записи нет ответа на {request.method} {path}"}
            return web.Response(status=501, body=orjson.dumps(told), content_type="application/json")
        self.answered += 1
        kept = self._likest(self._kept[key], _all_leaves(query, body))
        kept.used += 1
        return _answer(kept.exchange, body)

    @staticmethod
    def _likest(recorded: list[_Kept], asked: set[tuple[str, Any]]) -> _Kept:
        last = recorded[-1]
        return max(recorded, key=lambda one: (len(one.leaves & asked), -one.used, one is last and one.used > 0))


def _key(method: str, path: str, query: Sequence[tuple[str, str]]) -> _Key:
    return method, path, tuple(sorted({name for name, _ in query}))


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body) if body else None
    except orjson.JSONDecodeError:
        return None


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}/{name}")
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _leaves(inner, f"{path}/{place}")
    else:
        yield path, value


def _all_leaves(query: Sequence[tuple[str, str]], body: Any) -> set[tuple[str, Any]]:
    return {(f"?{name}", value) for name, value in query} | set(_leaves(body))


def _answer(exchange: Exchange, body: Any) -> web.Response:
    headers = {name: value for name, value in exchange.answer_headers.items() if name != "content-type"}
    if "location" in headers:
        headers["location"] = quote(urlsplit(headers["location"]).path)
    if exchange.answer is None:
        return web.Response(status=exchange.status, headers=headers)
    if isinstance(exchange.answer, dict) and "$bytes" in exchange.answer:
        return web.Response(status=exchange.status, headers=headers, body=b" " * exchange.answer["$bytes"])
    answer = _echoed(copy.deepcopy(exchange.answer), dict(_leaves(exchange.body)), dict(_leaves(body)))
    for name in TOKENS:
        if isinstance(answer, dict) and isinstance(answer.get(name), dict):
            answer[name] = token(answer[name].get("$token"))
    return web.Response(
        status=exchange.status, headers=headers, body=orjson.dumps(answer), content_type="application/json"
    )


def _echoed(answer: Any, recorded: dict[str, Any], asked: dict[str, Any]) -> Any:
    """What the answer repeats of the recorded call, it repeats of this one."""
    if not isinstance(answer, dict):
        return answer
    for path, old in recorded.items():
        new, name = asked.get(path, old), path.removeprefix("/")
        if new != old and "/" not in name and answer.get(name) == old:
            answer[name] = new
    return answer


def token(life: int | None) -> str:
    """A made-up token that lives from now on: a JWT where a JWT was recorded. Its signature is none."""
    now = int(time.time())
    claims = {"iat": now, "nbf": now, "exp": now + (life or 3600), "iss": "replay"}
    parts = (orjson.dumps({"alg": "none", "typ": "JWT"}), orjson.dumps(claims), b"replay")
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
