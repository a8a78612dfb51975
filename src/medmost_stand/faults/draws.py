"""The rules of one system, and what they do to one call or one webhook."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from medmost_stand.dialect import Body
from medmost_stand.faults.rules import Rule
from medmost_stand.faults.table import EFFECTS, HOOK_EFFECTS
from medmost_stand.faults.twists import OPERATIONS, Reply, Twist

if TYPE_CHECKING:
    from medmost_stand.api import Call
    from medmost_stand.system import System


class Faults:
    """The rules of one system, in the order they were put."""

    def __init__(self, system: System) -> None:
        self.rules: list[Rule] = []
        self.revoke_tokens: Callable[[], None] = lambda: None
        self._system = system

    def draw(self, method: str, path: str, collection: str, *, named_only: bool = False) -> Draw:
        """The rules that meet one call: every latency, the first of those that replace the answer, every one
        that changes what is said. `named_only` keeps out rules that name no path."""
        draw = Draw(self.revoke_tokens)
        for rule in self.rules:
            effect = EFFECTS[rule.effect]
            if not rule.matches(method, path, collection) or (named_only and rule.path is None):
                continue
            if effect.twist is not None:
                if collection in self._system.shelves:
                    draw.twists.append(effect.twist(rule, self._system, collection))
            elif rule.effect not in HOOK_EFFECTS and (rule.effect == "latency" or draw.rule is None) and rule.fires():
                if rule.effect == "latency":
                    draw.latency += rule.given["ms"] / 1000
                else:
                    draw.rule = rule
        return draw

    def draw_hooks(self, collection: str) -> list[Rule]:
        """The webhook rules that fire for one message."""
        return [
            rule
            for rule in self.rules
            if rule.effect in HOOK_EFFECTS and rule.collection in (None, collection) and rule.fires()
        ]

    def told(self, collection: str, message: Body) -> Body:
        """A webhook's body as the rules that name no method and no path show the record inside."""
        for rule in self.rules:
            twist = EFFECTS[rule.effect].twist
            inside = message.get("record")
            if twist is None or not twist.hooks or rule.method or rule.path or not isinstance(inside, dict):
                continue
            one = twist(rule, self._system, collection)
            reply = Reply(200, {}, inside)
            if rule.collection in (None, collection) and one.touches(reply) and rule.fires():
                one.show(reply)
                version = self._system.dialect.version_field
                message = message | {"record": reply.doc, "version": reply.doc.get(version, message["version"])}
        return message


class Draw:
    """What happens to one call."""

    def __init__(self, revoke_tokens: Callable[[], None]) -> None:
        self.revoke_tokens = revoke_tokens
        self.latency = 0.0
        self.rule: Rule | None = None
        self.twists: list[Twist] = []
        self._fired: list[Twist] = []

    async def spoil(
        self, request: web.Request, answer: Callable[[], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """The answer after the fault. A delayed answer is delayed after its effect: that is the nasty case."""

        async def late() -> web.StreamResponse:
            response = self.shown(request, await answer())
            await asyncio.sleep(self.latency)
            return response

        effect = None if self.rule is None else EFFECTS[self.rule.effect]
        if self.rule is None or effect is None or effect.answer is None:
            if self.rule is not None:  # token-expired
                self.revoke_tokens()
            return await late()
        if effect.nothing_done:
            await asyncio.sleep(self.latency)
        return await effect.answer(self.rule, request, late)

    def taken(self, call: Call) -> Call:
        """The call as the handler gets it, once the caller is let in."""
        for twist in self.twists:
            if twist.early and twist.meets(call) and twist.rule.fires():
                self._fired.append(twist)
            if not twist.early or twist in self._fired:
                call = twist.call(call)
        return replace(call, take=self._take) if self.twists else call

    def _take(self, call: Call, body: Body) -> Body:
        for twist in self.twists:
            if twist.early and twist not in self._fired:
                continue
            body = _each_record(twist.take_whole(body), call.request.match_info.get("id"), twist)
        return body

    def shown(self, request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
        """The answer as the caller gets it."""
        if not self.twists or not isinstance(response, web.Response) or response.content_type != "application/json":
            return response
        doc = orjson.loads(response.body) if isinstance(response.body, bytes) and response.body else None
        if not isinstance(doc, dict):
            return response
        nested = isinstance(doc.get("order"), str)  # the order API hands an order over as JSON inside a string
        if nested:
            doc["order"] = orjson.loads(doc["order"])
        headers = {name: value for name, value in response.headers.items() if not name.startswith("Content-")}
        reply = Reply(response.status, headers, doc, request.method)
        for twist in reversed(self.twists):
            if twist in self._fired or (not twist.early and twist.touches(reply) and twist.rule.fires()):
                twist.show(reply)
        if nested:
            reply.doc["order"] = orjson.dumps(reply.doc["order"]).decode()
        body = orjson.dumps(reply.doc)
        return web.Response(body=body, status=reply.status, content_type="application/json", headers=reply.headers)


def _each_record(body: Body, record_id: str | None, twist: Twist) -> Body:
    """The twist's reading of a record or key, or of each record in a batch."""
    name = next((name for name in OPERATIONS if isinstance(body.get(name), list)), None)
    if name is None:
        return twist.take(body, record_id)
    rows: list[Any] = [
        row | {"record": twist.take(row["record"], row.get("id"))}
        if isinstance(row, dict) and isinstance(row.get("record"), dict)
        else row
        for row in body[name]
    ]
    return body | {name: rows}
