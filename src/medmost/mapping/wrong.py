"""How a check says what is wrong: with file, line, field, what is allowed, and what was perhaps meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from medmost.domain.errors import Fatal
from medmost.mapping.complaints import guess
from medmost.mapping.language import FieldRule, KindRule, RowField
from medmost.mapping.located import Located


class Complainer:
    """One file's rules, and the sentences about them."""

    def __init__(self, rule: KindRule, located: Located) -> None:
        self.rule = rule
        self.located = located

    def field(self, name: str) -> FieldRule:
        return next(field for field in self.rule.fields if field.name == name)

    def wrong(self, where: str, field: str, ru: str, en: str, allowed: Iterable[object] = ()) -> Fatal:
        """A refusal at the line of `where` (a path in the file)."""
        listed = ", ".join(str(one) for one in allowed)
        if listed:
            ru, en = f"{ru}; допустимо: {listed}", f"{en}; allowed: {listed}"
        return self.located.wrong("MM-MAP-RULE", self.located.line(where), field, ru, en)

    def unknown(self, where: str, field: str, ru: str, en: str, word: str, allowed: Iterable[str]) -> Fatal:
        """There is no such thing (`ru`, in the genitive; `en`), perhaps a near one was meant."""
        allowed = list(allowed)
        near_ru, near_en = guess(word, allowed)
        listed = allowed if len(allowed) <= 40 else ()
        return self.wrong(where, field, f"нет {ru} «{word}»{near_ru}", f'there is no {en} "{word}"{near_en}', listed)

    def known(self, name: str, where: str, field: str = "") -> Iterator[Fatal]:
        names = [one.name for one in self.rule.fields]
        if name not in names:
            yield self.unknown(where, field, "поля", "field", name, names)

    def codes(self, field: RowField, states: Iterable[str], where: str) -> Iterator[Fatal]:
        for state in states:
            if state not in field.codes:
                yield self.unknown(where, field.name, "значения", "value", state, field.codes)
