"""A visit that EMIAS moves is one visit: the portal's own record shows the new time (design §6)."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from flows.running import command, link_everyone, medmost, stand, until
from medmost.domain.record import Side
from medmost.sync.absorb import absorb_page
from town import town

MOSCOW = timezone(timedelta(hours=3))


async def test_moved_visit_keeps_its_portal_record(tmp_path: Path) -> None:
    async with stand(tmp_path, people=40, seed=5) as systems:
        linked = {one["policy_number"] for one in await link_everyone(systems)}
        assert (await command(systems, "migrate")).code == 0
        slots = [one for one in (await systems.export("emias", "slots")).values() if one.get("status") == "FREE"]
        schedules = await systems.export("emias", "schedules")
        by_id = {one["scheduleId"]: one for one in schedules.values() if "scheduleId" in one}
        first, second = _two_hours(slots)
        schedule = by_id[first["scheduleId"]]
        body = {
            "policyNumber": min(linked),
            "lpuOid": schedule["lpuOid"],
            "doctor": {"snils": schedule["doctor"]["snils"]},
            "startTime": first["startTime"],
            "endTime": first["endTime"],
            "scheduleId": first["scheduleId"],
            "status": "BOOKED",
            "source": "REGISTRY",
        }
        async with medmost(systems, poll=(3600, 3600)):
            booked = await systems.act("emias", "POST", "visits", body)

            async def at_portal(when: str) -> dict[str, Any] | None:
                shown = datetime.fromisoformat(when).strftime("%d.%m.%Y %H:%M")
                for one in (await systems.export("gosuslugi", "visits")).values():
                    if one.get("Номер полиса") == body["policyNumber"] and one.get("Начало приёма") == shown:
                        return one
                return None

            before = await until(lambda: at_portal(first["startTime"]), "the visit at the portal", within=10)
            to = {"startTime": second["startTime"], "endTime": second["endTime"], "scheduleId": second["scheduleId"]}
            moved = await systems.act("emias", "POST", f"visits/{booked['id']}:move", to)
            assert moved["id"] != booked["id"]
            after = await until(lambda: at_portal(second["startTime"]), "the new time at the portal", within=10)
            assert after["id"] == before["id"]
            assert after["Статус записи"] == "Записан"
            assert await at_portal(first["startTime"]) is None


def _two_hours(slots: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two free slots of one schedule, well in the future."""
    horizon = datetime.now().astimezone() + timedelta(hours=3)
    later = [one for one in slots if datetime.fromisoformat(one["startTime"]) > horizon]
    for one in later:
        for other in later:
            if one["scheduleId"] == other["scheduleId"] and one["startTime"] < other["startTime"]:
                return one, other
    raise AssertionError("the world has no two free slots of one schedule")


async def test_move_heard_of_backwards_loses_nothing(tmp_path: Path) -> None:
    """The old record comes first, already cancelled for its successor, and neither was known."""
    async with town(tmp_path) as here:
        world = here.inhabit(20, 5, datetime.now(MOSCOW).date())
        number = next(one.policy_number for one in world.citizens if one.trusted)
        await here.settles()
        await here.links(number)
        await here.settles()
        known = [here.emias.doc("visit", ref) for ref in here.emias.refs("visit")]
        like = next(one for one in known if one["status"] == "BOOKED")
        hours = [datetime.combine(date(2030, 1, 14), time(hour), MOSCOW).isoformat() for hour in (10, 11)]
        named = ("lpuOid", "doctor", "source", "status")  # and no schedule: the hours are nobody else's
        booked = {name: like[name] for name in named} | {"policyNumber": number}
        old = booked | {"startTime": hours[0], "status": "CANCELLED", "movedTo": "moved-2"}
        here.emias.put("visit", booked | {"startTime": hours[1], "movedFrom": "moved-1"}, "moved-2")
        here.emias.put("visit", old, "moved-1")
        first = await here.emias.read("visit", "moved-1")
        assert first is not None
        seen = [here.house.understand(first)]
        await here.database.write(lambda tx: absorb_page(tx, here.house, seen, act="webhook"))
        await here.settles()
        portal = [here.gosuslugi.doc("visit", ref) for ref in here.gosuslugi.refs("visit")]
        shown = [one for one in portal if one.get("Номер полиса") == number and "14.01.2030" in one["Начало приёма"]]
        assert [(one["Начало приёма"], one["Статус записи"]) for one in shown] == [("14.01.2030 11:00", "Записан")]


@pytest.mark.parametrize("first", list(Side))
@pytest.mark.parametrize("backwards", [False, True])
async def test_visit_moved_before_first_contact_is_one(tmp_path: Path, first: Side, backwards: bool) -> None:
    """EMIAS moved it long ago, and the portal still shows the old hour when medmost first meets both."""
    async with town(tmp_path) as here:
        world = here.inhabit(20, 5, datetime.now(MOSCOW).date())
        number = next(one.policy_number for one in world.citizens if one.trusted)
        await here.links(number)
        for kind in ("organization", "schedule", "policy"):
            await here.engine.poll_once([kind])
        known = [here.emias.doc("visit", ref) for ref in here.emias.refs("visit")]
        like = next(one for one in known if one["status"] == "BOOKED")
        hours = [datetime.combine(date(2030, 1, 14), time(hour), MOSCOW) for hour in (10, 11)]
        named = ("lpuOid", "doctor", "source", "status")
        booked = {name: like[name] for name in named} | {"policyNumber": number}
        ended = {"startTime": hours[0].isoformat(), "status": "CANCELLED", "movedTo": "moved-2"}
        began = {"startTime": hours[1].isoformat(), "movedFrom": "moved-1"}
        halves = [("moved-2", booked | began), ("moved-1", booked | ended)]
        for ref, body in reversed(halves) if backwards else halves:
            here.emias.put("visit", body, ref)
        snils = like["doctor"]["snils"]
        at_portal = {
            "Номер полиса": number,
            "OID организации": like["lpuOid"],
            "СНИЛС врача": f"{snils[:3]}-{snils[3:6]}-{snils[6:9]} {snils[9:]}",
            "Начало приёма": f"{hours[0]:%d.%m.%Y %H:%M}",
            "Статус записи": "Записан",
            "Кем записан": "Регистратура",
        }
        here.gosuslugi.put("visit", at_portal, "shown")
        await here.engine.pollers[first].one_pass("visit")
        await here.settles()
        portal = {ref: here.gosuslugi.doc("visit", ref) for ref in here.gosuslugi.refs("visit")}
        times = {ref: one["Начало приёма"] for ref, one in portal.items() if "14.01.2030" in str(one["Начало приёма"])}
        assert times == {"shown": "14.01.2030 11:00"}
        visits = [here.emias.doc("visit", ref) for ref in here.emias.refs("visit")]
        live = [one for one in visits if "2030-01-14" in str(one["startTime"]) and one["status"] == "BOOKED"]
        assert len(live) == 1
