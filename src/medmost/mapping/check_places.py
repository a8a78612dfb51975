"""Places in the systems' documents: each is named once, none lies inside another, none is the protocol's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from medmost.domain.errors import Fatal
from medmost.domain.record import Side
from medmost.mapping import paths
from medmost.mapping.language import FieldRule, Place, RowField
from medmost.mapping.scripts import doubtful
from medmost.mapping.wrong import Complainer

ENVELOPE = {
    Side.GOSUSLUGI: frozenset({"id", "редакция", "изменено", "внешнийИд", "удалено"}),
    Side.EMIAS: frozenset({"id", "version", "updatedAt", "originId", "deletedAt", "movedFrom", "movedTo"}),
}
"""What a record says of itself, not of its object: the systems' floor reads these (contracts §2)."""
_HINT = ["name", "section.name", "list[key=value].name"]
Keys = tuple[str, ...]


def places(say: Complainer, fields: Sequence[RowField], side: Side, where: str) -> Iterator[Fatal]:
    """All places of a side, and inside of its lists."""
    taken: dict[Keys, str] = {}
    for number, field in enumerate(fields):
        place, at = field.place(side), f"{where}[{number}].{side}"
        if place is None:
            continue
        for text, written in _texts(place):
            yield from _place(say, text, field, at, taken, written=written)
        if isinstance(field, FieldRule):
            yield from _direction(say, field, place, side, at)
            yield from places(say, field.rows, side, f"{where}[{number}].rows")
            for name, text in place.last.items():
                yield from _place(say, text, field, f"{at}.last.{name}", taken, written=True)
        elif not place.writes:
            yield say.wrong(f"{at}.writes", field.name, "строка пишется целиком", "a row is written as a whole")
    if where == "$.fields":
        yield from _envelope(say, fields, side)
        yield from _constants(say, side, taken)


def _texts(place: Place) -> list[tuple[str, bool]]:
    """Every path of a place, and whether it is written."""
    read = [(text, place.writes) for text in (place.at, *place.also)]
    return read + [(copy.at, True) for copy in place.copies]


def _place(
    say: Complainer, text: str, field: RowField, where: str, taken: dict[Keys, str], *, written: bool
) -> Iterator[Fatal]:
    steps = paths.parse(text)
    if steps is None:
        yield say.wrong(where, field.name, f"«{text}» — не путь", f'"{text}" is not a path', _HINT)
        return
    yield from doubtful(say, text, where, field.name)
    if written and any(step.name for step in steps):
        yield say.wrong(
            where,
            field.name,
            f"по пути «{text}» можно только читать (writes: false)",
            f'the path "{text}" can only be read (writes: false)',
        )
    keys = tuple(f"{step.key}[{step.value}]" if step.name else step.key for step in steps)
    if owner := _owner_of(keys, taken):
        yield say.wrong(
            where, field.name, f"место «{text}» занято полем {owner}", f'the place "{text}" belongs to {owner}'
        )
    taken[keys] = field.name


def _owner_of(keys: Keys, taken: dict[Keys, str]) -> str | None:
    for other, owner in taken.items():
        shorter = min(len(keys), len(other))
        if keys[:shorter] == other[:shorter]:
            return owner
    return None


def _envelope(say: Complainer, fields: Sequence[RowField], side: Side) -> Iterator[Fatal]:
    for number, field in enumerate(fields):
        place = field.place(side)
        for text, _ in _texts(place) if place is not None else ():
            if text in ENVELOPE[side]:
                yield say.wrong(
                    f"$.fields[{number}].{side}",
                    field.name,
                    f"«{text}» — слово обмена, а не поле записи",
                    f'"{text}" is a word of the exchange, no field of a record',
                )


def _constants(say: Complainer, side: Side, taken: dict[Keys, str]) -> Iterator[Fatal]:
    for number, constant in enumerate(say.rule.constants):
        if constant.side is not side:
            continue
        where, steps = f"$.constants[{number}]", paths.parse(constant.at)
        if steps is None or any(step.name for step in steps) or constant.at in ENVELOPE[side]:
            yield say.wrong(where, "", f"«{constant.at}» — не путь", f'"{constant.at}" is not a path', _HINT[:2])
            continue
        keys = tuple(step.key for step in steps)
        if owner := _owner_of(keys, taken):
            yield say.wrong(
                where,
                owner,
                f"место постоянного значения «{constant.at}» занято полем {owner}",
                f'the place of the constant "{constant.at}" belongs to {owner}',
            )
        taken[keys] = constant.at


def _direction(say: Complainer, field: FieldRule, place: Place, side: Side, where: str) -> Iterator[Fatal]:
    """A from-only rule is of the side that rules the field, and says why."""
    rules = field.source or say.rule.source
    if not place.writes and rules is not side and field.place(side.other) is not None:
        yield say.wrong(
            f"{where}.writes",
            field.name,
            f"не писать можно только туда, откуда поле берётся (source: {side})",
            f"only the side that rules a field may go unwritten (source: {side})",
        )
    if not place.writes and place.copies:
        yield say.wrong(f"{where}.copies", field.name, "копий без записи нет", "what is not written has no copies")
    if place.writes == (place.reason is not None):
        yield say.wrong(
            where,
            field.name,
            "у поля, которое не пишут (writes: false), и только у него указывают почему (reason: {ru, en})",
            "a field that is not written (writes: false), and only such a one, says why (reason: {ru, en})",
        )
