"""`medmost mapping try`: a record there and back, and every reason why one does not fit, at once."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from medmost.cli.main import app
from medmost.domain.record import Side
from medmost.mapping import load_mappings
from medmost.mapping.trial import try_record

MAPPINGS = load_mappings()
POLICY = {
    "id": "7",
    "редакция": 3,
    "Номер полиса": "7756 4108 3412 3459",
    "Вид полиса": "Полис ОМС единого образца",
    "Фамилия": "Воробьёва",
    "Имя": "Алёна",
    "Отчество": "нет",
    "Дата рождения": "15.03.1985",
    "Пол": "Женский",
    "Телефон": "8 910 220 64 15",
    "Статус": "Действует",
}
CONFIG = ["--config", "/nonexistent"]


@pytest.fixture(autouse=True)
def language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDMOST_LANG", "ru")  # `--lang` sets it for the process


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "policy.json"


def written(file: Path, **changes: object) -> Path:
    file.write_bytes(orjson.dumps(POLICY | changes, option=orjson.OPT_INDENT_2))
    return file


@pytest.mark.parametrize("kind", MAPPINGS)
@pytest.mark.parametrize("side", Side)
def test_examples_come_back_unchanged(kind: str, side: Side) -> None:
    mapping = MAPPINGS[kind]
    fields = {rule.name: rule.example for rule in mapping.rule.fields if rule.example is not None and not rule.rows}
    doc = mapping.write(side, fields, None)
    trial = try_record(mapping, side, doc)
    missing = {problem.field for problem in trial.problems}
    assert not [step.field for step in trial.steps if step.field not in missing and not step.came_back]
    assert trial.other == mapping.write(side.other, trial.fields, None)


def test_record_is_shown_both_ways(file: Path) -> None:
    ran = CliRunner().invoke(
        app, ["mapping", "try", "policy", str(written(file)), "--from", "gosuslugi", "--json", *CONFIG]
    )
    assert ran.exit_code == 0, ran.output
    told = orjson.loads(ran.stdout)
    assert told["emias"]["policyNumber"] == "7756410834123459"
    assert told["emias"]["birthDate"] == "1985-03-15"
    assert told["fields"]["phone"] == "+79102206415"
    assert "secondName" not in told["emias"]
    assert told["carried_untouched"] == ["id", "редакция"]


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_every_wrong_field_is_named_at_once(file: Path, lang: str) -> None:
    written(file, **{"Дата рождения": "31.02.1985", "Пол": "Ж", "Статус": None})
    command = ["--lang", lang, "mapping", "try", "policy", str(file), "--from", "gosuslugi", *CONFIG]
    ran = CliRunner().invoke(app, command)
    assert ran.exit_code == 1
    said = [line for line in ran.output.splitlines() if line.startswith("✗")]
    assert [line.split("(")[0].split()[-1] for line in said] == ["birth_date", "sex", "status"]
    assert ("строка 9" if lang == "ru" else "line 9") in said[0]
    assert "Мужской, Женский" in said[1]
    assert ("подходит: ДД.ММ.ГГГГ" if lang == "ru" else "allowed") in said[0]


def test_alternative_name_is_pointed_out() -> None:
    trial = try_record(MAPPINGS["policy"], Side.EMIAS, {"unitedNumber": "7756410834123459"})
    step = trial.steps[0]
    assert (step.at, step.wire, step.other_wire) == ("unitedNumber", "7756410834123459", "7756410834123459")
    assert "unitedNumber" in step.note_en


@pytest.mark.parametrize("doc", [[], 7, "text", None])
def test_other_than_an_object_does_not_fit(doc: object) -> None:
    trial = try_record(MAPPINGS["policy"], Side.EMIAS, doc)
    assert not trial.fits
    assert trial.steps[0].field == "*"


def test_broken_file_is_named_with_its_line(file: Path) -> None:
    file.write_text('{\n "Пол": "Женский",\n "Имя": }\n')
    ran = CliRunner().invoke(
        app, ["--lang", "ru", "mapping", "try", "policy", str(file), "--from", "gosuslugi", *CONFIG]
    )
    assert ran.exit_code == 2
    assert "строка 3" in ran.stderr


def test_wrong_overlay_names_every_file(tmp_path: Path) -> None:
    kinds = tmp_path / "kinds"
    kinds.mkdir()
    for kind in ("policy", "visit"):
        (kinds / f"{kind}.yaml").write_text(f"extends: {kind}\nowner: me\n")
    ran = CliRunner().invoke(app, ["--lang", "ru", "mapping", "check", "--config", str(tmp_path)])
    assert ran.exit_code == 2
    assert f"{kinds / 'policy.yaml'}, строка 2" in ran.stderr
    assert f"{kinds / 'visit.yaml'}, строка 2" in ran.stderr
