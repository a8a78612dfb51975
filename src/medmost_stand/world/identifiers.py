"""Numbers with check digits, made valid: ENP, SNILS, INN, OGRN, KPP, OIDs (facts/emias.md §3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from hashlib import blake2b
from random import Random
from typing import Literal

MOSCOW_ORGANIZATIONS = "1.2.643.5.1.13.13.12.2.77"


_DOUBLED = {str(digit): digit * 2 // 10 + digit * 2 % 10 for digit in range(10)}
_COMPLEMENT = str.maketrans("0123456789", "9876543210")


def _luhn(digits: str) -> int:
    """HL7 Mod10 over the digits; the same as Luhn, see facts/emias.md §3.1."""
    backwards = digits[::-1]
    return -sum(map(_DOUBLED.__getitem__, backwards[::2]), sum(map(int, backwards[1::2]))) % 10


def _complement(digits: str) -> str:
    return digits.translate(_COMPLEMENT)


def enp(birth_date: date, sex: Literal["M", "F"], serial: int, region: int = 77) -> str:
    """Number of a single-form policy: region, birth date and sex coded, serial, check digit."""
    century = 0 if birth_date.year > 2000 else 40 if birth_date.year > 1950 else 20
    body = (
        f"{region:02d}"
        + _complement(f"{birth_date.month + century:02d}")
        + _complement(f"{birth_date.year:04d}"[::-1])
        + _complement(f"{birth_date.day + (50 if sex == 'M' else 0):02d}")
        + f"{serial:05d}"
    )
    return body + str(_luhn(body))


def old_moscow_number(birth_date: date, serial: int, step: int = 1) -> str:
    """Series 7700 of the old Moscow policy, 16 digits that end in the birth date and fail the ENP check."""
    while True:
        number = f"7700{serial % 1_000_000:06d}{birth_date:%d%m%y}"
        if _luhn(number[:15]) != int(number[15]):
            return number
        serial += step


def snils(serial: int) -> str:
    """11 digits of the insurance number of a personal account; serials above 001-001-998 carry the check."""
    digits = f"{serial:09d}"
    control = sum(int(digit) * (9 - place) for place, digit in enumerate(digits)) % 101
    return f"{digits}{control % 100:02d}"


def inn(serial: int) -> str:
    """10 digits of a Moscow organization's taxpayer number."""
    body = f"77{serial:07d}"
    weights = (2, 4, 10, 3, 5, 9, 4, 6, 8)
    return body + str(sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11 % 10)


def ogrn(year: int, serial: int) -> str:
    """13 digits of the state registration number of a Moscow organization."""
    body = f"1{year % 100:02d}77{serial:07d}"
    return body + str(int(body) % 11 % 10)


def kpp(inspection: int, reason: str, serial: int) -> str:
    """Reason code of registration: `01` for an organization, `43`, `45` for its subdivisions."""
    return f"77{inspection:02d}{reason}{serial:03d}"


def distinct(rng: Random, count: int, low: int, high: int) -> list[int]:
    """`count` different numbers of [low, high)."""
    return rng.sample(range(low, high), count)


def opaque_ids(system: str, *parts: object) -> Callable[[int], str]:
    """`opaque_id` of the same beginning and a number, for many numbers."""
    start = blake2b(("/".join(map(str, (system, *parts))) + "/").encode(), digest_size=16)
    spelled = _portal_id if system == "gosuslugi" else _clinic_id

    def made(number: int) -> str:
        hashed = start.copy()
        hashed.update(b"%d" % number)
        return spelled(hashed.hexdigest())

    return made


def _portal_id(digest: str) -> str:
    return f"ep-{digest[:10]}-{digest[10:20]}"


def _clinic_id(digest: str) -> str:
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:]}"


def opaque_id(system: str, *parts: object) -> str:
    """An id that tells nothing about its record: EMIAS in the form of a UUID, Gosuslugi `ep-…`."""
    digest = blake2b("/".join(map(str, (system, *parts))).encode(), digest_size=16).hexdigest()
    return _portal_id(digest) if system == "gosuslugi" else _clinic_id(digest)
