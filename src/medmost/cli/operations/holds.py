"""Pairs that were held for a person (two records for one place, another patient shown), let go once that is mended."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from medmost.app import App
from medmost.cli.control import Progress
from medmost.cli.operations.asking import known_kinds
from medmost.domain.errors import Fatal
from medmost.domain.kinds import Kind
from medmost.domain.record import BOTH, Side
from medmost.store import pairs
from medmost.store.pairs import PairRow
from medmost.store.transaction import Transaction
from medmost.sync.absorb import observe
from medmost.sync.desk import Desk
from medmost.sync.house import Seen
from medmost.sync.replan import QUARANTINED, replan
from medmost.systems.limits import calling_for

FOR_A_PERSON = ("ambiguous", "quarantined", "refused", "invalid")
MOST_LISTED = 200


async def release_pair(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    """Lets go every held pair of one key, or one pair by its number. What is still wrong holds it again; then code 1.

    Raises:
        Fatal: nothing with this key is held, or a system still shows two records for it.
    """
    kind, asked = await _asked(app, args)
    fresh = await _read_held(app, kind.name, asked)

    def release(tx: Transaction) -> list[dict[str, Any]]:
        desk = Desk(tx, app.house, "pair.release")
        desk.load(asked)
        rows = [desk.rows[id_] for id_ in sorted(desk.rows)]
        held = [row for row in rows if row.pair.hold]
        if not held:
            raise Fatal("MM-CLI-NOTHELD", "Среди пар с этим ключом нет задержанных", "no pair with this key is held")
        _refuse_twins(rows)
        desk.lay_out(kind.name, fresh)
        for row in held:
            row.pair.hold = None
        for seen in fresh:
            observe(desk, seen)
        for row in held:
            replan(desk, row)
        desk.put_back(actor=str(args.get("actor") or "operator"))
        return [{"pair": row.pair.id, "state": row.state} for row in held]

    found = await app.database.write(release)
    app.bell.ring("deliver.gosuslugi", "deliver.emias")
    if not app.engine.running:
        await app.engine.until_quiet()
    again = any(one["state"] in ("ambiguous", "quarantined") for one in found)
    return (1 if again else 0), {"released": found}


async def pairs_list(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    """Pairs in a state, by default those that wait for a person; keys are masked. Code 1 if there are any."""
    kinds = known_kinds(app, args.get("kind")) if args.get("kind") else list(app.house.mappings)
    states = [str(args["state"])] if args.get("state") else list(FOR_A_PERSON)
    limit, after = int(args.get("limit") or MOST_LISTED), int(args.get("after") or 0)

    def look(tx: Transaction) -> list[dict[str, Any]]:
        rows = pairs.by_ids(tx, app.house.cipher, pairs.ids_in_states(tx, kinds, states, limit, after))
        return [pair_line(row, app.house.kind(row.pair.kind)) for row in rows.values()]

    found = await app.database.read(look)
    return (1 if found else 0), found


def pair_line(row: PairRow, kind: Kind) -> dict[str, Any]:
    """A pair in a list: its key is masked."""
    sides = {side: row.pair.side(side) for side in BOTH}
    shown = next((state.now or state.settled for state in sides.values() if state.now or state.settled), {})
    told: dict[str, Any] = {"pair": row.pair.id, "kind": row.pair.kind, "key": kind.masked_key(shown or {})}
    told |= {"state": row.state, "hold": row.pair.hold, "refused": row.pair.refused}
    return told | {side.value: {"ref": state.ref, "presence": state.presence} for side, state in sides.items()}


async def _asked(app: App, args: dict[str, Any]) -> tuple[Kind, list[int]]:
    """The kind and the pairs that a person names, by number or by kind and key."""
    if args.get("pair") is not None:
        id_ = int(args["pair"])
        row = (await app.database.read(lambda tx: pairs.by_ids(tx, app.house.cipher, [id_]))).get(id_)
        if row is None:
            raise Fatal("MM-CLI-NOPAIR", f"Пары {id_} нет", f"there is no pair {id_}")
        return app.house.kind(row.pair.kind), [id_]
    kind = app.house.kind(known_kinds(app, args["kind"])[0])
    key = "\x1f".join(part.strip() for part in str(args["key"]).split("|"))
    index = app.house.cipher.blind(f"key {kind.name}", key)
    return kind, await app.database.read(lambda tx: pairs.ids_by_keys(tx, kind.name, [index]).get(index, []))


async def _read_held(app: App, kind: str, ids: list[int]) -> list[Seen]:
    """What both systems show of quarantined records now: what they showed then was not kept.

    A person who lets a policy go vouches for what is new in it; whose a visit or a result is, nobody can vouch for.
    """

    def refs(tx: Transaction) -> list[tuple[Side, str]]:
        held = [row.pair for row in pairs.by_ids(tx, app.house.cipher, ids).values() if row.pair.hold == QUARANTINED]
        sides = [(side, pair.side(side)) for pair in held for side in BOTH]
        return [(side, state.ref) for side, state in sides if state.ref and state.presence == "here"]

    found = []
    for side, ref in await app.database.read(refs):
        with calling_for("interactive"):  # a person waits
            shown = await app.systems[side].read(kind, ref)
        if shown is not None and shown.ref == ref:
            found.append(msgspec.structs.replace(app.house.understand(shown), vouched=True))
    return found


def _refuse_twins(rows: list[PairRow]) -> None:
    """Which of two records is the right one, nobody here can know: one of them has to go first."""
    here = Counter(side for row in rows for side in BOTH if row.pair.side(side).presence == "here")
    twice = [side.value for side, number in here.items() if number > 1]
    if twice:
        where = ", ".join(twice)
        raise Fatal(
            "MM-CLI-TWINS",
            f"Записей на это место по-прежнему несколько ({where}): сначала уберите лишнюю в самой системе",
            f"there still are several records for this place ({where}): remove the surplus one in the system first",
        )
