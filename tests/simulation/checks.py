"""What must hold of a history at rest: nothing lost, doubled, crossed, stuck or still moving."""

from __future__ import annotations

from collections import Counter
from typing import Any

from medmost.domain import history
from medmost.domain.kinds import Owner, Style
from medmost.domain.merge import lives_alone
from medmost.domain.record import BOTH, Fields, Side
from medmost.store import aliases, conflicts, journal, ledgers, pairs
from medmost.store.pairs import PairRow
from medmost.sync.absorb import UNREADABLE
from simulation.people import KINDS, carried, same
from simulation.world import CIPHER, MAPPINGS, World

OPEN = {"conflict", "invalid", "refused", "ambiguous", "quarantined", "no_consent", "foreign"}
"""States in which a person has to act, or nobody: the two sides may differ."""


def at_rest(world: World) -> list[str]:
    rows = world.database.look(lambda tx: pairs.by_ids(tx, CIPHER, [n for (n,) in tx.execute("SELECT id FROM pair")]))
    told = list(world.told.problems)
    told += _no_rows(world)
    recorded = _recorded(world)
    for row in rows.values():
        told += _pair(world, row, recorded)
    told += _silent_losses(world, rows, recorded)
    told += _strays(world)
    told += _born_once(world, rows)
    told += [f"journal: {one}" for one in world.database.look(lambda tx: journal.verify(tx, CIPHER))]
    told += _books(world)
    return told


def _no_rows(world: World) -> list[str]:
    left = world.database.look(lambda tx: tx.execute("SELECT pair, side, state, reason FROM delivery").fetchall())
    left = [row for row in left if row[3] != UNREADABLE]  # until a person mends the record
    return [f"stuck: {row}" for row in left]


def shown(world: World, kind: str, side: Side, ref: str | None) -> Fields | None:
    """What the system itself holds, read by the mapping; None for nothing or a tombstone."""
    stored = world.portals[side]._of(kind).get(ref or "")
    return MAPPINGS[kind].read(side, stored.doc).fields if stored is not None and stored.doc is not None else None


def _pair(world: World, row: PairRow, recorded: set[str]) -> list[str]:
    pair, name = row.pair, f"{row.pair.kind} pair {row.pair.id}"
    g, e = (shown(world, pair.kind, side, pair.side(side).ref) for side in BOTH)
    if pair.closed:
        return [f"closed alive: {name}"] if g is not None or e is not None else []
    told = [
        f"behind the times: {name} at {side}: knows {pair.side(side).version}, is {stored.version}"
        for side in BOTH
        if (stored := world.portals[side]._of(pair.kind).get(pair.side(side).ref or "")) is not None
        and stored.version != pair.side(side).version
    ]
    kind = MAPPINGS[pair.kind].kind
    told += _own_delete(world, row)
    if row.state in OPEN and not (row.state == "conflict" and kind.name == "policy"):
        return told
    if g is None or e is None:
        alone = g or e
        if row.state == "conflict" or (alone is not None and lives_alone(kind, alone)):
            return told
        return [*told, f"half: {name} is {row.state}, {'nowhere' if alone is None else 'at one side only'}"]
    opened = {field for (field,) in world.database.look(
        lambda tx: tx.execute("SELECT field FROM conflict WHERE pair = ? AND state = 'open'", (pair.id,)).fetchall()
    )}  # fmt: skip
    if "*" in opened:
        return told
    for field in carried(kind):
        if field in opened:
            continue
        x, y = g.get(field), e.get(field)
        if _means(x) != _means(y):
            told.append(f"differ: {name}.{field} {x!r} / {y!r}")
        elif isinstance(x, str) and same(x) in world.lineage.children and not world.decided(pair, field):
            newer = {one for one in world.lineage.children[same(x)] if world.stands(one)}
            met_anew = kind.personal and g.get("policy_number") in world.told.unlinked
            by_stamp = kind.field(field).owner is Owner.LATEST  # a record's stamp is all there is, not a field's
            if newer and not ((met_anew or by_stamp) and world.lineage.newest(newer) <= recorded):
                told.append(f"lost edit: {name}.{field} shows {x!r} though {sorted(newer)} was entered on it")
    for one in kind.fields:
        if one.style is Style.GROW and not history.level(g.get(one.name), e.get(one.name)):
            told.append(f"differ: {name}.{one.name} {g.get(one.name)} / {e.get(one.name)}")
        if one.style is Style.FORWARD and one.name not in opened and not world.decided(pair, one.name):
            told += _gone_back(world, row, str(g.get(one.name)), one.order, name)
    return told


