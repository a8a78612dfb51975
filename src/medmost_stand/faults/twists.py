"""Effects on what a call says: the request as the handler gets it, the answer as the caller gets it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medmost_stand.dialect import Body
from medmost_stand.faults.rules import Rule

if TYPE_CHECKING:
    from medmost_stand.api import Call
    from medmost_stand.system import System

ROWS = ("items", "content", "results")
"""Under which names pages and answered batches of either system keep their rows."""
OPERATIONS = ("items", "operations")
"""Under which names a batch sent in keeps its operations."""


@dataclass(slots=True)
class Reply:
    """What is told in parts: the JSON of an answer, or the record of a webhook, which answers to no method."""

    status: int
    headers: dict[str, str]
    doc: Body
    method: str | None = None

    @property
    def rows(self) -> list[Any] | None:
        """The rows of a page or batch; None of anything else."""
        if "id" in self.doc:
            return None
        return next((self.doc[name] for name in ROWS if isinstance(self.doc.get(name), list)), None)

    def records(self) -> Iterator[Body]:
        """Every record shown, to be changed in place; no records of a refusal."""
        if self.status >= 400:
            return
        rows = self.rows
        if rows is None:
            yield self.doc
            return
        for row in rows:
            if isinstance(row, dict):
                yield row["record"] if isinstance(row.get("record"), dict) else row


class Twist:
    """One effect on one call. `early` ones fire when the call comes in, others when they find what to change."""

    early = False
    hooks = False
    """Whether the records inside webhooks are meant, too."""

    def __init__(self, rule: Rule, system: System, collection: str) -> None:
        self.rule = rule
        self.system = system
        self.collection = collection

    def meets(self, _call: Call, /) -> bool:
        """Of an early one: whether this call is of the sort it acts on."""
        return True

    def call(self, call: Call) -> Call:
        """The call as the handler gets it."""
        return call

    def take(self, body: Body, _record_id: str | None, /) -> Body:
        """A record (or natural key) sent in, as the handler gets it."""
        return body

    def take_whole(self, body: Body) -> Body:
        """The whole body sent in: a record, a key or a batch."""
        return body

    def touches(self, _reply: Reply, /) -> bool:
        """Of a late one: whether there is anything to change."""
        return True

    def show(self, reply: Reply) -> None:
        """Changes the answer in place."""


def places(body: Any, path: str) -> Iterator[tuple[Body, str]]:
    """Every object that a dotted path ends in, with the last step; lists on the way are gone through."""
    step, _, rest = path.partition(".")
    if isinstance(body, list):
        for item in body:
            yield from places(item, path)
    elif isinstance(body, dict):
        if not rest:
            yield body, step
        else:
            yield from places(body.get(step), rest)


def has(body: Body, path: str) -> bool:
    """Whether anything stands at the path."""
    return any(step in place for place, step in places(body, path))
