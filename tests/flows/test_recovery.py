"""Every procedure of docs/ru/recovery.md that can be played here, played: the same commands against real servers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import structlog
from typer.testing import CliRunner

from flows.running import Body, Ran, Systems, link_everyone, stand
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


async def ran_status(systems: Systems) -> dict[str, Any]:
    return dict((await ran(systems, "status", "--json")).json())


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


async def test_other_key_is_refused_before_it_harms(systems: Systems) -> None:
    key = systems.folder / "medmost.key"
    kept = key.read_text()
    key.write_text("A" * 43 + "=\n")
    try:
        assert "MM-KEY-OTHER" in (await ran(systems, "status", code=2)).err
    finally:
        key.write_text(kept)
    await ran(systems, "journal", "verify")
