"""A value that does not fit its format, and how it is reported without telling the value itself (design §10)."""

from __future__ import annotations

from typing import Any

from medmost.domain.record import Problem, Reading


class Unfit(ValueError):
    """A wire value that has no canonical form. Caught by the compiled reader, never seen outside the mapping."""

    def __init__(self, reason: str, allowed: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.allowed = allowed

    def problem(self, field: str, found: Any) -> Problem:
        return Problem(field, self.reason, value_class(found), self.allowed)


def no_record(found: Any) -> Reading:
    """Of what is no JSON object at all nothing can be read."""
    return Reading({}, (Problem("*", "type", value_class(found), "an object"),))


def missing(field: str) -> Problem:
    return Problem(field, "missing", "missing")


def value_class(found: Any) -> str:
    """What sort of thing was found, in words that give no value away."""
    if found is None or found == "":
        return "missing"
    if isinstance(found, bool):
        return "yes or no"
    if isinstance(found, int | float):
        return "number"
    if isinstance(found, str):
        return f"text of {len(found)} {_characters(found)}"
    if isinstance(found, list):
        return f"list of {len(found)}"
    return "object"


def _characters(found: str) -> str:
    if found.isalpha():
        return "letters"
    return "digits" if found.isdigit() else "characters"
