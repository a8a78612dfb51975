"""Every procedure of docs/ru/recovery.md that can be played here, played: the same commands against real servers."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import structlog
from typer.testing import CliRunner

from flows.running import Body, Ran, Running, Systems, answers, command, link_everyone, medmost, stand, until
from medmost.cli.main import app

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def systems(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Systems]:
    """A small world, brought level; each system in a process of its own, so that one can be stopped."""
    async with stand(tmp_path_factory.mktemp("recovery"), people=30, seed=11, apart=True) as found:
        await link_everyone(found)
        await ran(found, "migrate")
        yield found


async def ran(where: Systems | Path, *arguments: str, code: int = 0, **environ: str) -> Ran:
    """A command, in this process because starting one takes seconds, that has to end with `code`."""
    folder = where.folder if isinstance(where, Systems) else where
    handlers = logging.getLogger().handlers[:]
    result = await asyncio.to_thread(
        CliRunner().invoke, app, list(arguments), env={"MEDMOST_CONFIG": str(folder), **environ}
    )
    logging.getLogger().handlers[:] = handlers
    structlog.reset_defaults()
    done = Ran(result.exit_code, result.stdout, result.stderr)
    assert done.code == code, f"{done}\n{result.exception!r}"
    return done


async def level_policy(systems: Systems, skip: int = 0) -> tuple[str, str]:
    """The wire ids, at Gosuslugi and at EMIAS, of a policy that both show alike."""
    named = (await ran_status(systems))["kinds"]["policy"]["named"]
    waits = {ref for rows in named.values() for row in rows for ref in row.values()}
    here = {row["Номер полиса"]: ref for ref, row in (await systems.export("gosuslugi", "policies")).items()}
    there = {row["policyNumber"]: ref for ref, row in (await systems.export("emias", "policies")).items()}
    both = [(here[n], there[n]) for n in sorted(set(here) & set(there))]
    return [pair for pair in both if not set(pair) & waits][skip]


async def ran_status(systems: Systems, code: int = 0) -> dict[str, Any]:
    return dict((await ran(systems, "status", "--json", code=code)).json())


def kind_in(told: dict[str, Any], kind: str, state: str) -> int:
    return int(told["kinds"][kind][state])


async def our_writes(systems: Systems) -> dict[str, int]:
    return {name: len(await systems.effects(name, client="medmost")) for name in systems.urls}


# ---------------------------------------------------------------- the state
async def test_restored_backup_sends_nothing_twice(systems: Systems, tmp_path: Path) -> None:
    backup = tmp_path / "state.backup"
    await ran(systems, "backup", str(backup))
    link = (await ran(systems, "link", "list", "--json")).json()[0]
    here, there = await level_policy(systems)
    await systems.change("gosuslugi", "policies", here, Телефон="+7(916)1112233")
    born = await newborn(systems, here)
    await ran(systems, "sync")
    await ran(systems, "link", "revoke", str(link["id"]))
    written = await our_writes(systems)

    told = await ran(systems, "restore", str(backup))
    assert "отзывов согласия: 1" in told.out
    states = {row["id"]: row["state"] for row in (await ran(systems, "link", "list", "--json")).json()}
    assert states[link["id"]] == "revoked"
    await ran(systems, "sync")
    assert await our_writes(systems) == written
    shown = await systems.record("emias", "policies", there)
    assert shown is not None
    assert shown["phone"] == "+79161112233"
    assert [row["policyNumber"] for row in (await systems.export("emias", "policies")).values()].count(born) == 1
    await ran(systems, "audit")


async def newborn(systems: Systems, like: str) -> str:
    """A policy entered at Gosuslugi only; its number."""
    present = await systems.record("gosuslugi", "policies", like)
    assert present is not None
    number = "7700000000000017"
    stamps = {"id", "редакция", "изменено", "внешнийИд", "СНИЛС"}
    body: Body = {name: value for name, value in present.items() if name not in stamps}
    await systems.act("gosuslugi", "POST", "policies", body | {"Номер полиса": number})
    return number


async def test_damaged_state_is_named_and_restored(systems: Systems, tmp_path: Path) -> None:
    backup = tmp_path / "state.backup"
    await ran(systems, "backup", str(backup))
    written = await our_writes(systems)
    state = systems.folder / "state.db"
    state.write_bytes(b"not a database any more" * 1000)
    assert "MM-STATE-DAMAGED" in (await ran(systems, "status", code=1)).err
    assert "не читается" in (await ran(systems, "restore", str(backup))).out
    await ran(systems, "sync")
    assert await our_writes(systems) == written


async def test_lost_state_is_built_anew(systems: Systems) -> None:
    """Our marks of the lost state live on in both systems: they must not name pairs of the new one."""
    written = await our_writes(systems)
    for tail in ("", "-wal", "-shm"):
        (systems.folder / f"state.db{tail}").unlink(missing_ok=True)
    await ran(systems, "link", "import", str(systems.folder.parent / "links.csv"))
    await ran(systems, "migrate")
    assert await our_writes(systems) == written
    await ran(systems, "audit")


async def test_other_key_is_refused_before_it_harms(systems: Systems) -> None:
    key = systems.folder / "medmost.key"
    kept = key.read_text()
    key.write_text("A" * 43 + "=\n")
    try:
        assert "MM-KEY-OTHER" in (await ran(systems, "status", code=2)).err
    finally:
        key.write_text(kept)
    await ran(systems, "journal", "verify")


async def test_full_disk_is_named(systems: Systems, tmp_path: Path) -> None:
    limit = ["bash", "-c", 'ulimit -f 200; exec "$@"', "limited", sys.executable, "-m", "medmost.cli.main", "migrate"]
    state = f"sqlite:///{tmp_path / 'fresh.db'}"
    process = await asyncio.create_subprocess_exec(
        *limit,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "MEDMOST_CONFIG": str(systems.folder), "MEDMOST_STATE__URL": state},
    )
    _, said = await asyncio.wait_for(process.communicate(), 60)
    assert "MM-STATE-WRITE" in said.decode(), said.decode()[-2000:]
    assert process.returncode == 1
    await ran(systems, "journal", "verify", MEDMOST_STATE__URL=state)


# ---------------------------------------------------------------- configuration and access
async def test_wrong_setting_is_named_with_line(tmp_path: Path) -> None:
    folder = tmp_path / "medmost"
    await ran(folder, "init", str(folder))
    settings = folder / "medmost.toml"
    settings.write_text(settings.read_text().replace("min = 300", "mni = 300"))
    line = 1 + settings.read_text().splitlines().index("mni = 300")
    said = (await ran(folder, "config", "show", code=2)).err
    assert f"medmost.toml:{line}" in said
    assert "«min»" in said
    (folder / "medmost.key").unlink()
    assert (await ran(folder, "config", "show", code=2)).err.count("state.key") == 1


async def test_refused_secret_is_named_and_replaced(systems: Systems) -> None:
    secret = systems.folder / "secrets" / "emias.client-secret"
    kept = secret.read_text()
    secret.write_text("former-secret\n")
    await systems.call("emias", "PUT", "/stand/faults", {"rules": [{"effect": "token-expired", "count": 1}]})
    try:
        assert "MM-SYS-CREDENTIALS" in (await ran(systems, "check", code=1)).out
    finally:
        secret.write_text(kept)
        await systems.faults("emias")
    assert "MM-SYS-CREDENTIALS" not in (await ran(systems, "check")).out


# ---------------------------------------------------------------- records that wait for a person
async def test_conflict_is_resolved_by_commands(systems: Systems) -> None:
    here, there = await level_policy(systems, skip=1)
    await systems.change("gosuslugi", "policies", here, Фамилия="Алексеева")
    await systems.change("emias", "policies", there, lastName="Андреева")
    await ran(systems, "sync")
    shown = (await ran(systems, "conflicts", "list", "--values", "--json")).json()
    mine = next(one for one in shown if one["gosuslugi"] == "Алексеева")
    await systems.change("emias", "policies", there, lastName="Антонова")
    await ran(systems, "sync")
    late = await ran(systems, "conflicts", "resolve", str(mine["id"]), "--take", "gosuslugi", code=1)
    assert "MM-CONFLICT-STALE" in late.err
    shown = (await ran(systems, "conflicts", "list", "--values", "--json")).json()
    mine = next(one for one in shown if one["gosuslugi"] == "Алексеева")
    await ran(systems, "conflicts", "resolve", str(mine["id"]), "--take", "gosuslugi")
    record = await systems.record("emias", "policies", there)
    assert record is not None
    assert record["lastName"] == "Алексеева"


async def test_refused_record_is_mended(systems: Systems) -> None:
    here, there = await level_policy(systems, skip=2)
    await systems.faults("emias", {"effect": "status", "code": 422, "method": "PUT", "collection": "policies"})
    await systems.change("gosuslugi", "policies", here, Телефон="+7(916)1112299")
    await ran(systems, "sync", code=1)
    told = await ran_status(systems, code=1)
    assert kind_in(told, "policy", "refused") == 1
    number = (await systems.record("emias", "policies", there) or {})["policyNumber"]
    card = (await ran(systems, "pairs", "show", "policy", number)).json()[0]
    assert card["refused"].startswith("emias ")
    await systems.faults("emias")
    await systems.change("gosuslugi", "policies", here, Телефон="+7(916)1112200")
    await ran(systems, "sync")
    assert (await systems.record("emias", "policies", there) or {})["phone"] == "+79161112200"


async def test_invalid_record_is_mended_at_its_system(systems: Systems) -> None:
    planted = (await systems.planted("emias"))["schedules"]["invalid"][0]
    before = kind_in(await ran_status(systems), "schedule", "invalid")
    good = next(r for r in (await systems.export("emias", "schedules")).values() if r["id"] != planted)
    await systems.change("emias", "schedules", planted, period=good["period"], doctor=good["doctor"])
    await ran(systems, "sync")
    assert kind_in(await ran_status(systems), "schedule", "invalid") == before - 1


async def test_surplus_twin_is_removed_and_released(systems: Systems) -> None:
    trusted = {one["policy_number"] for one in await systems.people() if one["trusted"]}
    rows = await systems.export("emias", "vaccinations")
    ref, first = [(ref, row) for ref, row in rows.items() if row["policyNumber"] in trusted][-1]
    stamps = {"id", "version", "updatedAt", "originId"}
    twin = await systems.act("emias", "POST", "vaccinations", {n: v for n, v in first.items() if n not in stamps})
    await ran(systems, "sync", code=1)
    key = "|".join(str(first[name]) for name in ("policyNumber", "infectionName", "dateVaccination", "doseNumber"))
    assert "MM-CLI-TWINS" in (await ran(systems, "pairs", "release", "vaccination", key, code=2)).err
    await systems.act("emias", "DELETE", f"vaccinations/{twin['id']}")
    await ran(systems, "sync", code=1)
    await ran(systems, "pairs", "release", "vaccination", key)
    assert kind_in(await ran_status(systems), "vaccination", "ambiguous") == 0
    assert (await systems.record("emias", "vaccinations", ref) or {}).get("deletedAt") is None


async def test_tripped_brake_is_released(systems: Systems) -> None:
    rows = await systems.export("emias", "vaccinations")
    doomed = [ref for ref, row in rows.items() if "deletedAt" not in row][:25]
    for ref in doomed:
        await systems.act("emias", "DELETE", f"vaccinations/{ref}")
    await ran(systems, "sync", code=1)
    told = await ran_status(systems, code=1)
    assert told["kinds"]["vaccination"]["brake"].startswith("deletes:")
    gone = sum("удалено" in row for row in (await systems.export("gosuslugi", "vaccinations")).values())
    await ran(systems, "stage", "set", "vaccination", "full")
    await ran(systems, "sync")
    left = sum("удалено" in row for row in (await systems.export("gosuslugi", "vaccinations")).values())
    assert left > gone


# ---------------------------------------------------------------- while it runs
@pytest.mark.full
async def test_outage_is_told_and_caught_up(systems: Systems) -> None:
    here, there = await level_policy(systems, skip=3)
    async with medmost(systems, poll=(3600, 3600), name="outage", MEDMOST_NOTICES__QUIET="1") as running:
        await systems.stop("emias")
        await until(lambda: told_of(running, "MM-NTF-OUTAGE"), "the notice of the outage", within=20)
        assert '"live":true' in (await running.get("/health/live")).replace(" ", "")
        assert "MM-SYS-DOWN" in await running.get("/health/ready")
        await systems.change("gosuslugi", "policies", here, Телефон="+7(916)2223344")
        await systems.start("emias")
        await until(lambda: phone_there(systems, there, "+79162223344"), "the change at EMIAS", within=60)
        await until(lambda: told_of(running, "MM-NTF-CLEAR"), "the all-clear", within=30)
        await killed_process_goes_on(systems, running, here, there)


async def told_of(running: Running, code: str) -> bool:
    return code in running.logged()


async def phone_there(systems: Systems, ref: str, phone: str) -> bool:
    return (await systems.record("emias", "policies", ref) or {}).get("phone") == phone


async def killed_process_goes_on(systems: Systems, running: Running, here: str, there: str) -> None:
    """Killed with a write on the wire; a second process is refused before, the next one carries on after."""
    assert "MM-STATE-BUSY" in (await command(systems, "run")).err
    await systems.faults("emias", {"effect": "latency", "ms": 1500, "method": "PUT", "collection": "policies"})
    written = len(await systems.effects("emias", client="medmost"))
    await systems.change("gosuslugi", "policies", here, Телефон="+7(916)2223355")
    await until(lambda: phone_there(systems, there, "+79162223355"), "the effect before the answer", within=20)
    await running.process.kill()
    await systems.faults("emias")
    await running.process.start()
    await answers(f"{running.url}/health/live", running.process)
    await running.quiet(60)
    assert len(await systems.effects("emias", client="medmost")) == written + 1


async def test_lost_webhooks_are_made_good_by_polling(systems: Systems) -> None:
    here, there = await level_policy(systems, skip=4)
    await systems.faults("gosuslugi", {"effect": "webhook-lost"})
    await systems.change("gosuslugi", "policies", here, Телефон="+7(916)3334455")
    await ran(systems, "sync")
    await systems.faults("gosuslugi")
    assert await phone_there(systems, there, "+79163334455")
