"""Crosswalks: tables of codes that people edit, used by a field in place of a dictionary of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from medmost.domain.errors import Fatal
from medmost.domain.record import Side
from medmost.mapping import load_mappings
from medmost.mapping.crosswalk import load_crosswalks, read_crosswalk
from medmost.mapping.version import kind_hash

USING = """\
extends: schedule
fields:
  - name: speciality_code
    crosswalk: speciality
    example: "602"
    gosuslugi: {as: null}
    emias: {as: null}
"""


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    (tmp_path / "kinds" / "crosswalks").mkdir(parents=True)
    return tmp_path / "kinds"


def table(overlay: Path, text: str, name: str = "speciality") -> Path:
    file = overlay / "crosswalks" / f"{name}.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_two_codes_of_a_system_are_one(overlay: Path) -> None:
    (overlay / "schedule.yaml").write_text(USING)
    mapping = load_mappings(overlay)["schedule"]
    read = [mapping.read(Side.EMIAS, {"arSpecialityId": shown}).fields["speciality_code"] for shown in (200, 602, "3")]
    assert read == ["602", "602", "3"]
    assert mapping.write(Side.EMIAS, {"speciality_code": "602"}, None) == {"arSpecialityId": 602}
    assert mapping.write(Side.GOSUSLUGI, {"speciality_code": "602"}, None) == {"Код специальности": "602"}
    assert mapping.write(Side.EMIAS, {"speciality_code": "602"}, {"arSpecialityId": 200}) == {"arSpecialityId": 200}


def test_unknown_code_makes_its_field_invalid(overlay: Path) -> None:
    (overlay / "schedule.yaml").write_text(USING)
    problems = load_mappings(overlay)["schedule"].read(Side.EMIAS, {"arSpecialityId": 999}).problems
    assert ("speciality_code", "unknown_code") in [(one.field, one.reason) for one in problems]


def test_own_table_stands_in_for_ours(overlay: Path) -> None:
    (overlay / "schedule.yaml").write_text(USING)
    before = load_mappings(overlay)["schedule"]
    table(overlay, "code,gosuslugi,emias number\n602,602|ТЕР-1,602|200|999\n")
    after = load_mappings(overlay)["schedule"]
    assert after.read(Side.EMIAS, {"arSpecialityId": 999}).fields["speciality_code"] == "602"
    assert after.read(Side.GOSUSLUGI, {"Код специальности": "ТЕР-1"}).fields["speciality_code"] == "602"
    assert kind_hash(before.rule) != kind_hash(after.rule)  # an edited table is another version of the kind


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, "столбцов"),
        ("code,gosuslugi\n1,2\n", 1, "emias"),
        ("code,gosuslugi,emais\n", 1, "emais"),
        ("# note\ncode,gosuslugi,emias\n1,2\n", 3, "столбцов 2"),
        ("code,gosuslugi,emias\n1,2,3\n1,4,5\n", 3, "повторён"),
        ("code,gosuslugi,emias\n1,2,3\n2,4,5|3\n", 3, "уже значит"),
        ("code,gosuslugi,emias number\n1,2,три\n", 2, "не код"),
        ("code,gosuslugi,emias\n1,2,\n", 2, "не код"),
    ],
)
def test_mistake_in_a_table_is_named(overlay: Path, text: str, line: int, said: str) -> None:
    file = table(overlay, text)
    with pytest.raises(Fatal) as told:
        load_mappings(overlay)
    assert told.value.code == "MM-MAP-CROSSWALK"
    assert f"{file}, строка {line}:" in told.value.ru
    assert said in told.value.ru


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("crosswalk: speciality", "crosswalk: specialty", "speciality"),
        ("crosswalk: speciality", "crosswalk: lpu", "пуста"),
        ("crosswalk: speciality", "crosswalk: speciality\n    codes: {a: {gosuslugi: A, emias: A}}", "codes"),
    ],
)
def test_mistake_in_naming_a_table_is_named(overlay: Path, old: str, new: str, said: str) -> None:
    (overlay / "schedule.yaml").write_text(USING.replace(old, new))
    with pytest.raises(Fatal) as told:
        load_mappings(overlay)
    assert told.value.code == "MM-MAP-CROSSWALK"
    assert f"{overlay / 'schedule.yaml'}, строка 4" in told.value.ru
    assert said in told.value.ru


def test_shipped_tables_are_sound() -> None:
    tables = load_crosswalks()
    assert set(tables) == {"lpu", "reception_type", "speciality"}
    assert read_crosswalk(tables["speciality"].file).titles["602"] == "Терапевт участковый"
