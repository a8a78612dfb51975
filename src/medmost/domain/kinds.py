"""What is synchronised: kinds and their fields, as loaded from ``mapping/kinds/*.yaml``."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from medmost.domain.record import Fields, Side

SHIPPED = ("organization", "policy", "schedule", "slot", "visit", "result", "vaccination", "request")
"""The kinds that medmost brings along, in the order they are listed; a deployment may add its own by a file."""


class Owner(StrEnum):
    """Who decides when both sides changed a field, or differ at first meeting (design §6)."""

    GOSUSLUGI = "gosuslugi"
    EMIAS = "emias"
    LATEST = "latest"
    PERSON = "person"


class Style(StrEnum):
    REPLACE = "replace"
    FORWARD = "forward"  # a state that only moves along `order`
    FOLLOWS = "follows"  # goes with the side whose `leader` field won (cancel_reason follows status)
    GROW = "grow"  # a list that only gains rows


class Field(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    owner: Owner = Owner.EMIAS
    style: Style = Style.REPLACE
    order: dict[str, tuple[str, ...]] = {}  # FORWARD: state -> states that may follow it, at any distance
    leader: str | None = None  # FOLLOWS: the field it follows
    row_key: tuple[str, ...] = ()  # GROW: fields that make two rows the same, besides id and origin_id
    only: Side | None = None  # the field exists at one side only and is never carried
    source: Side | None = None  # one-way field of a two-way kind: its value there rules, the other side is put right


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of objects (policy, visit, …). `source` names the only side that is read for one-way kinds."""

    name: str
    collection: str  # plural, as in URLs
    title_ru: str
    title_en: str
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    source: Side | None = None  # one-way kinds: the side whose records rule
    creates: tuple[Side, ...] = (Side.GOSUSLUGI, Side.EMIAS)  # sides where we may create a record
    personal: bool = False  # crosses only for linked policies
    patient: str | None = None  # the field that names the patient's policy
    clinical: bool = False  # an open conflict holds the whole record, not only its field
    parents: dict[str, str] = {}  # field -> kind that must have landed before
    releases_key: dict[str, tuple[str, ...]] = {}  # field -> values with which a record gives up its natural key
    final: dict[str, tuple[str, ...]] = {}  # field -> values that end a record's life
    moved_from: str | None = None  # wire member by which a moved record names the one it takes the place of
    moved_to: str | None = None  # wire member by which the former record names its successor
    expires: str | None = None  # the field whose passing lets us forget the record (slots)
    refusal: dict[str, dict[str, str | None]] = {}
    """A system's refusal code -> fields written back to the source (visit: status=rejected; None means its words)."""

    def field(self, name: str) -> Field:
        return next(field for field in self.fields if field.name == name)

    def key_of(self, fields: Fields) -> str | None:
        """The natural key as one string, or None where a part of it is missing."""
        parts = [fields.get(name) for name in self.key]
        if any(part is None or part == "" for part in parts):
            return None
        return "\x1f".join(str(part) for part in parts)

    def masked_key(self, fields: Fields) -> str:
        """The natural key as people may see it: ``77******0013`` where it names a person, whole where it does not."""
        parts = [str(fields.get(name) or "") for name in self.key]
        if not self.personal and self.name != "policy":
            return " ".join(part for part in parts if part)
        return f"{parts[0][:2]}******{parts[0][-4:]}" if len(parts[0]) > 8 else "*" * len(parts[0])

    def key_released(self, fields: Fields) -> bool:
        return any(fields.get(name) in values for name, values in self.releases_key.items())

    @property
    def judges_by_time(self) -> bool:
        """Does the later change win in one of its fields?"""
        return any(field.owner is Owner.LATEST for field in self.fields)

    def is_fresh(self, fields: Fields) -> bool:
        """Is the record's forward-only state one that nothing leads to (a visit just booked)?"""
        for field in self.fields:
            if field.style is Style.FORWARD:
                reached = {state for states in field.order.values() for state in states}
                return fields.get(field.name) not in reached
        return True

    def is_final(self, fields: Fields) -> bool:
        return any(fields.get(name) in values for name, values in self.final.items())
