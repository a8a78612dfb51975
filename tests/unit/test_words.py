"""The words everything is said in: errors, kinds, sides, holds; and the last corners of pacing and values."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from medmost.domain import holds, values
from medmost.domain.errors import Fatal, MedmostError, Refused, Stale, Transient, Unusable
from medmost.domain.kinds import Field, Kind, Owner, Style
from medmost.domain.pacing import Breaker
from medmost.domain.record import Observation, Pair, Side


# ---------------------------------------------------------------- errors
def test_an_error_speaks_both_languages() -> None:
    error = Stale("MM-X", "по-русски", "in English")
    assert (error.text(), error.text("en"), str(error)) == ("MM-X: по-русски", "MM-X: in English", "MM-X: in English")


def test_errors_carry_what_recovery_needs() -> None:
    lost = Transient("MM-X", "", "", retry_after=2.0)
    assert (lost.retry_after, lost.arrived) == (2.0, True)
    assert Transient("MM-X", "", "", arrived=False).arrived is False
    no = Refused("MM-X", "", "", said="SIM_TAKEN", reason="занято", field="starts_at")
    assert (no.said, no.reason, no.field) == ("SIM_TAKEN", "занято", "starts_at")
    assert issubclass(Unusable, Fatal)
    assert all(issubclass(one, MedmostError) for one in (Transient, Stale, Refused, Fatal))


# ---------------------------------------------------------------- kinds and sides
VISIT = Kind(
    name="visit", collection="visits", title_ru="", title_en="", key=("policy", "at"),
    fields=(Field(name="policy"), Field(name="at", owner=Owner.LATEST),
            Field(name="status", style=Style.FORWARD, order={"booked": ("arrived",), "arrived": ("done",)})),
    releases_key={"status": ("cancelled",)}, final={"status": ("cancelled", "done")},
)  # fmt: skip
PLAIN = Kind(name="thing", collection="things", title_ru="", title_en="", key=("f",), fields=(Field(name="f"),))


def test_a_key_needs_all_its_parts() -> None:
    assert VISIT.key_of({"policy": "1", "at": "10:00"}) == "1\x1f10:00"
    assert VISIT.key_of({"policy": "1", "at": ""}) is None
    assert VISIT.key_of({"policy": "1"}) is None
    assert PLAIN.key_of({"f": 0}) == "0"


def test_a_key_is_masked_where_it_names_a_person() -> None:
    policy, visit = (msgspec.structs.replace(PLAIN, **more) for more in ({"name": "policy"}, {"personal": True}))
    assert [one.masked_key({"f": "7752700898000013"}) for one in (policy, visit)] == ["77******0013"] * 2
    assert policy.masked_key({"f": "12345678"}) == "********"
    assert msgspec.structs.replace(PLAIN, key=("f", "g", "h")).masked_key({"f": "oid", "h": 7}) == "oid 7"


def test_a_kind_knows_the_ends_of_a_record() -> None:
    assert [VISIT.key_released({"status": s}) for s in ("booked", "cancelled", "done")] == [False, True, False]
    assert [VISIT.is_final({"status": s}) for s in ("booked", "cancelled", "done")] == [False, True, True]
    assert [VISIT.is_fresh({"status": s}) for s in ("booked", "arrived", "done")] == [True, False, False]
    assert PLAIN.is_fresh({"f": "whatever"})
    assert (VISIT.judges_by_time, PLAIN.judges_by_time) == (True, False)
    assert VISIT.field("at").owner is Owner.LATEST


def test_sides_are_each_others_other() -> None:
    assert [side.other for side in Side] == [Side.EMIAS, Side.GOSUSLUGI]
    pair = Pair(id=1, kind="thing")
    assert (pair.side(Side.GOSUSLUGI) is pair.gosuslugi, pair.side(Side.EMIAS) is pair.emias) == (True, True)


@pytest.mark.parametrize(("doc", "gone"), [(None, True), ({}, False)])
def test_a_tombstone_has_no_body(doc: Any, gone: bool) -> None:
    assert Observation(side=Side.EMIAS, kind="thing", ref="r", version=1, doc=doc).gone is gone


# ---------------------------------------------------------------- holds
def test_every_hold_says_what_to_do_in_both_languages() -> None:
    for reason in holds.REASONS.values():
        told = {reason.text(), reason.text("en"), reason.advice(), reason.advice("en")}
        assert len(told) == 4
        assert all(told)


# ---------------------------------------------------------------- pacing, values
def test_a_breaker_tells_how_long_it_pauses() -> None:
    breaker = Breaker()
    assert breaker.pause_left(0.0) == 0.0
    for _ in range(breaker.rules.in_a_row):
        breaker.record(False, 0.0)
    assert breaker.pause_left(1.0) == breaker.rules.first_pause - 1.0
    assert breaker.allow(5.0)
    assert (breaker.pause_left(5.0), breaker.state(5.0)) == (1.0, "half-open")
    breaker.forget()
    assert breaker.pause_left(5.0) == 0.0


def test_recovery_elsewhere_lets_a_probe_go_at_once() -> None:
    breaker = Breaker()
    breaker.reconsider(0.0)
    assert breaker.state(0.0) == "closed"
    for _ in range(breaker.rules.in_a_row):
        breaker.record(False, 0.0)
    breaker.reconsider(1.0)
    assert (breaker.state(1.0), breaker.allow(1.0)) == ("half-open", True)


def test_an_enp_is_judged_by_what_is_known() -> None:
    assert values.enp_warning("7756410834123459") is None
    assert values.enp_warning("7756410834123459", sex="female") == "sex"
    assert values.enp_warning("7756410834123459", birth_date="1985-03-16") == "birth_date"
    assert values.enp_warning("7756410834123459", birth_date="1985-03-15", sex="male") is None
    assert values.enp_warning("123456789") == "length"


def test_text_that_is_none_is_no_value() -> None:
    assert values.policy_number("7756 4108 3412 3459") == "7756410834123459"
    assert values.policy_number("7756410834123459") == "7756410834123459"
    assert values.policy_number("1234567") is None
    assert values.email("a\ud800@b.ru") is None
    assert values.email("Alena@Example.RU") == "alena@example.ru"
