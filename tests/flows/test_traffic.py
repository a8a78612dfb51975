"""A session of medmost recorded masked, then played again without the systems."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import pytest

from flows.running import SYSTEMS, Ran, command, stand
from medmost_stand.traffic import tape
from medmost_stand.traffic.masking import Mask
from medmost_stand.traffic.recorder import Recorder
from medmost_stand.traffic.replay import Replay
from stand.test_traffic import served

pytestmark = pytest.mark.slow


async def migrated(folder: Path, addresses: dict[str, str]) -> Ran:
    environ = {f"MEDMOST_SYSTEMS__{name.upper()}__BASE_URL": url for name, url in addresses.items()}
    return await command(folder, "migrate", "--json", **environ)


def states(ran: Ran) -> dict[str, dict[str, int]]:
    """How many pairs of each kind are in which state."""
    names = ("pairs", "level", "behind", "conflict", "invalid", "ambiguous", "refused", "no_consent", "foreign")
    kinds = ran.json()["status"]["kinds"]
    return {kind: {name: numbers[name] for name in names} for kind, numbers in kinds.items()}


async def test_recorded_session_plays_again_without_the_systems(tmp_path: Path) -> None:
    mask, tapes = Mask(b"one key for both systems"), {name: tmp_path / f"{name}.tape" for name in SYSTEMS}
    async with stand(tmp_path, people=14, seed=3) as systems, contextlib.AsyncExitStack() as recording:
        people = await systems.people()
        fresh = tmp_path / "replayed"
        shutil.copytree(systems.folder, fresh)
        addresses = {
            name: await recording.enter_async_context(served(Recorder(systems.urls[name], tapes[name], mask).app()))
            for name in SYSTEMS
        }
        lived = await migrated(systems.folder, addresses)
        assert lived.code == 0, str(lived)
    for file in tapes.values():
        text = file.read_text(encoding="utf-8")
        assert not [one for one in people if one["policy_number"] in text]
    replays = {name: Replay(tape.read(file)) for name, file in tapes.items()}
    async with contextlib.AsyncExitStack() as replaying:
        addresses = {name: await replaying.enter_async_context(served(one.app())) for name, one in replays.items()}
        played = await migrated(fresh, addresses)
    assert {name: one.missed for name, one in replays.items()} == {name: [] for name in SYSTEMS}
    assert played.code == 0, str(played)
    assert states(played) == states(lived)
