"""The words in which the rules of a system speak: its collections, their fields and the life of a visit."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medmost_stand.formats import Format
    from medmost_stand.records import Record
    from medmost_stand.refusal import Refusal

Body = dict[str, Any]

COLLECTIONS = (
    "policies",
    "organizations",
    "schedules",
    "slots",
    "visits",
    "results",
    "vaccinations",
    "requests",
)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record: where it stands (dots go into nested objects) and what it must look like."""

    path: str
    format: Format
    required: bool = False
    refers: str | None = None  # the collection whose natural key this value must name


@dataclass(frozen=True, slots=True)
class Status:
    """A field whose codes only go forward."""

    path: str
    onward: Mapping[str, frozenset[str]]  # code -> codes it may change to; one without a row is free


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of one collection that the system checks; others are kept as they come."""

    collection: str
    fields: tuple[Field, ...]
    key: tuple[str, ...]  # paths of the natural key
    unique: bool  # whether two live records may not share the key
    status: Status | None = None  # of added collections; visits have rules of their own

    def field(self, path: str) -> Field:
        """The field at a path; KeyError if the system does not check it."""
        for field in self.fields:
            if field.path == path:
                return field
        raise KeyError(path)


@dataclass(frozen=True, slots=True)
class VisitWords:
    """How a system names the course of a visit and the grid of slots (agreed rules: forward only, booked once)."""

    status: str
    booked: str
    live: frozenset[str]  # a visit in one of these holds its time
    onward: Mapping[str, frozenset[str]]  # status -> statuses it may change to
    schedule: str
    start: str
    slot_schedule: str
    slot_start: str
    slot_status: str
    free: str
    busy: str
    cancelled: str
    rejected: str
    cancel_reason: str
    period_from: str  # of a schedule
    period_to: str
    keeps_grid: bool  # EMIAS marks its slot busy; the portal only shows EMIAS' slots


@dataclass(frozen=True, slots=True)
class Dialect:
    """One system's wire language; the functions that render it live beside the system's own code."""

    name: str
    forms: Mapping[str, Form]
    visit: VisitWords
    origin_field: str
    version_field: str
    server_fields: frozenset[str]  # written by the system alone, ignored in what comes in
    stamp_step: int  # microseconds between two stamps the system can tell apart

    @property
    def collections(self) -> tuple[str, ...]:
        """All collections served: those of every stand and those added by files."""
        return tuple(self.forms)

    def head(self, record: Record) -> bytes:
        """The leading members the system adds to a record, as an open JSON object."""
        raise NotImplementedError

    def tombstone(self, record: Record) -> bytes:
        """What stays in lists of a deleted record."""
        raise NotImplementedError

    def new_id(self) -> str:
        """A fresh opaque id."""
        raise NotImplementedError

    def listed(self, record: Record) -> bytes:
        """The record as it stands in a page of its collection."""
        raise NotImplementedError

    def exported(self, record: Record) -> bytes:
        """The record with everything the system knows of it, for `/stand/export`."""
        raise NotImplementedError

    def refusal_status(self, refusal: Refusal) -> int:
        """The HTTP status the system answers a refusal with."""
        raise NotImplementedError

    def refusal_body(self, refusal: Refusal) -> Body:
        """The error body the system answers a refusal with."""
        raise NotImplementedError


def at(body: Mapping[str, Any], path: str) -> Any:
    """The value at a path, None where it is absent; an empty string counts as absent at both systems."""
    value: Any
    if "." not in path:
        value = body.get(path)
        return None if value == "" else value
    value = body
    for step in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return None if value == "" else value


def key_of(form: Form, body: Mapping[str, Any], paths: tuple[str, ...]) -> tuple[Hashable, ...] | None:
    """The values at these paths in comparable form; None while one is absent or malformed."""
    found: list[Hashable] = []
    for path in paths:
        value = at(body, path)
        if value is None:
            return None
        try:
            found.append(form.field(path).format.normal(value))
        except ValueError:
            return None
    return tuple(found)
