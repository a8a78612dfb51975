"""How each service starts: a private one, on free loopback ports, with its data in a temporary folder."""

from __future__ import annotations

import base64
import os
import pwd
import secrets
import shutil
import socket
import struct
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from processes import launch, ours

ROOT = Path(__file__).resolve().parent.parent
KAFKA_POM = ROOT / "tools" / "kafka" / "pom.xml"
START_SECONDS, FETCH_SECONDS = 90.0, 600.0
USER = "medmost"
Entry = dict[str, Any]
"""What is noted of one service: url, port, home and the processes that were started for it."""


class Trouble(Exception):
    """Why a service cannot run, in one sentence that says what to do."""


# ---------------------------------------------------------------- what every one of them needs
def _do(command: list[str], what: str, timeout: float = 120.0, **more: Any) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, **more)
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-5:]
        raise Trouble(f"{what} failed with {done.returncode}: " + " / ".join(last))


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def _program(name: str, service: str, *folders: str) -> str:
    """The newest one in these folders, else the one on the path."""
    found = [path for folder in folders for path in Path("/").glob(f"{folder.lstrip('/')}/{name}")]
    program = str(max(found, key=_version)) if found else shutil.which(name)
    if program is None:
        raise Trouble(f"{service} is not installed ({name} not found): run `make system` as root, then this again")
    return program


def _version(path: Path) -> list[int]:
    return [int(part) for part in path.parts if part.isdigit()]


def _unprivileged() -> dict[str, Any]:
    """Popen's arguments for whom a server runs as: never root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _home(service: str, who: Mapping[str, Any]) -> Path:
    home = Path(tempfile.mkdtemp(prefix=f"medmost-{service}-"))
    if who:
        os.chown(home, who["user"], who["group"])
    return home


def runs(entry: Entry) -> bool:
    """Did it come to answer, and are its processes there?"""
    return "answers" in entry and _alive(entry)


def _alive(entry: Entry) -> bool:
    return all(ours(process) for process in entry["processes"])


def _wait(name: str, folder: Path, entry: Entry, answers: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not answers():
        if not _alive(entry):
            raise Trouble(f"{name} ended while starting; its last words:\n{_tail(folder / f'{name}.log')}")
        if time.monotonic() > deadline:
            raise Trouble(f"{name} did not answer within {START_SECONDS:g} s:\n{_tail(folder / f'{name}.log')}")
        time.sleep(0.1)


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:]) if log.exists() else "(nothing)"


# ---------------------------------------------------------------- PostgreSQL
def _postgresql(folder: Path, entry: Entry) -> None:
    initdb, postgres, psql = (
        _program(name, "PostgreSQL", "/usr/lib/postgresql/*/bin") for name in ("initdb", "postgres", "psql")
    )
    who = _unprivileged()
    home = _home("postgresql", who)
    port, password = _free_port(), secrets.token_hex(16)
    entry |= {"home": str(home), "port": port, "url": f"postgresql://{USER}:{password}@127.0.0.1:{port}/{USER}"}
    secret, data = home / "password", home / "data"
    secret.write_text(password)
    if who:
        os.chown(secret, who["user"], who["group"])
    secret.chmod(0o600)
    _do(
        [initdb, "--pgdata", str(data), "--username", USER, "--pwfile", str(secret), "--auth", "scram-sha-256",
         "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-instructions"],
        "initdb", cwd=home, **who,
    )  # fmt: skip
    settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "max_connections": 200}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    command = [postgres, "-D", str(data), *options]
    entry["processes"].append(launch(command, folder / "postgresql.log", cwd=home, **who))
    maintenance = entry["url"].rpartition("/")[0] + "/postgres"
    _wait("postgresql", folder, entry, lambda: _sql(psql, maintenance, "SELECT 1") is not None)
    if _sql(psql, maintenance, f"CREATE DATABASE {USER}") is None:
        raise Trouble("PostgreSQL answers but did not create its database: see .services/postgresql.log")


def _sql(psql: str, url: str, statement: str) -> str | None:
    done = subprocess.run([psql, url, "-XAtqc", statement], capture_output=True, text=True, timeout=30, check=False)
    return done.stdout if done.returncode == 0 else None


# ---------------------------------------------------------------- RabbitMQ
def _rabbitmq(folder: Path, entry: Entry) -> None:
    # Debian's wrapper on the path turns everyone away who is neither root nor rabbitmq; the script behind it does not.
    server = _program("rabbitmq-server", "RabbitMQ", "/usr/lib/rabbitmq/bin")
    epmd = _program("epmd", "RabbitMQ")
    who = _unprivileged()
    home = _home("rabbitmq", who)
    port, node_port, names_port, password = _free_port(), _free_port(), _free_port(), secrets.token_hex(16)
    config, plugins = home / "rabbitmq.conf", home / "enabled_plugins"
    config.write_text(
        f"listeners.tcp.1 = 127.0.0.1:{port}\ndefault_user = {USER}\ndefault_pass = {password}\n"
        "loopback_users = none\nlog.console = true\nlog.file = false\ndisk_free_limit.absolute = 50MB\n"
    )
    plugins.write_text("[].\n")
    environ = {
        "HOME": str(home),
        "ERL_EPMD_PORT": str(names_port),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": f"medmost{port}@localhost",
        "RABBITMQ_DIST_PORT": str(node_port),
        "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
        "RABBITMQ_LOG_BASE": str(home / "log"),
        "RABBITMQ_CONFIG_FILE": str(config),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
        "RABBITMQ_CONF_ENV_FILE": os.devnull,
    }
    entry |= {
        "home": str(home),
        "port": port,
        "url": f"amqp://{USER}:{password}@127.0.0.1:{port}/",
        "environ": environ,
    }
    log = folder / "rabbitmq.log"
    # Erlang would start a name server of its own, which nobody could end without asking for it by name.
    names = [epmd, "-port", str(names_port), "-address", "127.0.0.1"]
    entry["processes"].append(launch(names, log, environ, cwd=home, **who))
    _wait("rabbitmq", folder, entry, lambda: _heard(names_port, b"\x00\x01n") is not None)  # NAMES_REQ
    entry["processes"].insert(0, launch([server], log, environ, cwd=home, **who))
    _wait("rabbitmq", folder, entry, lambda: (_heard(port, b"AMQP\x00\x00\x09\x01") or b"")[:1] == b"\x01")


def _heard(port: int, said: bytes) -> bytes | None:
    """What a server answers first; None where it does not."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(said)
            return connection.recv(64) or None
    except OSError:
        return None


