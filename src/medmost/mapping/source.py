"""Python source for a reader and a writer of one side. Names and keys come in by `repr`, functions by number."""

from __future__ import annotations

import msgspec

from medmost.mapping.paths import Path, Step
from medmost.mapping.quick import Test


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One field at one side, as the source needs it. `paths`: where it is written, then where else it is read."""

    number: int
    name: str
    required: bool
    paths: tuple[Path, ...]
    writes: bool
    blanks: bool  # an emptied field stays with empty text (Gosuslugi), else its key goes
    rows: bool
    grows: bool
    test: Test | None = None  # a quick way to read (quick.py) …
    memo: str | None = None  # … or the name of a memo
    copies: tuple[Path, ...] = ()  # places that are written with the value and never read


def reader_source(parts: list[Part], absent: list[str], *, whole: bool) -> str:
    """Every field of the kind, in order, those the side lacks as None; problems of all of them.

    `whole`: ``read(doc) -> Reading`` for a record, else ``read(doc) -> (fields, problems)`` for a row of a list.
    """
    lines = ["def read(doc):"]
    if whole:
        lines += ["    if doc.__class__ is not dict:", "        return no_record(doc)"]
    lines += ["    problems = []", "    get = doc.get"]
    sections: dict[Path, str] = {}
    for part in parts:
        lines += _read_part(part, sections)
    shown = [f"        {part.name!r}: v{part.number}," for part in parts] + [f"        {n!r}: None," for n in absent]
    lines += ["    fields = {", *shown, "    }"]
    lines.append("    return Reading(fields, tuple(problems)) if problems else Reading(fields)" if whole else _PAIR)
    return "\n".join(lines)


_PAIR = "    return fields, problems"


def _read_part(part: Part, sections: dict[Path, str]) -> list[str]:
    value, odd = f"v{part.number}", f"odd_{part.number}(found, problems)"
    if part.rows:
        lines = [f"    {value} = read_list(doc, list_{part.number}, problems)"]
        if part.required:
            lines += [f"    if not {value} and not problems:", f"        problems.append(missing({part.name!r}))"]
        return lines
    lines = [f"    # {part.name}", *("    " + line for line in _sections(part.paths[0], sections))]
    found = _get(part.paths[0], sections)
    others: list[str] = []
    for other in part.paths[1:]:
        others += ["        if found is None or found == '':", f"            found = {_inline(other)}"]
    if part.test is None and part.memo is None:
        return [*lines, f"    found = {found}", *[line[4:] for line in others], f"    {value} = {odd}"]
    if part.test is None:
        return [
            *lines,
            "    try:",
            f"        {value} = {part.memo}[{found}]",
            "    except (KeyError, TypeError):",
            f"        found = {found}",
            *others,
            f"        {value} = {odd}",
        ]
    return [*lines, f"    found = {found}", *_by_test(part, part.test, value, [*others, f"        {value} = {odd}"])]


def _by_test(part: Part, test: Test, value: str, odd: list[str]) -> list[str]:
    none = ["    if found is None:", f"        {value} = None"] if not part.required and len(part.paths) == 1 else []
    tried = [
        "try:",
        *([f"    {test.first}"] if test.first else []),
        f"    fits = {test.when}",
        "except other_form:",
        "    fits = False",
        "if fits:",
        f"    {value} = {test.value}",
        "else:",
        *(line[4:] for line in odd),
    ]
    if not none:
        return ["    " + line for line in tried]
    return [*none, "    else:", *("        " + line for line in tried)]


def _sections(path: Path, sections: dict[Path, str]) -> list[str]:
    """Statements that open the sections on the way to a value, each once in a reader."""
    lines = []
    for depth in range(1, len(path)):
        inside = path[:depth]
        if inside not in sections:
            above, step = sections.get(path[: depth - 1], "doc"), inside[-1]
            here = sections[inside] = f"s{len(sections)}"
            if step.name:
                lines.append(f"{here} = {_open(above, step)}")
            else:
                lines += [f"{here} = {above}.get({step.key!r})", f"if {here}.__class__ is not dict:"]
                lines.append(f"    {here} = section({here})")
    return lines


def _open(above: str, step: Step) -> str:
    if step.name:
        return f"pick({above}.get({step.key!r}), {step.name!r}, {step.value!r})"
    return f"section({above}.get({step.key!r}))"


def _get(path: Path, sections: dict[Path, str]) -> str:
    return f"{sections[path[:-1]]}.get({path[-1].key!r})" if len(path) > 1 else f"get({path[-1].key!r})"


def _inline(path: Path) -> str:
    above = "doc"
    for step in path[:-1]:
        above = _open(above, step)
    return f"{above}.get({path[-1].key!r})"


def writer_source(parts: list[Part], constants: list[tuple[Path, str | int | bool]]) -> str:
    """``write(fields, onto) -> doc``: only fields given, and only where the document shows something else."""
    lines = ["def write(fields, onto):", "    doc = dict(onto) if onto else {}"]
    if constants:
        lines.append("    if onto is None:")
        lines += [f"        put(doc, {_keys(path)!r}, {value!r})" for path, value in constants]
    for part in parts:
        if part.writes:
            lines += _write_part(part)
    return "\n".join([*lines, "    return doc", ""])


def _write_part(part: Part) -> list[str]:
    lines = [f"    if {part.name!r} in fields:"]
    if part.rows:
        verb = "append_rows" if part.grows else "replace_list"
        return [*lines, f"        {verb}(doc, list_{part.number}, fields[{part.name!r}] or [])"]
    keys = [_keys(path) for path in part.paths]
    lines.append(f"        value, keys, found = fields[{part.name!r}], {keys[0]!r}, {_inline(part.paths[0])}")
    for path, other in zip(part.paths[1:], keys[1:], strict=True):
        lines += [
            "        if found is None or found == '':",
            f"            also = {_inline(path)}",
            "            if also is not None and also != '':",
            f"                keys, found = {other!r}, also",
        ]
    empty = "blank" if part.blanks else "drop"
    return [
        *lines,
        "        try:",
        f"            same = read_{part.number}(found) == value",
        "        except Unfit:",
        "            same = False",
        "        if not same:",
        "            if value is None:",
        *[f"                {empty}(doc, {other!r})" for other in (*keys, *map(_keys, part.copies))],
        "            else:",
        f"                put(doc, keys, write_{part.number}(value))",
        *[
            f"                put(doc, {_keys(path)!r}, write_{part.number}_{number}(value))"
            for number, path in enumerate(part.copies)
        ],
    ]


def _keys(path: Path) -> tuple[str, ...]:
    return tuple(step.key for step in path)
