"""Drift of a system's shape: a field is renamed, lost or new, a code unknown (facts/reliability.md F28).

What the rule shows differently the system also takes differently, so that a client that writes a record back as
it was shown neither loses nor spoils anything inside.
"""

from __future__ import annotations

import copy
from hashlib import blake2b
from typing import Any

import orjson

from medmost_stand.dialect import Body
from medmost_stand.faults.twists import Reply, Twist, has, places


class FieldTwist(Twist):
    """Acts on one field of every record shown, unless `records` asks for a part of them."""

    hooks = True

    def touches(self, reply: Reply) -> bool:
        return any(self.meant(record) and self.wanted(record) for record in reply.records())

    def show(self, reply: Reply) -> None:
        for record in reply.records():
            if self.meant(record) and self.wanted(record):
                self.shown(record)

    def meant(self, record: Body) -> bool:
        """The same records at every look: chosen by id and seed."""
        part: float = self.rule.given["records"]
        if part >= 1:
            return True
        mark = hash_of(f"{self.rule.seed}/{record.get('id')}")
        return mark < part

    def wanted(self, record: Body) -> bool:
        """Whether this record has what the effect is about."""
        return has(record, self.rule.given["field"])

    def shown(self, record: Body) -> None:
        """Changes one record in place."""
        raise NotImplementedError

    def stored(self, record_id: str | None) -> Body | None:
        """What the system itself has of a record that is written to."""
        record = None if record_id is None else self.system.shelves[self.collection].records.get(record_id)
        return None if record is None or record.deleted else record.fields()

    def kept_inside(self, body: Body, record_id: str | None, field: str) -> Body:
        """The body with the stored value of a field, where the record has it."""
        stored = self.stored(record_id)
        if stored is None or not has(stored, field):
            return body
        return transplanted(stored, body, field)


class FieldRenamed(FieldTwist):
    """`field` is called `to`, in what is shown, in what is taken and in refusals. The two names change places,
    so an unknown field that had the new name is not lost."""

    def shown(self, record: Body) -> None:
        swap(record, self.rule.given["field"], self.rule.given["to"])

    def take(self, body: Body, _: str | None) -> Body:
        old, new = self.rule.given["field"], self.rule.given["to"]
        partly = self.rule.share < 1 or self.rule.given["records"] < 1
        # While only some answers show the new name, both names are taken; else only the new one.
        if self.rule.spent or not (has(body, new) or (has(body, old) and not partly)):
            return body
        body = copy.deepcopy(body)
        swap(body, old, new)
        return body

    def touches(self, reply: Reply) -> bool:
        return self._names_field(reply) or super().touches(reply)

    def show(self, reply: Reply) -> None:
        super().show(reply)
        if self._names_field(reply):
            old, new = self.rule.given["field"], self.rule.given["to"]
            text = orjson.dumps(reply.doc).decode().replace(f"«{old}»", f"«{new}»").replace(f'"{old}"', f'"{new}"')
            reply.doc = orjson.loads(text)

    def _names_field(self, reply: Reply) -> bool:
        return reply.status >= 400 and f"«{self.rule.given['field']}»" in orjson.dumps(reply.doc).decode()


class FieldMissing(FieldTwist):
    """`field` is not shown any more; the system keeps its value, and a record written without it keeps it."""

    def shown(self, record: Body) -> None:
        for place, step in places(record, self.rule.given["field"]):
            place.pop(step, None)

    def take(self, body: Body, record_id: str | None) -> Body:
        field = self.rule.given["field"]
        return body if has(body, field) else self.kept_inside(body, record_id, field)


class FieldExtra(FieldTwist):
    """`field` is new and holds `value`; it is the system's own, whatever is written to it."""

    def wanted(self, record: Body) -> bool:
        return len(record) > 1 and "id" in record and not has(record, self.rule.given["field"])

    def shown(self, record: Body) -> None:
        for place, step in places(record, self.rule.given["field"]):
            place[step] = self.rule.given["value"]

    def take(self, body: Body, _: str | None) -> Body:
        field, value = self.rule.given["field"], self.rule.given["value"]
        if not any(place.get(step) == value for place, step in places(body, field)):
            return body
        body = copy.deepcopy(body)
        for place, step in places(body, field):
            place.pop(step, None)
        return body


class EnumUnknown(FieldTwist):
    """`field` holds `value`, a code that nobody has announced; written back so, it changes nothing."""

    def wanted(self, record: Body) -> bool:
        return has(record, self.rule.given["field"])

    def shown(self, record: Body) -> None:
        for place, step in places(record, self.rule.given["field"]):
            if step in place:
                place[step] = self.rule.given["value"]

    def take(self, body: Body, record_id: str | None) -> Body:
        field, value = self.rule.given["field"], self.rule.given["value"]
        if not any(place.get(step) == value for place, step in places(body, field)):
            return body
        return self.kept_inside(body, record_id, field)


def hash_of(text: str) -> float:
    """A number of [0, 1) that a text always gives."""
    return int.from_bytes(blake2b(text.encode(), digest_size=6).digest()) / 2**48


def swap(body: Body, one: str, other: str) -> None:
    """Exchanges what stands at two paths, in place; beside each other they may stand in lists, too."""
    head, _, last = one.rpartition(".")
    other_head, _, other_last = other.rpartition(".")
    if head == other_head:
        for place, _ in list(places(body, one)):
            _exchange(place, last, place, other_last)
        return
    _make_way(body, head)
    _make_way(body, other_head)
    here, there = next(places(body, one), None), next(places(body, other), None)
    if here is not None and there is not None:
        _exchange(here[0], last, there[0], other_last)


def _exchange(here: Body, one: str, there: Body, other: str) -> None:
    gone = object()
    mine: Any = here.pop(one, gone)
    theirs: Any = there.pop(other, gone)
    if mine is not gone:
        there[other] = mine
    if theirs is not gone:
        here[one] = theirs


def _make_way(body: Body, path: str) -> None:
    place = body
    for step in path.split(".") if path else ():
        found = place.setdefault(step, {})
        if not isinstance(found, dict):
            return
        place = found


def transplanted(source: Body, target: Body, path: str) -> Body:
    """A copy of `target` with what `source` has at the path; rows of lists are matched by their place."""
    made = copy.deepcopy(target)
    head, _, _ = path.rpartition(".")
    if not any(isinstance(place, list) for place in _steps(source, head)):
        _make_way(made, head)
    for (old, step), (new, _) in zip(places(source, path), places(made, path), strict=False):
        if step in old:
            new[step] = old[step]
    return made


def _steps(body: Body, path: str) -> list[Any]:
    found: list[Any] = []
    place: Any = body
    for step in path.split(".") if path else ():
        place = place.get(step) if isinstance(place, dict) else None
        found.append(place)
    return found
