"""One item of a list, or the record in an answer, as an observation; the same for both dialects but for names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from medmost.domain.errors import Transient
from medmost.domain.record import Doc, Observation, Side
from medmost.systems.failures import page_error


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """What a dialect calls the members that the system itself writes."""

    ref: str
    version: str
    stamp: str
    origin: str
    deleted: str
    moment: Callable[[str], datetime]  # reads a stamp; ValueError where it is not one

    @property
    def own(self) -> frozenset[str]:
        """Members that never go into what we write."""
        return frozenset((self.ref, self.version, self.stamp, self.origin, self.deleted))


def items(side: Side, names: Names, page: dict[str, Any], member: str) -> list[Doc]:
    """The records of a page. Raises Transient MM-SYS-PAGE where one of them is not a record at all (design §10)."""
    rows = page.get(member)
    if not isinstance(rows, list):
        raise page_error(side, "the page has no list of records", "на странице нет списка записей")
    for row in rows:
        identified(side, names, row)
    return rows


def identified(side: Side, names: Names, row: Any) -> tuple[str, int]:
    """Id and version, without which an item cannot be kept even as invalid."""
    if not isinstance(row, dict):
        raise page_error(side, "an item is not an object", "элемент списка не является записью")
    ref, version = row.get(names.ref), _version(row.get(names.version))
    if not isinstance(ref, str) or not ref or version is None:
        raise page_error(side, "an item has no id or version", "у записи нет идентификатора или версии")
    return ref, version


def observation(side: Side, names: Names, kind: str, row: Any) -> Observation:
    ref, version = identified(side, names, row)
    origin, stamp = row.get(names.origin), row.get(names.stamp)
    return Observation(
        side=side,
        kind=kind,
        ref=ref,
        version=version,
        doc=None if row.get(names.deleted) else row,
        origin=origin if isinstance(origin, str) and origin else None,
        stamp=_moment(names, stamp),
    )


def told(side: Side, names: Names, kind: str, record: Any) -> Observation | None:
    """The record a webhook brought; None where it brought none that counts."""
    try:
        return observation(side, names, kind, record)
    except Transient:  # a message is only a hint: what is not a record is read instead
        return None


def body_of(names: Names, doc: Doc) -> Doc:
    """What a write carries: the document without the system's own members."""
    own = names.own
    return {name: value for name, value in doc.items() if name not in own}


def _version(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if value >= 0 else None
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value[:18])
    return None


def _moment(names: Names, value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        return names.moment(value)
    except ValueError:  # the stamp only decides owner `latest`: without one the record still counts
        return None
