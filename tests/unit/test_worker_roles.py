"""Processes of several: which roles there are, what each of them runs, and that a file is never shared."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from medmost.cli.work import work
from medmost.config import load_config, write_defaults
from medmost.domain.errors import Fatal
from medmost.domain.record import Side
from medmost.mapping import load_mappings
from medmost.sync.roles import ALL, ROLES, parse
from town import town

EXAMPLE = {rule.name: rule.example for rule in load_mappings()["organization"].rule.fields}

SECRETS = (
    "gosuslugi.api-key gosuslugi.cert.pem gosuslugi.key.pem gosuslugi.webhook emias.api-key emias.client-secret "
    "emias.webhook"
)


def test_roles_are_read_from_a_list() -> None:
    assert parse("poll, relay,deliver,") == {"poll", "relay", "deliver"}
    assert parse(",".join(ROLES)) == ALL


@pytest.mark.parametrize("text", ["", " , ", "deliver,cook"])
def test_an_unknown_role_is_named(text: str) -> None:
    with pytest.raises(Fatal, match="MM-CLI-ROLES") as refused:
        parse(text)
    assert "schedule" in refused.value.ru
    assert "cook" not in text or "cook" in refused.value.en


async def test_a_file_is_never_shared(tmp_path: Path) -> None:
    write_defaults(tmp_path / "new")
    for name in SECRETS.split():
        (tmp_path / "new" / "secrets").mkdir(exist_ok=True)
        (tmp_path / "new" / "secrets" / name).touch(mode=0o600)
        (tmp_path / "new" / "secrets" / name).write_text("something")
    config = load_config(tmp_path / "new", {})
    with pytest.raises(Fatal, match="MM-STATE-SHARED"):
        await work(config, parse("deliver"))
    assert not config.state.path.exists()


async def _run(here: Any, roles: frozenset[str], until: Any) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(here.engine.run(stop, roles))
    try:
        async with asyncio.timeout(60):
            while not await until():
                assert not running.done() or running.result()
                await asyncio.sleep(0.02)
    finally:
        stop.set()
        await running


async def test_poller_and_deliverer_share_the_work(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        fields = {**EXAMPLE, "oid": "1.2.643.5.1.13.13.12.2.77.10001", "parent_oid": None}
        here.emias.put("organization", here.house.mappings["organization"].write(Side.EMIAS, fields, None))

        async def read_through() -> bool:
            told = await here.database.read(lambda tx: tx.execute("SELECT COUNT(*) FROM cursor").fetchone()[0])
            return told == 2 * len(here.house.mappings)

        await _run(here, parse("poll"), read_through)
        assert here.gosuslugi.refs("organization") == []
        assert await here.states("organization") == {"behind": 1}

        async def arrived() -> bool:
            return await here.states("organization") == {"level": 1}

        await _run(here, parse("deliver"), arrived)
        assert len(here.gosuslugi.refs("organization")) == 1
