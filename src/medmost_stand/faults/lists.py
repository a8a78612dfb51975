"""Lists that lie: rows shift between pages, the count is wrong, a full list comes empty (F24, F36)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from medmost_stand.faults.twists import Reply, Twist

if TYPE_CHECKING:
    from medmost_stand.api import Call


def is_list(call: Call) -> bool:
    """Whether a page of a collection is asked for, not the records of an origin."""
    request = call.request
    return request.method == "GET" and "id" not in request.match_info and "origin" not in request.query


class PageShift(Twist):
    """Pages after the first begin `rows` further on, as if so many earlier rows had gone meanwhile; below zero
    they begin earlier and repeat what the page before them ended with."""

    early = True

    def meets(self, call: Call) -> bool:
        query = call.request.query
        return is_list(call) and (bool(query.get("pageToken")) or query.get("page", "0") != "0")

    def call(self, call: Call) -> Call:
        return replace(call, shift=call.shift + self.rule.given["rows"])


class WrongTotal(Twist):
    """Gosuslugi's `total` is `rows` off. EMIAS counts nothing: there every last page has a token to one more, empty
    page, or, below zero, the list ends a page early."""

    early = True

    def meets(self, call: Call) -> bool:
        return is_list(call)

    def call(self, call: Call) -> Call:
        return replace(call, miscount=self.rule.given["rows"])


class EmptyList(Twist):
    """A page without rows and with nothing to follow, as if the system had nothing at all."""

    early = True

    def meets(self, call: Call) -> bool:
        return is_list(call)

    def show(self, reply: Reply) -> None:
        for name in ("items", "content"):
            if name in reply.doc:
                reply.doc[name] = []
        if "total" in reply.doc:
            reply.doc["total"] = 0
        if "nextPageToken" in reply.doc:
            reply.doc["nextPageToken"] = None
