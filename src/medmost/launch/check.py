"""``medmost check``: do both ends answer, take our signature and tokens, and show records that fit their mapping?

Reads only; the one thing it writes is the subscription to webhooks, which is harmless where it stands already.
An end that cannot be reached is a finding like any other, never a traceback.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any, cast

from medmost.domain.errors import MedmostError
from medmost.domain.record import BOTH, Side
from medmost.launch.verdicts import CheckReport, Severity, Told
from medmost.mapping.contract import Mapping as KindMapping
from medmost.systems.contract import Health, Page, System

SKEW_WARNING, SKEW_PROBLEM = 5.0, 60.0
"""Seconds between a system's clock and ours."""
CERTIFICATE_WARNING = 30
"""Days: an accredited centre takes up to two weeks for a new certificate, people the rest."""
MOSTLY = 0.5
"""Where more than this share of a sample does not fit, it is the mapping that is wrong, not the records."""
TROUBLES = {
    "MM-SYS-CREDENTIALS": ("TOKEN", "токен не выдан, учётные данные не приняты", "no token, credentials refused"),
    "MM-SYS-TOKEN": ("TOKEN", "токен не принят", "the token is not accepted"),
    "MM-SYS-SIGNER": ("SIGNATURE", "подпись не создана", "the signature could not be made"),
    "MM-SYS-DENIED": ("DENIED", "доступ закрыт", "access is denied"),
}

Subscribe = Callable[[System], Awaitable[None]]
"""Asks a system for webhooks to our address, as the engine does."""


async def check(
    mappings: Mapping[str, KindMapping],
    systems: Mapping[Side, System],
    *,
    environment: str = "production",
    subscribe: Subscribe | None = None,
) -> CheckReport:
    """Looks at both ends at the same time. `environment` as configured: a stand may sign by other means than GOST."""
    looks = [_look(systems[side], mappings, environment, subscribe) for side in BOTH if side in systems]
    report = CheckReport()
    for told in await asyncio.gather(*looks):
        report.findings += told.findings
    return report


async def _look(
    system: System, mappings: Mapping[str, KindMapping], environment: str, subscribe: Subscribe | None
) -> Told:
    told = Told(system.side)
    health = await system.probe()
    answered = _answer(told, health)
    _signer(told, health, environment)
    _certificate(told, health)
    if not answered:
        return told
    _token(told, health)
    _clock(told, health)
    for mapping in mappings.values():
        await _sample(told, system, mapping)
    if subscribe is not None:
        await _webhooks(told, system, subscribe)
    return told


def _answer(told: Told, health: Health) -> bool:
    trouble = health.trouble
    if trouble is not None and trouble.code in TROUBLES:
        code, ru, en = TROUBLES[trouble.code]
        told.met(code, trouble, ru, en)
        return False
    if not health.reachable and trouble is None:
        told.say("UNREACHABLE", "problem", "нет соединения", "cannot be reached")
        return False
    if trouble is not None:
        code = "ANSWER" if health.reachable else "UNREACHABLE"
        said = ("не отвечает как надо", "does not answer as it should")
        told.met(code, trouble, *(said if health.reachable else ("нет соединения", "cannot be reached")))
        return False
    told.say("REACHABLE", "ok", "отвечает", "answers")
    return True


def _signer(told: Told, health: Health, environment: str) -> None:
    if health.signer is None:
        return
    if health.warning is None:
        told.say("SIGNER", "ok", f"способ подписи {health.signer}", f"signs by {health.signer}")
        return
    severity: Severity = "warning" if environment == "stand" else "problem"
    en = health.warning_en or health.warning
    told.say("SIGNER", severity, f"Подпись не по ГОСТ: {health.warning}", f"Not a GOST signature: {en}", red=True)


def _certificate(told: Told, health: Health) -> None:
    days = health.certificate_days
    if days is None:
        return
    if days < 0:
        told.say("CERTIFICATE", "problem", "сертификат подписи истёк", "the signing certificate has expired")
        return
    severity: Severity = "warning" if days < CERTIFICATE_WARNING else "ok"
    told.say("CERTIFICATE", severity, f"сертификат подписи: осталось дней {days}", f"certificate: {days} days left")


def _token(told: Told, health: Health) -> None:
    seconds = health.token_seconds
    if seconds is None:
        told.say("TOKEN", "warning", "токен не получен", "there is no token")
        return
    told.say("TOKEN", "ok", f"токен принят, осталось {seconds} с", f"the token is accepted, {seconds} s left")


def _clock(told: Told, health: Health) -> None:
    skew = health.skew_seconds
    if skew is None:
        return
    severity: Severity = "ok"
    if abs(skew) > SKEW_WARNING:
        severity = "problem" if abs(skew) > SKEW_PROBLEM else "warning"
    told.say("CLOCK", severity, f"часы расходятся с нашими на {skew:+.1f} с", f"its clock is off by {skew:+.1f} s")


# ---------------------------------------------------------------- samples
async def _sample(told: Told, system: System, mapping: KindMapping) -> None:
    """The first page of a kind: does each record fit?"""
    kind = mapping.kind
    try:
        page = await _first_page(system.everything(kind.name))
    except MedmostError as error:
        told.met("LIST", error, f"{kind.title_ru}: список не читается", f"{kind.name}: no list", kind=kind.name)
        return
    records = [one.doc for one in page.observations if one.doc is not None] if page is not None else []
    fields: Counter[str] = Counter()
    bad = 0
    for doc in records:
        problems = mapping.read(system.side, doc).problems
        bad += bool(problems)
        fields.update({f"{problem.field}: {problem.reason}" for problem in problems})
    severity: Severity = "ok"
    ru = f"{kind.title_ru}: записей в образце {len(records)}, все подходят к сопоставлению"
    en = f"{kind.name}: {len(records)} records in the sample, all fit the mapping"
    if bad:
        severity = "problem" if bad > MOSTLY * len(records) else "warning"
        which = ", ".join(f"{name} × {number}" for name, number in sorted(fields.items()))
        ru = f"{kind.title_ru}: из {len(records)} записей не подходят {bad} ({which})"
        en = f"{kind.name}: {bad} of {len(records)} records do not fit ({which})"
    told.say("SAMPLE", severity, ru, en, kind=kind.name, fields=dict(fields))


async def _first_page(pages: AsyncIterator[Page]) -> Page | None:
    """The first page, and an orderly end of the reading: what the rest would cost is not asked for."""
    if not hasattr(pages, "aclose"):
        return await anext(pages, None)
    async with aclosing(cast(Any, pages)):
        return await anext(pages, None)


async def _webhooks(told: Told, system: System, subscribe: Subscribe) -> None:
    try:
        await subscribe(system)
    except MedmostError as error:
        told.met("WEBHOOKS", error, "подписка на изменения не оформлена", "not subscribed to changes")
    else:
        told.say("WEBHOOKS", "ok", "подписка на изменения действует", "subscribed to changes")
