"""Brakes as tables: what is let through, and what waits for a person (design §9)."""

from __future__ import annotations

import pytest

from medmost.domain import guard
from medmost.domain.guard import CHURN_WINDOW, FINE, Turn, Verdict

DAY = 24 * 3600.0


@pytest.mark.parametrize(
    ("seen", "known", "stops"),
    [(20, 0, False), (21, 0, True), (20, 400, False), (21, 400, True), (21, 420, False), (50, 1000, False),
     (51, 1000, True), (500, 10_000, False), (500, 2_000_000, False), (501, 2_000_000, True), (0, 0, False)],
)  # fmt: skip
def test_many_deletes_in_a_pass_wait(seen: int, known: int, stops: bool) -> None:
    verdict = guard.deletes(seen, known)
    assert verdict.stops is stops
    assert verdict.code == ("MM-BRAKE-DELETES" if stops else "")


def test_a_verdict_tells_how_many_of_how_many() -> None:
    assert guard.deletes(51, 1000) == Verdict("MM-BRAKE-DELETES", "deletes:51/50")
    assert guard.mass_change(301, 1000) == Verdict("MM-BRAKE-CHANGES", "changes:301/300")
    assert guard.emptied(0, 7) == Verdict("MM-BRAKE-EMPTY", "listed:0/7")


@pytest.mark.parametrize(
    ("changed", "known", "stops"),
    [(200, 10, False), (201, 10, True), (300, 1000, False), (301, 1000, True), (600_000, 2_000_000, False)],
)
def test_a_mass_change_waits(changed: int, known: int, stops: bool) -> None:
    assert guard.mass_change(changed, known).stops is stops


@pytest.mark.parametrize(
    ("listed", "known", "stops"),
    [(0, 0, False), (0, 1, True), (1, 19, False), (9, 20, True), (10, 20, False), (10, 21, True), (5, 5, False)],
)
def test_a_side_that_empties_waits(listed: int, known: int, stops: bool) -> None:
    assert guard.emptied(listed, known).stops is stops


def test_a_canary_is_there_and_untouched() -> None:
    assert guard.canary(b"song", b"song") is FINE
    assert guard.canary(b"song", None) == Verdict("MM-BRAKE-CANARY", "canary:gone")
    assert guard.canary(b"song", b"other") == Verdict("MM-BRAKE-CANARY", "canary:changed")


# ---------------------------------------------------------------- back and forth
def turns(values: str, every: float = 60.0) -> tuple[Turn, ...]:
    kept: tuple[Turn, ...] = ()
    for number, value in enumerate(values):
        kept = guard.turned(kept, value.encode(), number * every)
    return kept


@pytest.mark.parametrize(
    ("values", "stops"),
    [("", False), ("a", False), ("ab", False), ("aba", False), ("abab", True), ("aabbab", True), ("aabba", False),
     ("aabbaabb", True), ("abcabc", False), ("cabab", True), ("abcbc", True), ("abcb", False),
     ("ababc", False), ("babcbcb", True)],
)  # fmt: skip
def test_three_flips_between_two_values_wait(values: str, stops: bool) -> None:
    assert guard.churn(turns(values)).stops is stops


def test_flips_are_counted_within_a_day() -> None:
    assert guard.churn(turns("abab", CHURN_WINDOW / 3)) == Verdict("MM-BRAKE-CHURN", "flips:3")
    assert guard.churn(turns("abab", CHURN_WINDOW / 3 + 1)) is FINE


def test_turns_are_kept_in_small_number() -> None:
    assert [turn.value for turn in turns("abcdefghij")] == [one.encode() for one in "cdefghij"]


# ---------------------------------------------------------------- where we are, and by which rules
@pytest.mark.parametrize(
    ("configured", "remembered", "gosuslugi", "emias", "why"),
    [
        ("stand", None, "stand", "stand", ""),
        ("stand", "stand", "stand", "stand", ""),
        ("production", "production", "production", "production", ""),
        ("production", None, None, None, ""),  # a real system tells nothing
        ("production", "production", None, "stand", "emias:stand configured:production"),
        ("stand", None, None, "stand", "gosuslugi:unmarked configured:stand"),
        ("stand", "stand", "stand", "production", "emias:production configured:stand"),
        ("production", "stand", None, None, "state:stand configured:production"),
        ("stand", "production", "stand", "stand", "state:production configured:stand"),
    ],
)
def test_a_stand_and_production_never_meet(
    configured: str, remembered: str | None, gosuslugi: str | None, emias: str | None, why: str
) -> None:
    verdict = guard.environment(configured, remembered, {"gosuslugi": gosuslugi, "emias": emias})
    assert verdict == (Verdict("MM-BRAKE-ENVIRONMENT", why) if why else FINE)


def test_rules_changed_unseen_are_named() -> None:
    present = {"visit.yaml": guard.fingerprint("kind: visit\n"), "policy.yaml": guard.fingerprint(b"kind: policy\n")}
    assert guard.changed_rules({}, present) is FINE
    assert guard.changed_rules(present, dict(present)) is FINE
    edited = {**present, "visit.yaml": guard.fingerprint("kind: visit # edited\n"), "slot.yaml": "new"}
    assert guard.changed_rules(present, edited) == Verdict("MM-BRAKE-RULES", "changed:slot.yaml,visit.yaml")
    assert guard.changed_rules(present, {}).stops


def test_a_fingerprint_ignores_line_ends_only() -> None:
    assert guard.fingerprint("a\r\nb\n") == guard.fingerprint(b"a\nb\n")
    assert guard.fingerprint("a\nb\n") != guard.fingerprint("a\nb")
    assert len(guard.fingerprint("")) == 32
