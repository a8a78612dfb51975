"""A doubtful number is told of and never refused."""

from __future__ import annotations

import pytest

from medmost.domain.record import Side
from medmost.mapping import load_mappings
from medmost.mapping.doubts import doubts
from medmost.mapping.trial import try_record

MAPPINGS = load_mappings()


@pytest.mark.parametrize(
    ("kind", "changed", "field", "told"),
    [
        ("policy", {}, None, ""),
        ("policy", {"policyNumber": "7756410834123458"}, "policy_number", "check digit"),
        ("policy", {"policyNumber": "7700123456150385"}, "policy_number", "check digit"),
        ("policy", {"policyNumber": "012345678"}, "policy_number", "not 16 digits"),
        ("policy", {"birthDate": "1985-03-16"}, "policy_number", "birth date"),
        ("policy", {"sex": "F"}, "policy_number", "sex"),
        ("organization", {}, None, ""),
        ("organization", {"inn": "7707083894"}, "inn", "check digit"),
        ("organization", {"ogrn": "1027700132196"}, "ogrn", "check digit"),
    ],
)
def test_doubt_is_told_and_not_refused(kind: str, changed: dict[str, str], field: str | None, told: str) -> None:
    mapping = MAPPINGS[kind]
    doc = mapping.rule.sample.emias | changed
    found = doubts(mapping, Side.EMIAS, mapping.read(Side.EMIAS, doc).fields)
    assert list(found) == ([field] if field else [])
    trial = try_record(mapping, Side.EMIAS, doc)
    assert trial.fits
    notes = [step.note_en for step in trial.steps if step.field == field]
    assert all(told in note for note in notes)
