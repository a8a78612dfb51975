"""One of the two systems without its HTTP: records, rules, effects and what goes out on a change."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import orjson

from medmost_stand.clock import Clock
from medmost_stand.dialect import Body, Dialect, at
from medmost_stand.effects import Actor, Effects
from medmost_stand.idempotency import Idempotency
from medmost_stand.records import Record, Shelf
from medmost_stand.refusal import Reason, Refusal
from medmost_stand.rules import Rules
from medmost_stand.storage import Storage

Listener = Callable[[Record], None]
_SAVE = "INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?, ?, ?, ?)"


class System:
    """Every write goes through here, whoever makes it. The methods are synchronous: they check first and
    change nothing when they raise Refusal; the caller awaits `storage.committed()` before it answers."""

    def __init__(self, dialect: Dialect, storage: Storage, clock: Clock) -> None:
        self.dialect = dialect
        self.storage = storage
        self.clock = clock
        self.effects = Effects(storage)
        self.idempotency = Idempotency(storage, clock)
        self.listeners: list[Listener] = []
        self._shelve(())
        rows = storage.read("SELECT collection, id, version, stamp, origin, deleted, body FROM record")
        self._shelve(Record(c, i, v, s, o, bool(d), bytes(b)) for c, i, v, s, o, d, b in rows)

    def _shelve(self, records: Iterable[Record]) -> None:
        self.shelves = {name: Shelf(self.dialect.forms[name], self.dialect) for name in self.dialect.collections}
        self.rules = Rules(self.dialect, self.shelves)
        for record in sorted(records, key=lambda record: (record.stamp, record.id)):
            if record.collection not in self.shelves:
                continue  # of a file that this run was started without; it stays where it is kept
            self.shelves[record.collection].put(record, record.fields())

    def seed(self, records: Iterable[Record]) -> None:
        """Replaces everything by a world's records, unchecked: planted ones may break the rules."""
        fresh = list(records)
        self.storage.write("DELETE FROM record")
        self.storage.fill(_SAVE, ((r.collection, r.id, r.version, r.stamp, r.origin, r.deleted, r.body) for r in fresh))
        self.effects.clear()
        self.idempotency.clear()
        self._shelve(fresh)

    def get(self, collection: str, record_id: str) -> Record:
        """The record or its tombstone; Refusal NOT_FOUND."""
        record = self.shelves[collection].records.get(record_id)
        if record is None:
            raise Refusal(Reason.NOT_FOUND, "Такой записи нет")
        return record

    def create(self, collection: str, body: Body, actor: Actor, record_id: str | None = None) -> Record:
        """A new record, version 1. The origin id comes in the body's origin field."""
        origin = self._origin(body)
        body = self._own_fields(body)
        self.rules.check(collection, body, None, None, actor.client)
        record = self._store(collection, record_id or self.dialect.new_id(), 1, origin, body)
        self.effects.add("POST", record, body, actor, self._mark_slots(collection, None, body))
        return record

    def replace(self, collection: str, record_id: str, body: Body, expected: int | None, actor: Actor) -> Record:
        """The next version with the whole body replaced, except for what the system itself has written."""
        old = self._expected(collection, record_id, expected)
        if old.deleted:
            raise Refusal(Reason.GONE, "Запись удалена")
        before = old.fields()
        kept = {name: before[name] for name in ("movedFrom", "movedTo") if name in before}
        body = self._own_fields(body) | kept
        self.rules.check(collection, body, before, record_id, actor.client)
        record = self._store(collection, record_id, old.version + 1, old.origin, body)
        self.effects.add("PUT", record, body, actor, self._mark_slots(collection, before, body))
        return record

    def delete(self, collection: str, record_id: str, expected: int | None, actor: Actor) -> Record:
        """A tombstone; deleting again changes nothing and gives the same tombstone."""
        old = self._expected(collection, record_id, expected)
        if old.deleted:
            return old
        record = self._store(collection, record_id, old.version + 1, old.origin, None)
        self.effects.add("DELETE", record, {}, actor, self._mark_slots(collection, old.fields(), None))
        return record

    def move(self, visit_id: str, changes: Body, expected: int | None, actor: Actor) -> Record:
        """A booked visit at another time: a new record with `movedFrom`; the old one stays cancelled."""
        words = self.dialect.visit
        old = self._expected("visits", visit_id, expected)
        if old.deleted:
            raise Refusal(Reason.GONE, "Запись удалена")
        before = old.fields()
        if at(before, words.status) != words.booked:
            raise Refusal(Reason.STATUS_BACKWARD, "Перенести можно только предстоящую запись", words.status)
        moved = before | self._own_fields(changes) | {"movedFrom": visit_id, words.status: words.booked}
        moved.pop("movedTo", None)
        self.rules.check("visits", moved, None, visit_id, actor.client)
        record = self._store("visits", self.dialect.new_id(), 1, None, moved)
        left = before | {
            words.status: words.cancelled,
            words.cancel_reason: "Перенесена на другое время",
            "movedTo": record.id,
        }
        cancelled = self._store("visits", visit_id, old.version + 1, old.origin, left)
        slots = [*self._mark_slots("visits", before, left), *self._mark_slots("visits", None, moved)]
        self.effects.add("MOVE", record, moved, actor, [cancelled, *slots])
        return record

    def put_whole(self, collection: str, record_id: str, body: Body, actor: Actor) -> Record:
        """The next version of a record whose call checks its own rules (an order's new status)."""
        old = self.get(collection, record_id)
        record = self._store(collection, record_id, old.version + 1, old.origin, body)
        self.effects.add("PUT", record, body, actor)
        return record

    def _expected(self, collection: str, record_id: str, expected: int | None) -> Record:
        record = self.get(collection, record_id)
        if expected is not None and record.version != expected:
            raise Refusal(
                Reason.VERSION_MISMATCH,
                f"Запись изменилась: сейчас версия {record.version}, в запросе {expected}",
                headers={"ETag": f'"{record.version}"'},
            )
        return record

    def _origin(self, body: Body) -> str | None:
        origin = body.get(self.dialect.origin_field)
        if origin is None or origin == "":
            return None
        if not isinstance(origin, str) or len(origin) > 200:
            field = self.dialect.origin_field
            raise Refusal(Reason.INVALID_FIELD, f"Поле «{field}»: нужна строка до 200 знаков", field)
        return origin

    def _own_fields(self, body: Body) -> Body:
        return {name: value for name, value in body.items() if name not in self.dialect.server_fields}

    def _store(self, collection: str, record_id: str, version: int, origin: str | None, body: Body | None) -> Record:
        raw = orjson.dumps(body or {})
        record = Record(collection, record_id, version, self.clock.stamp(), origin, body is None, raw)
        self.shelves[collection].put(record, body or {})
        self.storage.write(_SAVE, (collection, record_id, version, record.stamp, origin, record.deleted, raw))
        for listener in self.listeners:
            listener(record)
        return record

    def _mark_slots(self, collection: str, before: Body | None, after: Body | None) -> list[Record]:
        """EMIAS keeps its grid: a booked visit takes its slot, a cancelled, moved or deleted one frees it."""
        words = self.dialect.visit
        if collection != "visits" or not words.keeps_grid:
            return []
        held, holds = self._place(before), self._place(after)
        if held == holds:
            return []
        changed = [] if held is None else self._mark_slot(held, words.busy, words.free)
        if holds is not None and after is not None and at(after, words.status) == words.booked:
            changed += self._mark_slot(holds, words.free, words.busy)
        return changed

    def _place(self, visit: Body | None) -> tuple[str, object] | None:
        words = self.dialect.visit
        if visit is None or at(visit, words.status) in (words.cancelled, words.rejected):
            return None
        schedule, start = at(visit, words.schedule), at(visit, words.start)
        return None if schedule is None or start is None else (schedule, start)

    def _mark_slot(self, place: tuple[str, object], old: str, new: str) -> list[Record]:
        words = self.dialect.visit
        slots, changed = self.shelves["slots"], []
        for slot_id in sorted(slots.by_key({words.slot_schedule: place[0], words.slot_start: place[1]})):
            slot = slots.records[slot_id]
            body = slot.fields()
            if at(body, words.slot_status) == old:
                body[words.slot_status] = new
                changed.append(self._store("slots", slot_id, slot.version + 1, slot.origin, body))
        return changed
