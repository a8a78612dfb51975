"""Both systems in memory, with the rules that `medmost.systems.contract` promises and verbs for what people and
networks do to them: `put`, `edit`, `remove`, `goes_down`, `loses_answers`, `refuses`, `meanwhile`.

Knows the wire forms only as far as the system itself writes into a record: id, version, stamp, origin. It is told
nothing of kinds or mappings, except that Gosuslugi takes nothing but new history rows of a request.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

import msgspec

from medmost.domain.errors import Fatal, Stale, Transient
from medmost.domain.record import BOTH, Doc, Observation, Side
from medmost.systems.contract import Accepted, Cursor, Health, Page, Write
from systems_records import OWN, Effect, Records, Stored, TickingClock
from systems_troubles import Troubles, refusal

__all__ = ["Effect", "MemorySystem", "TickingClock", "both_systems"]


class MemorySystem(Records, Troubles):
    """A `System` (medmost.systems.contract) backed by dicts, one per kind."""

    def __init__(self, side: Side, now: Callable[[], datetime] | None = None, page: int = 100) -> None:
        Records.__init__(self, side, now)
        Troubles.__init__(self)
        self.page = page
        self.subscriptions: dict[str, tuple[str, list[str]]] = {}
        self.closed = False
        self.state = Health(
            reachable=True, breaker="closed", token_seconds=3600, certificate_days=None, calls_per_minute=0,
            last_ok=None, skew_seconds=0.0,
        )  # fmt: skip
        self._answers: dict[str, tuple[Any, ...]] = {}

    # ------------------------------------------------------------ the contract
    async def changes(self, kind: str, cursor: Cursor | None) -> AsyncIterator[Page]:
        seq, first = int((cursor or {}).get("seq", 0)), True
        while True:
            self._enter("page")
            if self._broken_pages:
                self._broken_pages -= 1
                raise Transient("MM-SYS-PAGE", "страница повреждена", "the page is broken")
            later = sorted((one for one in self._of(kind).values() if one.seq > seq), key=lambda one: one.seq)
            part = later[: self.page]
            if not part and not first:
                return
            seq, first = (part[-1].seq if part else seq), False
            shown = tuple(self._shown(kind, one) for one in part)
            yield Page(shown, {"seq": seq}, len(self._of(kind)))
            if len(later) <= self.page:
                return

    def everything(self, kind: str) -> AsyncIterator[Page]:
        return self.changes(kind, None)

    async def read(self, kind: str, ref: str) -> Observation | None:
        self._enter("read")
        stored = self._of(kind).get(ref)
        return None if stored is None else self._shown(kind, stored)

    async def write(self, write: Write) -> Observation | Accepted:
        self._enter("write")
        self._maybe_lose_request()
        answer = self._replayed(write.key, "write", write.kind, write.ref)
        if answer is None:
            self._judge(write.kind, write.doc)
            stored = self._create(write) if write.ref is None else self._replace(write, write.ref)
            answer = self._shown(write.kind, stored)
            self._answers[write.key] = ("write", write.kind, write.ref, answer)
        self._maybe_lose_answer()
        if self._later:
            self._later -= 1
            return Accepted()
        return answer

    async def delete(self, kind: str, ref: str, expected: int, key: str) -> Observation:
        self._enter("delete")
        self._maybe_lose_request()
        answer = self._replayed(key, "delete", kind, ref)
        if answer is None:
            self._expect(kind, ref, expected)
            stored = self._keep(kind, ref, None, self._of(kind)[ref].origin)
            self._log(kind, stored, "delete", "medmost", key)
            answer = self._shown(kind, stored)
            self._answers[key] = ("delete", kind, ref, answer)
        self._maybe_lose_answer()
        return answer

    async def find(self, kind: str, *, origin: str | None = None, natural: Doc | None = None) -> list[Observation]:
        self._enter("find")
        found = self._of(kind).values()
        if origin is not None:
            return [self._shown(kind, one) for one in found if one.origin == origin]
        assert natural is not None
        return [self._shown(kind, one) for one in found if one.doc is not None and _holds(one.doc, natural)]

    def told(self, kind: str, record: Any) -> Observation | None:
        names = OWN[self.side]
        if not isinstance(record, dict) or not isinstance(record.get(names["version"]), int):
            return None
        if not isinstance(record.get(names["ref"]), str):
            return None
        return Observation(
            side=self.side, kind=kind, ref=record[names["ref"]], version=record[names["version"]],
            doc=record, origin=record.get(names["origin"]),
        )  # fmt: skip

    async def subscribe(self, url: str, secret: str, collections: list[str]) -> None:
        self._enter("subscribe")
        self.subscriptions[url] = (secret, collections)

    async def probe(self) -> Health:
        try:
            self._enter("probe")
        except (Transient, Fatal) as error:
            return self.health().with_trouble(error)
        return self.health()

    def health(self) -> Health:
        return msgspec.structs.replace(self.state, reachable=self.state.reachable and not self.down)

    async def close(self) -> None:
        self.closed = True

    # ------------------------------------------------------------ inside
    def _replayed(self, key: str, *call: Any) -> Observation | None:
        """An accepted write is answered again word for word; its key on another call is refused."""
        if key not in self._answers:
            return None
        *known, answer = self._answers[key]
        if tuple(known) != call:
            raise refusal("SIM_KEY_REUSED", "Ключ уже использован для другого запроса")
        return answer  # type: ignore[no-any-return]  # the last one of the tuple is always the observation

    def _expect(self, kind: str, ref: str, expected: int) -> None:
        stored = self._of(kind).get(ref)
        if stored is None:
            raise refusal("not_found", "Записи нет в системе")
        if stored.doc is None or stored.version != expected:
            raise Stale("MM-SYS-STALE", "запись уже изменилась", "the record has moved on")

    def _create(self, write: Write) -> Stored:
        if self._orders_only(write.kind):
            raise refusal("not_ours", "Заявку подаёт только гражданин")
        stored = self._keep(write.kind, self._new_ref(write.kind), write.doc, write.origin)
        self._log(write.kind, stored, "create", "medmost", write.key)
        return stored

    def _replace(self, write: Write, ref: str) -> Stored:
        self._expect(write.kind, ref, write.expected)
        stored = self._of(write.kind)[ref]
        doc = write.doc
        if self._orders_only(write.kind):
            doc = self._with_new_rows(self.doc(write.kind, ref), write.doc)
        stored = self._keep(write.kind, ref, doc, stored.origin)
        self._log(write.kind, stored, "put", "medmost", write.key)
        return stored

    def _orders_only(self, kind: str) -> bool:
        return self.side is Side.GOSUSLUGI and kind == "request"

    def _with_new_rows(self, doc: Doc, wanted: Doc) -> Doc:
        """The order API is an applicant's: of a write only history rows without an id are taken."""
        for row in wanted["order"]["statuses"]:
            if row.get("id") is None:
                self._ids += 1
                doc["order"]["statuses"].append({**row, "id": 900_000 + self._ids})
        return doc


def both_systems(page: int = 100) -> dict[Side, MemorySystem]:
    """A Gosuslugi and an EMIAS with one clock between them."""
    clock = TickingClock()
    return {side: MemorySystem(side, clock, page) for side in BOTH}


def _holds(found: Any, wanted: Any) -> bool:
    """Everything that is asked for is there, as deep as it is asked."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(name in found and _holds(found[name], wanted[name]) for name in wanted)
    return bool(found == wanted)
