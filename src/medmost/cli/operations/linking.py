"""Links between accounts and policies, on consents given on paper (design §8)."""

from __future__ import annotations

import asyncio
import hashlib
from functools import partial
from typing import Any

import msgspec
import orjson

from medmost.app import App
from medmost.cli.control import Progress
from medmost.domain.errors import Fatal, Refused, Transient
from medmost.domain.record import BOTH, Side
from medmost.linking.matching import policy_at
from medmost.linking.opening import Wish, open_link, refused
from medmost.store import journal, links
from medmost.store.transaction import Transaction
from medmost.sync.linked import close_link, read_backlog
from medmost.systems.gosuslugi.holders import iso_date

LINK_BATCH = 200
CHECKS_AT_ONCE = 8
Trouble = tuple[str, str, str]
"""Code, Russian, English."""


async def import_links(app: App, args: dict[str, Any], progress: Progress) -> tuple[int, Any]:
    """Links accounts to policies on consents given on paper, and reads what had gathered for them.

    Exit code 1 where a row made no link. `refused` says which row and why; `later` is the code of a system that
    did not answer: the links stand, and the backlog is read when it does.
    """
    rows = list(args["rows"])
    added: list[int] = []
    refused: list[dict[str, Any]] = []
    later: str | None = None
    for start in range(0, len(rows), LINK_BATCH):
        part = rows[start : start + LINK_BATCH]
        doubts = await _doubts(app, part, start)
        new = await app.database.write(partial(_add_links, app=app, rows=part, before=start, doubts=doubts))
        added += new.ids
        refused += new.refused
        try:
            await read_backlog(app.house, app.database, app.engine.pollers, new.patients)
        except Transient as error:
            later = error.code
            app.engine.left_over.update(BOTH)
        progress("links", min(start + LINK_BATCH, len(rows)), len(rows))
    if added and not app.engine.running and args.get("deliver"):
        await app.engine.until_quiet()
    return (1 if refused else 0), {"linked": added, "refused": refused, "later": later}


class Added(msgspec.Struct):
    """What a batch of rows came to."""

    ids: list[int] = []
    patients: list[bytes] = []
    refused: list[dict[str, Any]] = []


def _add_links(tx: Transaction, app: App, rows: list[dict[str, Any]], before: int, doubts: dict[int, Trouble]) -> Added:
    now, done = app.house.clock.now(), Added()
    for place, row in enumerate(rows, before + 1):
        policy, oid = str(row["policy_number"] or "").strip(), str(row["oid"] or "").strip()
        consent = dict(row.get("consent") or {})
        digest = hashlib.sha256(orjson.dumps(consent, option=orjson.OPT_SORT_KEYS)).hexdigest()
        try:
            if place in doubts:
                raise refused(*doubts[place])
            done.ids.append(
                open_link(tx, app.house, Wish(account=oid, policy_number=policy, consent=consent, consent_hash=digest))
            )
            done.patients.append(links.patient_index(app.house.cipher, policy))
        except Refused as error:
            told = {"row": place, "policy_number": masked(policy)}
            done.refused.append(told | {"code": error.code, "ru": error.ru, "en": error.en})
    if done.ids:
        journal.append(tx, app.house.writer, now, {"act": "link.add", "links": done.ids}, [])
    return done


async def _doubts(app: App, rows: list[dict[str, Any]], before: int) -> dict[int, Trouble]:
    """Rows whose policy is not the person's: place -> why. Only those are asked about that tell a birth date."""
    told = {place: row for place, row in enumerate(rows, before + 1) if row.get("birth_date")}
    at_once = asyncio.Semaphore(CHECKS_AT_ONCE)

    async def look(row: dict[str, Any]) -> Trouble | None:
        async with at_once:
            return await _doubt(app, str(row["policy_number"] or "").strip(), str(row["birth_date"]).strip())

    found = await asyncio.gather(*(look(row) for row in told.values()))
    return {place: trouble for place, trouble in zip(told, found, strict=True) if trouble is not None}


async def _doubt(app: App, policy: str, birth_date: str) -> Trouble | None:
    """Does EMIAS know this policy as that of somebody born then?"""
    born = iso_date(birth_date)
    if born is None:
        return "MM-LINK-BORN", "дата рождения пишется ДД.ММ.ГГГГ", "a birth date is written DD.MM.YYYY"
    if not policy:
        return None  # the number's own trouble is told by the link
    try:
        shown = await policy_at(app.house, app.database, app.systems[Side.EMIAS], policy)
    except Transient as error:
        return error.code, f"полис не проверен, привязка не сделана: {error.ru}", f"not checked, not linked: {error.en}"
    if shown is None or shown.get("birth_date") != born:
        return "MM-LINK-PERSON", "полис и дата рождения не подтверждены ЕМИАС", "EMIAS does not confirm the person"
    return None


async def list_links(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    found = await app.database.read(lambda tx: links.listed(tx, app.house.cipher))
    return 0, [
        {
            "id": one.id,
            "state": one.state,
            "oid": one.account,
            "policy_number": one.policy_number if args.get("values") else masked(one.policy_number),
            "created_at": one.created_at,
        }
        for one in found
    ]


def masked(key: str) -> str:
    return f"{key[:2]}{'*' * max(len(key) - 6, 4)}{key[-4:]}"


async def revoke_link(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    actor, id_ = str(args.get("actor") or "operator"), int(args["id"])
    ended = await app.database.write(lambda tx: close_link(tx, app.house, id_, actor))
    if not ended:
        raise Fatal("MM-LINK-NONE", f"Действующей привязки {id_} нет", f"there is no active link {id_}")
    return 0, {"revoked": id_}
