"""The two systems of the simulation, at the level of HTTP: bytes in, bytes out, with their own logs of effects.

Written from contracts §2 alone. Nothing here comes from medmost, so that a misunderstanding cannot hide on both sides.
"""

from __future__ import annotations

import itertools
import math
import time
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote

import orjson

Doc = dict[str, Any]
Op = Literal["create", "put", "delete"]
EPOCH = 1_795_000_000.0
"""UTC seconds at the loop's zero."""
KEY_LIFE = 86_400.0


class Answer(Exception):
    """An answer that ends the handling of a request: status, body, further headers."""

    def __init__(self, status: int, body: Any = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers or {}


@dataclass(slots=True)
class Kept:
    """One record as a system keeps it."""

    ref: str
    version: int
    stamp: float
    doc: Doc | None  # None: deleted
    origin: str | None
    visible: float = 0.0  # in lists, from this moment on: committed late


@dataclass(slots=True)
class Effect:
    """One accepted write, whoever made it."""

    n: int
    at: float
    side: str
    collection: str
    ref: str
    version: int
    op: Op
    by: str  # "medmost" or "person"
    before: Doc | None
    after: Doc | None
    origin: str | None = None
    key: str | None = None
    expected: int | None = None


@dataclass(slots=True)
class Listed:
    """The first page of a pass over a list, as it was asked for."""

    at: float
    collection: str
    since: float | None


@dataclass
class Rules:
    """How a system differs from the friendliest one; drawn per run."""

    shouts: bool = False  # stores names and comments in capitals
    trims: bool = False  # drops spaces at the ends
    accepts_later: bool = False  # EMIAS answers changes with 202 and makes them afterwards
    unique: bool = True  # a second live record of a natural key is refused
    page: int = 7  # records on a page, whatever was asked for
    token_life: float = 1800.0
    skew: float = 0.0  # seconds its clock is ahead
    quiet_hooks: bool = False  # notices name the record and do not show it
    whole_seconds: bool = False


Natural = Callable[[str, str, Doc], Any]
"""side, collection, document -> what makes it that real thing, or None where it has given that up."""


class Portal:
    """What both systems have in common. `now` is the loop's time, `told` hears of every effect."""

    side = ""
    paths: tuple[str, ...] = ()

    def __init__(self, now: Callable[[], float], rules: Rules, natural: Natural) -> None:
        self._loop_now, self.rules, self.natural = now, rules, natural
        self.records: dict[str, dict[str, Kept]] = {}
        self._order: dict[str, list[tuple[float, str]]] = {}
        self.effects: list[Effect] = []
        self.told: Callable[[Portal, Effect, Kept], None] = lambda *_: None
        self.later: Callable[[Callable[[], object]], object] = lambda call: call()
        self.keys: dict[str, tuple[float, bytes, int, bytes]] = {}
        self.lists: list[Listed] = []
        self.calls: Counter[int] = Counter()
        self.wrong: list[str] = []  # what no client may do
        self.backward: list[tuple[str, str]] = []  # (collection, ref) that was asked to go back in its states
        self.tokens: dict[str, float] = {}
        self.subscription: tuple[str, str] | None = None
        self._ids = 0
        self._last_stamp = 0.0
        self.lag = 0.0  # how late what is committed now shows in lists

    # ------------------------------------------------------------ time
    def now(self) -> float:
        return EPOCH + self._loop_now() + self.rules.skew

    def _stamp(self) -> float:
        return self.now()

    def gaps(self, since: float, until: float = math.inf) -> list[float]:
        """Seconds between the beginnings of two passes over one list."""
        found: list[float] = []
        for collection in {one.collection for one in self.lists}:
            times = [one.at for one in self.lists if one.collection == collection and since <= one.at <= until]
            found += [after - before for before, after in itertools.pairwise(times)]
        return found

    # ------------------------------------------------------------ what people do
    def act_create(self, collection: str, doc: Doc) -> str:
        return self._keep(collection, None, doc, None, by="person").ref

    def act_put(self, collection: str, ref: str, doc: Doc) -> None:
        self._keep(collection, ref, doc, self.records[collection][ref].origin, by="person")

    def act_delete(self, collection: str, ref: str) -> None:
        self._keep(collection, ref, None, self.records[collection][ref].origin, by="person")

    def of(self, collection: str) -> dict[str, Kept]:
        return self.records.setdefault(collection, {})

    def live(self, collection: str) -> list[str]:
        return [ref for ref, kept in self.of(collection).items() if kept.doc is not None]

    def doc(self, collection: str, ref: str) -> Doc:
        doc = self.of(collection)[ref].doc
        assert doc is not None
        return doc

    def twin(self, collection: str, doc: Doc, but: str | None = None) -> str | None:
        wanted = self.natural(self.side, collection, doc)
        if wanted is None:
            return None
        for ref, kept in self.of(collection).items():
            if ref != but and kept.doc is not None and self.natural(self.side, collection, kept.doc) == wanted:
                return ref
        return None

    # ------------------------------------------------------------ keeping
    def _keep(
        self, collection: str, ref: str | None, doc: Doc | None, origin: str | None, *, by: str,
        key: str | None = None, expected: int | None = None,
    ) -> Kept:  # fmt: skip
        records, order = self.of(collection), self._order.setdefault(collection, [])
        doc = None if doc is None else self._normal(doc)
        if ref is None:
            self._ids += 1
            ref = self._new_ref(collection)
            kept = records[ref] = Kept(ref, 0, 0.0, None, origin)
            op: Op = "create"
            before = None
        else:
            kept = records[ref]
            op, before = ("delete" if doc is None else "put"), kept.doc
            order.remove((kept.stamp, ref))
        kept.version += 1
        kept.stamp, kept.doc, kept.visible = self._stamp(), doc, self.now() + self.lag
        insort(order, (kept.stamp, ref))
        effect = Effect(
            len(self.effects), self._loop_now(), self.side, collection, ref, kept.version, op, by, before, doc,
            kept.origin, key, expected,
        )  # fmt: skip
        self.effects.append(effect)
        self.told(self, effect, kept)
        return kept

    def _new_ref(self, collection: str) -> str:
        return f"{self.side[0]}{collection[0]}{self._ids:x}"

    def _normal(self, doc: Doc) -> Doc:
        if self.rules.shouts:
            doc = {**doc, **{name: doc[name].upper() for name in self.shouted if isinstance(doc.get(name), str)}}
        if self.rules.trims:
            doc = {name: value.strip() if isinstance(value, str) else value for name, value in doc.items()}
        return doc

    shouted: tuple[str, ...] = ()

    # ------------------------------------------------------------ requests
    def handle(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None
    ) -> tuple[int, dict[str, str], bytes]:
        """One request, one answer; never raises."""
        path, _, query = url.partition("?")
        self.calls[int(self._loop_now() // 60)] += 1
        try:
            self._route(method, path, dict(parse_qsl(query, keep_blank_values=True)), headers, body)
        except Answer as answer:
            told = b"" if answer.body is None else orjson.dumps(answer.body)
            return answer.status, {"Content-Type": "application/json; charset=utf-8", **answer.headers}, told
        raise RuntimeError("a request without an answer")

    def _route(
        self, method: str, path: str, query: dict[str, str], headers: dict[str, str], body: bytes | None
    ) -> None:
        raise NotImplementedError

    def _checked(self, token: str | None) -> None:
        """A call needs a token in force."""
        if token is None or self.tokens.get(token.removeprefix("Bearer "), 0.0) <= self._loop_now():
            raise self.problem(401, "TOKEN_EXPIRED", "Токен недействителен")

    def _new_token(self) -> tuple[str, int]:
        token = f"{self.side}-{len(self.tokens)}-{self._loop_now():.0f}"
        self.tokens[token] = self._loop_now() + self.rules.token_life
        return token, int(self.rules.token_life)

    def problem(self, status: int, code: str, words: str, headers: dict[str, str] | None = None) -> Answer:
        raise NotImplementedError

    def shown(self, collection: str, kept: Kept) -> Doc:
        raise NotImplementedError

    # ------------------------------------------------------------ writing
    def _create(self, collection: str, body: Doc, key: str | None, origin: str | None) -> None:
        self._replay(key, body)
        self._accept(collection, body, None)
        kept = self._keep(collection, None, body, origin, by="medmost", key=key)
        self._answered(201, collection, kept, key, body)

    def _change(self, collection: str, ref: str, body: Doc | None, key: str | None, expected: str | None) -> None:
        self._replay(key, body)
        kept = self.of(collection).get(ref)
        if kept is None:
            raise self.not_found()
        if expected is None:
            self.wrong.append(f"I8 {self.side}: a write of {collection} without the version it was made against")
        if kept.doc is None:
            raise self.gone()
        if expected is not None and expected.strip('"') != str(kept.version):
            raise self.stale()
        if body is not None:
            self._accept(collection, body, kept)

        def make() -> Kept:
            return self._keep(collection, ref, body, kept.origin, by="medmost", key=key, expected=kept.version)

        if self.rules.accepts_later and body is not None:
            version = kept.version
            self.later(lambda: kept.version == version and kept.doc is not None and make())
            raise Answer(202, {})
        self._answered(200, collection, make(), key, body)

    def _accept(self, collection: str, body: Doc, kept: Kept | None) -> None:
        """The system's own rules for what it is given. Raises Answer with its refusal."""

    def _replay(self, key: str | None, body: Doc | None) -> None:
        """The same request again gets the same answer; another under the same key is refused (I12)."""
        if key is None:
            self.wrong.append(f"I12 {self.side}: a write without an idempotency key")
            return
        at, print_, status, answer = self.keys.get(key, (-KEY_LIFE, b"", 0, b""))
        if self._loop_now() - at >= KEY_LIFE:
            return
        if print_ != _print(body):
            self.wrong.append(f"I12 {self.side}: key {key} came again with another body")
            raise self.problem(422, "KEY_REUSED", "Ключ уже использован")
        raise Answer(status, orjson.loads(answer))

    def _answered(self, status: int, collection: str, kept: Kept, key: str | None, body: Doc | None) -> None:
        shown = self.shown(collection, kept)
        if key is not None:
            self.keys[key] = (self._loop_now(), _print(body), status, orjson.dumps(shown))
        raise Answer(status, shown, {"ETag": f'"{kept.version}"'})

    def not_found(self) -> Answer:
        raise NotImplementedError

    def gone(self) -> Answer:
        raise NotImplementedError

    def stale(self) -> Answer:
        raise NotImplementedError

    # ------------------------------------------------------------ lists
    def _rows(self, collection: str, since: float | None, after: tuple[float, str] | None = None) -> list[Kept]:
        """What changed at or after a moment, in the order of change; late commits are not there yet."""
        order, records, now = self._order.get(collection, []), self.of(collection), self.now()
        start = 0
        if after is not None:
            start = bisect_left(order, (after[0], after[1] + "\0"))
        elif since is not None:
            start = bisect_left(order, (since, ""))
        found = [records[ref] for _, ref in order[start:]]
        return [kept for kept in found if kept.visible <= now]

    def _noted(self, collection: str, since: float | None) -> None:
        self.lists.append(Listed(self._loop_now(), collection, since))

    def _by_origin(self, collection: str, origin: str) -> list[Doc]:
        return [self.shown(collection, kept) for kept in self.of(collection).values() if kept.origin == origin]

    def _by_key(self, collection: str, body: Doc) -> list[Doc]:
        found = (kept for kept in self.of(collection).values() if kept.doc is not None and matches(body, kept.doc))
        return [self.shown(collection, kept) for kept in found]


def matches(wanted: Any, shown: Any) -> bool:
    """Is all of `wanted` in what is shown?"""
    if isinstance(wanted, dict):
        return isinstance(shown, dict) and all(matches(value, shown.get(name)) for name, value in wanted.items())
    return bool(wanted == shown)


def _print(body: Doc | None) -> bytes:
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)


def parts(path: str, base: str) -> list[str]:
    return [unquote(part) for part in path[len(base) :].strip("/").split("/")]


def iso(at: float) -> str:
    whole = int(at // 1)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{int((at - whole) * 1e6):06d}+00:00"


def moscow(at: float) -> str:
    return time.strftime("%d.%m.%Y %H:%M:%S", time.gmtime(at + 10800))


def live_of(portals: Iterable[Portal], collection: str) -> list[tuple[Portal, str]]:
    return [(portal, ref) for portal in portals for ref in portal.live(collection)]
