"""People with their policies as ЕСИА tells of them (facts/gosuslugi.md §1.8): normal forms, nothing guessed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

import msgspec

from medmost.domain import values

POLICY: Final = "MDCL_PLCY"
_SEX: Final = {"M": "male", "F": "female"}
_MOST: Final = 20  # children of one account, policies of one person


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """A policy among the person's documents; `verified`: ЕСИА has checked it."""

    number: str
    verified: bool
    insurer: str = ""


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """A person with policies: whoever has logged in, or a child of that account. Normal forms as `values` gives them.

    `oid` of a child is what ЕСИА calls the child by (our reading: the child's own account, where there is one).
    """

    oid: str
    child: bool
    birth_date: str | None
    last_name: str | None
    first_name: str | None
    patronymic: str | None
    snils: str | None
    sex: str | None
    policies: tuple[Policy, ...]

    @property
    def name(self) -> str:
        """For the person's own eyes: given name and patronymic."""
        return " ".join(part for part in (self.first_name, self.patronymic) if part)


def holders_of(oid: str, person: dict[str, Any], papers: dict[str, Any], kids: dict[str, Any]) -> tuple[Holder, ...]:
    """The account itself, then its children; answers of `/rs/prns/{oid}`, `…/docs` and `…/kids`."""
    own = _holder(oid, person, _elements(papers), child=False)
    children = [one for one in _elements(kids) if one.get("id") is not None][:_MOST]
    return (own, *(_holder(str(one["id"]), one, _elements(one.get("documents")), child=True) for one in children))


def _holder(oid: str, person: dict[str, Any], papers: Iterable[dict[str, Any]], *, child: bool) -> Holder:
    def text(name: str) -> str | None:
        value = person.get(name)
        return value if isinstance(value, str) and value.strip() else None

    snils = text("snils")
    return Holder(
        oid=oid,
        child=child,
        birth_date=iso_date(text("birthDate")),
        last_name=_named(text("lastName")),
        first_name=_named(text("firstName")),
        patronymic=_named(text("middleName")),
        snils=values.snils(snils) if snils else None,
        sex=_SEX.get(text("gender") or ""),
        policies=_policies(papers),
    )


def _policies(papers: Iterable[dict[str, Any]]) -> tuple[Policy, ...]:
    """Each number once. `unitedNumber` is the ENP; an old policy has series and number (§1.8)."""
    found: dict[str, Policy] = {}
    for paper in papers:
        if paper.get("type") != POLICY:
            continue
        told = (
            paper.get("unitedNumber") or f"{paper.get('series') or ''}{paper.get('number') or paper.get('omsNumber')}"
        )
        number = values.policy_number(str(told))
        if number is not None and number not in found and len(found) < _MOST:
            verified = paper.get("vrfStu") == "VERIFIED"
            found[number] = Policy(number=number, verified=verified, insurer=str(paper.get("medicalOrg") or ""))
    return tuple(found.values())


def _elements(told: Any) -> list[dict[str, Any]]:
    elements = told.get("elements") if isinstance(told, dict) else None
    return [one for one in elements if isinstance(one, dict)] if isinstance(elements, list) else []


def _named(told: str | None) -> str | None:
    return values.name(told) if told else None


def iso_date(told: str | None) -> str | None:
    """ДД.ММ.ГГГГ as ГГГГ-ММ-ДД; None for anything that is no date."""
    if told is None or len(told) != 10:
        return None
    try:
        return date(int(told[6:]), int(told[3:5]), int(told[:2])).isoformat()
    except ValueError:
        return None
