"""The test programme: a right pair of systems passes it and keeps nothing of it; a broken one fails by name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import orjson
import pytest

from flows.running import COLLECTIONS, SYSTEMS, Body, Systems, ask, command, medmost, stand
from medmost.app import open_app
from medmost.config import load_config
from medmost.domain.errors import Fatal
from medmost.launch.acceptance.programme import accept

pytestmark = pytest.mark.slow
DELETED = ("deletedAt", "удалено")
TRIED = 32

BROKEN: list[tuple[str, Body, str]] = [
    ("emias", {"method": "POST", "collection": "visits", "effect": "status", "code": 403}, "2.7"),
    ("gosuslugi", {"method": "POST", "collection": "results", "effect": "status", "code": 400}, "2.8"),
    ("emias", {"collection": "policies", "effect": "field-renamed", "field": "phone", "to": "tel"}, "2.4"),
    ("gosuslugi", {"collection": "policies", "effect": "enum-unknown", "field": "Статус"}, "2.5"),
    ("emias", {"collection": "visits", "effect": "field-missing", "field": "roomNumber"}, "2.6"),
    ("gosuslugi", {"method": "GET", "collection": "vaccinations", "effect": "html-200"}, "2.9"),
    ("emias", {"method": "GET", "collection": "results", "effect": "truncated"}, "2.8"),
    ("gosuslugi", {"method": "GET", "collection": "organizations", "effect": "versions-back"}, "3.10"),
    ("emias", {"method": "PUT", "collection": "policies", "effect": "status", "code": 500}, "3.5"),
    ("emias", {"method": "DELETE", "collection": "vaccinations", "effect": "status", "code": 403}, "9.1"),
    ("emias", {"effect": "status", "code": 401}, "1.1"),
    ("gosuslugi", {"method": "GET", "collection": "schedules", "effect": "other-person"}, "2.2"),
]
"""Where, which fault, and a requirement that it must fail."""
PATHS = {"gosuslugi": "/api/exchange/v1/*", "emias": "/api/v1/*"}


async def live(systems: Systems) -> dict[tuple[str, str], dict[str, Body]]:
    """Every record that stands at either system."""
    return {
        (system, collection): {
            ref: body
            for ref, body in (await systems.export(system, collection)).items()
            if not any(name in body for name in DELETED)
        }
        for system in SYSTEMS
        for collection in COLLECTIONS
    }


async def test_a_right_stand_passes_and_keeps_nothing(tmp_path: Path) -> None:
    async with stand(tmp_path, people=20, seed=5) as systems:
        before = await live(systems)
        ran = await command(systems, "accept", "--report", str(tmp_path / "protocol"), "--json", within=300)
        told = ran.json()
        assert (ran.code, told["failed"]) == (0, []), ran
        assert len(told["tried"]) == TRIED
        assert await live(systems) == before
        written = [await systems.effects(system) for system in SYSTEMS]
        assert min(len(one) for one in written) > 20  # it did something
    page = (tmp_path / "protocol/protocol.html").read_text()
    assert "Испытания пройдены" in page
    assert "The tests are passed" in (tmp_path / "protocol/protocol.en.html").read_text()
    assert told["mapping"] in page
    suite = ElementTree.parse(tmp_path / "protocol/junit.xml").getroot()  # noqa: S314  # our own file
    assert (suite.get("tests"), suite.get("failures")) == (str(TRIED), "0")
    assert orjson.loads((tmp_path / "protocol/protocol.json").read_bytes())["passed"] is True


@pytest.mark.full
async def test_reading_alone_writes_nothing(tmp_path: Path) -> None:
    async with stand(tmp_path, people=10, seed=5) as systems:
        ran = await command(systems, "accept", "--read-only", "--json", within=120)
        assert (ran.code, [one["id"] for one in ran.json()["tried"]]) == (0, ["1.1", "4.1"])
        assert [await systems.effects(system) for system in SYSTEMS] == [[], []]


@pytest.mark.full
async def test_a_running_medmost_is_asked_to_pause_first(tmp_path: Path) -> None:
    rarely = {"MEDMOST_POLL__MIN": "3600", "MEDMOST_POLL__MAX": "3600"}
    async with stand(tmp_path, people=10, seed=5) as systems, medmost(systems, **rarely):
        with pytest.raises(Fatal, match="MM-ACPT-RUNNING"):
            await ask(systems, "accept")


@pytest.mark.full
async def test_broken_stands_fail_by_name(tmp_path: Path) -> None:
    """Each fault in turn, all through the run. MEDMOST_FULL=1 plays all twelve."""
    some = BROKEN if os.environ.get("MEDMOST_FULL") else BROKEN[:2]
    async with stand(tmp_path, people=10, seed=5) as systems:
        config = load_config(systems.folder, {**os.environ, **systems.environ})
        unnoticed: list[Any] = []
        for system, fault, requirement in some:
            async with open_app(config) as app:
                await systems.faults(system, {"path": PATHS[system], "seed": 1, **fault})
                protocol = await accept(app.house, app.systems, patience=1.0)
                fired = await systems.fired(system)
                await systems.faults(system)
            failed = [one.id for one in protocol.tried if not one.passed]
            if requirement not in failed or not fired:
                unnoticed.append((system, fault, failed, fired))
        assert unnoticed == []
