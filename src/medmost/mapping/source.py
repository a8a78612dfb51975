"""Python source for a reader and a writer of one side. Names and keys come in by `repr`, functions by number."""

from __future__ import annotations

import msgspec

from medmost.mapping.paths import Path, Step


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
    copies: tuple[Path, ...] = ()  # places that are written with the value and never read


def reader_source(parts: list[Part], absent: list[str]) -> str:
    """``read(doc) -> (fields, problems)``: every field of the kind, in order, those the side lacks as None."""
    lines = ["def read(doc):", "    problems = []"]
    sections: dict[Path, str] = {}
    for part in parts:
        lines += _read_part(part, sections)
    shown = [f"{part.name!r}: v{part.number}" for part in parts] + [f"{name!r}: None" for name in absent]
    return "\n".join([*lines, f"    return {{{', '.join(shown)}}}, problems"])


def _read_part(part: Part, sections: dict[Path, str]) -> list[str]:
    value = f"v{part.number}"
    if part.rows:
        lines = [f"    {value} = read_list(doc, list_{part.number}, problems)"]
        if part.required:
            lines += [f"    if not {value} and not problems:", f"        problems.append(missing({part.name!r}))"]
        return lines
    lines = [f"    # {part.name}"]
    lines += ["    " + line for line in _sections(part.paths[0], sections)]
    lines.append(f"    found = {_get(part.paths[0], sections)}")
    for other in part.paths[1:]:
        lines += ["    if found is None or found == '':", f"        found = {_inline(other)}"]
    lines += [
        "    try:",
        f"        {value} = read_{part.number}(found)",
        "    except Unfit as unfit:",
        f"        {value} = None",
        f"        problems.append(unfit.problem({part.name!r}, found))",
    ]
    if part.required:
        lines += [
            "    else:",
            f"        if {value} is None:",
            f"            problems.append(missing({part.name!r}))",
        ]
    return lines


def _sections(path: Path, sections: dict[Path, str]) -> list[str]:
    """Statements that open the sections on the way to a value, each once in a reader."""
    lines = []
    for depth in range(1, len(path)):
        inside = path[:depth]
        if inside not in sections:
            above = sections.get(path[: depth - 1], "doc")
            sections[inside] = f"s{len(sections)}"
            lines.append(f"{sections[inside]} = {_open(above, inside[-1])}")
    return lines


def _open(above: str, step: Step) -> str:
    if step.name:
        return f"pick({above}.get({step.key!r}), {step.name!r}, {step.value!r})"
    return f"section({above}.get({step.key!r}))"


def _get(path: Path, sections: dict[Path, str]) -> str:
    above = sections[path[:-1]] if len(path) > 1 else "doc"
    return f"{above}.get({path[-1].key!r})"


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
