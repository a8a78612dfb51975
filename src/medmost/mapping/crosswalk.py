"""Crosswalks: which code of one system is which of the other, as tables that people edit (facts/emias.md §3.6).

A file ``NAME.csv`` with the columns ``code``, ``gosuslugi``, ``emias`` and perhaps ``title``. Several codes of a cell
are parted by ``|``: the first is written, all are read. ``emias number`` writes its codes as numbers. Lines that begin
with ``#`` are notes. A field names its table by ``crosswalk: NAME``; a deployment's own file stands in for ours.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

import msgspec

from medmost.domain.errors import Fatal
from medmost.mapping.language import CodeRule, FieldRule, Forms, KindRule, RowField, Wire
from medmost.mapping.located import Located

OURS = Path(__file__).parent / "crosswalks"
SIDES = ("gosuslugi", "emias")


F = TypeVar("F", bound=RowField)


class Crosswalk(msgspec.Struct, frozen=True):
    """A table read: its codes as a dictionary of the language, and what people call them."""

    name: str
    file: Path
    codes: dict[str, CodeRule]
    titles: dict[str, str]


def load_crosswalks(overlay: Path | None = None) -> dict[str, Crosswalk]:
    """Every table by name. Raises Fatal MM-MAP-CROSSWALK with file, line and what is wrong."""
    files = {path.stem: path for path in sorted(OURS.glob("*.csv"))}
    if overlay is not None:
        files |= {path.stem: path for path in sorted((overlay / "crosswalks").glob("*.csv"))}
    return {name: read_crosswalk(path) for name, path in files.items()}


def read_crosswalk(path: Path) -> Crosswalk:
    """One file."""
    try:
        lines = list(enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1))
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong(path, 1, "файл не читается", "the file cannot be read") from error
    kept = [(number, line) for number, line in lines if line.strip() and not line.startswith("#")]
    rows = list(zip([number for number, _ in kept], csv.reader(line for _, line in kept), strict=True))
    if not rows:
        raise _wrong(path, 1, "нет строки с названиями столбцов", "there is no line of column names")
    columns = _columns(path, *rows[0])
    codes: dict[str, CodeRule] = {}
    titles: dict[str, str] = {}
    taken: dict[tuple[str, str], str] = {}
    for number, cells in rows[1:]:
        code, rule = _row(path, number, cells, columns, taken)
        if code in codes:
            raise _wrong(path, number, f"код «{code}» повторён", f'the code "{code}" is there twice')
        codes[code] = rule
        titles[code] = cells[columns["title"][0]].strip() if "title" in columns else ""
    return Crosswalk(path.stem, path, codes, titles)


def _columns(path: Path, number: int, cells: list[str]) -> dict[str, tuple[int, bool]]:
    """name -> (place, are its codes numbers?)"""
    found: dict[str, tuple[int, bool]] = {}
    for place, cell in enumerate(cells):
        name, _, sort = cell.strip().partition(" ")
        if name not in ("code", *SIDES, "title") or sort not in ("", "number"):
            raise _wrong(
                path,
                number,
                f"незнакомый столбец «{cell}»; допустимо: code, gosuslugi, emias, title; коды числом: emias number",
                f'unknown column "{cell}"; allowed: code, gosuslugi, emias, title; codes as numbers: emias number',
            )
        found[name] = (place, sort == "number")
    for name in ("code", *SIDES):
        if name not in found:
            raise _wrong(path, number, f"нет столбца «{name}»", f'there is no column "{name}"')
    return found


def _row(
    path: Path, number: int, cells: list[str], columns: dict[str, tuple[int, bool]], taken: dict[tuple[str, str], str]
) -> tuple[str, CodeRule]:
    if len(cells) != len(columns):
        ru, en = f"столбцов {len(cells)}, а нужно {len(columns)}", f"{len(cells)} columns, not {len(columns)}"
        raise _wrong(path, number, ru, en)
    code, shown = cells[columns["code"][0]].strip(), {}
    for side in SIDES:
        place, as_number = columns[side]
        told = [part.strip() for part in cells[place].split("|")]
        for one in told:
            if not one or not code or (as_number and not one.isdigit()):
                raise _wrong(
                    path, number, f"в столбце {side} не код: «{one}»", f'no code in the column {side}: "{one}"'
                )
            if (side, one) in taken:
                other = taken[side, one]
                raise _wrong(
                    path, number, f"«{one}» ({side}) уже значит «{other}»", f'"{one}" ({side}) means "{other}" already'
                )
            taken[side, one] = code
        wire: list[Wire] = [int(one) if as_number else one for one in told]
        shown[side] = wire[0] if len(wire) == 1 else Forms(writes=wire[0], reads=tuple(wire[1:]))
    return code, CodeRule(gosuslugi=shown["gosuslugi"], emias=shown["emias"])


def with_codes(rule: KindRule, located: Located, tables: Mapping[str, Crosswalk]) -> KindRule:
    """The rule with the codes of the tables that its fields name. Raises Fatal for a table that is not there."""
    fields = [_filled(field, located, f"$.fields[{number}]", tables) for number, field in enumerate(rule.fields)]
    return msgspec.structs.replace(rule, fields=tuple(fields))


def _filled(field: FieldRule, located: Located, where: str, tables: Mapping[str, Crosswalk]) -> FieldRule:
    rows = tuple(_with(row, located, f"{where}.rows[{number}]", tables) for number, row in enumerate(field.rows))
    filled = _with(field, located, where, tables)
    return msgspec.structs.replace(filled, rows=rows) if rows else filled


def _with(field: F, located: Located, where: str, tables: Mapping[str, Crosswalk]) -> F:
    name = field.crosswalk
    if name is None:
        return field
    line = located.line(f"{where}.crosswalk")
    if name not in tables:
        close = get_close_matches(name, tables, 1)
        guess = (f", может быть, «{close[0]}»?", f', perhaps "{close[0]}"?') if close else ("", "")
        there = ", ".join(tables)
        raise located.wrong(
            "MM-MAP-CROSSWALK", line, field.name,
            f"нет таблицы «{name}»{guess[0]}; допустимо: {there}", f'no table "{name}"{guess[1]}; allowed: {there}',
        )  # fmt: skip
    if field.codes:
        raise located.wrong(
            "MM-MAP-CROSSWALK", line, field.name,
            "у поля либо таблица (crosswalk), либо свой словарь (codes)",
            "a field has either a table (crosswalk) or a dictionary of its own (codes)",
        )  # fmt: skip
    if not tables[name].codes:
        file = tables[name].file
        raise located.wrong(
            "MM-MAP-CROSSWALK", line, field.name,
            f"таблица «{name}» пуста: впишите строки в {file}", f'the table "{name}" is empty: enter rows in {file}',
        )  # fmt: skip
    return msgspec.structs.replace(field, codes=tables[name].codes)


def _wrong(path: Path, line: int, ru: str, en: str) -> Fatal:
    return Fatal("MM-MAP-CROSSWALK", f"{path}, строка {line}: {ru}", f"{path}, line {line}: {en}")
