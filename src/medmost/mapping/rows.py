"""Lists inside a record: analyses' observations and files are replaced, a request's history only gains rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from medmost.domain import history
from medmost.domain.record import Doc, Fields, Problem
from medmost.mapping.formats import Lens
from medmost.mapping.paths import put, shown
from medmost.mapping.unfit import Unfit, missing, value_class

ReadRow = Callable[[Doc], tuple[Fields, list[Problem]]]
WriteRow = Callable[[Fields, Doc | None], Doc]


class Last(msgspec.Struct, frozen=True):
    """A field of the last row that the record itself repeats."""

    name: str
    keys: tuple[str, ...]
    lens: Lens


class ListPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How one side shows a list."""

    field: str
    keys: tuple[str, ...]
    read: ReadRow
    write: WriteRow
    row_key: tuple[str, ...] = ()
    last: tuple[Last, ...] = ()
    ends: tuple[int, ...] = ()
    grows: bool = False


def read_list(doc: Doc, plan: ListPlan, problems: list[Problem]) -> list[Fields]:
    """The rows a record shows; a growing list by time, with the row that only the record's own head tells of."""
    rows = _read_rows(shown(doc, plan.keys), plan, problems)
    if not plan.grows:
        return rows
    for row in rows:
        _end(row, plan)
    head = _head(doc, plan, problems, alone=not rows)
    if head is not None and history.lacks(rows, [head]):
        rows.append(head)
    rows.sort(key=lambda row: str(row["at"]))
    return rows


def replace_list(doc: Doc, plan: ListPlan, rows: list[Fields]) -> None:
    """Show these rows; a row that was there keeps the fields of its own, found by the row key."""
    found = shown(doc, plan.keys)
    problems: list[Problem] = []
    if _read_rows(found, plan, problems) == rows and not problems:
        return
    left = [(plan.read(row)[0], row) for row in found if isinstance(row, dict)] if isinstance(found, list) else []
    wire: list[Doc] = []
    for row in rows:
        match = next((pair for pair in left if _same_key(pair[0], row, plan.row_key)), None)
        if match is not None:
            left.remove(match)
        wire.append(plan.write(row, match[1] if match is not None else None))
    if wire or found is not None:
        put(doc, plan.keys, wire)


def append_rows(doc: Doc, plan: ListPlan, rows: list[Fields]) -> None:
    """Add the rows this side lacks, oldest first, each under the other side's number; what is there stays as it is."""
    have = read_list(doc, plan, [])
    lacking = history.lacks(have, sorted(rows, key=lambda row: str(row.get("at"))))
    if not lacking:
        return
    found = shown(doc, plan.keys)
    wire = list(found) if isinstance(found, list) else []
    told = _read_rows(wire, plan, [])
    heads = [plan.write(row, None) for row in history.lacks(told, have)]
    put(doc, plan.keys, wire + heads + [plan.write(_copy(row), None) for row in lacking])
    latest = history.grow(rows, have)[-1]
    for last in plan.last:
        value = latest.get(last.name)
        if value is not None:
            put(doc, last.keys, last.lens.write(value))


def _copy(row: Fields) -> Fields:
    """A row as a copy: numbered by us only through its origin."""
    mark = row.get("id") or f"{row.get('status_id')}@{row.get('at')}"
    return {**row, "id": None, "origin": mark}


def _read_rows(found: Any, plan: ListPlan, problems: list[Problem]) -> list[Fields]:
    if found is None or found == "":
        return []
    if not isinstance(found, list):
        problems.append(Problem(plan.field, "type", value_class(found), "a list"))
        return []
    rows: list[Fields] = []
    for place, row in enumerate(found):
        if not isinstance(row, dict):
            problems.append(Problem(f"{plan.field}[{place}]", "type", value_class(row), "an object"))
            continue
        fields, wrong = plan.read(row)
        problems.extend(msgspec.structs.replace(one, field=f"{plan.field}[{place}].{one.field}") for one in wrong)
        rows.append(fields)
    return rows


def _head(doc: Doc, plan: ListPlan, problems: list[Problem], *, alone: bool) -> Fields | None:
    """The last row as the record's own head repeats it; a state without time is news only where there are no rows."""
    if not plan.last:
        return None
    row: Fields = dict.fromkeys(("id", "origin", "status_id", "at", "title", "comment", "sender", "final"))
    for last in plan.last:
        found = shown(doc, last.keys)
        try:
            row[last.name] = last.lens.read(found)
        except Unfit as unfit:
            problems.append(unfit.problem(f"{plan.field}.{last.name}", found))
    if row["status_id"] is None:
        return None
    if row["at"] is None:
        if alone:
            problems.append(missing(f"{plan.field}.at"))
        return None
    _end(row, plan)
    return row


def _end(row: Fields, plan: ListPlan) -> None:
    if row["final"] is None:
        row["final"] = row["status_id"] in plan.ends


def _same_key(a: Fields, b: Fields, key: tuple[str, ...]) -> bool:
    return bool(key) and all(a.get(name) == b.get(name) for name in key)
