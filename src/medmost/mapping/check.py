"""What a mapping file must keep to beyond its words: names that exist, formats that agree, dictionaries that turn back.

Every problem is a Fatal ``MM-MAP-…`` with file, line and field: a wrong mapping never starts (design §10). All problems
of a file are told at once; a stage that builds on a sound one waits for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from medmost.domain.errors import Fatal
from medmost.domain.record import BOTH
from medmost.mapping.check_examples import examples
from medmost.mapping.check_fields import fields
from medmost.mapping.check_places import places
from medmost.mapping.compiler import CompiledMapping, lens_of
from medmost.mapping.fhir import RESOURCES
from medmost.mapping.language import FieldRule, KindRule
from medmost.mapping.located import Located
from medmost.mapping.wrong import Complainer

PATIENT_CANON, TIME_CANONS = "policy", ("time", "moment", "instant", "date")


class Checker:
    """One file's rules with their places."""

    def __init__(self, rule: KindRule, located: Located, kinds: Iterable[str]) -> None:
        self.rule = rule
        self.kinds = tuple(kinds)
        self.say = Complainer(rule, located)

    def check(self) -> CompiledMapping:
        """The mapping where all is well; else one Fatal that tells every problem found, each in its own line."""
        found = list(self.problems())
        if found:
            raise Fatal(found[0].code, "\n".join(one.ru for one in found), "\n".join(one.en for one in found))
        return CompiledMapping(self.rule)

    def problems(self) -> Iterator[Fatal]:
        """Each problem with its own line."""
        for stage in (self._names, self._whole, self._examples):
            count = 0
            for count, problem in enumerate(stage(), 1):  # noqa: B007  # asked for after the loop
                yield problem
            if count:
                return

    def _names(self) -> Iterator[Fatal]:
        """Names that the rest is asked by."""
        rule, say = self.rule, self.say
        if rule.kind != say.located.path.stem:
            yield say.wrong(
                "$.kind",
                "",
                f"вид «{rule.kind}» в файле другого имени",
                f'kind "{rule.kind}" in a file of another name',
                [say.located.path.stem],
            )
        for word in ("kind", "collection"):
            if not (name := getattr(rule, word)).replace("-", "_").isidentifier() or not name.isascii():
                yield say.wrong(
                    f"$.{word}",
                    "",
                    f"имя «{name}»: латинские буквы, цифры, -",
                    f'name "{name}": latin letters, digits, -',
                )
        if not rule.fields:
            yield say.wrong("$.fields", "", "у вида нет полей", "the kind has no fields")
        yield from _doubles(say)
        yield from fields(say)
        for side in BOTH:
            yield from places(say, rule.fields, side, "$.fields")

    def _examples(self) -> Iterator[Fatal]:
        return examples(self.say, CompiledMapping(self.rule))

    # ------------------------------------------------------------ the kind as a whole
    def _whole(self) -> Iterator[Fatal]:
        """What is said of the whole kind, in terms of its fields."""
        rule, say = self.rule, self.say
        unknown = list(self._mentions())
        yield from unknown
        if unknown:
            return
        yield from self._key()
        yield from self._patient()
        yield from self._states()
        for number, resource in enumerate(rule.resources):
            if resource not in RESOURCES:
                yield say.unknown(f"$.fhir[{number}]", "", "ресурса FHIR R4", "FHIR R4 resource", resource, RESOURCES)
        for name, kind in rule.parents.items():
            if kind not in self.kinds:
                yield say.unknown(f"$.parents.{name}", name, "вида", "kind", kind, self.kinds)
        if rule.expires is not None and self._canon(rule.expires) not in TIME_CANONS:
            yield say.wrong("$.expires", rule.expires, "это поле — не время", "this field is no time")
        if rule.source is not None and rule.source in rule.creates:
            yield say.wrong(
                "$.creates",
                "",
                f"в системе, из которой вид берётся ({rule.source}), ничего не создают",
                f"nothing is created where the kind is taken from ({rule.source})",
                [rule.source.other],
            )

    def _mentions(self) -> Iterator[Fatal]:
        """Every field named for the whole kind exists."""
        rule = self.rule
        mentioned = [("key", name) for name in rule.key] + [("parents", name) for name in rule.parents]
        mentioned += [("releases_key", name) for name in rule.releases_key]
        mentioned += [("final", name) for name in rule.final]
        mentioned += [("on_refused", name) for named in rule.refusal.values() for name in named]
        mentioned += [(word, name) for word, name in (("patient", rule.patient), ("expires", rule.expires)) if name]
        for word, name in mentioned:
            yield from self.say.known(name, f"$.{word}")

    def _key(self) -> Iterator[Fatal]:
        """A record is found by its key at both systems: each part is mandatory, at both, and no list."""
        rule, say = self.rule, self.say
        if not rule.key or len(set(rule.key)) < len(rule.key):
            yield say.wrong("$.key", "", "ключ из разных полей обязателен", "a key of distinct fields is mandatory")
        for number, name in enumerate(rule.key):
            field, where = say.field(name), f"$.key[{number}]"
            if any(field.place(side) is None for side in BOTH):
                yield say.wrong(where, name, "поле ключа нужно обеим системам", "a key field must be at both systems")
            elif field.rows:
                yield say.wrong(where, name, "это поле не может быть ключом", "this field can be no key")
            elif not field.required:
                yield say.wrong(
                    where, name, "поле ключа должно быть обязательным (required)", "a key field must be required"
                )

    def _patient(self) -> Iterator[Fatal]:
        rule, say = self.rule, self.say
        if rule.personal and rule.patient is None:
            yield say.wrong(
                "$.personal",
                "",
                "личный вид должен называть пациента (patient)",
                "a personal kind must name its patient",
            )
        if rule.patient is not None and (
            self._canon(rule.patient) != PATIENT_CANON or not say.field(rule.patient).required
        ):
            yield say.wrong(
                "$.patient",
                rule.patient,
                "пациента называет обязательное поле с номером полиса (as: policy number)",
                "the patient is named by a required field with the policy number (as: policy number)",
            )

    def _states(self) -> Iterator[Fatal]:
        """States named for the whole kind are codes of their fields."""
        for word, table in (("releases_key", self.rule.releases_key), ("final", self.rule.final)):
            for name, states in table.items():
                yield from self.say.codes(self.say.field(name), states, f"$.{word}.{name}")
        for code, named in self.rule.refusal.items():
            for name, value in named.items():
                field, where = self.say.field(name), f"$.on_refused.{code}.{name}"
                if value is not None and field.codes:
                    yield from self.say.codes(field, (value,), where)
                elif value is None and self._canon(name) != "text":
                    yield self.say.wrong(
                        where, name, "слова отказа хранит только текст", "a refusal's words go into a text only"
                    )

    def _canon(self, name: str) -> str | None:
        field: FieldRule = self.say.field(name)
        return next((lens.canon for side in BOTH if (lens := lens_of(field, side)) is not None), None)


def _doubles(say: Complainer) -> Iterator[Fatal]:
    names: list[str] = []
    for number, field in enumerate(say.rule.fields):
        if field.name in names:
            where = f"$.fields[{number}]"
            yield say.wrong(where, field.name, "поле описано дважды", "the field is described twice")
        names.append(field.name)
