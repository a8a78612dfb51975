"""`make services`: real PostgreSQL, RabbitMQ and Kafka start, answer and leave nothing behind."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ROOT / "tools" / "services.py"
LIBRARIES = ROOT / ".services" / "kafka-libs"
REQUIRED = os.environ.get("MEDMOST_REQUIRE_SERVICES") == "1"

pytestmark = [pytest.mark.slow]


def services(folder: Path, *told: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ} if path is None else {**os.environ, "PATH": path}
    command = [sys.executable, str(SERVICES), *told, "--folder", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, env=environ, timeout=280, check=False)


def told_urls(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


def noted(folder: Path) -> list[int]:
    """The numbers of all processes that the folder knows of."""
    state = json.loads((folder / "state.json").read_text())
    return [process["pid"] for entry in state.values() for process in entry["processes"]]


def alive(group: int) -> list[str]:
    """The processes of a group that are more than a zombie."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split() if entry.name.isdigit() else []
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields and fields[0] != "Z" and int(fields[2]) == group:
            found.append(entry.name)
    return found


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    folder = tmp_path_factory.mktemp("services")
    names = []
    for name in ("postgresql", "rabbitmq", "kafka"):
        if not REQUIRED and (lacks := missing(name)):
            print(f"{name} is left out: {lacks}")  # noqa: T201  # pytest shows it with what was skipped
            continue
        names.append(name)
    if not names:
        pytest.skip("none of the services is installed: run `make system`")
    done = services(folder, "start", *names)
    try:
        assert done.returncode == 0, done.stderr
        yield folder, told_urls(done)
    finally:
        services(folder, "stop")


def missing(name: str) -> str | None:
    """Why a service cannot run here; None when it can."""
    if name == "postgresql":
        found = any(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or shutil.which("initdb")
        return None if found else "PostgreSQL is not installed"
    if name == "rabbitmq":
        found = Path("/usr/lib/rabbitmq/bin/rabbitmq-server").exists() or shutil.which("rabbitmq-server")
        return None if found else "RabbitMQ is not installed"
    fetched = (LIBRARIES / "pom.xml").exists()
    return None if shutil.which("java") and (fetched or shutil.which("mvn")) else "Java or Maven is not installed"


def url_of(running: tuple[Path, dict[str, str]], name: str) -> str:
    url = running[1].get(f"MEDMOST_{name.upper()}_URL")
    if url is None:
        pytest.skip(missing(name) or f"{name} does not run")
    return url


def test_postgresql_answers_a_query(running: tuple[Path, dict[str, str]]) -> None:
    psql = shutil.which("psql")
    assert psql is not None
    done = subprocess.run(
        [psql, url_of(running, "postgresql"), "-XAtc", "SELECT current_user, current_database(), 6 * 7"],
        capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "medmost|medmost|42"


def test_rabbitmq_greets_and_knows_its_password(running: tuple[Path, dict[str, str]]) -> None:
    url = urlsplit(url_of(running, "rabbitmq"))
    assert start_ok(url.port or 0, url.username or "", url.password or "") == (10, 30)  # Connection.Tune
    assert start_ok(url.port or 0, url.username or "", "another") == (10, 50)  # Connection.Close


def start_ok(port: int, user: str, password: str) -> tuple[int, int]:
    """Class and method of what a broker says after Connection.Start-Ok with these credentials (AMQP 0-9-1 §4.2)."""
    capability = b"\x1cauthentication_failure_closet\x01"
    table = b"\x0ccapabilitiesF" + len(capability).to_bytes(4, "big") + capability
    login = f"\0{user}\0{password}".encode()
    said = (
        (10).to_bytes(2, "big") + (11).to_bytes(2, "big") + len(table).to_bytes(4, "big") + table
        + b"\x05PLAIN" + len(login).to_bytes(4, "big") + login + b"\x05en_US"
    )  # fmt: skip
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection, connection.makefile("rb") as heard:
        connection.sendall(b"AMQP\x00\x00\x09\x01")
        greeting = heard.read(7)
        heard.read(int.from_bytes(greeting[3:], "big") + 1)
        connection.sendall(b"\x01\x00\x00" + len(said).to_bytes(4, "big") + said + b"\xce")
        heard.read(7)
        return int.from_bytes(heard.read(2), "big"), int.from_bytes(heard.read(2), "big")


def test_kafka_keeps_a_topic(running: tuple[Path, dict[str, str]]) -> None:
    at = urlsplit(url_of(running, "kafka")).netloc
    java = shutil.which("java")
    assert java is not None
    command = [java, "-Xmx256m", "-cp", f"{LIBRARIES}/*", "org.apache.kafka.tools.TopicCommand"]
    command += ["--bootstrap-server", at]
    for told in (["--create", "--topic", "deliveries", "--partitions", "3"], ["--list"]):
        done = subprocess.run([*command, *told], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split() == ["deliveries"]


def test_a_second_start_changes_nothing(running: tuple[Path, dict[str, str]]) -> None:
    folder, urls = running
    before = noted(folder)
    again = services(folder, "start", *(name.split("_")[1].lower() for name in urls))
    assert told_urls(again) == urls
    assert told_urls(services(folder, "env")) == urls
    assert noted(folder) == before


def test_stop_leaves_nothing_running(running: tuple[Path, dict[str, str]]) -> None:
    folder, urls = running
    groups = noted(folder)
    homes = [entry["home"] for entry in json.loads((folder / "state.json").read_text()).values()]
    assert all(alive(group) for group in groups)
    assert services(folder, "stop").returncode == 0
    assert [alive(group) for group in groups] == [[] for _ in groups]
    assert not any(Path(home).exists() for home in homes)
    for url in urls.values():
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=5)
    silent = services(folder, "env")
    assert (silent.returncode, silent.stdout) == (1, "")
    assert "make services" in silent.stderr


def test_a_missing_program_names_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = services(tmp_path, "start", "kafka", path=str(tmp_path / "empty"))
    assert done.returncode == 1
    assert "make system" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_stranger_with_the_same_number_lives(tmp_path: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True)
    try:
        entry = {"processes": [{"pid": stranger.pid, "started": 1}], "url": "postgresql://gone", "answers": True}
        (tmp_path / "state.json").write_text(json.dumps({"postgresql": entry}))
        assert services(tmp_path, "stop").returncode == 0
        assert stranger.poll() is None
    finally:
        stranger.communicate(b"\n", timeout=10)
