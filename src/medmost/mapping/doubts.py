"""Values that fit and are still doubtful: a check digit that does not agree, an ENP of another birth date or sex.

Never a reason to refuse: old Moscow policies 7700… fail the check, and are right (facts/emias.md §3.1).
"""

from __future__ import annotations

from medmost.domain import values
from medmost.domain.record import Fields, Side
from medmost.mapping.compiler import CompiledMapping, lens_of

_WORDS = {
    "length": ("это не ЕНП: не 16 цифр", "no ENP: not 16 digits"),
    "check_digit": ("контрольная цифра не сходится", "the check digit does not agree"),
    "birth_date": ("в ЕНП другая дата рождения", "the ENP holds another birth date"),
    "sex": ("в ЕНП другой пол", "the ENP holds another sex"),
}


def doubts(mapping: CompiledMapping, side: Side, fields: Fields) -> dict[str, tuple[str, str]]:
    """Field → what is doubtful about its value, in Russian and English."""
    found = {}
    for rule in mapping.rule.fields:
        value, lens = fields.get(rule.name), lens_of(rule, side)
        if value is None or lens is None:
            continue
        warning = {
            "policy": lambda number: values.enp_warning(number, fields.get("birth_date"), fields.get("sex")),
            "inn": values.inn_warning,
            "ogrn": values.ogrn_warning,
        }.get(lens.canon, _none)(value)
        if warning is not None:
            found[rule.name] = _WORDS[warning]
    return found


def _none(_: str) -> None:
    return None
