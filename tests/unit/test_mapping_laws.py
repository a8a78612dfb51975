"""Laws of every field of every kind: what is put is got, what is got puts nothing, reading never fails."""

from __future__ import annotations

import copy
import json
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medmost.domain import history, values
from medmost.domain.kinds import Style
from medmost.domain.record import BOTH, Side
from medmost.mapping import load_mappings
from medmost.mapping.compiler import CompiledMapping, lens_of
from medmost.mapping.language import FieldRule, RowField
from medmost.mapping.moscow import read_instant_iso, read_time_iso

MAPPINGS = load_mappings()
EVERY = [(kind, side) for kind in MAPPINGS for side in BOTH]
few = settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow])

letters = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
digits = st.text("0123456789", min_size=16, max_size=16)
dates = st.dates(date(1800, 1, 1)).map(date.isoformat)
moments = st.datetimes(
    datetime(1931, 1, 1),  # noqa: DTZ001  # a wall time, as systems show it
    datetime(9990, 1, 1),  # noqa: DTZ001  # the same
).map(datetime.isoformat)


def snils_of(number: int) -> str:
    body = f"{number:09d}"
    return next(whole for check in range(101) if values.snils_check(whole := f"{body}{check:02d}"))


CANON: dict[str, st.SearchStrategy[Any]] = {
    "text": letters.map(values.text),
    "name": letters.map(values.name),
    "policy": digits | st.sampled_from(["012345678", "АА123456"]),
    "snils": st.integers(1, 999_999_999).map(snils_of),
    "phone": st.integers(10**9, 10**10 - 1).map(lambda number: f"+7{number}"),
    "email": st.sampled_from(["a@b.ru", "alena.v@mail.example.ru"]),
    "inn": st.sampled_from(["7707083893", "500100732259"]),
    "ogrn": st.sampled_from(["1027700132195", "304500116000157"]),
    "kpp": st.sampled_from(["773601001", "7736AB001"]),
    "oid": st.lists(st.integers(0, 10**9), min_size=2, max_size=9).map(lambda parts: ".".join(["1", *map(str, parts)])),
    "date": dates,
    "time": moments.map(lambda at: read_time_iso(at[:16])),
    "instant": moments.map(lambda at: read_instant_iso(at[:19])),
    "moment": moments.map(lambda at: read_time_iso(at[:16])) | dates,
    "whole": st.integers(-(10**15) + 1, 10**15 - 1),
    "decimal": st.decimals(-(10**6), 10**6, places=4).map(
        lambda number: "0" if not number else f"{number:f}".rstrip("0").rstrip(".")
    ),
    "boolean": st.booleans(),
}


def canonical(field: RowField) -> st.SearchStrategy[Any]:
    """Canonical values of a field, none where it may be absent."""
    if isinstance(field, FieldRule) and field.rows:
        row = st.fixed_dictionaries({inner.name: canonical(inner) for inner in field.rows})
        return st.lists(row.map(dict), max_size=3)
    lens = lens_of(field, Side.EMIAS)
    assert lens is not None
    drawn = st.sampled_from(sorted(field.codes)) if field.codes else CANON[lens.canon]
    wanted = drawn.filter(lambda value: value is not None)
    return wanted if field.required else st.none() | wanted


def writable(mapping: CompiledMapping, side: Side) -> list[FieldRule]:
    """Fields written there; a growing list has laws of its own (test_mapping_history.py)."""
    return [
        field
        for field in mapping.rule.fields
        if (place := field.place(side)) is not None and place.writes and field.style is not Style.GROW
    ]


def records(mapping: CompiledMapping, side: Side) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({field.name: canonical(field) for field in writable(mapping, side)})


@pytest.mark.parametrize(("kind", "side"), EVERY)
@few
@given(data=st.data())
def test_what_is_put_is_got(kind: str, side: Side, data: st.DataObject) -> None:
    mapping = MAPPINGS[kind]
    onto = mapping.write(side, data.draw(records(mapping, side)), {"ownField": {"kept": [1]}})
    before, kept = mapping.read(side, onto).fields, copy.deepcopy(onto)
    for name, value in data.draw(records(mapping, side)).items():
        after = mapping.write(side, {name: value}, onto)
        assert mapping.read(side, after).fields == {**before, name: value}
        assert after["ownField"] == {"kept": [1]}
    assert onto == kept


