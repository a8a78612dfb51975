"""The plain values of notices. `NoticeBook` is all that has to be kept for them to survive a restart."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

EventKind = Literal[
    "unreachable",
    "reachable",
    "token",
    "token-ok",
    "refused",
    "brake",
    "brake-ok",
    "page",
    "page-ok",
    "drift",
    "drift-ok",
    "stale",
    "stale-ok",
    "certificate",
    "certificate-ok",
    "disk",
    "disk-ok",
]
"""`-ok` and `reachable` end what their counterpart began; `refused` is a single refusal for good."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened, without any personal data: names from closed lists and codes only."""

    kind: EventKind
    at: datetime
    system: str  # gosuslugi | emias
    object_kind: str | None = None  # policy, visit, …
    code: str | None = None  # MM-… or the system's own, e.g. SIM_SLOT_TAKEN


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A text for people. `group`, `system`, `kind` and `critical` are what contacts choose by (contacts.people).

    `incident` names the trouble that lasts; `over` marks its all-clear.
    """

    code: str
    group: str
    system: str = ""
    kind: str = ""
    critical: bool = False
    incident: str = ""
    over: bool = False
    title: str
    body: str
    at: datetime


class Spell(msgspec.Struct, frozen=True, kw_only=True):
    """A trouble that lasts: since when, whether it was announced, and since when it looks over."""

    event: Event
    announced: bool = False
    acknowledged: bool = False  # a person has it in hand: nobody else is called
    calm_since: datetime | None = None


class Digest(msgspec.Struct, frozen=True, kw_only=True):
    """Refusals of one kind with one code that nobody was told of yet."""

    event: Event
    count: int = 0
    since: datetime
    sent: datetime | None = None


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """A notice that one address has not got yet. `to` is the number of the person and of the address."""

    notice: Notice
    to: tuple[int, int]
    attempts: int = 0
    not_before: datetime
    waits: bool = False  # for somebody to acknowledge the incident: then it need not go out


class NoticeBook(msgspec.Struct, frozen=True, kw_only=True):
    spells: dict[str, Spell] = {}
    digests: dict[str, Digest] = {}
    outbox: tuple[Pending, ...] = ()
    told: dict[str, tuple[int, ...]] = {}
    """Incident -> the persons who have heard of it: they get its all-clear, whoever was not called does not."""


def encode(book: NoticeBook) -> bytes:
    """JSON, for whoever keeps the book."""
    return msgspec.json.encode(book)


def decode(data: bytes) -> NoticeBook:
    return msgspec.json.decode(data, type=NoticeBook)
