"""All effects there are: what each can be told and what does it (contracts.md §2)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from medmost_stand.faults import answers, bulk, fields, lists, versions
from medmost_stand.faults.rules import Parameter, Rule, parse_rule, wrong
from medmost_stand.faults.twists import Twist

AnswerEffect = Callable[[Rule, web.Request, answers.Answer], Awaitable[web.StreamResponse]]


def _number(least: float, most: float, default: Any, *, whole: bool = True) -> Parameter:
    def fits(value: Any) -> bool:
        kinds = int if whole else int | float
        return not isinstance(value, bool) and isinstance(value, kinds) and least <= value <= most

    return Parameter(f"{'целое ' if whole else ''}число от {least:g} до {most:g}", fits, default)


def _path(default: str | None = None) -> Parameter:
    def fits(value: Any) -> bool:
        return isinstance(value, str) and all(value.split("."))

    expected = "имя поля, во вложенном через точку"
    return Parameter(expected, fits, default, required=default is None)


def _value(default: Any) -> Parameter:
    return Parameter("значение", lambda _: True, default)


_RECORDS = {"records": _number(0, 1, 1.0, whole=False)}


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect; it has at most one of `answer` and `twist`, what has neither is done where it happens."""

    parameters: dict[str, Parameter] = field(default_factory=dict)
    answer: AnswerEffect | None = None
    twist: type[Twist] | None = None
    nothing_done: bool = False
    """Of an `answer`: whether the call never reaches the system."""


EFFECTS: dict[str, Effect] = {
    "latency": Effect({"ms": _number(0, 600_000, 200)}),
    "token-expired": Effect(),
    "status": Effect(
        {"code": _number(200, 599, 503), "retry_after": _number(0, 10**9, None)}, answers.status, nothing_done=True
    ),
    "request-lost": Effect(answer=answers.request_lost, nothing_done=True),
    "answer-lost": Effect(answer=answers.answer_lost),
    "truncated": Effect(answer=answers.truncated),
    "html-200": Effect(answer=answers.html_200, nothing_done=True),
    "slow-drip": Effect({"ms": _number(0, 600_000, 200), "bytes": _number(1, 10**6, 1)}, answers.slow_drip),
    "reset": Effect(answer=answers.reset),
    "webhook-duplicate": Effect({"times": _number(1, 1000, 1)}),
    "webhook-shuffle": Effect(),
    "webhook-forged": Effect(),
    "webhook-lost": Effect(),
    "page-shift": Effect({"rows": _number(-1000, 1000, 1)}, twist=lists.PageShift),
    "wrong-total": Effect({"rows": _number(-(10**9), 10**9, 7)}, twist=lists.WrongTotal),
    "empty-list": Effect(twist=lists.EmptyList),
    "etag-stale": Effect(twist=versions.EtagStale),
    "versions-back": Effect({"by": _number(1, 10**9, 1)}, twist=versions.VersionsBack),
    "other-person": Effect(
        {"keep_id": Parameter("true или false", lambda value: isinstance(value, bool), default=False)},
        twist=versions.OtherPerson,
    ),
    "bulk-partial": Effect(
        {"done": _number(0, 1, 0.5, whole=False), "code": _number(400, 599, 503)}, twist=bulk.BulkPartial
    ),
    "field-renamed": Effect({"field": _path(), "to": _path(), **_RECORDS}, twist=fields.FieldRenamed),
    "field-missing": Effect({"field": _path(), **_RECORDS}, twist=fields.FieldMissing),
    "field-extra": Effect(
        {"field": _path("новоеПоле"), "value": _value("новое значение"), **_RECORDS}, twist=fields.FieldExtra
    ),
    "enum-unknown": Effect({"field": _path(), "value": _value("НЕИЗВЕСТНО"), **_RECORDS}, twist=fields.EnumUnknown),
}
HOOK_EFFECTS = frozenset(name for name in EFFECTS if name.startswith("webhook-"))


def parse_rules(body: dict[str, Any]) -> list[Rule]:
    """The rules of a request body; Refusal BAD_REQUEST that names what is allowed."""
    rows = body.get("rules")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise wrong('Нужен объект {"rules": [...]}')
    return [_parse(row) for row in rows]


def _parse(row: dict[str, Any]) -> Rule:
    name = row.get("effect")
    effect = EFFECTS.get(name) if isinstance(name, str) else None
    if effect is None or not isinstance(name, str):
        raise wrong(f"Неизвестное действие «{name}»; можно: {', '.join(EFFECTS)}", "effect")
    return parse_rule(row, name, effect.parameters)
