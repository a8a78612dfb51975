"""One process holds the state; commands go to it, a second one is refused, and it stops when it is told to."""

from __future__ import annotations

import stat
import time
import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from flows.acting import at_other, ok, policies_at_both, settled
from flows.running import SYSTEMS, Systems, ask, command, link_everyone, medmost, stand

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]
HOUR = (3600, 3600)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def systems(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Systems]:
    async with stand(tmp_path_factory.mktemp("control"), people=20, seed=19) as found:
        for system in SYSTEMS:
            await found.faults(system, {"effect": "webhook-lost"})
        yield found


async def test_commands_go_to_the_running_process(systems: Systems) -> None:
    async with medmost(systems, poll=HOUR) as running:
        await settled(running)
        socket = systems.folder / "medmost.sock"
        assert stat.S_ISSOCK(socket.stat().st_mode)
        assert stat.S_IMODE(socket.stat().st_mode) == 0o600

        linked = await link_everyone(systems)
        rows = await ask(systems, "link.list", values=True)
        assert {row["policy_number"] for row in rows} == {one["policy_number"] for one in linked}

        number, there, _ = (await policies_at_both(systems, 1))[0]
        email = f"{uuid.uuid4().hex[:10]}@post.example"
        await systems.change("gosuslugi", "policies", there, **{"Электронная почта": email})
        told = await ok(systems, "sync", "--kind", "policy", "--json")
        assert told["read"] >= 1
        assert await at_other(systems, "emias", "policies", policyNumber=number, email=email)

        shown = await ok(systems, "status", "--json")
        assert shown["healthy"] is True
        assert shown["kinds"]["policy"]["next_poll_seconds"] > 1000  # only the running process knows
        assert set(shown["kinds"]) == set((await running.status())["kinds"])

        second = await command(systems, "run")
        assert second.code == 2, str(second)
        assert "MM-STATE-BUSY" in second.err
        assert "уже открыто" in second.err
        assert len(second.err.strip().splitlines()) == 1
        assert (await running.status())["healthy"] is True  # the first one goes on
        assert (await ask(systems, "stage.show"))["policy"]["stage"] == "full"

        began = time.monotonic()
        assert await running.process.stop() == 0
        assert time.monotonic() - began < 5  # not when the next poll would be due
        assert not socket.exists()


async def test_commands_work_after_a_kill(systems: Systems) -> None:
    """A socket that nobody serves any more and a lock that died with its holder keep nobody out."""
    async with medmost(systems, poll=HOUR) as running:
        await settled(running)
        await running.process.kill()
    assert (systems.folder / "medmost.sock").exists()
    shown = await ok(systems, "status", "--json")
    assert shown["kinds"]["policy"]["level"] > 0
    number, there, _ = (await policies_at_both(systems, 1))[0]
    email = f"{uuid.uuid4().hex[:10]}@post.example"
    await systems.change("gosuslugi", "policies", there, **{"Электронная почта": email})
    await ok(systems, "sync", "--kind", "policy")
    assert await at_other(systems, "emias", "policies", policyNumber=number, email=email)
