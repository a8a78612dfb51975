"""Words that look right and are not: letters of two alphabets in one, other spaces, unassembled letters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from medmost.domain.errors import Fatal
from medmost.mapping.wrong import Complainer

_WORD = re.compile(r"[^\W\d_]+")


def doubtful(say: Complainer, text: str, where: str, field: str) -> Iterator[Fatal]:
    """A name or a value of a file that no system can show so: NFC, ordinary spaces, one alphabet a word."""
    if unicodedata.normalize("NFC", text) != text or text != text.strip() or re.search(r"[^\S ]|  ", text):
        yield say.wrong(
            where,
            field,
            f"в «{text}» лишние или необычные пробелы или буквы из двух знаков (не NFC)",
            f'"{text}" holds needless or unusual spaces, or letters of two signs (not NFC)',
        )
    for word in _WORD.findall(text):
        latin = "".join(sign for sign in word if sign.isascii())
        if latin and any("а" <= sign.lower() <= "я" or sign in "ёЁ" for sign in word):
            yield say.wrong(
                where,
                field,
                f"в слове «{word}» и русские, и латинские буквы ({latin})",
                f'the word "{word}" mixes Russian and Latin letters ({latin})',
            )
