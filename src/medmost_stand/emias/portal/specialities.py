"""Specialities as the booking side numbers them: its own codes, not НСИ (facts/emias.md §3.6)."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from medmost_stand.dialect import Body
from medmost_stand.emias.portal.catalog import Catalog

LISTED_AS = {602: "200"}  # the local doctor: 200 in the list of specialities, 602 in schedules and appointments
GROUPS = {"Хирургия": {3, 2, 603, 6}}  # our model: the real grouping is not published
_ONLY_WOMEN, _ONLY_MEN = ("Акушер", "Гинеколог"), ("Андролог",)


def code_of(speciality_id: int) -> str:
    """The code in the list of specialities for the id in a schedule."""
    return LISTED_AS.get(speciality_id, str(speciality_id))


def id_of(code: Any) -> int | None:
    """The id in schedules for a code of the list; the id itself is taken, too. None for what is no number."""
    text = str(code[0] if isinstance(code, list) and code else code)
    back = {listed: one for one, listed in LISTED_AS.items()}
    if text in back:
        return back[text]
    return int(text) if text.isdigit() else None


def needs_referral(schedules: list[Body]) -> bool:
    """Our model: a speciality for which no schedule is open to self-booking wants a referral."""
    return not any(one.get("selfBooking") for one in schedules)


def specialities(catalog: Catalog) -> list[dict[str, Any]]:
    """Every speciality that somebody practises, in the JSON-RPC shape (facts/emias.md §1.4)."""
    practised: dict[tuple[int, str], list[Body]] = defaultdict(list)
    for schedule in catalog.live("schedules"):
        if isinstance(schedule.get("arSpecialityId"), int):
            practised[schedule["arSpecialityId"], str(schedule.get("arSpecialityName", ""))].append(schedule)
    return [_speciality(one, name, schedules) for (one, name), schedules in sorted(practised.items())]


def _speciality(one: int, name: str, schedules: list[Body]) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "code": code_of(one),
        "name": name,
        "male": not name.startswith(_ONLY_WOMEN),
        "female": not name.startswith(_ONLY_MEN),
        "areaType": [],
        "therapeutic": one == 602,
        "isMultipleLpuSpeciality": len({schedule["lpuOid"] for schedule in schedules}) > 1,
        "isComplaintSpeciality": False,
    }
    if needs_referral(schedules):
        shown["onlyByRefferal"] = True  # spelt so by the portal
    return shown


def grouped(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same in the groups of the REST generation (v7)."""
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in found:
        inner = id_of(one["code"])
        groups[next((title for title, ids in GROUPS.items() if inner in ids), "Терапия")].append(one)
    return [
        {
            "code": str(place),
            "title": title,
            "parentCode": None,
            "parentTitle": None,
            "specialities": [
                {
                    "specialityCode": one["code"],
                    "specialityName": one["name"],
                    "isMultipleLpuSpeciality": one["isMultipleLpuSpeciality"],
                }
                for one in members
            ],
        }
        for place, (title, members) in enumerate(sorted(groups.items()), 1)
    ]
