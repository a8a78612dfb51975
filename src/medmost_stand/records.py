"""The records of one collection in memory: by id, in the order of change, by origin and by key."""

from __future__ import annotations

import random
from bisect import bisect_left, insort
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from medmost_stand.dialect import Body, Dialect, Form, at, key_of
from medmost_stand.refusal import Reason, Refusal

_FIRST_ID = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One version of one record. `stamp` is microseconds since 1970; the body holds no server fields."""

    collection: str
    id: str
    version: int
    stamp: int
    origin: str | None
    deleted: bool
    body: bytes

    def fields(self) -> Body:
        """The body as a fresh dictionary, safe to change."""
        return dict(orjson.loads(self.body))


def joined(head: bytes, body: bytes) -> bytes:
    """An open JSON object and a closed one as a single object."""
    return head + b"}" if len(body) <= 2 else head + b"," + body[1:]


class Index:
    """Live record ids by the comparable form of some of their fields."""

    def __init__(self, form: Form, paths: tuple[str, ...]) -> None:
        self._form = form
        self._paths = paths
        self._ids: dict[Hashable, set[str]] = {}

    def key(self, body: Body) -> tuple[Hashable, ...] | None:
        """Where a body belongs; None if a field is absent or malformed."""
        return key_of(self._form, body, self._paths)

    def add(self, record_id: str, body: Body) -> None:
        key = self.key(body)
        if key is not None:
            self._ids.setdefault(key, set()).add(record_id)

    def remove(self, record_id: str, body: Body) -> None:
        key = self.key(body)
        if key is not None and key in self._ids:
            self._ids[key].discard(record_id)
            if not self._ids[key]:
                del self._ids[key]

    def find(self, key: tuple[Hashable, ...] | None) -> set[str]:
        """Ids under a key; empty for None."""
        return set() if key is None else self._ids.get(key, set())


class _Values(Index):
    """Live record ids by the raw value of one path; built when life first asks for it."""

    def key(self, body: Body) -> tuple[Hashable, ...] | None:
        value = at(body, self._paths[0])
        return (value,) if isinstance(value, Hashable) else None


class Shelf:
    """One collection of one system. Not aware of rules, storage or clients."""

    def __init__(self, form: Form, dialect: Dialect) -> None:
        self.form = form
        self._dialect = dialect
        self._step = dialect.stamp_step
        self.records: dict[str, Record] = {}
        self._order: list[tuple[int, str]] = []
        self._origins: dict[str, list[str]] = {}
        self._live: list[str] = []
        self._indexes: dict[str, Index] = {"key": Index(form, form.key)}
        if form.collection == "visits":
            self._indexes["time"] = Index(form, (dialect.visit.schedule, dialect.visit.start))

    def put(self, record: Record, body: Body) -> None:
        """Takes a record's newest version; `body` is its parsed body, {} of a tombstone."""
        old = self.records.get(record.id)
        if old is not None:
            place = (old.stamp // self._step, old.id)
            del self._order[bisect_left(self._order, place)]
            if not old.deleted:
                before = old.fields()
                for index in self._indexes.values():
                    index.remove(old.id, before)
        else:
            self._live.append(record.id)
            if record.origin is not None:
                self._origins.setdefault(record.origin, []).append(record.id)
        self.records[record.id] = record
        insort(self._order, (record.stamp // self._step, record.id))
        if not record.deleted:
            for index in self._indexes.values():
                index.add(record.id, body)

    def by_key(self, body: Body) -> set[str]:
        """Ids of the live records with the natural key of this body."""
        index = self._indexes["key"]
        return index.find(index.key(body))

    def named(self, value: Hashable) -> bool:
        """Whether a live record has this one-field natural key (a comparable form)."""
        return bool(self._indexes["key"].find((value,)))

    def keyed(self, key: tuple[Hashable, ...]) -> set[str]:
        """Ids of the live records with this comparable natural key."""
        return self._indexes["key"].find(key)

    def at_time(self, body: Body) -> set[str]:
        """Ids of live visit records at the schedule and start of this body (visits only)."""
        index = self._indexes["time"]
        return index.find(index.key(body))

    def by_origin(self, origin: str) -> list[Record]:
        """Records, tombstones too, that were created with this origin id."""
        return [self.records[record_id] for record_id in self._origins.get(origin, [])]

    def since(self, stamp: int | None) -> int:
        """Position of the first record changed at `stamp` (microseconds) or later."""
        return 0 if stamp is None else bisect_left(self._order, (stamp // self._step, _FIRST_ID))

    def after(self, step: int, record_id: str) -> int:
        """Position behind the place (stamp in steps, id), whether or not something stands there now."""
        return bisect_left(self._order, (step, record_id + "\0"))

    def page(self, start: int, size: int) -> list[Record]:
        """Records in the order of (stamp, id) from a position on."""
        return [self.records[record_id] for _, record_id in self._order[start : start + size]]

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.page(0, len(self._order)))

    def sample(self, rng: random.Random) -> Record | None:
        """A live record by chance; None if twenty draws meet only tombstones or nothing is there."""
        for _ in range(20 if self._live else 0):
            record = self.records[rng.choice(self._live)]
            if not record.deleted:
                return record
        return None

    def equal(self, wanted: dict[str, Any]) -> list[Record]:
        """Live records whose values at these paths are exactly the given ones."""
        found: set[str] | None = None
        for path, value in wanted.items():
            ids = self._values(path).find((value,))
            found = set(ids) if found is None else found & ids
        return [self.records[record_id] for record_id in sorted(found or ())]

    def _values(self, path: str) -> Index:
        name = "value:" + path
        if name not in self._indexes:
            index = _Values(self.form, (path,))
            for record in self.records.values():
                if not record.deleted:
                    index.add(record.id, record.fields())
            self._indexes[name] = index
        return self._indexes[name]


def found_by_key(shelf: Shelf, body: Body) -> list[Record]:
    """Live records with the natural key of a body; Refusal INVALID_FIELD names what is missing or malformed."""
    form = shelf.form
    key = key_of(form, body, form.key)
    if key is None:
        bad = next(path for path in form.key if key_of(form, body, (path,)) is None)
        said = "не заполнено" if at(body, bad) is None else f"нужно {form.field(bad).format.expected}"
        raise Refusal(Reason.INVALID_FIELD, f"Поиск по ключу, поле «{bad}»: {said}", bad)
    return [shelf.records[record_id] for record_id in sorted(shelf.keyed(key))]
