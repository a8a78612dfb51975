"""`make services`: a PostgreSQL, a RabbitMQ and a Kafka of our own, on free loopback ports, for tests and benchmarks.

    services.py start [postgresql] [rabbitmq] [kafka]    those named, else all; again is harmless
    services.py env                                      MEDMOST_POSTGRESQL_URL= and so on, of those that run
    services.py stop                                     exactly the processes started here, and their data

What runs is noted in `.services/state.json`; the data lies in a temporary folder, because PostgreSQL refuses root and
the unprivileged user that stands in for it may not reach this one. Nothing is ever found or ended by name.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import shutil
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from processes import end
from servers import ROOT, STARTS, Entry, Trouble, runs

NAMES = tuple(STARTS)
State = dict[str, Entry]


@contextmanager
def _state(folder: Path) -> Iterator[State]:
    """What runs; saved whatever happens meanwhile, and nobody else's turn until then."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "state.json"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state: State = json.loads(path.read_text()) if path.exists() else {}
        try:
            yield state
        finally:
            fresh = path.with_suffix(".new")
            fresh.touch(mode=0o600)
            fresh.write_text(json.dumps(state, indent=1))
            fresh.replace(path)


def start(folder: Path, names: list[str]) -> None:
    """Returns once each of them answers. Raises Trouble for one that cannot; the others stay."""
    with _state(folder) as state, ThreadPoolExecutor() as pool:
        missing = [name for name in names if name not in state or not runs(state[name])]
        for started in [pool.submit(_start_one, folder, name, state) for name in missing]:
            started.result()


def _start_one(folder: Path, name: str, state: State) -> None:
    """What has started is noted at once, so that a command that is broken off leaves nothing unknown behind."""
    _clear(state.pop(name, {}))
    entry = state[name] = {"processes": []}
    try:
        STARTS[name](folder, entry)
    except BaseException:
        _clear(state.pop(name))
        raise
    entry["answers"] = True


def _clear(entry: Entry) -> None:
    for process in entry.get("processes", ()):  # a server first, then what it rests on
        end(process)
    if "home" in entry:
        shutil.rmtree(entry["home"], ignore_errors=True)


def stop(folder: Path) -> None:
    with _state(folder) as state:
        for name in list(state):
            _clear(state[name])
            del state[name]


def env(folder: Path) -> list[str]:
    """A line for each one that runs. Raises Trouble when none does."""
    with _state(folder) as state:
        alive = {name: one for name, one in state.items() if runs(one)}
    if not alive:
        raise Trouble('no service runs: start them with `make services ARGS="start"`')
    return [f"MEDMOST_{name.upper()}_URL={alive[name]['url']}" for name in NAMES if name in alive]


def main() -> None:
    parser = argparse.ArgumentParser(prog="make services", description="PostgreSQL, RabbitMQ and Kafka for tests")
    parser.add_argument("do", choices=("start", "stop", "env"))
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all without")
    parser.add_argument("--folder", type=Path, default=ROOT / ".services", help="where to note what runs")
    given = parser.parse_args()
    if unknown := set(given.names) - set(NAMES):
        parser.error(f"no such service: {', '.join(sorted(unknown))}")
    folder = given.folder.resolve()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # both ways of breaking off save what has started
    try:
        if given.do == "start":
            start(folder, [name for name in NAMES if name in given.names or not given.names])
        elif given.do == "stop":
            stop(folder)
        if given.do != "stop":
            sys.stdout.write("".join(f"{line}\n" for line in env(folder)))
    except Trouble as trouble:
        sys.stderr.write(f"services: {trouble}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
