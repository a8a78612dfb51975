"""The working set of one transaction: pairs laid out, changed by the rules, put back together with all that follows.

Everything that one unit of work touches commits together: side states, merge results, delivery rows, conflicts, the
books and one journal entry (design §2, *One transaction*).
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable

from medmost.domain.record import Pair, Side
from medmost.store import aliases, conflicts, deliveries, journal, ledgers, links, pairs, patients
from medmost.store.deliveries import Delivery
from medmost.store.pairs import PairRow
from medmost.store.transaction import Transaction
from medmost.sync.house import House, Seen

BUCKETS = 10_000


class Desk:
    """`late`: what is absorbed may be older than what is known, as a notice that had to wait."""

    def __init__(self, tx: Transaction, house: House, act: str, correlation: str = "", *, late: bool = False) -> None:
        self.tx, self.house, self.act, self.correlation, self.late = tx, house, act, correlation, late
        self.now = house.clock.now()
        self.rows: dict[int, PairRow] = {}
        self.deliveries: dict[tuple[int, str], Delivery] = {}
        self.open_conflicts: dict[int, dict[str, tuple[int, int]]] = {}
        self.dirty: set[int] = set()
        self._aliases: dict[tuple[str, str, str], tuple[int | None, int | None]] = {}
        self._new_aliases: dict[tuple[str, str, str], tuple[int | None, int | None]] = {}
        self._keys: dict[tuple[str, bytes], set[int]] = {}
        self._linked: dict[bytes, bool] = {}
        self._groups: dict[bytes, frozenset[bytes]] = {}
        self._any_former: bool | None = None
        self._former_patients: list[tuple[bytes, int]] = []
        self._dirty_rows: set[tuple[int, str]] = set()
        self._found: dict[tuple[int, str], conflicts.Found] = {}
        self._decided: list[conflicts.Found] = []
        self._void: set[tuple[int, str]] = set()
        self._former: list[tuple[str, bytes, int]] = []
        self._books: Counter[tuple[str, str, str]] = Counter()
        self._told: set[tuple[str, str, str, str]] = set()
        self._next_id: int | None = None
        self._began: dict[tuple[Side, str], float] = {}
        self.tallies: dict[tuple[Side, str], list[int]] = {}  # deletes, changes, older: what the brakes count
        self.landed: list[int] = []  # pairs whose record was created by an answer
        self.noted: dict[str, object] = {}  # further words for the journal

    # ------------------------------------------------------------ laying out
    def lay_out(self, kind: str, seen: Iterable[Seen]) -> None:
        """Loads in a few queries everything that these observations can touch."""
        items = list(seen)
        ids: set[int] = set()
        for side in Side:
            refs = [s.observation.ref for s in items if s.observation.side is side]
            fresh = [ref for ref in dict.fromkeys(refs) if (kind, side.value, ref) not in self._aliases]
            for ref, found in aliases.find(self.tx, kind, side.value, fresh).items():
                self._aliases[kind, side.value, ref] = found
                if found[0] is not None:
                    ids.add(found[0])
        for s in items:
            marked = self.house.cipher.marked(s.observation.origin)
            if marked:
                ids.add(marked[0])
        self.lay_out_keys(kind, [s.key_index for s in items if s.key_index], ids)
        self._learn_links({s.patient_index for s in items if s.patient_index})

    def lay_out_keys(self, kind: str, keys: list[bytes], ids: set[int]) -> None:
        fresh = [key for key in dict.fromkeys(keys) if (kind, key) not in self._keys]
        found = pairs.ids_by_keys(self.tx, kind, fresh)
        for key in fresh:
            self._keys[kind, key] = set(found.get(key, ()))
            ids.update(self._keys[kind, key])
        for former in aliases.former(self.tx, kind, fresh).values():
            ids.add(former)
        self.load(ids)

    def load(self, ids: Iterable[int]) -> None:
        fresh = set(ids) - set(self.rows)
        if not fresh:
            return
        self.rows.update(pairs.by_ids(self.tx, self.house.cipher, fresh))
        self.deliveries.update(deliveries.of_pairs(self.tx, fresh))
        self.open_conflicts.update(conflicts.open_fields(self.tx, fresh))
        arrived = [self.rows[id_] for id_ in fresh if id_ in self.rows]
        for row in arrived:
            if row.key_index and (row.pair.kind, row.key_index) in self._keys:
                self._keys[row.pair.kind, row.key_index].add(row.pair.id)
        self._learn_links({row.patient_index for row in arrived if row.patient_index})

    def _learn_links(self, patients: set[bytes]) -> None:
        fresh = patients - set(self._linked)
        wanted = {number for patient in fresh for number in self.group(patient)}
        active = links.active(self.tx, wanted) if wanted else set()
        self._linked.update({patient: not active.isdisjoint(self.group(patient)) for patient in fresh})

    # ------------------------------------------------------------ asking
    def linked(self, patient: bytes | None) -> bool:
        if patient is None:
            return False
        if patient not in self._linked:
            self._learn_links({patient})
        return self._linked[patient]

    def group(self, patient: bytes) -> frozenset[bytes]:
        """All policy numbers that lead to the person whom this one leads to, former ones too."""
        if self._any_former is None:
            self._any_former = patients.any_former(self.tx)
        if not self._any_former:
            return frozenset((patient,))
        if patient not in self._groups:
            self._groups[patient] = patients.group(self.tx, patient)
        return self._groups[patient]

    def same_patient(self, one: bytes | None, other: bytes | None) -> bool:
        """Do both numbers lead to one person? A number that may be two people's leads to nobody else."""
        return one is not None and other is not None and (one == other or other in self.group(one))

    def alias(self, kind: str, side: Side, ref: str) -> tuple[int | None, int | None]:
        name = (kind, side.value, ref)
        if name not in self._aliases:
            self._aliases[name] = aliases.find(self.tx, kind, side.value, [ref]).get(ref, (None, None))
            if self._aliases[name][0] is not None:
                self.load([self._aliases[name][0] or 0])
        return self._aliases[name]

    def holder(self, kind: str, side: Side, ref: str) -> tuple[int | None, int | None]:
        """As `alias`, but what ended with its pair is held by nobody: only the version of its tombstone is known.

        A system may give the id to a record again, and that is a new life of a new pair (design §2a.2, F34).
        """
        found = self.alias(kind, side, ref)
        row = self.rows.get(found[0]) if found[0] is not None else None
        if row is None or not row.pair.closed or row.pair.side(side).ref != ref:
            return found
        return None, row.pair.side(side).version

    def with_key(self, kind: str, key: bytes | None) -> list[PairRow]:
        """Open pairs that show this natural key now."""
        if key is None:
            return []
        if (kind, key) not in self._keys:
            self.lay_out_keys(kind, [key], set())
        found = [self.rows[id_] for id_ in sorted(self._keys[kind, key]) if id_ in self.rows]
        return [row for row in found if not row.pair.closed and row.key_index == key]

    def delivery(self, pair: int, side: Side) -> Delivery | None:
        return self.deliveries.get((pair, side.value))

    def flying(self, pair: int, side: Side) -> bool:
        row = self.delivery(pair, side)
        return row is not None and row.state in (deliveries.IN_FLIGHT, deliveries.AWAITING)

    def pass_began(self, side: Side, kind: str) -> float:
        if (side, kind) not in self._began:
            self._began[side, kind] = ledgers.pass_began(self.tx, side.value, kind)
        return self._began[side, kind]

    # ------------------------------------------------------------ changing
    def new_pair(self, kind: str) -> PairRow:
        if self._next_id is None:
            self._next_id = pairs.next_id(self.tx)
        row = PairRow(Pair(id=self._next_id, kind=kind))
        self._next_id += 1
        self.rows[row.pair.id] = row
        self.dirty.add(row.pair.id)
        return row

    def bind(self, kind: str, side: Side, ref: str, pair: int | None, gone_version: int | None = None) -> None:
        name = (kind, side.value, ref)
        self._aliases[name] = self._new_aliases[name] = (pair, gone_version)

    def show_key(self, row: PairRow, key: bytes | None, live: bool) -> None:
        """A pair's natural key as its records show it now; a former one stays good for finding."""
        kind = row.pair.kind
        if key is not None and (kind, key) not in self._keys and (row.key_index != key or (live and not row.key_live)):
            self.lay_out_keys(kind, [key], set())  # others may hold it
        if row.key_index != key:
            if row.key_index is not None:
                self._keys.get((kind, row.key_index), set()).discard(row.pair.id)
                self._former.append((kind, row.key_index, row.pair.id))
            row.key_index = key
            self.dirty.add(row.pair.id)
        if key is not None:
            self._keys.setdefault((kind, key), set()).add(row.pair.id)
        row.key_live = live

    def former_key(self, kind: str, key: bytes, pair: int) -> None:
        """A key that a record of this pair was known by, though the pair never showed it."""
        self._former.append((kind, key, pair))

    def former_patient(self, patient: bytes, pair: int) -> None:
        """A policy's number has changed: the former one goes on leading to its owner."""
        self._former_patients.append((patient, pair))
        self._any_former = True
        self._groups.clear()

    def note(self, name: str, told: object) -> None:
        """A further word for the journal entry."""
        self.noted[name] = told

    def show_patient(self, row: PairRow, patient: bytes | None) -> None:
        row.patient_index = patient
        row.bucket = zlib.crc32(patient or str(row.pair.id).encode()) % BUCKETS

    def owe(self, row: PairRow, side: Side) -> None:
        """Side is behind: a delivery row, if there is none."""
        pair = row.pair
        self.deliveries[pair.id, side.value] = Delivery(
            pair=pair.id, side=side.value, kind=pair.kind, rank=self.house.rank(pair.kind), state=deliveries.DUE,
            token=0, attempts=0, first_at=self.now, not_before=self.now, lease_until=None, reason="",
            correlation=self.correlation,
        )  # fmt: skip
        self._dirty_rows.add((pair.id, side.value))

    def put_row(self, row: Delivery) -> None:
        self.deliveries[row.pair, row.side] = row
        self._dirty_rows.add((row.pair, row.side))

    def drop_row(self, pair: int, side: Side) -> None:
        if self.deliveries.pop((pair, side.value), None) is not None:
            self._dirty_rows.add((pair, side.value))

    def conflict(self, found: conflicts.Found) -> None:
        self._found[found.pair, found.field] = found
        self._void.discard((found.pair, found.field))
        self.open_conflicts.setdefault(found.pair, {})[found.field] = (found.g_version, found.e_version)

    def decided(self, found: conflicts.Found) -> None:
        self._decided.append(found)

    def end_conflict(self, pair: int, field: str) -> None:
        self._found.pop((pair, field), None)
        self.open_conflicts.get(pair, {}).pop(field, None)
        self._void.add((pair, field))

    def count(self, system: str, kind: str, account: str, number: int = 1) -> None:
        self._books[system, kind, account] += number

    def tally(self, side: Side, kind: str, *, delete: bool = False, change: bool = False, older: bool = False) -> None:
        sums = self.tallies.setdefault((side, kind), [0, 0, 0])
        for place, more in enumerate((delete, change, older)):
            sums[place] += more

    def tell(self, event: str, system: str = "", kind: str = "", code: str = "") -> None:
        self._told.add((event, system, kind, code))

    # ------------------------------------------------------------ putting back
    def put_back(self, **entry: object) -> None:
        """Writes all that changed, the books, the events and one journal entry."""
        tx, cipher = self.tx, self.house.cipher
        changed = [self.rows[id_] for id_ in sorted(self.dirty)]
        for row in changed:
            row.row_version += 1
        pairs.save(tx, cipher, changed)
        if self._new_aliases:
            aliases.save(tx, [(*name, *value) for name, value in self._new_aliases.items()])
        if self._former:
            aliases.add_former_keys(tx, self._former)
        if self._former_patients:
            patients.remember(tx, self._former_patients)
        self._put_back_rows()
        if self._void or self._found or self._decided:
            conflicts.void(tx, sorted(self._void), self.now)
            conflicts.record(tx, cipher, [*self._found.values(), *self._decided], self.now)
        ledgers.enter(tx, [(*name, number) for name, number in self._books.items()])
        for event in sorted(self._told):
            ledgers.tell(tx, self.now, *event)
        entry |= self.noted
        if self.dirty or entry:
            self._write_journal(changed, entry)

    def _put_back_rows(self) -> None:
        touched = sorted(self._dirty_rows)  # the same work writes the same rows in the same order
        if gone := [name for name in touched if name not in self.deliveries]:
            deliveries.remove(self.tx, gone)
        if kept := [self.deliveries[name] for name in touched if name in self.deliveries]:
            deliveries.save(self.tx, kept)

    def _write_journal(self, changed: list[PairRow], entry: dict[str, object]) -> None:
        told = {"act": self.act, **entry}
        if self.correlation:
            told["correlation"] = self.correlation
        if changed:
            told["pairs"] = {
                str(row.pair.id): f"{row.state} g{row.pair.gosuslugi.version} e{row.pair.emias.version}"
                for row in changed
            }
        if self._decided:
            told["decided"] = [f"{one.pair}.{one.field}: {one.decided_by}" for one in self._decided]
        journal.append(self.tx, self.house.writer, self.now, told, [row.pair.id for row in changed])
