"""A deployment's own files: laid over ours, in place of ours, or a kind that medmost does not bring along."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from medmost.config.settings import known_kinds
from medmost.domain.errors import Fatal
from medmost.domain.record import Side
from medmost.mapping import load_mappings
from medmost.mapping.load import OURS, try_mappings

RENAMED = """\
extends: policy
fields:
  - name: policy_number
    emias: {at: omsNumber, or: [policyNumber]}
  - name: policy_type
    codes:
      electronic: {gosuslugi: Электронный полис, emias: "4"}
  - name: blood_group
    title: {ru: Группа крови, en: Blood group}
    gosuslugi: {at: Группа крови, as: text}
    emias: {at: person.bloodGroup, as: text}
"""
PRESCRIPTION = """\
kind: prescription
collection: prescriptions
title: {ru: Рецепт, en: Prescription}
fhir: MedicationRequest
key: [number]
parents: {policy_number: policy}
fields:
  - name: number
    title: {ru: Номер, en: Number}
    required: true
    gosuslugi: {at: Номер рецепта, as: code}
    emias: {at: number, as: code}
  - name: policy_number
    title: {ru: Номер полиса, en: Policy number}
    required: true
    gosuslugi: {at: Номер полиса, as: policy number}
    emias: {at: policyNumber, as: policy number}
"""


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    folder = tmp_path / "kinds"
    folder.mkdir()
    return folder


def test_overlay_changes_only_what_it_names(overlay: Path) -> None:
    (overlay / "policy.yaml").write_text(RENAMED)
    ours, theirs = load_mappings()["policy"], load_mappings(overlay)["policy"]
    shipped = [field for field in ours.rule.fields if field.name not in ("policy_number", "policy_type")]
    assert [field for field in theirs.rule.fields if field in ours.rule.fields] == shipped
    assert theirs.rule.fields[-1].name == "blood_group"
    read = theirs.read(Side.EMIAS, {"omsNumber": "7756410834123459", "policyType": 4, "person": {"bloodGroup": "0(I)"}})
    assert read.fields["policy_number"] == "7756410834123459"
    assert read.fields["policy_type"] == "electronic"
    assert read.fields["blood_group"] == "0(I)"
    assert theirs.read(Side.EMIAS, {"policyType": "1"}).fields["policy_type"] == "old"


def test_rows_of_a_list_are_laid_over(overlay: Path) -> None:
    (overlay / "result.yaml").write_text(
        "extends: result\nfields:\n  - name: observations\n    rows:\n"
        "      - name: unit\n        emias: {at: unitOfMeasure, as: text}\n"
    )
    ours, theirs = load_mappings()["result"], load_mappings(overlay)["result"]
    doc = {"observations": [{"code": "A", "name": "Глюкоза", "value": 5.5, "unitOfMeasure": "ммоль/л"}]}
    (row,) = theirs.read(Side.EMIAS, doc).fields["observations"]
    assert row["unit"] == "ммоль/л"
    assert [field.name for field in theirs.rule.fields] == [field.name for field in ours.rule.fields]


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("as: text}\n    emias: {at: person", "as: txt}\n    emias: {at: person", 10, "txt"),
        ("at: person.bloodGroup", "att: person.bloodGroup", 11, "att"),
        ("at: person.bloodGroup", "at: lastName", 11, "lastName"),
        ('emias: "4"', 'emias: "3"', 7, "electronic"),
        ("extends: policy", "extends: visit", 1, "policy"),
        ("    title: {ru: Группа крови, en: Blood group}\n", "", 8, "title"),
    ],
)
def test_mistake_is_named_in_the_overlay(overlay: Path, old: str, new: str, line: int, said: str) -> None:
    file = overlay / "policy.yaml"
    file.write_text(RENAMED.replace(old, new))
    with pytest.raises(Fatal) as told:
        load_mappings(overlay)
    assert f"{file}, строка {line}" in told.value.ru
    assert f"{file}, line {line}" in told.value.en
    assert said in told.value.ru


def test_clash_with_a_shipped_field_is_found(overlay: Path) -> None:
    (overlay / "policy.yaml").write_text("extends: policy\nfields:\n  - name: snils\n    emias: {at: phone}\n")
    with pytest.raises(Fatal) as told:
        load_mappings(overlay)
    assert "phone" in told.value.ru
    assert "policy.yaml, строка" in told.value.ru


def test_new_kind_needs_only_a_file(overlay: Path) -> None:
    (overlay / "prescription.yaml").write_text(PRESCRIPTION)
    mappings = load_mappings(overlay)
    assert list(mappings)[:-1] == list(load_mappings())
    assert mappings["prescription"].kind.collection == "prescriptions"
    assert known_kinds(overlay.parent) == [*known_kinds(Path("/nonexistent")), "prescription"]


def test_parents_come_before_their_children(overlay: Path) -> None:
    (overlay / "aid.yaml").write_text(
        PRESCRIPTION.replace("prescription", "aid").replace(
            "parents: {policy_number: policy}", "parents: {number: prescription}"
        )
    )
    (overlay / "prescription.yaml").write_text(PRESCRIPTION)
    names = list(load_mappings(overlay))
    assert names.index("policy") < names.index("prescription") < names.index("aid")


def test_every_wrong_file_is_named_at_once(overlay: Path) -> None:
    (overlay / "policy.yaml").write_text(RENAMED.replace("as: text", "as: txt", 1))
    (overlay / "prescription.yaml").write_text(PRESCRIPTION.replace("as: code", "as: cod", 1))
    shutil.copyfile(OURS / "visit.yaml", overlay / "visit.yaml")
    mappings, errors = try_mappings(overlay)
    assert "visit" in mappings
    assert [error.code for error in errors] == ["MM-MAP-RULE", "MM-MAP-RULE"]
    assert ["policy.yaml" in errors[0].ru, "prescription.yaml" in errors[1].ru] == [True, True]
