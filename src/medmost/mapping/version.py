"""Which version of a kind's mapping is at work, and how two versions differ (facts/reliability.md F37).

A version is what a file *means*: titles, examples and the order of its words are no part of it, so that a better
wording stops nobody's exchange.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from medmost.mapping.language import KindRule

WORDING = frozenset({"title", "example", "examples", "fhir", "data", "nsi", "reason"})
"""Words of the language that change nothing in what is read or written."""


class RuleChange(msgspec.Struct, frozen=True):
    """One word of one field (or of the kind, `field` empty) that the two versions have differently."""

    field: str
    word: str
    was: Any
    now: Any


def meaning(rule: KindRule) -> dict[str, Any]:
    """What a rule says, as plain values: without wording and without what is nothing."""
    told: dict[str, Any] = _bare(msgspec.to_builtins(rule))
    return told


def kind_hash(rule: KindRule) -> str:
    """The name of a version: the same for files that mean the same."""
    return hashlib.sha256(encoded(rule)).hexdigest()


def encoded(rule: KindRule) -> bytes:
    """A version as it is kept."""
    return msgspec.json.encode(meaning(rule), order="deterministic")


def changes(old: dict[str, Any], new: dict[str, Any]) -> list[RuleChange]:
    """How `new` differs from `old`, both as `meaning` tells them: the kind's own words first, then field by field."""
    found = _words("", _without_fields(old), _without_fields(new))
    before, after = (_fields(one) for one in (old, new))
    for name in [*before, *(name for name in after if name not in before)]:
        found += _words(name, before.get(name, {}), after.get(name, {}))
    return found


def _words(field: str, old: dict[str, Any], new: dict[str, Any], above: str = "") -> list[RuleChange]:
    found = []
    for word in [*old, *(word for word in new if word not in old)]:
        was, now = old.get(word), new.get(word)
        if was == now:
            continue
        if isinstance(was, dict) and isinstance(now, dict):
            found += _words(field, was, now, f"{above}{word}.")
        else:
            found.append(RuleChange(field, above + word, was, now))
    return found


def _without_fields(rule: dict[str, Any]) -> dict[str, Any]:
    return {word: value for word, value in rule.items() if word != "fields"}


def _fields(rule: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Fields by name, the rows of a list as ``list[].row``."""
    found: dict[str, dict[str, Any]] = {}
    for field in rule.get("fields", ()):
        found[field["name"]] = {word: value for word, value in field.items() if word not in ("name", "rows")}
        found |= {f"{field['name']}[].{row['name']}": row for row in field.get("rows", ())}
    return found


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        bare = {word: _bare(inner) for word, inner in value.items() if word not in WORDING}
        return {word: inner for word, inner in bare.items() if inner not in (None, {}, [])}
    if isinstance(value, list):
        return [_bare(one) for one in value]
    return value
