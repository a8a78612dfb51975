"""What many records say together: codes, shares of empty fields, types that are no more."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest

from medmost.domain.record import Doc, Side
from medmost.mapping import load_mappings
from medmost.mapping.drift import Finding
from medmost.mapping.shape import Profile, Shape, places
from medmost.mapping.shares import WINDOW, Recent, codes_at, new_codes, shifted, shown_codes

MAPPINGS = load_mappings()
POLICY, RESULT = MAPPINGS["policy"].rule, MAPPINGS["result"].rule


def learned(rule: Any, docs: list[Doc]) -> Shape:
    """As after these records, every one of them in the sample."""
    profile, listed = Profile(), codes_at(rule, Side.EMIAS)
    profile.meet(docs, ())
    profile.settle()
    for doc in docs:
        profile.shape.sample(places(doc))
        profile.shape.use(shown_codes(doc, listed))
    return profile.shape


def window(docs: list[Doc]) -> Recent:
    recent = Recent()
    for doc in docs:
        recent.add(places(doc))
    return recent


def policy(**changed: Any) -> Doc:
    return {**POLICY.sample.emias, **changed}


def result(value: Any) -> Doc:
    doc: Doc = msgspec.json.decode(msgspec.json.encode(RESULT.sample.emias))
    doc["observations"][0]["value"] = value
    return doc


def found(rule: Any, shape: Shape, docs: list[Doc]) -> list[tuple[str, str, str]]:
    return [(one.what, one.field, one.risk) for one in shifted(rule, Side.EMIAS, shape, window(docs))]


def test_listed_code_met_first_is_safe() -> None:
    here = codes_at(POLICY, Side.EMIAS)["policyType"]
    usual, rare = sorted(here)[:2]
    shape = learned(POLICY, [policy(policyType=usual)] * 60)
    shown = shown_codes(policy(policyType=rare), codes_at(POLICY, Side.EMIAS))
    field = next(one.name for one in POLICY.fields if one.emias and one.emias.at == "policyType")
    told = Finding(what="code", risk="safe", field=field, at="policyType", to=rare)
    assert new_codes(POLICY, Side.EMIAS, shape, shown) == [told]
    assert new_codes(POLICY, Side.EMIAS, shape, [("policyType", usual)]) == []
    assert new_codes(POLICY, Side.EMIAS, learned(POLICY, [policy(policyType=usual)] * 40), shown) == []


def test_only_listed_codes_are_counted() -> None:
    """A name written where a code belongs is a person's: it does not get into the profile."""
    shape = learned(POLICY, [policy(policyType="Иванов Иван")] * 60)
    assert shape.leaves["policyType"].values == {}
    assert b"\xd0\x98\xd0\xb2" not in msgspec.json.encode(shape)


def test_codes_in_rows_are_counted() -> None:
    shape = learned(RESULT, [result(5.5)] * 3)
    counted = {at: Counter(leaf.values) for at, leaf in shape.leaves.items() if leaf.values}
    assert sum(counted["observations[].interpretation"].values()) == 3


@pytest.mark.parametrize("empty", [None, "absent"])
def test_more_empty_fields_are_risky(empty: str | None) -> None:
    without = policy(email=None)
    if empty:
        del without["email"]
    shape = learned(POLICY, [policy(email="a@example.ru")] * 190 + [without] * 10)
    assert found(POLICY, shape, [without] * (WINDOW // 2) + [policy(email="a@example.ru")] * (WINDOW // 2)) == [
        ("empty", "email", "risky")
    ]
    few = [without] * 4 + [policy(email="a@example.ru")] * (WINDOW - 4)
    assert found(POLICY, shape, few) == []
    assert found(POLICY, shape, [without] * (WINDOW - 1)) == []


def test_whole_numbers_for_decimals_are_risky() -> None:
    shape = learned(RESULT, [result(5.5)] * 100 + [result(6)] * 40)
    assert found(RESULT, shape, [result(6)] * WINDOW) == [("narrowed", "observations[].value", "risky")]
    assert found(RESULT, shape, [result(6)] * (WINDOW - 1) + [result(5.5)]) == []


def test_rare_type_is_not_missed() -> None:
    shape = learned(RESULT, [result(5.5)] * 20 + [result(6)] * 180)
    assert found(RESULT, shape, [result(6)] * WINDOW) == []
