"""A wrong mapping file is refused with file, line, field, what is wrong and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from medmost.domain.errors import Fatal
from medmost.domain.record import Side
from medmost.mapping import load_mappings
from medmost.mapping.load import OURS, load_mapping

SLOT = (OURS / "slot.yaml").read_text(encoding="utf-8")

WRONG = [
    ("source: emias", "sorce: emias", "MM-MAP-WORD", "", 'perhaps "source"?'),
    ("expires: ends_at", "expires: end_at", "MM-MAP-RULE", "", 'perhaps "ends_at"?'),
    ("key: [schedule_id, starts_at]", "key: [schedule_id, when]", "MM-MAP-RULE", "", "when"),
    ("schedule_id: schedule}", "schedule_id: timetable}", "MM-MAP-RULE", "schedule_id", "organization, policy"),
    ("at: Начало, as: time DD", "at: Начало, as: tme DD", "MM-MAP-RULE", "starts_at", "time DD.MM.YYYY"),
    ("at: Начало, as:", "att: Начало, as:", "MM-MAP-WORD", "starts_at", "as, at, copies, last, or, reason, writes"),
    ("at: endTime, as: time ISO", "at: endTime, as: date ISO", "MM-MAP-RULE", "ends_at", "date and time"),
    ("at: endTime,", "at: startTime,", "MM-MAP-RULE", "ends_at", "belongs to starts_at"),
    ("at: endTime,", "at: receptionType,", "MM-MAP-RULE", "reception_type", "belongs to ends_at"),
    ("at: endTime,", "at: end..time,", "MM-MAP-RULE", "ends_at", "not a path"),
    ("at: endTime,", "at: 'rows[a=b].time',", "MM-MAP-RULE", "ends_at", "only be read"),
    ("Занято, emias: BUSY", "Занято, emias: FREE", "MM-MAP-RULE", "status", 'both "free" and "busy"'),
    ("{at: Состояние}", "{at: Состояние, as: text}", "MM-MAP-RULE", "status", "no format"),
    (
        "at: Окончание, as: time DD.MM.YYYY}",
        "at: Окончание, writes: false, as: time DD.MM.YYYY}",
        "MM-MAP-RULE",
        "ends_at",
        "source: gosuslugi",
    ),
    ("  - name: ends_at", "  - name: starts_at", "MM-MAP-RULE", "starts_at", "twice"),
    ("kind: slot", "kind: slott", "MM-MAP-RULE", "", "allowed: slot"),
    ("kind: slot", "kind: slot\nkind: slot", "MM-MAP-SYNTAX", "", "twice"),
    ("kind: slot", "kind: [slot", "MM-MAP-SYNTAX", "", "not YAML"),
    ("required: true", "required: perhaps", "MM-MAP-RULE", "schedule_id", "allowed: bool, found str"),
    ("source: emias", "source: portal", "MM-MAP-RULE", "", "allowed: gosuslugi, emias"),
    ("name: status", "name: the status", "MM-MAP-RULE", "the status", "latin"),
    ("expires:", "owner: emias\nexpires:", "MM-MAP-WORD", "", "unknown word"),
    ("    required: true", "    style: forth", "MM-MAP-RULE", "schedule_id", "forward, follows, grow"),
    ("collection: slots\n", "", "MM-MAP-RULE", "", '"collection" is missing'),
]


@pytest.mark.parametrize(("right", "wrong", "code", "field", "hint"), WRONG)
def test_wrong_rule_is_refused_by_line(
    tmp_path: Path, right: str, wrong: str, code: str, field: str, hint: str
) -> None:
    text = SLOT.replace(right, wrong, 1)
    assert text != SLOT
    (tmp_path / "slot.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(Fatal) as caught:
        load_mapping(tmp_path / "slot.yaml")
    error = caught.value
    assert error.code == code
    assert str(tmp_path / "slot.yaml") in error.ru
    assert hint in error.en
    if field:
        assert f", field {field}: " in error.en
        assert f", поле {field}: " in error.ru
    line = int(error.en.split(", line ")[1].split(":")[0].split(",")[0])
    assert 1 <= line <= text.count("\n") + 1


def _line_of(text: str, wrong: str) -> int:
    return text[: text.index(wrong)].count("\n") + 1


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("at: Окончание, as: time DD.MM.YYYY", "at: Окончание, as: time"), ("as: code}", "like: code}")],
)
def test_line_is_that_of_the_word(tmp_path: Path, right: str, wrong: str) -> None:
    text = SLOT.replace(right, wrong, 1)
    (tmp_path / "slot.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(Fatal, match=rf"line {_line_of(text, wrong)}, field "):
        load_mapping(tmp_path / "slot.yaml")


def test_own_file_stands_in_for_ours(tmp_path: Path) -> None:
    text = SLOT.replace("Вид приёма: ", "Тип приёма: ").replace("at: Вид приёма", "at: Тип приёма")
    (tmp_path / "slot.yaml").write_text(text, encoding="utf-8")
    slot = load_mappings(tmp_path)["slot"]
    assert slot.write(Side.GOSUSLUGI, {"reception_type": "1"}, None) == {"Тип приёма": "1"}


def test_file_of_no_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "slots.yaml").write_text(SLOT, encoding="utf-8")
    with pytest.raises(Fatal, match="allowed: slots"):
        load_mappings(tmp_path)


@pytest.mark.parametrize("text", ["", "- slot", "slot"])
def test_file_without_rules_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "slot.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(Fatal) as caught:
        load_mappings(tmp_path)
    assert caught.value.code == "MM-MAP-SYNTAX"


def test_compiled_source_can_be_read() -> None:
    source = load_mappings()["slot"].source(Side.EMIAS)
    assert "def read(doc):" in source
    assert "def write(fields, onto):" in source
    assert "'receptionType'" in source
