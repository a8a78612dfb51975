"""The connection check: every way an end can fail is a finding with a code, never a traceback."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from contract.system_ends import End, running
from medmost.domain.errors import Fatal, Transient
from medmost.domain.record import Side
from medmost.launch.advice import ADVICE
from medmost.launch.check import TROUBLES, check
from medmost.launch.verdicts import CheckFinding, CheckReport
from medmost.mapping import load_mappings
from systems_in_memory import MemorySystem, both_systems

MAPPINGS = load_mappings()
CHECK = Path(sys.modules[check.__module__].__file__ or "").read_text()
POLICY: dict[str, Any] = {
    "policyNumber": "7756410834123459",
    "policyType": "3",
    "lastName": "Мостова",
    "firstName": "Анна",
    "birthDate": "1980-02-29",
    "sex": "F",
    "status": "ACTIVE",
}


@pytest.fixture
def systems() -> dict[Side, MemorySystem]:
    return both_systems()


async def checked(systems: dict[Side, MemorySystem], **how: Any) -> CheckReport:
    return await check(MAPPINGS, systems, **how)


def told(report: CheckReport, code: str, system: Side = Side.EMIAS) -> CheckFinding:
    return next(one for one in report.findings if one.code == f"MM-CHECK-{code}" and one.system == system)


def shows(system: MemorySystem, **health: Any) -> None:
    system.state = msgspec.structs.replace(system.state, **health)


async def test_two_good_ends_are_healthy(systems: dict[Side, MemorySystem]):
    systems[Side.EMIAS].put("policy", POLICY)
    report = await checked(systems)
    assert (report.healthy, report.exit_code) == (True, 0)
    assert {one.severity for one in report.findings} == {"ok"}
    assert "3600" in told(report, "TOKEN").ru


async def test_every_finding_says_what_to_do(systems: dict[Side, MemorySystem]):
    systems[Side.EMIAS].denies()
    shows(systems[Side.GOSUSLUGI], skew_seconds=-90.0, certificate_days=3, signer="ecdsa", warning="x", warning_en="x")
    report = await checked(systems)
    bad = [one for one in report.findings if one.severity != "ok"]
    assert {one.code for one in bad} >= {"MM-CHECK-TOKEN", "MM-CHECK-CLOCK", "MM-CHECK-CERTIFICATE", "MM-CHECK-SIGNER"}
    assert all(one.todo_ru and one.todo_en for one in bad)
    assert not [one for one in report.findings if one.severity == "ok" and one.todo_ru]
    assert set(ADVICE) == set(re.findall(r'told\.(?:say|met)\("([A-Z]+)"', CHECK)) - {"REACHABLE"} | {
        one[0] for one in TROUBLES.values()
    } | {"ANSWER"}


async def test_a_silent_end_is_a_finding(systems: dict[Side, MemorySystem]):
    systems[Side.EMIAS].goes_down()
    report = await checked(systems)
    assert report.exit_code == 1
    assert "нет соединения" in told(report, "UNREACHABLE").ru
    assert told(report, "REACHABLE", Side.GOSUSLUGI).severity == "ok"


async def test_refused_credentials_are_named(systems: dict[Side, MemorySystem]):
    systems[Side.EMIAS].denies()
    found = told(await checked(systems), "TOKEN")
    assert found.severity == "problem"
    assert "MM-SYS-CREDENTIALS" in found.ru


@pytest.mark.parametrize(
    ("health", "code", "severity"),
    [
        ({"skew_seconds": 4.0}, "CLOCK", "ok"),
        ({"skew_seconds": -6.0}, "CLOCK", "warning"),
        ({"skew_seconds": 61.0}, "CLOCK", "problem"),
        ({"certificate_days": 200}, "CERTIFICATE", "ok"),
        ({"certificate_days": 10}, "CERTIFICATE", "warning"),
        ({"certificate_days": -1}, "CERTIFICATE", "problem"),
        ({"token_seconds": None}, "TOKEN", "warning"),
        ({"signer": "openssl-gost"}, "SIGNER", "ok"),
    ],
)
async def test_health_is_judged_by_its_limits(
    systems: dict[Side, MemorySystem], health: dict[str, Any], code: str, severity: str
):
    shows(systems[Side.EMIAS], **health)
    assert told(await checked(systems), code).severity == severity


@pytest.mark.parametrize(("environment", "severity"), [("stand", "warning"), ("production", "problem")])
async def test_a_signature_that_is_not_gost_is_red(systems: dict[Side, MemorySystem], environment: str, severity: str):
    shows(systems[Side.GOSUSLUGI], signer="ecdsa", warning="ECDSA", warning_en="ECDSA")
    found = told(await checked(systems, environment=environment), "SIGNER", Side.GOSUSLUGI)
    assert (found.severity, found.red) == (severity, True)
    assert "Подпись не по ГОСТ: ECDSA" in found.ru


async def test_records_that_do_not_fit_are_counted_without_values(systems: dict[Side, MemorySystem]):
    systems[Side.EMIAS].put("policy", POLICY)
    systems[Side.EMIAS].put("policy", POLICY | {"policyNumber": "7756410834120001"})
    systems[Side.EMIAS].put("policy", POLICY | {"birthDate": "1980-02-31", "lastName": "Секретова"})
    report = await checked(systems)
    found = next(one for one in report.findings if one.kind == "policy" and one.system == Side.EMIAS)
    assert (found.code, found.severity, report.exit_code) == ("MM-CHECK-SAMPLE", "warning", 0)
    assert list(found.fields) == ["birth_date: range"]
    assert "Секретова" not in str(report.as_json())
    assert "1980" not in str(report.as_json())


async def test_a_sample_that_mostly_does_not_fit_is_a_problem(systems: dict[Side, MemorySystem]):
    systems[Side.EMIAS].put("policy", {"номер": "не то"})
    assert (await checked(systems)).exit_code == 1


async def test_a_broken_list_is_a_finding(systems: dict[Side, MemorySystem]):
    systems[Side.EMIAS].breaks_pages()
    found = told(await checked(systems), "LIST")
    assert (found.severity, found.kind) == ("problem", next(iter(MAPPINGS)))


@pytest.mark.parametrize(
    "error", [Transient("MM-SYS-LOST", "ответа нет", "no answer"), Fatal("MM-SYS-DENIED", "нельзя", "denied")]
)
async def test_webhooks_refused_are_a_finding(systems: dict[Side, MemorySystem], error: Exception):
    async def subscribe(system: Any) -> None:
        if system.side is Side.EMIAS:
            raise error

    report = await checked(systems, subscribe=subscribe)
    assert told(report, "WEBHOOKS").severity == "problem"
    assert told(report, "WEBHOOKS", Side.GOSUSLUGI).severity == "ok"


async def test_a_check_reads_one_page_only(systems: dict[Side, MemorySystem]):
    for number in range(350):
        systems[Side.EMIAS].put("policy", POLICY | {"policyNumber": f"775641083412{number:04}"})
    await checked(systems)
    assert systems[Side.EMIAS].calls["page"] == len(MAPPINGS)


# ---------------------------------------------------------------- over sockets, against the stand
@pytest.fixture(params=list(Side))
async def end(request: pytest.FixtureRequest) -> AsyncIterator[End]:
    async with running(request.param) as made:
        yield made


async def looked_at(end: End, **changes: Any) -> dict[str, CheckFinding]:
    """Findings by code; of the samples the worst one."""
    report = await check(MAPPINGS, {end.side: end.adapter(**changes)}, environment="stand")
    severities = ("ok", "warning", "problem")
    found = sorted(report.findings, key=lambda one: severities.index(one.severity))
    return {one.code.removeprefix("MM-CHECK-"): one for one in found}


async def test_the_stand_passes_with_its_planted_misfits(end: End):
    found = await looked_at(end)
    assert {one.severity for one in found.values()} <= {"ok", "warning"}
    assert {"REACHABLE", "TOKEN", "CLOCK", "SAMPLE"} <= set(found)
    assert found["SAMPLE"].severity == "warning"
    assert ("SIGNER" in found) == (end.side is Side.GOSUSLUGI)


async def test_wrong_credentials_are_a_problem_of_the_token(end: End):
    wrong = {"api_key": "00000000-0000-4000-8000-000000000000"}
    found = await looked_at(end, **(wrong if end.side is Side.GOSUSLUGI else {"client_secret": "wrong"}))
    assert found["TOKEN"].severity == "problem"
    assert "SAMPLE" not in found


async def test_nobody_at_the_address_is_a_finding(end: End):
    found = await looked_at(end, base_url="http://127.0.0.1:9", connect=0.5)
    assert found["UNREACHABLE"].severity == "problem"


async def test_a_page_of_html_is_a_finding(end: End):
    await end.faults({"method": "GET", "path": "/api/*", "collection": "visits", "effect": "html-200"})
    found = await looked_at(end)
    assert (found["LIST"].severity, found["LIST"].kind) == ("problem", "visit")


async def test_a_clock_two_minutes_off_is_a_problem(end: End):
    await end.shift_clock(120)
    assert (await looked_at(end))["CLOCK"].severity == "problem"
