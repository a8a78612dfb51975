"""Reading and writing wire documents: policies beside the same mapping by hand and by glom, pages beside a bare loop.

Each round reads documents decoded afresh, page by page, as they come from a system: nothing is remembered of them but
words that other records hold too. Decoding is not counted unless the row says so. Policies and pages are timed in
seconds of a core, which other work on the machine does not lengthen much.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import orjson

from benchmarks import by_hand
from benchmarks.measure import Row, Size, Wanted, in_turns, rates
from benchmarks.records import documents
from medmost.domain.record import BOTH, Doc, Side
from medmost.mapping import load_mappings
from medmost.mapping.compiler import CompiledMapping
from medmost_stand.world import build_world

PEOPLE = 150
READERS: dict[Side, Callable[[Any], Any]] = {Side.GOSUSLUGI: by_hand.gosuslugi, Side.EMIAS: by_hand.emias}


def mapping(size: Size, wanted: Wanted) -> Iterator[Row]:
    """`mapping.policy.*`: one way, one hundredth broken; `mapping.page`, `mapping.write.*`; `mapping.read.KIND`."""
    mappings = load_mappings()
    policy = mappings["policy"]
    if any(map(wanted, ("mapping.policy.gosuslugi", "mapping.policy.emias", "mapping.page", "mapping.policy.glom"))):
        yield from _policies(policy, size, wanted)
    yield from _writing(policy, size, wanted)
    world = build_world(max(PEOPLE if size.records > 100 else 0, 12), 1, datetime.now(UTC).date())
    by_side: dict[Side, Any] = dict(zip(BOTH, (world.gosuslugi, world.emias), strict=True))
    for name, mapped in mappings.items():
        if not wanted(f"mapping.read.{name}"):
            continue
        docs = [(side, seed.body) for side in BOTH for seed in by_side[side][mapped.kind.collection]]
        many = (docs * (size.records // len(docs) + 1))[: size.records]
        (taken,) = in_turns(size.rounds, lambda many=many, read=mapped.read: [read(side, doc) for side, doc in many])  # type: ignore[misc]  # lambda defaults are untyped
        yield rates(f"mapping.read.{name}", "records/s", len(many), taken, None)


# ---------------------------------------------------------------- policies beside their peers
def _policies(policy: CompiledMapping, size: Size, wanted: Wanted) -> Iterator[Row]:
    for side in BOTH:
        name = f"mapping.policy.{side}"
        other = "mapping.page" if side is Side.GOSUSLUGI else "mapping.policy.glom"
        if not wanted(name) and not wanted(other):
            continue
        docs = documents(policy, side, size.policies)
        _alike(policy, side, docs)
        pages = [orjson.dumps(docs[start : start + size.page]) for start in range(0, len(docs), size.page)]
        if wanted(name):
            ways = (_each(partial(policy.read, side)), _each(READERS[side]))
            yield rates(name, "records/s", len(docs), *_by_page(size.rounds, pages, orjson.loads, *ways))
        if side is Side.EMIAS and wanted("mapping.policy.glom"):
            yield _glom(policy, docs[: size.page], size)
        if side is Side.GOSUSLUGI and wanted("mapping.page"):
            yield _page(policy, pages, size)


def _alike(policy: CompiledMapping, side: Side, docs: Sequence[Doc]) -> None:
    """What is compared does the same: fields and problems of every record, broken ones among them."""
    differing = [number for number, doc in enumerate(docs) if policy.read(side, doc) != READERS[side](doc)]
    if differing:
        raise AssertionError(f"{side}: record {differing[0]} is read differently by hand")


def _each(read: Callable[[Any], Any]) -> Callable[[Any], None]:
    def way(docs: Any) -> None:
        for doc in docs:
            read(doc)

    return way


def _by_page(
    rounds: int, pages: Sequence[bytes], prepare: Callable[[bytes], Any], *ways: Callable[[Any], None]
) -> list[float]:
    """Seconds of a core that each way takes for all pages: of each page its quickest round, the ways in turns.

    Time of this process and the quickest of some, because other work on the machine is none of the mapping's.
    """
    best = [[float("inf")] * len(pages) for _ in ways]
    for _ in range(rounds):
        for number, page in enumerate(pages):
            for place in range(len(ways))[:: 1 if number % 2 else -1]:  # neither always comes first
                given = prepare(page)
                started = time.process_time()
                ways[place](given)
                best[place][number] = min(best[place][number], time.process_time() - started)
    return [sum(quickest) for quickest in best]


def _glom(policy: CompiledMapping, docs: Sequence[Doc], size: Size) -> Row:
    """glom with the same functions for the values; it gives up a record at its first problem."""
    from glom import GlomError, glom

    spec = by_hand.glom_spec(Side.EMIAS)
    few = docs[: max(40, len(docs) // 5)]

    def theirs() -> None:
        for doc in few:
            try:
                glom(doc, spec)
            except (GlomError, ValueError):
                continue

    ours, peer = in_turns(size.rounds, lambda: [policy.read(Side.EMIAS, doc) for doc in few], theirs)
    row = rates("mapping.policy.glom", "records/s", len(few), ours, None)
    return Row(
        name=row.name, value=row.value, unit=row.unit, peer=round(len(few) / peer, 1), ratio=round(peer / ours, 3)
    )


# ---------------------------------------------------------------- a page from decoding to digest
def _page(policy: CompiledMapping, pages: Sequence[bytes], size: Size) -> Row:
    """decode → map → digest; the ceiling maps by renaming and slicing alone: no checks, no problems collected."""

    def ours(page: bytes) -> None:
        for doc in orjson.loads(page):
            _digest(policy.read(Side.GOSUSLUGI, doc).fields)

    def bare(page: bytes) -> None:
        for doc in orjson.loads(page):
            _digest(_renamed(doc))

    return rates("mapping.page", "records/s", len(pages) * size.page, *_by_page(size.rounds, pages, bytes, ours, bare))


def _digest(fields: Doc) -> bytes:
    return hashlib.blake2b(orjson.dumps(fields, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()


def _renamed(doc: Doc) -> Doc:
    """The null-safe map of facts: the same forms by slices, and nothing checked; what is broken comes out broken."""
    get = doc.get
    return {
        "policy_number": get("Номер полиса"),
        "policy_type": by_hand.TYPES.get(str(get("Вид полиса"))),
        "last_name": get("Фамилия"),
        "first_name": get("Имя"),
        "patronymic": get("Отчество"),
        "birth_date": _sliced(get("Дата рождения")),
        "sex": by_hand.SEXES.get(str(get("Пол"))),
        "snils": _joined(get("СНИЛС")),
        "phone": _joined(get("Телефон")),
        "email": get("Электронная почта"),
        "insurer_code": get("Код страховой организации"),
        "insurer_name": get("Страховая организация"),
        "valid_from": _sliced(get("Дата выдачи")),
        "valid_to": _sliced(get("Действует до")),
        "clinic_oid": get("Поликлиника прикрепления"),
        "status": by_hand.STATES.get(str(get("Статус"))),
    }


def _sliced(found: Any) -> Any:
    return f"{found[6:]}-{found[3:5]}-{found[:2]}" if found.__class__ is str else None


def _joined(found: Any) -> Any:
    return found.translate(_SIGNS) if found.__class__ is str else None


_SIGNS = str.maketrans("", "", "()- ")


# ---------------------------------------------------------------- writing
def _writing(policy: CompiledMapping, size: Size, wanted: Wanted) -> Iterator[Row]:
    """New documents, and one changed field onto a document that is there."""
    names = ("mapping.write.new", "mapping.write.field")
    if not any(map(wanted, names)):
        return
    docs = documents(policy, Side.EMIAS, min(size.policies, 2 * size.page))
    read = [policy.read(Side.EMIAS, doc) for doc in docs]
    sound = [(reading.fields, doc) for reading, doc in zip(read, docs, strict=True) if not reading.problems]
    ways = {
        names[0]: lambda: [policy.write(Side.GOSUSLUGI, fields, None) for fields, _ in sound],
        names[1]: lambda: [policy.write(Side.EMIAS, {"phone": "+79990001122"}, doc) for _, doc in sound],
    }
    for name, way in ways.items():
        if wanted(name):
            (taken,) = in_turns(size.rounds, way)
            yield rates(name, "records/s", len(sound), taken, None)