# ---------------------------------------------------------------- Kafka
def kafka_libraries() -> Path:
    """The broker's jars, fetched from Maven Central once and kept for this checkout."""
    libraries = ROOT / ".services" / "kafka-libs"
    told = libraries / "pom.xml"
    if told.is_file() and told.read_bytes() == KAFKA_POM.read_bytes():
        return libraries
    maven = _program("mvn", "Maven, which fetches Kafka,")
    shutil.rmtree(libraries, ignore_errors=True)
    command = [maven, "-B", "-q", "-f", str(KAFKA_POM), "dependency:copy-dependencies", "-DincludeScope=runtime"]
    _do([*command, f"-DoutputDirectory={libraries}"], "fetching Kafka", FETCH_SECONDS)
    shutil.copyfile(KAFKA_POM, told)  # last: says that all of it is here, and of which version
    return libraries


def kafka_java(main: str, *arguments: str, memory: str = "256m") -> list[str]:
    """The command of one of Kafka's programs by its main class."""
    java = _program("java", "Java, which Kafka runs on,")
    classes = f"{kafka_libraries()}/*"
    return [java, f"-Xmx{memory}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", classes, main, *arguments]


def _kafka(folder: Path, entry: Entry) -> None:
    server = kafka_java("kafka.Kafka", memory="512m")  # what is missing shows before anything is made
    home = _home("kafka", {})
    port, controller = _free_port(), _free_port()
    settings = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": home / "data",
        "num.partitions": 4,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
    }
    config = home / "server.properties"
    config.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    entry |= {"home": str(home), "port": port, "url": f"kafka://127.0.0.1:{port}"}
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    _do(kafka_java("kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(config)), "Kafka's format")
    entry["processes"].append(launch([*server, str(config)], folder / "kafka.log", cwd=home))
    # ApiVersions, version 0, correlation 7, no client name.
    asked = struct.pack(">ihhih", 10, 18, 0, 7, -1)
    _wait("kafka", folder, entry, lambda: (_heard(port, asked) or b"")[4:10] == b"\x00\x00\x00\x07\x00\x00")


STARTS: Mapping[str, Callable[[Path, Entry], None]] = {
    "postgresql": _postgresql,
    "rabbitmq": _rabbitmq,
    "kafka": _kafka,
}
