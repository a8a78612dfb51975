"""Links between accounts and policies, on consents given on paper (design §8)."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import orjson

from medmost.app import App
from medmost.cli.control import Progress
from medmost.domain.errors import Fatal, Transient
from medmost.domain.record import BOTH
from medmost.store import journal, links
from medmost.store.transaction import Transaction
from medmost.sync.linked import close_link, read_backlog

LINK_BATCH = 200
TAKEN = (
    "MM-LINK-TAKEN",
    "этот полис или эта учётная запись уже привязаны: сначала отзовите прежнюю привязку",
    "this policy or this account is linked already: end the former link first",
)


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
        new = await app.database.write(lambda tx, part=part, start=start: _add_links(tx, app, part, start))  # type: ignore[misc]  # lambda defaults are untyped
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


def _add_links(tx: Transaction, app: App, rows: list[dict[str, Any]], before: int) -> Added:
    now, done = app.house.clock.now(), Added()
    for place, row in enumerate(rows, before + 1):
        policy, oid = str(row["policy_number"] or "").strip(), str(row["oid"] or "").strip()
        trouble = _wrong_row(policy, oid)
        consent = dict(row.get("consent") or {})
        text = orjson.dumps(consent, option=orjson.OPT_SORT_KEYS)
        id_ = None
        if trouble is None:
            id_ = links.add(
                tx,
                app.house.cipher,
                account=oid,
                policy_number=policy,
                consent=consent,
                consent_hash=hashlib.sha256(text).hexdigest(),
                at=now,
            )
        if id_ is None:
            code, ru, en = trouble or TAKEN
            told = {"row": place, "policy_number": masked(policy), "code": code, "ru": ru, "en": en}
            done.refused.append(told)
        else:
            done.ids.append(id_)
            done.patients.append(links.patient_index(app.house.cipher, policy))
    if done.ids:
        journal.append(tx, app.house.writer, now, {"act": "link.add", "links": done.ids}, [])
    return done


def _wrong_row(policy: str, oid: str) -> tuple[str, str, str] | None:
    if not (policy.isascii() and policy.isdigit() and len(policy) == 16):
        return "MM-LINK-POLICY", "номер полиса — это 16 цифр", "a policy number has 16 digits"
    if not (oid.isascii() and oid.isdigit()):
        return "MM-LINK-ACCOUNT", "номер учётной записи ЕСИА — это цифры", "the number of an ESIA account is digits"
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
