"""A batch of which only a part is done (F27)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medmost_stand.dialect import Body
from medmost_stand.faults.rules import Rule
from medmost_stand.faults.twists import OPERATIONS, Reply, Twist
from medmost_stand.refusal import Reason, Refusal

if TYPE_CHECKING:
    from medmost_stand.api import Call
    from medmost_stand.system import System


class BulkPartial(Twist):
    """Of a batch a part of `done` is carried out, chosen by chance; every other operation is answered by `code`
    and has not been done. A batch of one is left undone."""

    early = True

    def __init__(self, rule: Rule, system: System, collection: str) -> None:
        super().__init__(rule, system, collection)
        self._left: list[int] = []

    def meets(self, call: Call) -> bool:
        return call.request.method == "POST" and call.request.path.endswith((":batch", "/batch"))

    def take_whole(self, body: Body) -> Body:
        name = next((name for name in OPERATIONS if isinstance(body.get(name), list)), None)
        if name is None:
            return body
        operations: list[Any] = body[name]
        done = min(int(len(operations) * self.rule.given["done"]), max(0, len(operations) - 1))
        chosen = set(self.rule.rng.sample(range(len(operations)), done))
        self._left = [place for place in range(len(operations)) if place not in chosen]
        return body | {name: [operation for place, operation in enumerate(operations) if place in chosen]}

    def show(self, reply: Reply) -> None:
        rows = reply.rows
        if rows is None or reply.status >= 400:
            return
        dialect = self.system.dialect
        status: int = self.rule.given["code"]
        error = dialect.refusal_body(Refusal(Reason.UNAVAILABLE, "Операция не выполнена, повторите", status=status))
        for place in self._left:
            rows.insert(place, {"status": status, "error": error.get("error", error)})
