"""What a mapping file must keep to beyond its words: names that exist, formats that agree, dictionaries that turn back.

Raises Fatal ``MM-MAP-…`` with file, line and field at the first rule broken: a wrong mapping never starts (design §10).
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from medmost.domain import values
from medmost.domain.errors import Fatal
from medmost.domain.kinds import Style
from medmost.domain.record import BOTH, Side
from medmost.mapping import paths
from medmost.mapping.compiler import lens_of
from medmost.mapping.formats import LENSES
from medmost.mapping.language import FieldRule, KindRule, Place, RowField
from medmost.mapping.located import Located

HISTORY_ROW = ("id", "origin", "status_id", "at", "title", "comment", "sender", "final")
"""The fields of a history row, which domain.history compares."""


class Checker:
    """One file's rules with their places."""

    def __init__(self, rule: KindRule, located: Located, kinds: Iterable[str]) -> None:
        self.rule = rule
        self.located = located
        self.kinds = tuple(kinds)
        self.names = [field.name for field in rule.fields]

    def check(self) -> None:
        """Nothing where all is well."""
        self._check_kind()
        for number, field in enumerate(self.rule.fields):
            where = f"$.fields[{number}]"
            self._check_field(field, where)
            self._check_style(field, where)
        for side in BOTH:
            self._check_places(self.rule.fields, side, "$.fields")

    def _wrong(self, where: str, field: str, ru: str, en: str, allowed: Iterable[object] = ()) -> Fatal:
        listed = ", ".join(str(one) for one in allowed)
        if listed:
            ru, en = f"{ru}; допустимо: {listed}", f"{en}; allowed: {listed}"
        return self.located.wrong("MM-MAP-RULE", self.located.line(where), field, ru, en)

    def _known(self, name: str, where: str, field: str = "") -> None:
        if name not in self.names:
            close = get_close_matches(name, self.names, 1)
            ru = f"нет поля «{name}»" + (f", может быть, «{close[0]}»?" if close else "")
            en = f'there is no field "{name}"' + (f', perhaps "{close[0]}"?' if close else "")
            raise self._wrong(where, field, ru, en, self.names)

    # ------------------------------------------------------------ the kind
    def _check_kind(self) -> None:
        rule = self.rule
        if rule.kind != self.located.path.stem:
            raise self._wrong(
                "$.kind",
                "",
                f"вид «{rule.kind}» в файле другого имени",
                f'kind "{rule.kind}" in a file of another name',
                [self.located.path.stem],
            )
        for number, name in enumerate(self.names):
            if name in self.names[:number]:
                raise self._wrong(f"$.fields[{number}]", name, "поле описано дважды", "the field is described twice")
        self._check_mentions()
        if rule.personal and rule.patient is None:
            raise self._wrong(
                "$.personal",
                "",
                "личный вид должен называть пациента (patient)",
                "a personal kind must name its patient",
            )
        self._check_states()

    def _check_mentions(self) -> None:
        """Every field and kind named for the whole kind exists."""
        rule = self.rule
        mentioned = [("key", name) for name in rule.key] + [("parents", name) for name in rule.parents]
        mentioned += [("releases_key", name) for name in rule.releases_key]
        mentioned += [("final", name) for name in rule.final]
        mentioned += [("refusal", name) for fields in rule.refusal.values() for name in fields]
        mentioned += [(word, name) for word, name in (("patient", rule.patient), ("expires", rule.expires)) if name]
        for word, name in mentioned:
            self._known(name, f"$.{word}")
        for name, kind in rule.parents.items():
            if kind not in self.kinds:
                raise self._wrong(
                    f"$.parents.{name}", name, f"нет вида «{kind}»", f'there is no kind "{kind}"', self.kinds
                )

    def _check_states(self) -> None:
        """States named for the whole kind are codes of their fields."""
        for word, table in (("releases_key", self.rule.releases_key), ("final", self.rule.final)):
            for name, states in table.items():
                self._check_codes(name, states, f"$.{word}.{name}")
        for code, fields in self.rule.refusal.items():
            for name, value in fields.items():
                if value is not None:
                    self._check_codes(name, (value,), f"$.refusal.{code}.{name}")

    def _check_codes(self, name: str, states: Iterable[str], where: str) -> None:
        codes = next(field.codes for field in self.rule.fields if field.name == name)
        for state in states:
            if state not in codes:
                raise self._wrong(where, name, f"нет значения «{state}»", f'there is no value "{state}"', codes)

    # ------------------------------------------------------------ fields
    def _check_field(self, field: RowField, where: str) -> None:
        if not field.name.isidentifier() or not field.name.isascii():
            raise self._wrong(
                where,
                field.name,
                "имя поля: латинские буквы, цифры, _",
                "a field name: latin letters, digits, _",
            )
        sides = [side for side in BOTH if field.place(side) is not None]
        if not sides:
            raise self._wrong(where, field.name, "поля нет ни у одной системы", "no system shows the field", BOTH)
        if isinstance(field, FieldRule) and field.rows:
            return
        for side in sides:
            self._check_form(field, side, f"{where}.{side}")
        if field.codes:
            self._check_dictionary(field, f"{where}.codes")
        canons = {lens.canon for side in sides if (lens := lens_of(field, side)) is not None}
        if len(canons) > 1:
            raise self._wrong(
                where,
                field.name,
                f"форматы сторон разного рода: {' и '.join(sorted(canons))}",
                f"the sides' formats are of different sorts: {' and '.join(sorted(canons))}",
            )

    def _check_form(self, field: RowField, side: Side, where: str) -> None:
        place = field.place(side)
        assert place is not None
        if field.codes and place.form is not None:
            raise self._wrong(
                f"{where}.as",
                field.name,
                "у поля со словарём (codes) нет формата",
                "a field with a dictionary has no format",
            )
        if not field.codes and place.form not in LENSES:
            close = get_close_matches(place.form or "", LENSES, 1)
            ru = f"незнакомый формат «{place.form}»" + (f", может быть, «{close[0]}»?" if close else "")
            en = f'unknown format "{place.form}"' + (f', perhaps "{close[0]}"?' if close else "")
            raise self._wrong(f"{where}.as", field.name, ru, en, LENSES)

    def _check_dictionary(self, field: RowField, where: str) -> None:
        """One canonical code for one shown value, at each side."""
        for side in BOTH:
            seen: dict[str | None, str] = {}
            for code, rule in field.codes.items():
                for wire in rule.wire(side):
                    shown = values.text(str(wire))
                    if shown is None or shown in seen:
                        again = seen.get(shown, "")
                        raise self._wrong(
                            f"{where}.{code}",
                            field.name,
                            f"«{wire}» ({side}) значит и «{again}», и «{code}»",
                            f'"{wire}" ({side}) means both "{again}" and "{code}"',
                        )
                    seen[shown] = code

    # ------------------------------------------------------------ styles and lists
    def _check_style(self, field: FieldRule, where: str) -> None:
        if field.style is Style.FORWARD:
            for state, onward in field.order.items():
                self._check_codes(field.name, (state, *onward), f"{where}.order.{state}")
        if field.style is Style.FOLLOWS:
            self._known(field.leader or "", f"{where}.leader", field.name)
        if field.style is Style.GROW and tuple(row.name for row in field.rows) != HISTORY_ROW:
            raise self._wrong(
                f"{where}.rows",
                field.name,
                "строка истории состоит из других полей",
                "a history row has other fields",
                HISTORY_ROW,
            )
        for number, row in enumerate(field.rows):
            self._check_field(row, f"{where}.rows[{number}]")
        for side in BOTH:
            if field.rows:
                self._check_places(field.rows, side, f"{where}.rows")
            self._check_writes(field, side, f"{where}.{side}")

    def _check_writes(self, field: FieldRule, side: Side, where: str) -> None:
        place = field.place(side)
        if place is None:
            return
        rules = field.source or self.rule.source
        if not place.writes and rules is not side:
            raise self._wrong(
                f"{where}.writes",
                field.name,
                f"не писать можно только туда, откуда поле берётся (source: {side})",
                f"only the side that rules a field may go unwritten (source: {side})",
            )
        for name in place.last:
            if name not in HISTORY_ROW:
                raise self._wrong(
                    f"{where}.last.{name}", field.name, f"нет поля «{name}»", f'no field "{name}"', HISTORY_ROW
                )

    def _check_places(self, fields: tuple[RowField, ...], side: Side, where: str) -> None:
        """Each place is named once, and none lies inside another."""
        taken: dict[tuple[str, ...], str] = {}
        for number, field in enumerate(fields):
            place = field.place(side)
            if place is None:
                continue
            for text in (place.at, *place.also):
                keys = self._keys(field, text, place, f"{where}[{number}].{side}")
                for other, owner in taken.items():
                    shorter = min(len(keys), len(other))
                    if keys[:shorter] == other[:shorter]:
                        raise self._wrong(
                            f"{where}[{number}].{side}",
                            field.name,
                            f"место «{text}» занято полем {owner}",
                            f'the place "{text}" belongs to {owner}',
                        )
                taken[keys] = field.name

    def _keys(self, field: RowField, text: str, place: Place, where: str) -> tuple[str, ...]:
        steps = paths.parse(text)
        if steps is None:
            raise self._wrong(
                where,
                field.name,
                f"«{text}» — не путь",
                f'"{text}" is not a path',
                ["name", "section.name", "list[key=value].name"],
            )
        if place.writes and any(step.name for step in steps):
            raise self._wrong(
                where,
                field.name,
                f"по пути «{text}» можно только читать (writes: false)",
                f'the path "{text}" can only be read (writes: false)',
            )
        return tuple(f"{step.key}[{step.value}]" if step.name else step.key for step in steps)