def _own_delete(world: World, row: PairRow) -> list[str]:
    """Nobody is asked about a record that was removed by ourselves."""
    query = "SELECT 1 FROM conflict WHERE pair = ? AND field = '*' AND state = 'open'"
    if not world.database.look(lambda tx: tx.execute(query, (row.pair.id,)).fetchone()):
        return []
    told = []
    for side in BOTH:
        ours = [one.by == "medmost" for one in world.portals[side].effects
                if (one.kind, one.ref, one.op) == (row.pair.kind, row.pair.side(side).ref, "delete")]  # fmt: skip
        if ours and ours[-1]:
            told.append(f"own delete: {row.pair.kind} pair {row.pair.id} asks a person about it")
    return told


def _recorded(world: World) -> set[str]:
    """Every value that stands in a conflict of any state."""
    found = set()
    for state in ("open", "decided", "resolved", "void"):
        for one in world.database.look(lambda tx, s=state: conflicts.listed(tx, CIPHER, s)):
            for value in (one.gosuslugi, one.emias):
                parts = value.values() if isinstance(value, dict) else [value]
                found |= {same(part) for part in parts if isinstance(part, str)}
    return found


def _silent_losses(world: World, rows: dict[int, PairRow], recorded: set[str]) -> list[str]:
    """What a person entered last is shown, or a conflict of any state holds it: nothing is overwritten unrecorded."""
    told = []
    for side, kind, ref, name, value in world.lineage.entered:
        fields = shown(world, kind, side, ref)
        if world.lineage.shown[value] == set(BOTH):  # it was level, and somebody has replaced it since
            continue
        if fields is None or world.lineage.children.get(value) or value in recorded or same(fields.get(name)) == value:
            continue
        pair = world.database.look(lambda tx, k=kind, s=side, r=ref: aliases.find(tx, k, s.value, [r]))[ref][0]
        row = rows.get(pair or 0)
        if row is None or row.pair.hold or world.decided(row.pair, name):
            continue
        told.append(f"silent loss: {kind} pair {pair}.{name}: {value!r} of {side} is nowhere")
    return told


def _gone_back(world: World, row: PairRow, now: str, order: dict[str, tuple[str, ...]], name: str) -> list[str]:
    """A state that a person set is where the record is, or on the way to there."""
    given = [state for side in BOTH for state in world.told.statuses.get(row.pair.side(side).ref or "", ())]
    return [f"gone back: {name} is {now} though a person set {state}" for state in given
            if state != now and now not in order.get(state, ())]  # fmt: skip


def _means(value: Any) -> Any:
    return None if value in (None, "", []) else same(value)


def _strays(world: World) -> list[str]:
    """Every live record belongs to a pair."""
    told = []
    for side in BOTH:
        for kind in KINDS:
            refs = world.portals[side].refs(kind)
            found = world.database.look(lambda tx, k=kind, s=side, r=refs: aliases.find(tx, k, s.value, r))
            told += [f"stray: {kind} {ref} at {side}" for ref in refs if found.get(ref, (None, None))[0] is None]
    return told


def _born_once(world: World, rows: dict[int, PairRow]) -> list[str]:
    told = []
    held = {
        (row.pair.kind, side, ref)
        for row in rows.values()
        if row.pair.hold or row.state in OPEN  # people moved one of them there, and a person is asked about it
        for side, ref in world.database.look(
            lambda tx, id_=row.pair.id: tx.execute("SELECT side, ref FROM alias WHERE pair = ?", (id_,)).fetchall()
        )
    }
    for side in BOTH:
        portal = world.portals[side]
        for kind in KINDS:
            origins = Counter(stored.origin for stored in portal._of(kind).values() if stored.origin)
            told += [f"born twice: {kind} {origin} at {side}" for origin, n in origins.items() if n > 1]
            keys: dict[str, list[str]] = {}
            mapping = MAPPINGS[kind]
            for ref in portal.refs(kind):
                fields = shown(world, kind, side, ref) or {}
                key = mapping.kind.key_of(fields)
                if key is not None and not mapping.kind.key_released(fields):
                    keys.setdefault(key, []).append(ref)
            for refs in keys.values():
                if len(refs) > 1 and not any((kind, side.value, ref) in held for ref in refs):
                    told.append(f"born twice: {kind} {refs} at {side} share a key")
    return told


def _books(world: World) -> list[str]:
    """Everything detected is in exactly one account of what became of it."""
    sums: Counter[str] = Counter()
    for (system, kind, account), count in world.database.look(ledgers.books).items():
        if account == "detected":
            sums[f"{system} {kind}"] += count
        elif account not in ("delivered", "refusals"):
            sums[f"{system} {kind}"] -= count
    return [f"books: {name} does not balance by {rest}" for name, rest in sums.items() if rest]
