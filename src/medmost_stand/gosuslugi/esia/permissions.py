"""Consents of the digital profile asked for with a login: `permissions` (facts/gosuslugi.md §1.5, codes of §1.7).

Which types of consent there are, with which actions, purposes and scopes, is kept inside ЕСИА and nowhere published;
the table here is the stand's own, apart from APIPGU, whose names are documented.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import orjson

from medmost_stand.gosuslugi.esia.refusals import EsiaRefusal
from medmost_stand.gosuslugi.esia.scopes import API_GEPS, API_ORDER, PERSONAL
from medmost_stand.tokens import decoded

YEAR_MINUTES = 525_600


@dataclass(frozen=True, slots=True)
class ConsentType:
    """What a consent of this type must and may name."""

    title: str
    actions: frozenset[str]
    purposes: frozenset[str]
    mandatory: frozenset[str]
    forbidden: frozenset[str]


TYPES: dict[str, ConsentType] = {
    "APIPGU": ConsentType(
        "Отправка заявлений на Госуслуги от вашего имени",
        frozenset({"ALL_ACTIONS_TO_DATA"}),
        frozenset({"APIPGU"}),
        frozenset({API_ORDER}),
        frozenset({"health_ext"}),
    ),
    "MEDICAL": ConsentType(
        "Передача сведений о полисе и медицинских документах",
        frozenset({"ALL_ACTIONS_TO_DATA"}),
        frozenset({"MEDICAL_CARE"}),
        frozenset({"medical_doc"}),
        frozenset({API_ORDER, API_GEPS}),
    ),
}


@dataclass(frozen=True, slots=True)
class Permission:
    """One consent asked for; `minutes` is how long it will hold."""

    sysname: str
    responsible: str
    minutes: int
    scopes: tuple[str, ...]

    @property
    def title(self) -> str:
        """What a person reads."""
        return TYPES[self.sysname].title


def parsed(text: str, allowed: tuple[str, ...] | None) -> tuple[Permission, ...]:
    """The consents of a `permissions` parameter: base64url of JSON, padded or not.

    Raises EsiaRefusal ESIA-007003 for what cannot be read and ESIA-0367… for a consent that cannot be asked for.
    """
    try:
        rows = orjson.loads(decoded(text.rstrip("=").translate(str.maketrans("+/ ", "-_-"))))
    except ValueError:
        raise EsiaRefusal("ESIA-007003", "permissions") from None
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise EsiaRefusal("ESIA-007003", "permissions")
    return tuple(_permission(row, allowed) for row in rows)


def written(permissions: list[dict[str, Any]]) -> str:
    """The parameter for consents in their JSON form; unpadded as documented."""
    return base64.urlsafe_b64encode(orjson.dumps(permissions)).rstrip(b"=").decode()


def _permission(row: dict[str, Any], allowed: tuple[str, ...] | None) -> Permission:
    sysname = row.get("sysname")
    if not sysname:
        raise EsiaRefusal("ESIA-036700")
    known = TYPES.get(sysname) if isinstance(sysname, str) else None
    if known is None:
        raise EsiaRefusal("ESIA-036701")
    scopes = _names(row.get("scopes"))
    if known.mandatory - set(scopes):
        raise EsiaRefusal("ESIA-036702")
    if known.forbidden & set(scopes):
        raise EsiaRefusal("ESIA-036704")
    if any(scope not in PERSONAL or (allowed is not None and scope not in allowed) for scope in scopes):
        raise EsiaRefusal("ESIA-036703")
    actions = _names(row.get("actions"))
    if not actions:
        raise EsiaRefusal("ESIA-036705")
    if set(actions) - known.actions:
        raise EsiaRefusal("ESIA-036706")
    _check_purpose(_names(row.get("purposes")), known)
    minutes = row.get("expire")
    if isinstance(minutes, bool) or not isinstance(minutes, int) or not 1 <= minutes <= YEAR_MINUTES:
        raise EsiaRefusal("ESIA-036716")
    return Permission(str(sysname), str(row.get("responsibleObject", "")), minutes, scopes)


def _check_purpose(purposes: tuple[str, ...], known: ConsentType) -> None:
    if not purposes:
        raise EsiaRefusal("ESIA-036707")
    if len(purposes) > 1:
        raise EsiaRefusal("ESIA-036727")
    if purposes[0] not in known.purposes:
        raise EsiaRefusal("ESIA-036726")


def _names(rows: object) -> tuple[str, ...]:
    """The sysnames of a list of `{"sysname": …}`."""
    if not isinstance(rows, list):
        return ()
    return tuple(str(row["sysname"]) for row in rows if isinstance(row, dict) and row.get("sysname"))
