"""Normal forms and checks of the values that both systems speak of: policy number, SNILS, OID, phone, e-mail, names.

Every function takes text as it was shown and gives its normal form, or None where it cannot be one. Pure.
Where a number has a check that real numbers fail, it is a warning beside the normal form, never a reason to refuse.
Sources: facts/emias.md §3 (ФФОМС order 79 of 07.04.2011 for the ENP, ISO/HL7 27931:2009 Mod10; ПФР rules for SNILS).
"""

from __future__ import annotations

import re
import unicodedata

from stdnum import luhn
from stdnum.ru import inn as stdnum_inn
from stdnum.ru import ogrn as stdnum_ogrn

SNILS_UNCHECKED = 1_001_998
"""Numbers up to 001-001-998 were issued without check digits (facts/emias.md §3.3)."""

_SEPARATORS = str.maketrans("", "", " \u00a0\u2009\u202f-\u2010\u2011\u2012\u2013\u2212")
_PHONE_SIGNS = str.maketrans("", "", " \u00a0\u2009\u202f-\u2010\u2011\u2012\u2013\u2212().")
_POLICY_OLD = re.compile(r"(?=[0-9]*[A-ZА-ЯЁ])[0-9A-ZА-ЯЁ№]{6,20}")
_OID = re.compile(r"[0-2](?:\.(?:0|[1-9][0-9]{0,18})){2,30}")
_EMAIL = re.compile(r"[^\s@<>(),;:\"\[\]\\]{1,64}@[^\s@.<>(),;:\"\[\]\\]+(?:\.[^\s@.<>(),;:\"\[\]\\]+)+")
_KPP = re.compile(r"[0-9]{4}[0-9A-Z]{2}[0-9]{3}")
_NO_NAME = frozenset({"-", "—", "–", "нет", "отсутствует"})
_NO_NAME_LENGTH = max(map(len, _NO_NAME))


def text(value: str) -> str | None:
    """NFC, ordinary spaces, nothing around; empty text is no value. Lone surrogates are not text at all: ValueError."""
    clean = value.strip()
    if not clean.isascii():
        clean.encode()  # UnicodeEncodeError is a ValueError
        if "\u00a0" in clean:
            clean = clean.replace("\u00a0", " ")
        if not unicodedata.is_normalized("NFC", clean):
            clean = unicodedata.normalize("NFC", clean)
    return clean or None


def name(value: str) -> str | None:
    """A person's name: single spaces, ё kept, case kept; «-», «нет», «отсутствует» mean that there is none (§3.8)."""
    clean = text(value)
    if clean is None or (len(clean) <= _NO_NAME_LENGTH and clean.lower() in _NO_NAME):
        return None
    return clean if clean.isalpha() else " ".join(clean.split())


def policy_number(value: str) -> str | None:
    """16 digits (ENP, old Moscow number), 9 digits (temporary certificate) or an old number with letters (§3.1, §3.2).

    Spaces and dashes go, letters become capital, leading zeros stay.
    """
    if len(value) == 16 and value.isascii() and value.isdigit():
        return value
    clean = value.translate(_SEPARATORS).upper()
    if clean.isascii() and clean.isdigit():
        return clean if len(clean) in {9, 16} else None
    return clean if _POLICY_OLD.fullmatch(clean) else None


def enp_warning(number: str, birth_date: str | None = None, sex: str | None = None) -> str | None:
    """Why a normal policy number is doubtful as an ENP: length, check_digit, birth_date or sex; None where it is sound.

    A warning, never a reason to refuse: old Moscow numbers 7700… fail the check digit (§3.1).
    `birth_date` is YYYY-MM-DD, `sex` is male or female.
    """
    if len(number) != 16 or not (number.isascii() and number.isdigit()):
        return "length"
    if not luhn.is_valid(number):
        return "check_digit"
    month, year, day = _complement(number[2:4]), _complement(number[4:8])[::-1], _complement(number[8:10])
    male = int(day) > 50
    if birth_date is not None:
        born = f"{year}-{int(month) % 20:02d}-{int(day) - 50 * male:02d}"
        if born != birth_date:
            return "birth_date"
    if sex is not None and male != (sex == "male"):
        return "sex"
    return None


