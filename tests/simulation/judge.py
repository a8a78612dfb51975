"""What must hold of a run at rest: predicates I1…I24 over both systems, the people's acts and medmost's own account.

Imports nothing of medmost: documents are read by tests/field_tables.py, medmost's account comes as plain values.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import field_tables
from simulation.log import Log, rows
from simulation.model import Doc, Portal
from simulation.papers import (
    BOTH,
    KIND,
    NEXT,
    OTHER,
    RULER,
    TOLD,
    get,
    meant,
    natural,
    patient_of,
    status_of,
)  # fmt: skip

OPEN = {"conflict", "invalid", "refused", "ambiguous", "quarantined", "no_consent", "foreign"}
"""States in which a person has to act, or nobody: the two sides may differ."""
COLLECTION = {kind: collection for collection, kind in KIND.items()}
Account = dict[str, Any]


def level(account: Account) -> bool:
    """Is nothing due or waiting, but for what only a person can mend?"""
    return all(reason == "unreadable" or state == "dead" for _, _, state, reason, _, _ in account["rows"])


def journal_of(account: Account) -> str:
    waiting = Counter(f"{state} {reason}" for _, _, state, reason, _, _ in account["rows"])
    return f"{dict(waiting)} {dict(Counter(row[2] for row in account['pairs']))}"


def at_rest(
    log: Log, portals: dict[str, Portal], account: Account, collections: tuple[str, ...], *, calm: bool = False
) -> list[str]:
    """`calm`: no answer was ever lost, so nobody may be asked where one value was entered on top of the other."""
    bench = _Bench(log, portals, account)
    told: list[str] = []
    for row in account["pairs"]:
        told += bench.pair(row)
    told += bench.shared()
    told += bench.strays(collections)
    told += bench.born_twice(collections)
    told += bench.silent_losses()
    told += bench.overwritten()
    told += bench.sent_back()
    told += bench.needless() if calm else []
    told += bench.of_itself()
    for portal in portals.values():
        told += portal.wrong
    return told


class _Bench:
    def __init__(self, log: Log, portals: dict[str, Portal], account: Account) -> None:
        self.log, self.portals, self.account = log, portals, account
        self.pair_of = {
            (COLLECTION[kind], side, ref): pair for kind, side, ref, pair in account["aliases"] if kind in COLLECTION
        }
        self.state = {row[0]: row[2] for row in account["pairs"]}
        self.refs: dict[int, list[str]] = defaultdict(list)
        for _, _, ref, pair in account["aliases"]:
            self.refs[pair].append(ref)
        self.open: dict[int, set[str]] = defaultdict(set)
        self.recorded: set[str] = set()
        for _, pair, name, state, g, e in account["conflicts"]:
            if state == "open":
                self.open[pair].add(name)
            for value in (g, e):
                for part in value.values() if isinstance(value, dict) else [value]:
                    self.recorded |= {meant("text", part) or "", meant("phone", part) or ""}

    def doc(self, collection: str, side: str, ref: str | None) -> Doc | None:
        kept = self.portals[side].of(collection).get(ref or "")
        return kept.doc if kept is not None else None

    def decided(self, pair: int, name: str) -> bool:
        return any(self.log.is_decided(ref, name) for ref in self.refs[pair])

    # ------------------------------------------------------------ pairs
    def pair(self, row: tuple[Any, ...]) -> list[str]:
        """I1, I6, I24: level, or in a named state that people see."""
        id_, kind, state, _, g_ref, g_version, _, e_ref, e_version, _ = row
        collection = COLLECTION[kind]
        name = f"{collection} pair {id_} ({g_ref}, {e_ref})"
        g, e = self.doc(collection, "gosuslugi", g_ref), self.doc(collection, "emias", e_ref)
        if state == "closed":
            return [f"I1 closed though alive: {name}"] if g is not None or e is not None else []
        told = []
        for side, ref, known in (("gosuslugi", g_ref, g_version), ("emias", e_ref, e_version)):
            kept = self.portals[side].of(collection).get(ref or "")
            if kept is not None and kept.version != known:
                told.append(f"I20 {name} at {side} is known as v{known}, it is v{kept.version}")
        told += self._own_delete(collection, id_, g_ref, e_ref)
        if state in OPEN and not (state == "conflict" and collection == "policies"):
            return told
        if "*" in self.open[id_]:
            return told
        if g is None or e is None:
            return told + self._half(collection, name, state, g, e)
        return told + self._differences(collection, id_, name, g, e)

    def _half(self, collection: str, name: str, state: str, g: Doc | None, e: Doc | None) -> list[str]:
        if state == "conflict":
            return []
        if g is None and e is None:
            return [f"I1 {name} is {state} and nowhere"]
        if collection == "visits" and g is not None and status_of("gosuslugi", g) == "rejected":
            return []
        return [f"I6 {name} is {state} and at one side only"]

    def _own_delete(self, collection: str, id_: int, g_ref: str | None, e_ref: str | None) -> list[str]:
        """Nobody is asked about a record that medmost itself removed."""
        if "*" not in self.open[id_]:
            return []
        told = []
        for side, ref in (("gosuslugi", g_ref), ("emias", e_ref)):
            ends = [one.by for one in self.portals[side].effects
                    if one.op == "delete" and one.ref == ref and one.collection == collection]  # fmt: skip
            if ends and ends[-1] == "medmost":
                told.append(f"I11 a person is asked about medmost's own delete of {collection} {ref} at {side}")
        return told

    def _differences(self, collection: str, id_: int, name: str, g: Doc, e: Doc) -> list[str]:
        told: list[str] = []
        if collection == "requests":
            told += self._histories(name, g, e)
        else:
            told += self._unequal(collection, id_, name, g, e)
        for one in TOLD[collection]:
            if one.name in self.open[id_]:
                continue
            x, y = meant(one.spelt, get(g, one.gosuslugi)), meant(one.spelt, get(e, one.emias))
            if x != y:
                told.append(f"I6 {name}.{one.name} is {x!r} at gosuslugi and {y!r} at emias")
            elif x is not None and not self.decided(id_, one.name):
                told += self._lost(collection, name, one.name, one.owner, x, patient_of("gosuslugi", collection, g))
        if collection == "visits" and "status" not in self.open[id_] and not self.decided(id_, "status"):
            told += self._went_back(id_, name, status_of("gosuslugi", g))
        return told

    def _unequal(self, collection: str, id_: int, name: str, g: Doc, e: Doc) -> list[str]:
        """All mapped fields, read by a table that medmost has never seen."""
        try:
            x, y = field_tables.read("gosuslugi", collection, g), field_tables.read("emias", collection, e)
        except (ValueError, TypeError, KeyError) as unfit:
            return [f"I6 {name} is called level and cannot be read: {unfit!r}"]
        ours = {one.name for one in TOLD[collection]} | {"observations"}
        ours |= self.open[id_]
        unequal = [field for field in x if field not in ours and _plain(x[field]) != _plain(y[field])]
        return [f"I6 {name}.{field} is {x[field]!r} and {y[field]!r}" for field in unequal]

    def _histories(self, name: str, g: Doc, e: Doc) -> list[str]:
        x, y = (
            sorted((row["statusId"], row["title"]) for row in rows(side, doc))
            for side, doc in (("gosuslugi", g), ("emias", e))
        )
        return [] if x == y else [f"I6 {name}.history has {len(x)} rows at gosuslugi and {len(y)} at emias"]

    def _lost(self, collection: str, name: str, field: str, owner: str, value: str, patient: str | None) -> list[str]:
        """I1, I5: no value that somebody entered on top of what is shown has been dropped."""
        newer = {one for one in self.log.children.get(value, ()) if self._stands(one)}
        if not newer:
            return []
        met_anew = patient in self.log.once_unlinked or self.log.restored_at >= 0
        if (met_anew or owner == "latest") and self._newest(newer) <= self.recorded:
            return []
        return [f"I1 {name}.{field} shows {value!r} though {sorted(newer)} was entered on top of it"]

    def _stands(self, value: str) -> bool:
        entry = self.log.tokens[value]
        if self.doc(entry.collection, entry.side, entry.ref) is not None:
            return True
        return any(self._stands(later) for later in self.log.children.get(value, ()))

    def _newest(self, values: set[str]) -> set[str]:
        found: set[str] = set()
        for value in values:
            later = self.log.children.get(value, set())
            found |= self._newest(later) if later else {value}
        return found

    def _went_back(self, id_: int, name: str, now: str) -> list[str]:
        """A state that a person set is where the visit is, or on the way to there."""
        given = [state for side in BOTH for ref in self.refs[id_] for state in self.log.statuses.get((side, ref), ())]
        return [f"I5 {name} is {now} though a person set {state}" for state in given
                if state != now and now not in NEXT.get(state, ())]  # fmt: skip

    # ------------------------------------------------------------ all of it
    def shared(self) -> list[str]:
        """I2: a record is one pair's alone."""
        rows = [row for row in self.account["pairs"] if row[2] != "closed"]
        held = Counter((row[1], side, row[at]) for row in rows for side, at in (("gosuslugi", 4), ("emias", 7))
                       if row[at] is not None and row[at + 2] == "here")  # fmt: skip
        return [
            f"I2 {kind} {ref} at {side} is in {times} pairs" for (kind, side, ref), times in held.items() if times > 1
        ]

    def strays(self, collections: tuple[str, ...]) -> list[str]:
        """I1: every live record belongs to a pair."""
        live = [(one, side, ref) for side in BOTH for one in collections for ref in self.portals[side].live(one)]
        return [f"I1 {one} {ref} at {side} is in no pair" for one, side, ref in live
                if (one, side, ref) not in self.pair_of]  # fmt: skip

    def born_twice(self, collections: tuple[str, ...]) -> list[str]:
        """I2: one real thing has one live record at each side, unless people made two."""
        told = []
        for side in BOTH:
            for collection in collections:
                by_key: dict[Any, list[str]] = defaultdict(list)
                for ref in self.portals[side].live(collection):
                    key = natural(side, collection, self.portals[side].doc(collection, ref))
                    if key is not None:
                        by_key[key].append(ref)
                for refs in by_key.values():
                    pairs = [self.pair_of.get((collection, side, ref), 0) for ref in refs]
                    seen = any(self.state.get(pair) in OPEN for pair in pairs)
                    if len(refs) > 1 and not seen and self._made_by_us(collection, side, refs):
                        told.append(f"I2 {collection} {refs} at {side} are one thing")
        return told

    def _made_by_us(self, collection: str, side: str, refs: list[str]) -> bool:
        return any(self.portals[side].of(collection)[ref].origin is not None for ref in refs)

    def silent_losses(self) -> list[str]:
        """I1, I9: what a person entered last is shown, or a conflict of any state holds it."""
        told = []
        for value, entry in self.log.tokens.items():
            if (
                not entry.ref
                or RULER.get(entry.collection, entry.side) != entry.side
                or self.log.shown[value] == set(BOTH)
            ):
                continue
            doc = self.doc(entry.collection, entry.side, entry.ref)
            if doc is None or self.log.children.get(value) or value in self.recorded:
                continue
            field = next(one for one in TOLD[entry.collection] if one.name == entry.name)
            if meant(field.spelt, get(doc, field.at(entry.side))) == value:
                continue
            pair = self.pair_of.get((entry.collection, entry.side, entry.ref), 0)
            if self.state.get(pair) in ("ambiguous", "quarantined") or self.decided(pair, entry.name):
                continue
            told.append(f"I1 {entry.name} {value!r} of {entry.collection} {entry.ref} at {entry.side} is nowhere")
        return told

    def overwritten(self) -> list[str]:
        """I9: nothing that only one side had seen was replaced by medmost without a record of it."""
        told = []
        for effect, name, was, now in self.log.overwritten:
            entry = self.log.tokens[was]
            other = OTHER[effect.side]
            asks = any(one.name == name and one.owner == "person" for one in TOLD[effect.collection])
            if entry.side != effect.side or other in self.log.shown[was] or (was in self.recorded and not asks):
                continue  # where only a person may decide, writing the loser down is not enough
            if RULER.get(effect.collection) == other or self.log.is_decided(effect.ref, name):
                continue
            where = f"{effect.collection} {effect.ref} at {effect.side}"
            told.append(f"I9 {name} {was!r} of {where} was replaced by {now!r} unrecorded")
        return told

    def needless(self) -> list[str]:
        """I9 the other way round: no conflict about a field that only one side has changed."""
        told = []
        for id_, _, name, _, g, e in self.account["conflicts"]:
            x, y = (meant("phone" if name == "phone" else "text", value) for value in (g, e))
            for newer, older in ((x, y), (y, x)):
                entry = self.log.tokens.get(newer or "")
                if entry is not None and older is not None and entry.over == older and older in self.log.tokens:
                    told.append(f"I9 conflict {id_} asks about {name}: {newer!r} was entered on top of {older!r}")
        return told

    def sent_back(self) -> list[str]:
        """I5: nobody is asked to go back in its states, against the very version that has gone on."""
        return [f"I5 {collection} {ref} at {side} was asked to go back in its states"
                for side in BOTH for collection, ref in self.portals[side].backward
                if not self.log.is_decided(ref, "status")]  # fmt: skip

    def of_itself(self) -> list[str]:
        """medmost's own account: journal, books, links, decisions, dead letters, and nobody's name in a log line."""
        account = self.account
        told = [f"I17 {one}" for one in account["journal"]]
        sums: Counter[str] = Counter()
        for (system, kind, name), count in account["books"].items():
            if name == "detected":
                sums[f"{system} {kind}"] += count
            elif name not in ("delivered", "refusals"):
                sums[f"{system} {kind}"] -= count
        told += [f"I1 the books of {name} do not balance by {rest}" for name, rest in sums.items() if rest]
        number, policies, accounts = account["links"]
        if not number == policies == accounts:
            told.append(f"I16 {number} active links of {policies} policies and {accounts} accounts")
        told += [
            f"I10 conflict {id_} was decided {times} times" for id_, times in self.log.answers.items() if times > 1
        ]
        known = {row[0] for row in account["pairs"]}
        told += [f"I4 a delivery row of no pair: {row}" for row in account["rows"] if row[0] not in known]
        told += [
            f"I22 a dead letter without a reason: {row}" for row in account["rows"] if row[2] == "dead" and not row[3]
        ]
        lines = [*self.log.lines, *(" ".join(event) for event in account["events"])]
        text = "\n".join(lines)
        told += [f"I18 {name} in a log line" for name in self.log.names if name in text]
        return told


def _plain(value: Any) -> Any:
    return value.strip().casefold() if isinstance(value, str) else value


__all__ = ["at_rest", "journal_of", "level"]
