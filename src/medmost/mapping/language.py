"""The language of ``kinds/*.yaml``: a closed set of words. Anything else in a file is refused with its line.

A file says what a kind is (key, owner, parents, what a refusal means) and, per field, where each system shows it
(`at`, other names that are read too: `or`) and in which format (`as`, or a dictionary of `codes`).
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec

from medmost.domain.kinds import Owner, Style
from medmost.domain.record import Side
from medmost.mapping.layered import layered
from medmost.mapping.located import Located

Wire = str | int
_ENUMS: dict[str, type[Side | Owner | Style]] = {"owner": Owner, "style": Style}


class Title(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ru: str
    en: str

    def in_lang(self, lang: str) -> str:
        return self.ru if lang == "ru" else self.en


class Place(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where one system shows a field. Points divide a path; ``list[name=value]`` picks a row (read only)."""

    at: str
    also: tuple[str, ...] = msgspec.field(default=(), name="or")  # other names, read where `at` is empty
    form: str | None = msgspec.field(default=None, name="as")
    writes: bool = True  # False: never written there, because that side rules the field
    last: dict[str, str] = {}  # GROW: row field -> place where the record repeats its last row


class CodeRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What each system shows for one canonical code: one value, or a list whose first is written and all are read."""

    gosuslugi: Wire | tuple[Wire, ...]
    emias: Wire | tuple[Wire, ...]

    def wire(self, side: Side) -> tuple[Wire, ...]:
        shown = self.gosuslugi if side is Side.GOSUSLUGI else self.emias
        return shown if isinstance(shown, tuple) else (shown,)


class RowField(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A field of a row inside a list."""

    name: str
    title: Title
    gosuslugi: Place | None = None
    emias: Place | None = None
    required: bool = False
    codes: dict[str, CodeRule] = {}
    example: Any = None

    def place(self, side: Side) -> Place | None:
        return self.gosuslugi if side is Side.GOSUSLUGI else self.emias


class FieldRule(RowField, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A field of a kind: its places, its format, and who decides about it (design §6)."""

    owner: Owner = Owner.EMIAS
    style: Style = Style.REPLACE
    order: dict[str, tuple[str, ...]] = {}
    leader: str | None = None
    source: Side | None = None
    rows: tuple[RowField, ...] = ()  # the field is a list of these
    row_key: tuple[str, ...] = ()  # which rows of the list are the same, so that their own fields survive
    ends: tuple[int, ...] = ()  # GROW: statuses that end it, where a row does not say so itself


class KindRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file."""

    kind: str
    collection: str
    title: Title
    fhir: str
    key: tuple[str, ...]
    fields: tuple[FieldRule, ...]
    source: Side | None = None
    creates: tuple[Side, ...] = (Side.GOSUSLUGI, Side.EMIAS)
    personal: bool = False
    patient: str | None = None
    clinical: bool = False
    parents: dict[str, str] = {}
    releases_key: dict[str, tuple[str, ...]] = {}
    final: dict[str, tuple[str, ...]] = {}
    expires: str | None = None
    moved_from: str | None = None
    moved_to: str | None = None
    refusal: dict[str, dict[str, str | None]] = {}


def load_rules(path: Path, base: Path | None = None) -> tuple[KindRule, Located]:
    """A file understood, or Fatal ``MM-MAP-…`` with file, line, field, what is wrong and what is allowed.

    `base`: the shipped file of the same kind; a file that says ``extends`` is laid over it.
    """
    located = Located(path)
    if "extends" in located.plain and base is not None:
        located = layered(located, Located(base))
    try:
        return msgspec.convert(located.plain, KindRule), located
    except msgspec.ValidationError as error:
        said, _, where = str(error).partition(" - at `")
        raise _refusal(located, said, "$" + where.rstrip("`").removeprefix("$")) from None


def _refusal(located: Located, said: str, where: str) -> Exception:
    field = _field_at(located, where)
    unknown = re.search(r"unknown field `(.+)`", said)
    if unknown is None:
        ru, en = _said(said, where)
        return located.wrong("MM-MAP-RULE", located.line(where), field, ru, en)
    word, allowed = unknown.group(1), _words_at(where)
    close = get_close_matches(word, allowed, 1)
    ru = f"незнакомое слово «{word}»" + (f", может быть, «{close[0]}»?" if close else "")
    en = f'unknown word "{word}"' + (f', perhaps "{close[0]}"?' if close else "")
    return located.wrong(
        "MM-MAP-WORD",
        located.line_of_key(where, word),
        field,
        f"{ru}; допустимо: {', '.join(allowed)}",
        f"{en}; allowed: {', '.join(allowed)}",
    )


def _said(said: str, where: str) -> tuple[str, str]:
    """What msgspec found wrong, in Russian and in English."""
    if found := re.fullmatch(r"Expected `(.+)`, got `(.+)`", said):
        wanted, got = found.groups()
        return f"допустимо: {wanted}, а стоит {got}", f"allowed: {wanted}, found {got}"
    if found := re.fullmatch(r"Object missing required field `(.+)`", said):
        return f"нет обязательного слова «{found[1]}»", f'the word "{found[1]}" is missing'
    if found := re.fullmatch(r"Invalid enum value '(.+)'", said):
        words = _ENUMS.get(re.sub(r"\[.*", "", where.rpartition(".")[2]), Side)
        allowed = ", ".join(word.value for word in words)
        return (
            f"незнакомое значение «{found[1]}»; допустимо: {allowed}",
            f'unknown value "{found[1]}"; allowed: {allowed}',
        )
    return f"не по правилам языка: {said}", said


def _field_at(located: Located, where: str) -> str:
    number = re.match(r"\$\.fields\[(\d+)\]", where)
    if number is None:
        return ""
    rule = located.plain["fields"][int(number.group(1))]
    return str(rule.get("name", "")) if isinstance(rule, dict) else ""


def _words_at(where: str) -> list[str]:
    """The words that the language knows at a path, from the shape of the path itself."""
    shape = re.sub(r"\[(\d+|\.\.\.)\]", "[]", where)
    tail = shape.rpartition(".")[2]
    struct: type[msgspec.Struct] = KindRule
    if tail in {"gosuslugi", "emias"}:
        struct = Place
    elif tail == "title":
        struct = Title
    elif tail == "codes[]":
        struct = CodeRule
    elif tail == "rows[]":
        struct = RowField
    elif tail == "fields[]":
        struct = FieldRule
    return sorted(field.encode_name for field in msgspec.structs.fields(struct))