@pytest.mark.parametrize(("kind", "side"), EVERY)
@few
@given(data=st.data())
def test_what_is_got_puts_nothing(kind: str, side: Side, data: st.DataObject) -> None:
    mapping = MAPPINGS[kind]
    doc = mapping.write(side, data.draw(records(mapping, side)), {"ownField": 1})
    assert mapping.write(side, mapping.read(side, doc).fields, doc) == doc


rows = st.fixed_dictionaries(
    {
        "id": st.integers(1, 99).map(str),
        "origin": st.none(),
        "status_id": st.sampled_from([0, 17, 21, 2, 3]),
        "at": st.integers(10, 59).map(lambda minute: f"2026-11-23T10:{minute}:07+03:00"),
        "title": st.none() | st.just("Принято"),
        "comment": st.none(),
        "sender": st.none(),
        "final": st.booleans(),
    }
)


@pytest.mark.parametrize("side", BOTH)
@few
@given(first=st.lists(rows, max_size=4), second=st.lists(rows, max_size=4))
def test_history_gains_what_it_lacked(side: Side, first: list[Any], second: list[Any]) -> None:
    mapping = MAPPINGS["request"]
    doc = mapping.write(side, {"history": first}, None)
    shown = mapping.read(side, doc).fields["history"]
    assert history.level(shown, first)
    grown = mapping.write(side, {"history": second}, doc)
    after = mapping.read(side, grown).fields["history"]
    assert not history.lacks(after, second)
    assert not history.lacks(after, first)
    assert mapping.write(side, {"history": after}, grown) == grown


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.sampled_from(["31.02.2026", "2026-02-31", "2026-11-23T25:00:00+03:00", "Да", "9" * 400]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(("kind", "side"), EVERY)
@few
@given(data=st.data())
def test_reading_never_fails_on_anything(kind: str, side: Side, data: st.DataObject) -> None:
    mapping = MAPPINGS[kind]
    keys = {place.at.split(".")[0] for field in mapping.rule.fields if (place := field.place(side))}
    doc = {key: data.draw(anything) for key in keys}
    if kind == "request" and side is Side.GOSUSLUGI and data.draw(st.booleans()):
        inside = ("id", "eserviceId", "orderDate", "orderAttributes", "orderAttachmentFiles", "statuses")
        doc["order"] = {key: data.draw(anything) for key in inside}
    reading = mapping.read(side, doc)
    assert set(reading.fields) == {field.name for field in mapping.kind.fields}
    fields = {name: value for name, value in reading.fields.items() if value is not None}
    mapping.write(side.other, fields, None)
    again = mapping.read(side, mapping.write(side, fields, doc))
    assert {name: again.fields[name] for name in fields} == fields or reading.problems


@pytest.mark.parametrize(("kind", "side"), EVERY)
@pytest.mark.parametrize("doc", [None, [], "text", 5, True])
def test_what_is_no_record_is_a_problem(kind: str, side: Side, doc: Any) -> None:
    assert [problem.reason for problem in MAPPINGS[kind].read(side, doc).problems] == ["type"]


def test_deep_nesting_is_only_a_problem() -> None:
    deep: Any = json.loads("[" * 900 + "]" * 900)
    doc = {"policyNumber": deep, "insurer": deep, "own": deep}
    reading = MAPPINGS["policy"].read(Side.EMIAS, doc)
    assert {problem.field for problem in reading.problems} >= {"policy_number", "insurer_code"}
    assert MAPPINGS["policy"].write(Side.EMIAS, {"insurer_code": "1"}, doc)["own"] is deep


@pytest.mark.parametrize(("kind", "side"), EVERY)
def test_every_field_names_its_misfit(kind: str, side: Side) -> None:
    mapping = MAPPINGS[kind]
    secret = "Тайна-7756410834123459"
    for field in mapping.rule.fields:
        place = field.place(side)
        if place is None or "[" in place.at:
            continue
        doc: Any = [secret]
        for key in reversed(place.at.split(".")):
            doc = {key: doc}
        told = [problem for problem in mapping.read(side, doc).problems if problem.reason != "missing"]
        assert [problem.field.split("[")[0] for problem in told] == [field.name]
        assert told[0].reason == "type"
        assert secret not in str(told)
