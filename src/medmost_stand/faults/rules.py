"""One fault as it was put: where it acts, how often, with what parameters."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from medmost_stand.refusal import Reason, Refusal

WHERE = ("method", "path", "collection")
HOW_OFTEN = ("share", "count", "seed")


@dataclass(frozen=True, slots=True)
class Parameter:
    """What an effect can be told; `default` None says that it is left out."""

    expected: str
    fits: Callable[[Any], bool]
    default: Any = None
    required: bool = False


@dataclass(slots=True)
class Rule:
    """It fires on a matching call with probability `share`, at most `count` times."""

    effect: str
    given: dict[str, Any]
    method: str | None = None
    path: str | None = None
    collection: str | None = None
    share: float = 1.0
    count: int | None = None
    seed: int = 0
    fired: int = 0
    rng: random.Random = field(default_factory=random.Random)

    def matches(self, method: str, path: str, collection: str) -> bool:
        """Whether the rule is about this call; `path` of a rule may hold `*`."""
        return (
            self.method in (None, method)
            and self.collection in (None, collection)
            and (self.path is None or fnmatchcase(path, self.path))
        )

    @property
    def spent(self) -> bool:
        """Whether it has fired as often as it may."""
        return self.count is not None and self.fired >= self.count

    def fires(self) -> bool:
        """Draws by the rule's own generator and counts a hit."""
        if self.spent or (self.share < 1 and self.rng.random() >= self.share):
            return False
        self.fired += 1
        return True

    def shown(self) -> dict[str, Any]:
        """The rule as it was put, with how often it fired."""
        names = (*WHERE, *HOW_OFTEN)
        about = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        told = {name: value for name, value in self.given.items() if value is not None}
        return {"effect": self.effect, **about, **told, "fired": self.fired}


def parse_rule(row: dict[str, Any], effect: str, parameters: Mapping[str, Parameter]) -> Rule:
    """A rule of a known effect; Refusal BAD_REQUEST that names what is allowed."""
    allowed = ("effect", *WHERE, *HOW_OFTEN, *parameters)
    if unknown := set(row) - set(allowed):
        names = ", ".join(sorted(unknown))
        raise wrong(f"Неизвестные поля правила «{effect}»: {names}; можно: {', '.join(sorted(allowed))}")
    for name in WHERE:
        if not isinstance(row.get(name), str | None):
            raise wrong(f"Поле «{name}» правила «{effect}»: нужна строка")
    _check_number(row, effect, "share", row.get("share", 1), whole=False)
    _check_number(row, effect, "count", row.get("count"), whole=True)
    _check_number(row, effect, "seed", abs(row["seed"]) if isinstance(row.get("seed"), int) else None, whole=True)
    given = {name: _given(row, effect, name, parameter) for name, parameter in parameters.items()}
    rule = Rule(effect, given, **{name: row[name] for name in (*WHERE, *HOW_OFTEN) if name in row})
    rule.rng = random.Random(rule.seed)
    return rule


def _check_number(row: dict[str, Any], effect: str, name: str, value: Any, *, whole: bool) -> None:
    if value is None and row.get(name) is None:
        return
    kinds = int if whole else int | float
    if isinstance(value, bool) or not isinstance(value, kinds) or value < 0:
        raise wrong(f"Поле «{name}» правила «{effect}»: нужно {'целое ' if whole else ''}число не меньше нуля")


def _given(row: dict[str, Any], effect: str, name: str, parameter: Parameter) -> Any:
    value = row.get(name)
    if value is None and not parameter.required:
        return parameter.default
    if not parameter.fits(value):
        raise wrong(f"Поле «{name}» правила «{effect}»: нужно {parameter.expected}")
    return value


def wrong(text: str, field_name: str = "rules") -> Refusal:
    """A rule that cannot be understood."""
    return Refusal(Reason.BAD_REQUEST, text, field_name, status=400)
