"""Places inside a wire document: ``insurer.code``, ``order.orderAttributes[name=policyNumber].value``.

A document is never changed in place: what is set is copied from the root down to the changed value, all else is shared.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

_STEP = re.compile(r"([^.\[\]=]+)(?:\[([^\[\]=]+)=([^\[\]=]+)\])?")


class Step(msgspec.Struct, frozen=True):
    """A key, and for a list the row to take: the one whose `name` is `value`."""

    key: str
    name: str = ""
    value: str = ""


Path = tuple[Step, ...]


def parse(text: str) -> Path | None:
    """The steps of a path, or None where it is not one."""
    steps: list[Step] = []
    for part in text.split("."):
        found = _STEP.fullmatch(part)
        if found is None or part != part.strip():
            return None
        steps.append(Step(found.group(1), found.group(2) or "", found.group(3) or ""))
    return tuple(steps)


class Misplaced:
    """Something else where a section was expected: whatever is asked of it is of a wrong type."""

    def get(self, _key: str) -> Misplaced:
        return self


_NOTHING: dict[str, Any] = {}
_MISPLACED = Misplaced()


def section(found: Any) -> Any:
    """The part of a document that `found` is: nothing where it is not shown."""
    if isinstance(found, dict):
        return found
    return _NOTHING if found is None or found == "" else _MISPLACED


def pick(found: Any, name: str, value: str) -> Any:
    """The first row of a list that calls itself so."""
    if found is None or found == "":
        return _NOTHING
    if not isinstance(found, list):
        return _MISPLACED
    return next((row for row in found if isinstance(row, dict) and row.get(name) == value), _NOTHING)


def shown(doc: dict[str, Any], keys: tuple[str, ...]) -> Any:
    """What a document shows at a place."""
    for key in keys[:-1]:
        doc = section(doc.get(key))
    return doc.get(keys[-1])


def put(doc: dict[str, Any], keys: tuple[str, ...], wire: Any) -> None:
    """Set a value in `doc`, which is ours; sections on the way are copied first."""
    for key in keys[:-1]:
        inner = doc.get(key)
        doc[key] = dict(inner) if isinstance(inner, dict) else {}
        doc = doc[key]
    doc[keys[-1]] = wire


def drop(doc: dict[str, Any], keys: tuple[str, ...]) -> None:
    """Take a value out, and a section that is empty then."""
    if len(keys) == 1:
        doc.pop(keys[0], None)
        return
    inner = doc.get(keys[0])
    if not isinstance(inner, dict):
        doc.pop(keys[0], None)
        return
    copy = dict(inner)
    drop(copy, keys[1:])
    if copy:
        doc[keys[0]] = copy
    else:
        doc.pop(keys[0])


def blank(doc: dict[str, Any], keys: tuple[str, ...]) -> None:
    """Empty a value as a form does: the field stays, with nothing in it."""
    if shown(doc, keys) is not None:
        put(doc, keys, "")
