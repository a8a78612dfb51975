"""What registrations at either system are made of: who an organization is, and keys shown once and kept as digests.

The rules of the numbers: ИНН by the order of ФНС of 29.06.2012 ММВ-7-6/435@ (control digits), ОГРН by the order of
Минфин of 30.10.2017 № 165н (the last digit is the rest of a division).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import asdict, dataclass

from medmost_stand.dialect import Body
from medmost_stand.refusal import Reason, Refusal

_WEIGHTS = (2, 4, 10, 3, 5, 9, 4, 6, 8)
_NAME = re.compile(r"[^\x00-\x1f]{1,255}")


@dataclass(frozen=True, slots=True)
class Organization:
    """A legal entity that registers; `owner` is the account that acts for it."""

    name: str
    ogrn: str
    inn: str
    owner: str

    def shown(self) -> Body:
        """Without the account."""
        return {"name": self.name, "ogrn": self.ogrn, "inn": self.inn}


@dataclass(frozen=True, slots=True)
class Secret:
    """A key or a secret that was shown once: only its digest is kept, and its end for people to tell it by."""

    id: str
    digest: str
    end: str

    @classmethod
    def of(cls, secret_id: str, plain: str) -> Secret:
        """What to keep of a secret that has just been shown."""
        return cls(secret_id, digest(plain), plain[-4:])

    def equals(self, plain: str) -> bool:
        """Whether this is the one that was shown; takes the same time for any other."""
        return hmac.compare_digest(self.digest, digest(plain))

    def shown(self) -> Body:
        """For lists: never the secret itself."""
        return {"id": self.id, "end": "…" + self.end}

    def kept(self) -> Body:
        """For the state file."""
        return asdict(self)


def digest(plain: str) -> str:
    """SHA-256 of a secret; they are long and random, so that no salt is needed."""
    return hashlib.sha256(plain.encode()).hexdigest()


def organization_of(body: Body, owner: str) -> Organization:
    """The organization in `{"name","ogrn","inn"}`; Refusal INVALID_FIELD names the wrong field."""
    name, ogrn, inn = (str(body.get(field) or "").strip() for field in ("name", "ogrn", "inn"))
    named(name, "name", "наименование организации до 255 знаков")
    if not right_ogrn(ogrn):
        raise Refusal(Reason.INVALID_FIELD, "Поле «ogrn»: нужны 13 цифр ОГРН с верной контрольной цифрой", "ogrn")
    if not right_inn(inn):
        text = "Поле «inn»: нужны 10 цифр ИНН юридического лица с верной контрольной цифрой"
        raise Refusal(Reason.INVALID_FIELD, text, "inn")
    return Organization(name, ogrn, inn, owner)


def named(text: str, field: str, expected: str) -> str:
    """A name a person typed; Refusal INVALID_FIELD."""
    if not _NAME.fullmatch(text):
        raise Refusal(Reason.INVALID_FIELD, f"Поле «{field}»: нужно {expected}", field)
    return text


def right_ogrn(text: str) -> bool:
    """Thirteen digits, the last of them the rest of the first twelve by 11, its last digit."""
    return bool(re.fullmatch(r"[1-9]\d{12}", text)) and int(text[:12]) % 11 % 10 == int(text[12])


def right_inn(text: str) -> bool:
    """Ten digits of a legal entity with their control digit."""
    if not re.fullmatch(r"\d{10}", text):
        return False
    weighed = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, text[:9], strict=True))
    return weighed % 11 % 10 == int(text[9])
