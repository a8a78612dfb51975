"""A status (contracts §4) as the page shows it: words and numbers ready to print, nothing decided in templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

import msgspec

from medmost.console.ports import Attention
from medmost.console.texts import TEXTS
from medmost.logging import mask
from medmost.notify.words import MOSCOW, Lang, Titles, duration, kind_name, parse, system_name

HELD: Final = ("conflict", "invalid", "ambiguous", "quarantined", "refused")
"""States of a pair that wait for a person."""
ASIDE: Final = ("no_consent", "foreign")
DELIVERIES: Final = ("due", "in_flight", "waiting", "awaiting_answer", "dead")
ACT_AT: Final = {
    "conflict": "/conflicts",
    "dead": "/dead",
    "brake": "/brakes",
    "invalid": "/waiting?state=invalid",
    "ambiguous": "/waiting?state=ambiguous",
    "quarantined": "/waiting?state=quarantined",
    "refused": "/waiting?state=refused",
    "duplicate": "/waiting?state=ambiguous",
}
"""Where a person acts on it."""
SHOWN: Final = 50  # things that need a person; more are counted
TOKEN_SHORT, CERTIFICATE_SHORT = 60, 30  # seconds, days: from here on the number is shown as a warning


class SystemView(msgspec.Struct, frozen=True, kw_only=True):
    side: str
    name: str
    reachable: bool
    warning: str | None
    facts: list[tuple[str, str, bool]]  # label, value, whether it is bad


class KindView(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    title: str
    stage: str
    pairs: str
    share: float  # 0…100
    percent: str
    behind: int
    held: list[tuple[str, int]]
    held_sum: int
    aside: int
    freshness: str
    next_poll: str
    stale: bool  # not read for longer than agreed


class AttentionView(msgspec.Struct, frozen=True, kw_only=True):
    what: str
    label: str
    where: str
    key: str
    code: str
    count: int
    since: str
    advice: str
    page: str  # where to act


class View(msgspec.Struct, frozen=True, kw_only=True):
    health: str  # healthy, questions (a person is needed, the exchange goes on), unhealthy
    updated: str
    systems: list[SystemView]
    kinds: list[KindView]
    deliveries: list[tuple[str, str, int]]
    decided: str
    attention: list[AttentionView]
    more: int
    reasons: list[str]


def view_of(
    status: Mapping[str, Any],
    attention: Sequence[Attention],
    reasons: Sequence[str],
    now: datetime,
    lang: Lang,
    titles: Titles = MappingProxyType({}),
) -> View:
    words = TEXTS[lang]
    systems = status.get("systems", {})
    order = [side for side in ("gosuslugi", "emias") if side in systems]
    deliveries = status.get("deliveries", {})
    running = bool(status.get("healthy")) and not reasons
    return View(
        health="unhealthy" if not running else "questions" if attention else "healthy",
        updated=f"{now.astimezone(MOSCOW):%H:%M:%S}",
        systems=[_system(side, systems[side], now, lang) for side in order],
        kinds=[_kind(name, numbers, lang, titles) for name, numbers in status.get("kinds", {}).items()],
        deliveries=[(name, words[name], int(deliveries.get(name, 0))) for name in DELIVERIES],
        decided=number(status.get("decided_conflicts", 0), lang),
        attention=[_attention(item, lang, titles) for item in attention[:SHOWN]],
        more=max(0, len(attention) - SHOWN),
        reasons=[mask(reason) for reason in reasons],
    )


def number(value: float, lang: Lang) -> str:
    """1 234 567 in Russian, 1,234,567 in English."""
    text = f"{value:,}"
    return text.replace(",", "\u00a0") if lang == "ru" else text


def _system(side: str, told: Mapping[str, Any], now: datetime, lang: Lang) -> SystemView:
    words = TEXTS[lang]
    breaker, token, days = told.get("breaker", "closed"), told.get("token_seconds"), told.get("certificate_days")
    last = parse(told.get("last_ok"))
    ago = f"{duration((now - last).total_seconds(), lang)} {words['ago']}" if last else words["never"]
    facts = [
        (words["last_ok"], ago, not told.get("reachable")),
        (words["breaker"], words.get(f"breaker_{breaker}", breaker), breaker != "closed"),
        (
            words["token"],
            words["no_token"] if token is None else duration(token, lang),
            token is None or token < TOKEN_SHORT,
        ),
        (words["calls"], number(told.get("calls_per_minute") or 0, lang), False),
    ]
    facts += _strain(told, lang)
    if days is not None:
        left = duration(days * 86400, lang)
        facts.append((words["certificate"], left, days < CERTIFICATE_SHORT))
    warning = told.get("warning_en" if lang == "en" else "warning")
    if not warning and told.get("signer") == "ecdsa":
        warning = words["ecdsa"]
    name = system_name(side, lang)
    return SystemView(side=side, name=name, reachable=bool(told.get("reachable")), warning=warning, facts=facts)


def _strain(told: Mapping[str, Any], lang: Lang) -> list[tuple[str, str, bool]]:
    """Planned work and repeats, where there are any."""
    words = TEXTS[lang]
    facts = [(words["maintenance"], words["maintenance_on"], False)] if told.get("maintenance") else []
    for key, label in (("retries_per_minute", "retries"), ("retries_held_back", "retries_held")):
        if count := told.get(key):
            facts.append((words[label], number(count, lang), key == "retries_held_back"))
    return facts


def _kind(name: str, told: Mapping[str, Any], lang: Lang, titles: Titles) -> KindView:
    words = TEXTS[lang]
    pairs, level = int(told.get("pairs", 0)), int(told.get("level", 0))
    tenths = level * 1000 // pairs if pairs else 1000  # rounded down: 100 % means all of them
    percent = f"{tenths // 10},{tenths % 10}" if lang == "ru" else f"{tenths // 10}.{tenths % 10}"
    held = [(words[f"what_{state}"], int(told.get(state, 0))) for state in HELD if told.get(state)]
    return KindView(
        name=name,
        title=kind_name(name, lang, titles),
        stage=stage_name(str(told.get("stage", "observe")), lang),
        pairs=number(pairs, lang),
        share=tenths / 10,
        percent=("100" if tenths == 1000 else percent) + "\u00a0%" if pairs else "–",
        behind=int(told.get("behind", 0)),
        held=held,
        held_sum=sum(count for _, count in held),
        aside=sum(int(told.get(state, 0)) for state in ASIDE),
        freshness=_seconds(told.get("freshness_seconds"), lang),
        next_poll=_seconds(told.get("next_poll_seconds"), lang),
        stale=bool(told.get("stale")),
    )


def stage_name(stage: str, lang: Lang) -> str:
    name, _, share = stage.partition(":")
    return TEXTS[lang].get(f"stage_{name}", stage).format(share=share)


def _seconds(value: float | None, lang: Lang) -> str:
    return "–" if value is None else duration(value, lang)


def _attention(item: Attention, lang: Lang, titles: Titles) -> AttentionView:
    words = TEXTS[lang]
    what = item.get("what", "other")
    known = what if f"what_{what}" in words else "other"
    since = parse(item.get("since"))
    parts = (system_name(item.get("system", ""), lang), kind_name(item.get("kind", ""), lang, titles))
    return AttentionView(
        what=known,
        label=words[f"what_{known}"],
        where=" · ".join(part for part in parts if part),
        key=mask(item.get("key", "")),
        code=mask(item.get("code", "")),
        count=item.get("count", 1),
        since=f"{since.astimezone(MOSCOW):%d.%m %H:%M}" if since else "",
        advice=words[f"do_{known}"],
        page=ACT_AT.get(known, ""),
    )
