"""A stand that is stopped comes back as it was; its configuration keeps fitting; the program's exits."""

import asyncio
import signal
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from medmost_stand.stand import SystemName
from stand.running import Client, running_stand
from stand.tiny import ANNA, emias_policy, gosuslugi_policy

POLICY = {"emias": emias_policy, "gosuslugi": gosuslugi_policy}
BOTH: list[SystemName] = ["emias", "gosuslugi"]
NEW = "7700000000000077"
PROGRAM = str(Path(sys.executable).with_name("medmost-stand"))


async def everything(client: Client) -> dict[str, Any]:
    paths = ["effects", "people", "planted"] + [
        f"export/{name}" for name in ("policies", "visits", "requests", "slots")
    ]
    return {path: (await client.call("GET", f"/stand/{path}")).raw for path in paths}


@pytest.mark.parametrize("name", BOTH)
async def test_kept_state_comes_back_whole(tmp_path: Path, name: SystemName) -> None:
    state = tmp_path / "stand.db"
    async with running_stand(only=name, state=state) as running:
        client = running[name]
        created = await client.create("policies", POLICY[name](NEW) | {client.names.origin: "o-1"}, "key-1")
        await client.act("DELETE", f"policies/{name[0]}-policies-1")
        page = await client.list("policies", **({"pageSize": 1} if name == "emias" else {}))
        before, headers = await everything(client), client.headers
        credentials = running.stand.credentials
    assert [path.name for path in tmp_path.glob("*.db")] == [f"stand.{name}.db"]
    async with running_stand(only=name, state=state) as running:
        client = running[name]
        assert running.stand.credentials == credentials
        assert await everything(client) == before
        client.headers = headers  # the token of the first run
        again = await client.create("policies", POLICY[name](NEW) | {client.names.origin: "o-1"}, "key-1")
        assert again.raw == created.raw
        assert len((await client.list("policies", origin="o-1")).json[client.names.rows]) == 1
        assert (await client.create("policies", POLICY[name](ANNA))).status == 409
        if name == "emias":
            token = page.json["nextPageToken"]
            assert (await client.list("policies", pageToken=token)).status == 200
        await client.act("PUT", f"policies/{name[0]}-policies-0", POLICY[name](ANNA))
        assert (await client.effects())[-1]["n"] == 3


async def test_temporary_state_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    async with running_stand():
        assert list(tmp_path.iterdir())
    assert list(tmp_path.iterdir()) == []


async def test_configuration_is_complete_and_private(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    async with running_stand(config=folder, console_url="http://127.0.0.1:9912") as running:
        systems = tomllib.loads((folder / "systems.toml").read_text())
        settings = tomllib.loads((folder / "medmost.toml").read_text())
        assert systems["gosuslugi"]["base_url"] == running["gosuslugi"].address
        assert systems["emias"]["base_url"] == running["emias"].address
        assert systems["gosuslugi"]["client"] == running.stand.ends["gosuslugi"].state.client
        assert (settings["console"]["host"], settings["console"]["port"]) == ("127.0.0.1", 9912)
        assert set(settings["stages"].values()) == {"full"}
        assert len(settings["stages"]) == 8
        named = [
            value.removeprefix("file:")
            for table in (*systems.values(), settings["state"])
            for value in table.values()
            if str(value).startswith("file:")
        ]
        assert len(named) == 8
        for name in named:
            assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
            assert (folder / name).read_text()
        secret = (folder / "secrets/emias.client-secret").read_text()
        assert secret == running.stand.credentials.emias_client_secret


async def test_configuration_outlives_the_stand(tmp_path: Path) -> None:
    def contents() -> dict[str, bytes]:
        names = ["medmost.key", *(f"secrets/{path.name}" for path in (tmp_path / "secrets").glob("*[!k]"))]
        return {name: (tmp_path / name).read_bytes() for name in names}

    async with running_stand(config=tmp_path):
        before = contents()
        (tmp_path / "medmost.toml").write_text("# mine\n")
    async with running_stand(config=tmp_path) as running:
        assert contents() == before
        assert (tmp_path / "medmost.toml").read_text() == "# mine\n"
        assert running.stand.credentials.emias_api_key == before["secrets/emias.api-key"].decode()


async def test_two_halves_share_one_configuration(tmp_path: Path) -> None:
    async def half(name: SystemName) -> Any:
        async with running_stand(only=name, config=tmp_path) as running:
            return running.stand.credentials

    first, second = await asyncio.gather(half("emias"), half("gosuslugi"))
    assert (first.emias_api_key, first.gosuslugi_key) == (second.emias_api_key, second.gosuslugi_key)


@pytest.mark.parametrize(
    "wrong",
    [["--people", "3"], ["--people", "many"], ["--only", "mars"], ["--life", "-1"], ["--collections", "x"], ["extra"]],
)
def test_wrong_use_exits_with_two(wrong: list[str]) -> None:
    done = subprocess.run([PROGRAM, *wrong], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_signal_stops_the_program_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    arguments = ["--gosuslugi-port", "0", "--emias-port", "0", "--people", "12", "--life", "20"]
    process = await asyncio.create_subprocess_exec(
        PROGRAM, *arguments, "--state", str(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    lines = [await asyncio.wait_for(process.stdout.readline(), 60) for _ in range(2)]
    assert [line.decode().split()[0] for line in lines] == ["Госуслуги", "ЕМИАС"]
    process.send_signal(number)
    _, errors = await asyncio.wait_for(process.communicate(), 30)
    assert (process.returncode, errors) == (0, b"")
    assert sorted(path.name for path in tmp_path.glob("*.db")) == ["emias.db", "gosuslugi.db"]


@pytest.mark.slow
async def test_killed_stand_keeps_what_it_answered(tmp_path: Path) -> None:
    arguments = ["--only", "emias", "--emias-port", "0", "--people", "12", "--state", str(tmp_path / "s.db")]
    process = await asyncio.create_subprocess_exec(PROGRAM, *arguments, stdout=subprocess.PIPE)
    assert process.stdout is not None
    address = (await asyncio.wait_for(process.stdout.readline(), 60)).decode().split()[1]
    async with running_stand(only="gosuslugi") as other:
        session = other["gosuslugi"].session
        url = address + "/stand/act/policies"
        for place in range(20):
            async with session.post(url, json=emias_policy(f"77000000000001{place:02d}")) as reply:
                assert reply.status == 201
        process.kill()
        await process.communicate()
    async with running_stand(only="emias", state=tmp_path / "s.db") as running:
        effects = await running["emias"].effects()
        assert [effect["n"] for effect in effects] == list(range(1, 21))
        exported = (await running["emias"].call("GET", "/stand/export/policies")).lines
        assert {effect["id"] for effect in effects} <= {row["id"] for row in exported}


@pytest.mark.slow
async def test_taken_port_is_said_in_a_sentence(tmp_path: Path) -> None:
    async with running_stand(only="emias") as running:
        port = running["emias"].address.rpartition(":")[2]
        done = await asyncio.to_thread(
            subprocess.run,
            [PROGRAM, "--only", "emias", "--emias-port", port, "--people", "12"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
