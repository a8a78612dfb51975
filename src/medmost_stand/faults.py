"""Faults put into a system on purpose (`PUT /stand/faults`): which calls they meet and what they do."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from aiohttp import web

from medmost_stand.refusal import Reason, Refusal

CALL_EFFECTS = ("latency", "status", "request-lost", "answer-lost", "truncated", "html-200", "token-expired")
HOOK_EFFECTS = ("webhook-duplicate", "webhook-shuffle", "webhook-forged", "webhook-lost")
_KNOWN = {
    "effect", "method", "path", "collection", "share", "count", "seed", "ms", "code", "retry_after", "times"
}  # fmt: skip
_HTML = "<!DOCTYPE html><title>Технические работы</title><p>Сервис временно недоступен</p>"


@dataclass(slots=True)
class Rule:
    """One fault; it fires on a matching call with probability `share`, at most `count` times."""

    effect: str
    method: str | None = None
    path: str | None = None
    collection: str | None = None
    share: float = 1.0
    count: int | None = None
    seed: int = 0
    ms: int = 200
    code: int = 503
    retry_after: int | None = None
    times: int = 1
    fired: int = 0
    rng: random.Random = field(default_factory=random.Random)

    def fires(self) -> bool:
        """Draws by the rule's own generator and counts a hit."""
        if self.count is not None and self.fired >= self.count:
            return False
        if self.share < 1 and self.rng.random() >= self.share:
            return False
        self.fired += 1
        return True

    def shown(self) -> dict[str, Any]:
        """The rule as it was put, with how often it fired."""
        names = [*sorted(_KNOWN - {"effect"}), "fired"]
        return {"effect": self.effect} | {n: getattr(self, n) for n in names if getattr(self, n) is not None}


def parse_rules(body: dict[str, Any]) -> list[Rule]:
    """The rules of a request body; Refusal BAD_REQUEST that names what is allowed."""
    rows = body.get("rules")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Refusal(Reason.BAD_REQUEST, 'Нужен объект {"rules": [...]}', "rules", status=400)
    return [_parse_rule(row) for row in rows]


def _parse_rule(row: dict[str, Any]) -> Rule:
    allowed = CALL_EFFECTS + HOOK_EFFECTS
    if row.get("effect") not in allowed:
        text = f"Неизвестное действие «{row.get('effect')}»; можно: {', '.join(allowed)}"
        raise Refusal(Reason.BAD_REQUEST, text, "effect", status=400)
    unknown = set(row) - _KNOWN
    if unknown:
        text = f"Неизвестные поля правила: {', '.join(sorted(unknown))}; можно: {', '.join(sorted(_KNOWN))}"
        raise Refusal(Reason.BAD_REQUEST, text, "rules", status=400)
    rule = Rule(**row)
    numbers = (rule.share, rule.ms, rule.code, rule.times, rule.count or 0, rule.retry_after or 0)
    if not all(isinstance(number, int | float) and number >= 0 for number in numbers):
        raise Refusal(Reason.BAD_REQUEST, "Числа правила не могут быть отрицательными", "rules", status=400)
    rule.rng = random.Random(rule.seed)
    return rule


class Faults:
    """The rules of one system."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self.revoke_tokens: Callable[[], None] = lambda: None

    def draw(self, method: str, path: str, collection: str) -> Draw:
        """The rules that fire for one call: every latency, and the first of the others."""
        draw = Draw(self.revoke_tokens)
        for rule in self.rules:
            if rule.effect not in CALL_EFFECTS or (rule.effect != "latency" and draw.rule is not None):
                continue
            if _matches(rule, method, path, collection) and rule.fires():
                if rule.effect == "latency":
                    draw.latency += rule.ms / 1000
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


def _matches(rule: Rule, method: str, path: str, collection: str) -> bool:
    return (
        rule.method in (None, method)
        and rule.collection in (None, collection)
        and (rule.path is None or fnmatchcase(path, rule.path))
    )


@dataclass(slots=True)
class Draw:
    """What happens to one call."""

    revoke_tokens: Callable[[], None]
    latency: float = 0.0
    rule: Rule | None = None

    async def spoil(
        self, request: web.Request, answer: Callable[[], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """The answer after the fault. A delayed answer is delayed after its effect: that is the nasty case."""
        effect = None if self.rule is None else self.rule.effect
        if effect == "token-expired":
            self.revoke_tokens()
        response = None if effect in ("request-lost", "status", "html-200") else await answer()
        if self.latency:
            await asyncio.sleep(self.latency)
        if effect == "status" and self.rule is not None:
            return _plain_status(self.rule)
        if effect == "html-200":
            return web.Response(text=_HTML, content_type="text/html")
        if effect == "answer-lost" or response is None:
            return _drop(request)
        if effect == "truncated":
            return await _cut(request, response)
        return response


def _drop(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=499)


def _plain_status(rule: Rule) -> web.Response:
    headers = {} if rule.retry_after is None else {"Retry-After": str(rule.retry_after)}
    body = b'{"code":"internal_error","message":"fault"}' if rule.code != 204 else None
    return web.Response(status=rule.code, body=body, content_type="application/json", headers=headers)


async def _cut(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    whole = response.body if isinstance(response, web.Response) else b""
    if not isinstance(whole, bytes) or len(whole) < 2:
        return response
    cut = web.StreamResponse(status=response.status, headers={"Content-Type": "application/json"})
    cut.content_length = len(whole)
    await cut.prepare(request)
    await cut.write(whole[: len(whole) // 2])
    return _drop_after(request, cut)


def _drop_after(request: web.Request, cut: web.StreamResponse) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.close()  # what was written still leaves, then the connection ends
    return cut
