"""The language of ``kinds/*.yaml``: a closed set of words. Anything else in a file is refused with its line.

A file says what a kind is (key, owner, parents, what a refusal means) and, per field, where each system shows it
(`at`, other names that are read too: `or`) and in which format (`as`, or a dictionary of `codes`). What it claims it
shows: `example` per field and a `sample` of both systems, which run as tests whenever the file is loaded.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from medmost.domain.kinds import Owner, Style
from medmost.domain.record import Side
from medmost.mapping.complaints import complaint
from medmost.mapping.layered import layered
from medmost.mapping.located import Located

Wire = str | int
Word = Annotated[str, Meta(min_length=1)]


class DataClass(StrEnum):
    """What a field tells of a person (152-ФЗ art. 3 and 10: health is a special category)."""

    IDENTITY = "identity"  # who it is: names, birth date, policy, SNILS
    CONTACT = "contact"  # how to reach the person: phone, e-mail
    HEALTH = "health"  # state of health, care received or asked for
    ADMINISTRATIVE = "administrative"  # of a person's dealings, but nothing of health: insurer, validity
    NONE = "none"  # of no person


class Title(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same in both languages of the people who read it."""

    ru: Word
    en: Word

    def in_lang(self, lang: str) -> str:
        return self.ru if lang == "ru" else self.en


class Copy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A to-only rule: the value is written there as well and never read from there."""

    at: Word
    reason: Title
    form: str | None = msgspec.field(default=None, name="as")  # else that of the place itself


class Place(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where one system shows a field. Points divide a path; ``list[name=value]`` picks a row (read only)."""

    at: Word
    also: tuple[str, ...] = msgspec.field(default=(), name="or")  # other names, read where `at` is empty
    form: str | None = msgspec.field(default=None, name="as")
    writes: bool = True  # False: a from-only rule, never written there, because that side rules the field
    reason: Title | None = None  # why it is never written there
    copies: tuple[Copy, ...] = ()  # to-only rules
    last: dict[str, str] = {}  # GROW: row field -> place where the record repeats its last row


class Forms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Several shown values of one canonical code: the one that is written, and those that are read besides."""

    writes: Wire
    reads: tuple[Wire, ...] = ()


class CodeRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What each system shows for one canonical code: one value, or several with their declared write form."""

    gosuslugi: Wire | Forms
    emias: Wire | Forms

    def wire(self, side: Side) -> tuple[Wire, ...]:
        """The value written there, then the others that mean the same."""
        shown = self.gosuslugi if side is Side.GOSUSLUGI else self.emias
        return (shown.writes, *shown.reads) if isinstance(shown, Forms) else (shown,)


class Example(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value and how each system shows it, both ways; `reads`: other wire values that mean it, only read."""

    value: Any
    gosuslugi: Any = msgspec.UNSET
    emias: Any = msgspec.UNSET
    reads: dict[Side, tuple[Any, ...]] = {}

    def shown(self, side: Side) -> Any:
        """UNSET where the example does not speak of that side."""
        return self.gosuslugi if side is Side.GOSUSLUGI else self.emias


class RowField(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A field of a row inside a list."""

    name: Word
    title: Title
    gosuslugi: Place | None = None
    emias: Place | None = None
    required: bool = False
    codes: dict[str, CodeRule] = {}
    crosswalk: str | None = None  # the table its codes come from (mapping.crosswalk), in place of `codes`
    example: Any = None  # the canonical value that the kind's sample shows
    examples: tuple[Example, ...] = ()
    fhir: str | None = None  # the FHIR R4 element, e.g. Patient.birthDate
    data: DataClass | None = None  # its class of personal data
    nsi: str | None = None  # OID of the dictionary in НСИ Минздрава that its codes are of

    def place(self, side: Side) -> Place | None:
        return self.gosuslugi if side is Side.GOSUSLUGI else self.emias


class FieldRule(RowField, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A field of a kind: its places, its format, and who decides about it (design §6)."""

    owner: Owner | None = None  # two-way fields only, a person where nobody is named; a one-way field is its source's
    style: Style = Style.REPLACE
    order: dict[str, tuple[str, ...]] = {}
    leader: str | None = None
    source: Side | None = None
    rows: tuple[RowField, ...] = ()  # the field is a list of these
    row_key: tuple[str, ...] = ()  # which rows of the list are the same, so that their own fields survive
    ends: tuple[int, ...] = ()  # GROW: statuses that end it, where a row does not say so itself


class Constant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every record that we create there holds, whatever its fields; it is neither read nor compared."""

    side: Side
    at: Word
    value: str | int | bool
    reason: Title


class Sample(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One made-up record as each system shows it: it must read as the fields' examples, and be written so."""

    gosuslugi: dict[str, Any]
    emias: dict[str, Any]

    def shown(self, side: Side) -> dict[str, Any]:
        return self.gosuslugi if side is Side.GOSUSLUGI else self.emias


class KindRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file."""

    kind: Word
    collection: Word
    title: Title
    fhir: Word
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
    refusal: dict[str, dict[str, str | None]] = msgspec.field(default_factory=dict, name="on_refused")
    unknown: Literal["keep"] = "keep"  # fields that no rule names stay as they are: nothing else is allowed
    constants: tuple[Constant, ...] = ()
    sample: Sample | None = None

    @property
    def resources(self) -> tuple[str, ...]:
        """The FHIR R4 resources that the kind maps to."""
        return tuple(word.strip() for word in self.fhir.split(","))


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
        raise complaint(located, KindRule, said, "$" + where.rstrip("`").removeprefix("$")) from None


def schema() -> dict[str, Any]:
    """JSON Schema of a kind's file, for editors; the checks of check.py go beyond it."""
    made = msgspec.json.schema(KindRule)
    made["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    made["title"] = "medmost kind"
    return made
