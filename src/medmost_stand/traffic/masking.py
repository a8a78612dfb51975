"""Every personal value replaced by a made-up one of the same shape, the same one wherever it stands.

What stays is named here; everything else is masked, so a field nobody thought of does not leak. A replacement is
drawn by a keyed function of the value itself (HMAC-SHA-256): without the key of the recording nothing leads back.
Spellings of one value (a SNILS with dashes and without, a date in two orders) get spellings of one replacement.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

import orjson

HIDDEN = "***"
_SECRETS = re.compile(r"(access|refresh|id)_?to?ke?n|secret|signature|password|assertion|api_?key", re.IGNORECASE)
_KEPT_NAMES = frozenset(
    """id orderId version updatedAt deletedAt originId serverTime nextPageToken pageToken pageSize updatedSince origin
    currentStatusHistoryId originRowId sex source flag unit collections method event scope page size total changedAfter
    редакция изменено удалено внешнийИд время Статус Состояние Пол Категория Действует Самозапись Отклонение""".split()
) | {"Вид полиса", "Статус записи", "Кем записан", "Вид приёма"}
_CODES = re.compile(r"(status|type|code|kind|state|interpretation|reason)(Id)?$", re.IGNORECASE)
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,31}")
_KEPT_SHAPES = re.compile(
    r"""\d{1,5}([.,]\d+)?                           # a small number
    | \d+(\.\d+){3,}                                # an OID
    | [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}     # an opaque id
    | ep-[0-9a-f-]+
    | \d{4}-\d\d-\d\dT\d\d:\d\d.*                   # a moment; a day alone is masked
    | \d\d\.\d\d\.\d{4}\ \d\d:\d\d(:\d\d)?""",
    re.VERBOSE,
)
_PHONES = re.compile(r"phone|телефон", re.IGNORECASE)
_ISO_DAY, _RU_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)"), re.compile(r"(\d\d)\.(\d\d)\.(\d{4})")
_WORDS = re.compile(r"[^\W\d_]+")
_ALPHABETS = ("абвгдежзиклмнопрстуфхцчшэюя", "abcdefghijklmnopqrstuvwxyz")
_NUMBERS_FROM = 10**8
"""Whole numbers from here on may name somebody (an account, an order, a phone)."""


class Mask:
    """`key` is the recording's own secret; `kept` are further field names to leave as they are."""

    def __init__(self, key: bytes, kept: frozenset[str] = frozenset()) -> None:
        self._key = key
        self._kept = _KEPT_NAMES | kept

    def document(self, value: Any, name: str = "") -> Any:
        """A JSON value with everything personal replaced; `name` is the field it stands in."""
        if isinstance(value, dict) and value.keys() == {"name", "value"} and isinstance(value["name"], str):
            return {"name": value["name"], "value": self.document(value["value"], value["name"])}
        if isinstance(value, dict):
            return {key: self.document(inner, key) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.document(inner, name) for inner in value]
        if isinstance(value, str):
            return self.text(value, name)
        if name in self._kept:
            return value
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _NUMBERS_FROM:
            return int(self._digits(str(value)))
        return value

    def text(self, value: str, name: str = "") -> str:
        """One string; secrets become `***`."""
        if _SECRETS.search(name) and value:
            return HIDDEN
        if name in self._kept or not value.strip() or _KEPT_SHAPES.fullmatch(value):
            return value
        if _CODES.search(name) and _CODE.fullmatch(value) and not value.isdigit():
            return value
        for pattern, order in ((_ISO_DAY, (1, 2, 3)), (_RU_DAY, (3, 2, 1))):
            if found := pattern.fullmatch(value):
                return self._day(value, *(int(found[group]) for group in order), russian=pattern is _RU_DAY)
        if value[0] in "{[":  # the order API hands JSON over inside a string
            with suppress(orjson.JSONDecodeError):
                return orjson.dumps(self.document(orjson.loads(value), name)).decode()
        return self._signs(value, phone=bool(_PHONES.search(name)) or value.startswith("+"))

    def _signs(self, value: str, *, phone: bool) -> str:
        digits = "".join(filter(str.isdigit, value))
        if len(digits) >= 6 and not any(sign.isalpha() for sign in value):
            return self._laid_out(value, self._number(digits, phone=phone))
        scheme = re.match(r"https?://", value)
        head = scheme[0] if scheme else ""
        rest = _WORDS.sub(lambda word: self._word(word[0]), unicodedata.normalize("NFC", value[len(head) :]))
        return head + (self._laid_out(rest, self._digits(digits)) if len(digits) >= 6 else rest)

    # ------------------------------------------------------------ replacements
    def _drawn(self, kind: str, value: str) -> int:
        return int.from_bytes(hmac.digest(self._key, f"{kind}/{value}".encode(), "sha256"))

    def _word(self, word: str) -> str:
        drawn, made = self._drawn("word", word.casefold()), []
        for sign in word:
            alphabet = _ALPHABETS[1] if sign.isascii() else _ALPHABETS[0]
            drawn, place = divmod(drawn, len(alphabet))
            made.append(alphabet[place].upper() if sign.isupper() else alphabet[place])
            if drawn == 0:  # a word of more letters than one draw has
                drawn = self._drawn("more", "".join(made))
        return "".join(made)

    def _digits(self, digits: str) -> str:
        """As many other digits; the first is not a zero that a number would lose."""
        sign, digits = ("-", digits[1:]) if digits.startswith("-") else ("", digits)
        count = len(digits)
        made = f"{self._drawn('digits', digits) % 10**count:0{count}d}"
        return sign + (made if made[0] != "0" or digits[0] == "0" else "1" + made[1:])

    def _number(self, digits: str, *, phone: bool) -> str:
        """A phone keeps its country, a SNILS and a policy number that were valid stay so."""
        if len(digits) == 11 and phone:
            return digits[0] + self._digits(digits[1:])
        if len(digits) == 11 and digits[9:] == snils_check(digits[:9]):
            body = self._digits(digits[:9])
            return body + snils_check(body)
        if len(digits) == 16 and digits[15] == luhn_check(digits[:15]):
            body = self._digits(digits[:15])
            return body + luhn_check(body)
        return self._digits(digits)

    def _day(self, value: str, year: int, month: int, day: int, *, russian: bool) -> str:
        try:
            known = date(year, month, day)
        except ValueError:
            return self._laid_out(value, self._digits("".join(filter(str.isdigit, value))))
        made = known + timedelta(days=self._drawn("day", known.isoformat()) % 599 - 300 or 300)
        return f"{made:%d.%m.%Y}" if russian else made.isoformat()

    @staticmethod
    def _laid_out(value: str, digits: str) -> str:
        left = iter(digits)
        return "".join(next(left) if sign.isdigit() else sign for sign in value)


def snils_check(digits: str) -> str:
    """The two check digits of a SNILS (facts/emias.md §3.3)."""
    return f"{sum(int(digit) * (9 - place) for place, digit in enumerate(digits)) % 101 % 100:02d}"


def luhn_check(digits: str) -> str:
    """The check digit of an ENP (facts/emias.md §3.1)."""
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(digits))]
    return str(-sum(part // 10 + part % 10 for part in doubled) % 10)
