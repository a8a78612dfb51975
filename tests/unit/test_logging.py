"""Logs say what happened and never to whom."""

from __future__ import annotations

import json
import logging

import pytest
import structlog
from structlog.testing import CapturedCall

from medmost.logging import clean, configure, correlation, mask, second_net

PERSONAL = [
    ("СНИЛС 112-233-445 95 не принят", "112-233-445"),
    ("snils=11223344595", "11223344595"),
    ("полис 7700008123456789", "7700008123456789"),
    ("полис 7700 0081 2345 6789", "7700 0081"),
    ("позвоните +79102206415", "9102206415"),
    ("позвоните +7(910)2206415", "2206415"),
    ("позвоните 8 (910) 220-64-15", "220-64-15"),
    ("позвоните 89102206415", "9102206415"),
    ("напишите ivanova.anna@mail.example.ru!", "ivanova"),
    ("smtp://robot:hunter2@mail:25 refused", "hunter2"),
    ("GET https://emias/api/v1/visits?policy=1", "policy=1"),
    ("Authorization: Bearer eyJhbGciOiJSUzI1NiJ9.e30.x", "eyJ"),
    ("secret whsec_Z29zdXNsdWdp", "Z29z"),
]
HARMLESS = [
    "read 1000 records in 1234 ms",
    "organization 1.2.643.5.1.13.13.12.2.77.7973 at 2026-11-23T10:00:00+03:00",
    "order 11223344599 waits",
    "GET /api/v1/visits/{id} 200",
    "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
]


@pytest.fixture(autouse=True)
def _own_logging():
    """Gives the process its logging back."""
    root, ours = logging.getLogger(), logging.getLogger("medmost")
    before = root.handlers[:], root.level, ours.level
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])
    structlog.reset_defaults()


@pytest.mark.parametrize(("text", "personal"), PERSONAL)
def test_personal_form_is_made_unreadable(text: str, personal: str) -> None:
    assert personal not in mask(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_is_left_alone(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize("key", ["body", "birthDate", "Дата рождения", "Authorization", "client_secret", "fio"])
def test_hidden_key_hides_any_value(key: str) -> None:
    assert second_net(None, "info", {key: "14.05.1961"}) == {key: "***"}
    assert clean({"row": {key: ["x"]}}) == {"row": {key: "***"}}


def test_numbers_and_nested_values_are_masked() -> None:
    value = clean({"n": 7700008123456789, "list": ["+79102206415"], "deep": {"a": {"b": {"c": 1}}}, "raw": b"x"})
    assert value == {"n": "***", "list": ["+7**********"], "deep": {"a": {"b": "***"}}, "raw": "***"}


def test_objects_are_masked_by_their_text() -> None:
    call = CapturedCall("info", (), {"mail": "anna@mail.example.ru"})
    assert "anna" not in clean(call)


def test_json_line_carries_correlation(capsys: pytest.CaptureFixture[str]) -> None:
    configure(json=True)
    log = structlog.get_logger("medmost.sync")
    with correlation(correlation_id="c-17"):
        log.info("page absorbed", system="emias", kind="visit", records=500)
    log.info("idle")
    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert first["correlation_id"] == "c-17"
    assert (first["event"], first["level"], first["records"]) == ("page absorbed", "info", 500)
    assert "correlation_id" not in second


def test_exception_comes_without_locals(capsys: pytest.CaptureFixture[str]) -> None:
    def read() -> None:
        patient = "Иванова Анна"
        raise ValueError(f"cannot read 112-233-445 95 of {len(patient)} letters")

    configure(json=True)
    try:
        read()
    except ValueError:
        structlog.get_logger("medmost.sync").exception("read failed")
    line = json.loads(capsys.readouterr().err)
    assert line["error"] == "ValueError: cannot read ***-***-*** ** of 12 letters"
    assert line["at"][-1].startswith("test_logging.py:")
    assert "Иванова" not in json.dumps(line, ensure_ascii=False)


def test_library_logs_pass_the_same_net(capsys: pytest.CaptureFixture[str]) -> None:
    configure(json=True)
    logging.getLogger("aiohttp.client").warning("cannot reach %s", "https://emias/?snils=11223344595")
    logging.getLogger("aiohttp.client").info("not shown")
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "cannot reach https://emias/?***"


def test_library_exception_keeps_its_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    configure(json=True)
    try:
        raise OSError("mailto://robot:hunter2@mail refused")
    except OSError:
        logging.getLogger("apprise").exception("failed")
    err = capsys.readouterr().err
    assert "hunter2" not in err
    assert "OSError" in err


def test_terminal_gets_one_short_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure(json=False)
    structlog.get_logger("medmost.sync").warning("system is down", system="emias")
    err = capsys.readouterr().err
    assert err.endswith("warning system is down  system=emias\n")
    assert err.count("\n") == 1
