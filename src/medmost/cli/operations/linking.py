"""Links between accounts and policies, on consents given on paper (design §8)."""

from __future__ import annotations

import hashlib
import sqlite3
from typing import Any

import orjson

from medmost.app import App
from medmost.cli.control import Progress
from medmost.domain.errors import Fatal
from medmost.store import journal, links
from medmost.sync.linked import close_link, read_backlog

LINK_BATCH = 200


async def import_links(app: App, args: dict[str, Any], progress: Progress) -> tuple[int, Any]:
    """Links accounts to policies on consents given on paper, and reads what had gathered for them."""
    rows = list(args["rows"])
    added: list[int] = []
    refused = 0
    for start in range(0, len(rows), LINK_BATCH):
        part = rows[start : start + LINK_BATCH]
        ids, patients = await app.database.write(lambda tx, part=part: _add_links(tx, app, part))  # type: ignore[misc]  # lambda defaults are untyped
        added += ids
        refused += len(part) - len(ids)
        await read_backlog(app.house, app.database, app.engine.pollers, patients)
        progress("links", min(start + LINK_BATCH, len(rows)), len(rows))
    if added and not app.engine.running and args.get("deliver"):
        await app.engine.until_quiet()
    return (0 if not refused else 1), {"linked": added, "refused": refused}


def _add_links(tx: sqlite3.Connection, app: App, rows: list[dict[str, Any]]) -> tuple[list[int], list[bytes]]:
    now, ids, patients = app.house.clock.now(), [], []
    for row in rows:
        policy, oid, consent = (
            str(row["policy_number"]).strip(),
            str(row["oid"]).strip(),
            dict(row.get("consent") or {}),
        )
        text = orjson.dumps(consent, option=orjson.OPT_SORT_KEYS)
        id_ = links.add(
            tx,
            app.house.cipher,
            account=oid,
            policy_number=policy,
            consent=consent,
            consent_hash=hashlib.sha256(text).hexdigest(),
            at=now,
        )
        if id_ is not None:
            ids.append(id_)
            patients.append(links.patient_index(app.house.cipher, policy))
    if ids:
        journal.append(tx, app.house.writer, now, {"act": "link.add", "links": ids}, [])
    return ids, patients


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