def _complement(digits: str) -> str:
    return "".join(str(9 - int(digit)) for digit in digits)


def snils(value: str) -> str | None:
    """11 digits with right check digits; spaces and dashes go (§3.3)."""
    clean = value.replace("-", "").replace(" ", "")
    if len(clean) != 11:
        clean = value.translate(_SEPARATORS)
    if len(clean) != 11 or not (clean.isascii() and clean.isdigit()):
        return None
    return clean if snils_check(clean) else None


def snils_check(digits: str) -> bool:
    """Do the last two of eleven digits agree? Weights 9…1, sum mod 101, 100 is 00; old numbers go unchecked."""
    if int(digits[:9]) <= SNILS_UNCHECKED:
        return True
    d = digits.encode()  # character codes, each 48 above its digit
    total = 9 * d[0] + 8 * d[1] + 7 * d[2] + 6 * d[3] + 5 * d[4] + 4 * d[5] + 3 * d[6] + 2 * d[7] + d[8] - 48 * 45
    return total % 101 % 100 == int(digits[9:])


def inn(value: str) -> str | None:
    """A taxpayer's number: 10 digits of an organization, 12 of a person (§3.4); its check is only a warning."""
    clean = value.translate(_SEPARATORS)
    return clean if len(clean) in {10, 12} and clean.isascii() and clean.isdigit() else None


def inn_warning(number: str) -> str | None:
    """check_digit where the last digit (the last two of twelve) of a normal INN disagrees with the others (§3.4)."""
    return None if stdnum_inn.is_valid(number) else "check_digit"


def ogrn(value: str) -> str | None:
    """The number in the register of legal entities, 13 digits, or of entrepreneurs, 15 (§3.4)."""
    clean = value.translate(_SEPARATORS)
    return clean if len(clean) in {13, 15} and clean.isascii() and clean.isdigit() else None


def ogrn_warning(number: str) -> str | None:
    """check_digit where the last digit of a normal OGRN disagrees with the remainder of the others (§3.4)."""
    return None if stdnum_ogrn.is_valid(number) else "check_digit"


def kpp(value: str) -> str | None:
    """The reason code of tax registration: ``NNNN PP XXX``, whose PP may be Latin capitals; it has no check (§3.4)."""
    clean = value.translate(_SEPARATORS).upper()
    return clean if _KPP.fullmatch(clean) else None


def phone(value: str) -> str | None:
    """+7 and ten digits from 8…, 7…, +7 (…) … or ten digits; a foreign number keeps its + and 8 to 15 digits (§3.7)."""
    if len(value) == 14 and value.startswith("+7(") and value[6] == ")":
        value = "+7" + value[3:6] + value[7:]
    if len(value) == 12 and value.startswith("+7") and value.isascii() and value[1:].isdigit():
        return value
    clean = value.translate(_PHONE_SIGNS)
    plus, digits = clean.startswith("+"), clean.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return None
    if len(digits) == 11 and (digits[0] == "7" or (digits[0] == "8" and not plus)):
        return "+7" + digits[1:]
    if len(digits) == 10 and not plus:
        return "+7" + digits
    foreign = plus and not digits.startswith(("0", "7", "89"))  # +89 is no country: a 8 9… with a needless plus
    return clean if foreign and 8 <= len(digits) <= 15 else None


def email(value: str) -> str | None:
    """An address in small letters: mail systems ignore their case and forms change it."""
    try:
        clean = (text(value) or "").lower()
    except ValueError:  # a lone surrogate
        return None
    return clean if len(clean) <= 254 and _EMAIL.fullmatch(clean) else None


def oid(value: str) -> str | None:
    """An object identifier such as 1.2.643.5.1.13.13.12.2.77.10425 (§3.5)."""
    clean = value.strip()
    return clean if len(clean) <= 128 and _OID.fullmatch(clean) else None
