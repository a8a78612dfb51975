"""The audit's own arithmetic: what is kept of a record, how records meet, what is known already."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from medmost.audit.digest import Digester, Noted
from medmost.audit.findings import AuditReport, Finding, KindCounts
from medmost.audit.standing import Standing, belongs_nowhere, excuse, is_former
from medmost.audit.table import Comparison, Judged
from medmost.domain.kinds import Kind
from medmost.domain.record import Fields, Observation, Reading, Side
from medmost.mapping import load_mappings

G, E = Side.GOSUSLUGI, Side.EMIAS
KINDS = {name: mapping.kind for name, mapping in load_mappings().items()}
POLICY: Fields = {
    "policy_number": "7756410834120013",
    "last_name": "Мостова",
    "birth_date": "1980-02-29",
    "phone": None,
}
VISIT: Fields = {
    "policy_number": "7756410834120013",
    "organization_oid": "1.2.643.5",
    "doctor_snils": "11223344595",
    "starts_at": "2026-11-23T10:00:00+03:00",
    "status": "booked",
}


def noted(digester: Digester, ref: str, fields: Fields, version: int = 1) -> Noted:
    seen = Observation(side=G, kind=digester.kind.name, ref=ref, version=version, doc={})
    return digester.note(seen, Reading(fields), readable=True, now=0.0)


def compared(
    kind: Kind, gosuslugi: dict[str, Fields], emias: dict[str, Fields], bound: list[tuple[str, str]] | None = None
) -> tuple[dict[str, int], list[Judged]]:
    digester = Digester(kind)
    with Comparison() as comparison:
        comparison.bind(bound or [])
        comparison.add(G, [noted(digester, ref, fields) for ref, fields in gosuslugi.items()])
        comparison.add(E, [noted(digester, ref, fields) for ref, fields in emias.items()])
        comparison.judge()
        return comparison.settled(), [judged for batch in comparison.unsettled() for judged in batch]


# ---------------------------------------------------------------- digests
def test_equal_values_have_equal_digests():
    digester = Digester(KINDS["policy"])
    assert digester.digests(POLICY) == digester.digests(dict(POLICY))


def test_every_field_can_differ_alone():
    digester = Digester(KINDS["policy"])
    base = digester.digests(POLICY)
    for field in KINDS["policy"].fields:
        other = digester.digests(POLICY | {field.name: "another"})
        assert digester.differing(base, other) == [field.name]


def test_nothing_and_empty_text_differ():
    digester = Digester(KINDS["policy"])
    assert digester.differing(digester.digests(POLICY), digester.digests(POLICY | {"phone": ""})) == ["phone"]


def test_each_audit_has_another_key():
    assert Digester(KINDS["policy"]).digests(POLICY) != Digester(KINDS["policy"]).digests(POLICY)


def test_notes_hold_no_value_of_a_record():
    note = noted(Digester(KINDS["policy"]), "ref-1", POLICY)
    for value in (value for value in POLICY.values() if value):
        assert str(value).encode() not in note.digests + (note.key or b"")


def test_histories_compare_by_state_and_minute():
    digester = Digester(KINDS["request"])
    rows = [{"id": "1", "status_id": 2, "at": "2026-11-23T10:00:07+03:00", "title": "Принято"}]
    same = [{"id": "99", "origin": "1", "status_id": 2, "at": "2026-11-23T10:00:00+03:00", "title": "принято"}]
    more = [*same, {"id": "100", "status_id": 3, "at": "2026-11-23T11:00:00+03:00"}]
    base = digester.digests({"history": rows})
    assert digester.differing(base, digester.digests({"history": same})) == []
    assert digester.differing(base, digester.digests({"history": more})) == ["history"]


def test_a_past_slot_is_expired():
    digester = Digester(KINDS["slot"])
    slot = {"schedule_id": "1", "starts_at": "2026-11-23T10:00:00+03:00", "ends_at": "2026-11-23T10:12:00+03:00"}
    seen = Observation(side=E, kind="slot", ref="s", version=1, doc={})
    assert digester.note(seen, Reading(slot), readable=True, now=2e9).account == "expired"
    assert digester.note(seen, Reading(slot), readable=True, now=1e9).account == "live"


# ---------------------------------------------------------------- records side by side
def test_equal_records_are_level():
    settled, rest = compared(KINDS["policy"], {"g": POLICY}, {"e": POLICY})
    assert (settled, rest) == ({"level": 1}, [])


def test_a_record_at_one_side_is_missing_at_the_other():
    _, rest = compared(KINDS["policy"], {"g": POLICY}, {"e": POLICY | {"policy_number": "7756410834120099"}})
    assert sorted(one.what for one in rest) == ["missing_at_emias", "missing_at_gosuslugi"]


def test_the_newest_version_of_a_record_counts():
    digester = Digester(KINDS["policy"])
    with Comparison() as comparison:
        comparison.add(G, [noted(digester, "g", POLICY | {"phone": "1"}, 1), noted(digester, "g", POLICY, 2)])
        comparison.add(E, [noted(digester, "e", POLICY)])
        comparison.judge()
        assert comparison.settled() == {"level": 1}


def test_a_later_tombstone_ends_a_record():
    digester = Digester(KINDS["policy"])
    gone = digester.note(Observation(side=G, kind="policy", ref="g", version=2, doc=None), None, readable=True, now=0.0)
    with Comparison() as comparison:
        comparison.add(G, [noted(digester, "g", POLICY), gone])
        comparison.judge()
        assert comparison.settled() == {}
        assert list(comparison.unsettled()) == []


def test_two_records_with_one_key_are_duplicates():
    settled, (twins,) = compared(KINDS["policy"], {"g1": POLICY, "g2": POLICY}, {"e": POLICY})
    assert settled == {}
    assert twins.what == "duplicate"
    assert {twins.refs[G], *twins.others} == {"g1", "g2"}


def test_an_invalid_record_takes_its_partner_along():
    digester = Digester(KINDS["policy"])
    seen = Observation(side=E, kind="policy", ref="e", version=1, doc={})
    problem = load_mappings()["policy"].read(E, {"policyNumber": POLICY["policy_number"]}).problems
    bad = digester.note(seen, Reading(POLICY, problem), readable=True, now=0.0)
    with Comparison() as comparison:
        comparison.add(G, [noted(digester, "g", POLICY)])
        comparison.add(E, [bad])
        comparison.judge()
        (judged,) = next(comparison.unsettled())
    assert (judged.what, judged.refs) == ("invalid", {G: "g", E: "e"})


def test_cancelled_and_new_bookings_of_an_hour_are_told_apart():
    cancelled = VISIT | {"status": "cancelled"}
    settled, rest = compared(
        KINDS["visit"], {"g1": cancelled, "g2": VISIT, "g3": cancelled}, {"e1": VISIT, "e2": cancelled, "e3": cancelled}
    )
    assert (settled, rest) == ({"level": 3}, [])


def test_cancelled_visits_meet_by_the_state_first():
    one, two = VISIT | {"status": "cancelled", "room": "1"}, VISIT | {"status": "cancelled", "room": "2"}
    sides: tuple[dict[str, Fields], dict[str, Fields]] = ({"g1": one, "g2": two}, {"e1": two, "e2": one})
    assert compared(KINDS["visit"], *sides)[0] == {}
    assert compared(KINDS["visit"], *sides, bound=[("g1", "e2"), ("g2", "e1")])[0] == {"level": 2}


def test_a_visit_cancelled_at_one_side_only_differs():
    _, rest = compared(KINDS["visit"], {"g": VISIT | {"status": "cancelled"}}, {"e": VISIT})
    assert [one.what for one in rest] == ["differing"]


def test_a_rejected_visit_is_level_alone():
    settled, rest = compared(KINDS["visit"], {"g": VISIT | {"status": "rejected"}}, {})
    assert (settled, rest) == ({"rejected": 1}, [])


def test_what_is_spilled_lies_in_a_closed_folder():
    with Comparison() as comparison:
        folder = Path(comparison._spill.name)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not folder.exists()


# ---------------------------------------------------------------- known already?
def standing(state: str = "level", *conflicts: str) -> Standing:
    return Standing(1, state, {G: "g", E: "e"}, {G: 1, E: 1}, frozenset(conflicts), delivering=False)


@pytest.mark.parametrize("state", ["invalid", "foreign", "refused", "ambiguous", "quarantined"])
def test_open_states_account_for_any_difference(state: str):
    assert excuse(KINDS["policy"], "differing", ["phone"], standing(state)) == (state, [])


@pytest.mark.parametrize("state", ["level", "behind", "closed"])
def test_other_states_account_for_nothing(state: str):
    assert excuse(KINDS["policy"], "differing", ["phone"], standing(state)) == (None, ["phone"])


def test_a_conflict_accounts_for_its_field_only():
    found = excuse(KINDS["policy"], "differing", ["phone", "sex"], standing("conflict", "sex"))
    assert found == (None, ["phone"])
    assert excuse(KINDS["policy"], "differing", ["sex"], standing("conflict", "sex")) == ("conflict", [])


def test_a_clinical_conflict_holds_the_whole_record():
    found = excuse(KINDS["visit"], "differing", ["status", "room"], standing("conflict", "status"))
    assert found == ("conflict", [])


def test_an_unknown_record_is_excused_by_nothing():
    assert excuse(KINDS["policy"], "missing_at_emias", [], None) == (None, [])


def test_one_way_objects_at_the_receiving_side_are_foreign():
    assert belongs_nowhere(KINDS["slot"], E)
    assert not belongs_nowhere(KINDS["slot"], G)
    assert not belongs_nowhere(KINDS["policy"], E)
    assert belongs_nowhere(KINDS["request"], G)


def test_a_replaced_visit_is_a_former_one():
    assert is_former(KINDS["visit"], E, "old", standing())
    assert not is_former(KINDS["visit"], E, "e", standing())
    assert not is_former(KINDS["policy"], E, "old", standing())


# ---------------------------------------------------------------- what is told
@pytest.mark.parametrize(
    ("kind", "fields", "shown"),
    [
        ("policy", POLICY, "77******0013"),
        ("visit", VISIT, "77******0013"),
        ("slot", {"schedule_id": "sch-1", "starts_at": "2026-11-23T10:00"}, "sch-1 2026-11-23T10:00"),
        ("request", {"order_id": "123"}, "***"),
        ("policy", {}, ""),
    ],
)
def test_keys_that_name_a_person_are_masked(kind: str, fields: Fields, shown: str):
    assert KINDS[kind].masked_key(fields) == shown


def test_known_differences_leave_a_report_healthy():
    report = AuditReport(started="", kinds={"policy": KindCounts()})
    report.kinds["policy"].enter_known("differing", "conflict")
    assert (report.healthy, report.exit_code) == (True, 0)
    report.find(Finding(kind="policy", what="differing", refs={}))
    assert (report.healthy, report.exit_code) == (False, 1)
    assert report.kinds["policy"].differing == 2
