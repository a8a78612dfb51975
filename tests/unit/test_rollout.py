"""Double entry decides by numbers: what opens the gate, what keeps it shut, what sends a kind back (design §11)."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from medmost.domain.rollout import (
    PROFILES,
    Condition,
    Count,
    Judged,
    Profile,
    Programme,
    back,
    days_until_open,
    gate,
    opens,
)

PRODUCTION = replace(PROFILES["production"], covered=("create g->e", "update e->g"), critical=("birth_date",))
FIELDS = ("birth_date", *(f"field{number}" for number in range(14)))


def clean(of: int = 200_000, **other: Any) -> Programme:
    """A programme without a mistake of ours, in which every other condition holds."""
    whole = {
        "whole": Count(of),
        "fields": {name: Count(of) for name in FIELDS},
        "cover": {"create g->e": 59, "update e->g": 100},
        "patients": of,
        "days": 28.0,
        "outages": {"gosuslugi": 1, "emias": 1},
        "fresh_p95": 300.0,
        "fresh_p99": 900.0,
        "differences": 0,
    }
    return Programme(**{**whole, **other})


def shut(programme: Programme, profile: Profile = PRODUCTION) -> set[tuple[str, str]]:
    return {(one.name, one.subject) for one in gate(programme, profile) if not one.holds}


def alone(name: str, of: int) -> Condition:
    programme = Programme(whole=Count(of), patients=of)
    return next(one for one in gate(programme, PRODUCTION) if one.name == name)


def test_a_clean_programme_opens_the_gate() -> None:
    assert shut(clean()) == set()
    assert opens(gate(clean(), PRODUCTION))
    assert back(clean(), PRODUCTION) is None


@pytest.mark.parametrize(("name", "of"), [("fidelity", 5115), ("never", 46_050)])
def test_conditions_open_at_exactly_so_many_clean_cases(name: str, of: int) -> None:
    assert alone(name, of).holds
    before = alone(name, of - 1)
    assert (before.holds, before.lacking) == (False, 1)


def test_people_who_err_do_not_keep_it_shut() -> None:
    """Only what medmost would have written wrong counts against it; one in a hundred is entered wrong by hand."""
    whole = Count()
    for number in range(200_000):
        whole.add(Judged.GOSUSLUGI if number % 200 == 7 else Judged.EMIAS if number % 200 == 9 else Judged.EQUAL)
    assert (whole.of, whole.ours, whole.people) == (200_000, 0, 2000)
    assert shut(clean(whole=whole)) == set()


def test_what_nobody_has_judged_counts_as_ours() -> None:
    whole = Count()
    for judged in (Judged.UNDECIDED, Judged.MEDMOST, Judged.BOTH_FINE, Judged.EQUAL):
        whole.add(judged)
    assert (whole.of, whole.ours, whole.people) == (4, 2, 0)


@pytest.mark.parametrize(
    ("spoilt", "keeps_shut"),
    [
        ({"never": 1}, {("never", "")}),
        ({"whole": Count(200_000, ours=100, people=2000)}, {("fidelity", "")}),
        ({"whole": Count(200_000, ours=5, people=5)}, {("people", "")}),
        ({"fields": {name: Count(200_000, ours=20) for name in FIELDS}}, {("fields", "birth_date")}),
        ({"cover": {"create g->e": 58, "update e->g": 59}}, {("cover", "create g->e")}),
        ({"cover": {"create g->e": 59}}, {("cover", "update e->g")}),
        ({"days": 27.9}, {("duration", "")}),
        ({"outages": {"emias": 1}}, {("outages", "gosuslugi")}),
        ({"fresh_p95": 901.0}, {("freshness", "p95")}),
        ({"fresh_p99": None}, {("freshness", "p99")}),
        ({"conflicts": 1}, {("conflicts", "")}),
        ({"differences": 3}, {("audit", "")}),
        ({"differences": None}, {("audit", "")}),
        ({"patients": 1000}, {("never", ""), ("fields", "birth_date")}),
    ],
)  # fmt: skip
def test_each_condition_keeps_it_shut_by_itself(spoilt: dict[str, Any], keeps_shut: set[tuple[str, str]]) -> None:
    assert shut(clean(**spoilt)) == keeps_shut


def test_nothing_compared_opens_nothing() -> None:
    found = gate(Programme(fields={"status": Count()}), PROFILES["demo"])
    assert {one.name for one in found if not one.holds} >= {"never", "fidelity", "fields", "freshness", "audit"}


def test_a_never_event_or_a_bad_rate_sends_it_back() -> None:
    assert back(clean(never=1), PRODUCTION) == "never"
    assert back(clean(whole=Count(200, ours=2)), PRODUCTION) == "fidelity"
    assert back(clean(whole=Count(200, ours=1)), PRODUCTION) is None


def test_the_forecast_names_the_slowest_condition() -> None:
    early = clean(of=6050, days=10.0)
    early.fields = {"status": Count(6050)}
    assert days_until_open(early, gate(early, PRODUCTION), per_day=1000.0) == 40.0  # 46 050 less 6 050
    assert days_until_open(early, gate(early, PRODUCTION), per_day=0.0) is None
    late = clean(days=10.0)
    assert days_until_open(late, gate(late, PRODUCTION), per_day=1000.0) == 18.0
    assert days_until_open(clean(), gate(clean(), PRODUCTION), per_day=0.0) == 0.0
    held = clean(conflicts=1)
    assert days_until_open(held, gate(held, PRODUCTION), per_day=1000.0) is None


def test_the_demo_profile_opens_within_an_hour_of_the_stand() -> None:
    short = Programme(
        whole=Count(150), fields={"status": Count(150)}, patients=150, fresh_p95=5.0, fresh_p99=9.0, differences=0
    )
    assert shut(short, PROFILES["demo"]) == set()
    short.whole.ours = short.fields["status"].ours = 15
    assert ("fidelity", "") in shut(short, PROFILES["demo"])
