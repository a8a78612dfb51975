"""Life does what people do, in the systems' own words, and lets planted records alone."""

from __future__ import annotations

import copy
from collections import Counter
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import pytest

from medmost_stand.life import Life
from medmost_stand.world import MOSCOW, World, build_world

TODAY = date(2026, 11, 23)
NOON = datetime(2026, 11, 23, 12, tzinfo=MOSCOW)
ACTS = 1500


class Desk:
    """The screens of one system without its rules: takes every act and remembers it."""

    def __init__(self, world: World, system: str) -> None:
        self.rng = Random(5)
        seeds = getattr(world, system)
        self.records = {name: {seed.id: copy.deepcopy(seed.body) for seed in listed} for name, listed in seeds.items()}
        self.ids = {name: list(records) for name, records in self.records.items()}
        self.acts: list[tuple[str, str, str | None, dict[str, Any] | None, dict[str, Any] | None]] = []

    def sample(self, collection: str) -> tuple[str, dict[str, Any]] | None:
        ref = self.rng.choice(self.ids[collection])
        return ref, copy.deepcopy(self.records[collection][ref])

    def find(self, collection: str, **equal: object) -> list[tuple[str, dict[str, Any]]]:
        return [
            (ref, copy.deepcopy(body))
            for ref, body in self.records[collection].items()
            if all(body.get(name) == value for name, value in equal.items())
        ]

    async def act(
        self, method: str, collection: str, ref: str | None, body: dict[str, Any] | None
    ) -> tuple[int, dict[str, Any]]:
        before = copy.deepcopy(self.records[collection].get(ref)) if ref else None
        self.acts.append((method, collection, ref, body, before))
        if collection == "requests" and method == "POST":
            return 201, {}
        ref = ref if method == "PUT" and ref else f"new-{len(self.acts)}"
        if ref not in self.records[collection]:
            self.ids[collection].append(ref)
        self.records[collection][ref] = {**(before or {}), **(body or {})} if method == "MOVE" else body or {}
        return 200, {}


async def lived(system: str, seed: int = 3) -> Desk:
    desk = Desk(build_world(120, 4, TODAY), system)
    life = Life(system, seed, desk, now=lambda: NOON)
    for _ in range(ACTS):
        await life.act()
    return desk


@pytest.mark.parametrize("system", ["gosuslugi", "emias"])
async def test_same_seed_lives_the_same_life(system: str) -> None:
    assert (await lived(system)).acts == (await lived(system)).acts
    assert (await lived(system)).acts != (await lived(system, seed=4)).acts


@pytest.mark.parametrize("system", ["gosuslugi", "emias"])
async def test_each_call_is_one_act(system: str) -> None:
    assert ACTS * 0.98 <= len((await lived(system)).acts) <= ACTS


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        (
            "gosuslugi",
            {("POST", "visits"), ("PUT", "visits"), ("PUT", "policies"), ("POST", "policies"), ("POST", "requests")},
        ),
        (
            "emias",
            {
                ("POST", "visits"), ("PUT", "visits"), ("MOVE", "visits"), ("POST", "results"),
                ("POST", "vaccinations"), ("PUT", "requests"), ("PUT", "policies"), ("POST", "policies"),
                ("PUT", "schedules"), ("POST", "slots"),
            },
        ),
    ],
)  # fmt: skip
async def test_every_sort_of_act_happens(system: str, expected: set[tuple[str, str]]) -> None:
    done = Counter((method, collection) for method, collection, *_ in (await lived(system)).acts)
    assert set(done) == expected
    assert done["POST", "policies"] < 0.03 * ACTS


@pytest.mark.parametrize("system", ["gosuslugi", "emias"])
async def test_planted_records_are_left_alone(system: str) -> None:
    planted = build_world(120, 4, TODAY).planted[system]
    marked = {ref for marks in planted.values() for ids in marks.values() if isinstance(ids, list) for ref in ids}
    assert not marked & {ref for _, _, ref, _, _ in (await lived(system)).acts}


async def test_citizens_book_free_future_times_for_trusted_people() -> None:
    world = build_world(120, 4, TODAY)
    trusted = {citizen.policy_number for citizen in world.citizens if citizen.trusted}
    free = {
        (s.body["Расписание"], s.body["Начало"]) for s in world.gosuslugi["slots"] if s.body["Состояние"] == "Свободно"
    }
    desk = await lived("gosuslugi")
    booked = [body for method, collection, _, body, _ in desk.acts if (method, collection) == ("POST", "visits")]
    assert booked
    for visit in booked:
        assert visit is not None
        assert (visit["Расписание"], visit["Начало приёма"]) in free
        assert visit["Номер полиса"] in trusted
    orders = [body for method, collection, _, body, _ in desk.acts if (method, collection) == ("POST", "requests")]
    assert {order["policyNumber"] for order in orders if order} <= trusted


async def test_a_visit_only_goes_forward() -> None:
    onward = {
        "BOOKED": {"BOOKED", "ARRIVED", "FULFILLED", "NOSHOW", "CANCELLED"},
        "ARRIVED": {"ARRIVED", "FULFILLED"},
    }
    for method, collection, _, body, before in (await lived("emias")).acts:
        if (method, collection) == ("PUT", "visits"):
            assert body is not None
            assert before is not None
            assert body["status"] in onward[before["status"]]
            starts_at = datetime.fromisoformat(body["startTime"])
            if body["status"] in ("ARRIVED", "FULFILLED", "NOSHOW"):
                assert NOON - timedelta(days=10) < starts_at < NOON
            if body["status"] == "CANCELLED":
                assert starts_at > NOON


async def test_a_request_gains_one_row_at_its_end() -> None:
    for method, collection, _, body, before in (await lived("emias")).acts:
        if (method, collection) == ("PUT", "requests"):
            assert body is not None
            assert before is not None
            *rows, last = body["history"]
            assert rows == before["history"]
            assert not before["final"]
            assert datetime.fromisoformat(last["at"]) > datetime.fromisoformat(before["statusAt"])
            assert (body["statusId"], body["statusName"], body["statusAt"]) == (
                last["statusId"],
                last["title"],
                last["at"],
            )


async def test_edits_keep_fields_of_the_system_itself() -> None:
    for system in ("gosuslugi", "emias"):
        for method, _, _, body, before in (await lived(system)).acts:
            if method == "PUT":
                assert body is not None
                assert before is not None
                assert before.keys() <= body.keys()


async def test_people_of_the_two_systems_change_different_fields() -> None:
    changed: dict[str, set[str]] = {}
    names = {"Телефон": "phone", "Электронная почта": "email"}
    for system in ("gosuslugi", "emias"):
        changed[system] = {
            names.get(name, name)
            for method, collection, _, body, before in (await lived(system)).acts
            if (method, collection) == ("PUT", "policies") and body and before
            for name in body
            if body[name] != before.get(name)
        }
    assert changed == {"gosuslugi": {"phone", "email"}, "emias": {"insurer", "attachment"}}
