"""Processes that outlive the command which started them, and are ended by nothing but their own number."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

STOP_SECONDS = 20.0


def _stat(pid: int) -> tuple[str, int, int] | None:
    """State letter, process group and start time (ticks since boot); None where there is no such process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return fields[0], int(fields[2]), int(fields[19])


def _living(group: int) -> bool:
    """Is any process of this group more than a zombie?"""
    found = (_stat(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return any(stat is not None and stat[0] != "Z" and stat[1] == group for stat in found)


def ours(process: Mapping[str, int]) -> bool:
    """A number may by now belong to a stranger: ours started when we noted it, or is the group of one that did."""
    leader = _stat(process["pid"])
    return _living(process["pid"]) if leader is None or leader[0] == "Z" else leader[2] == process["started"]


def launch(command: list[str], log: Path, environ: Mapping[str, str] | None = None, **who: Any) -> dict[str, int]:
    """Starts a group of its own. Returns the number and the start time by which `ours` knows it again."""
    with log.open("ab") as written:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
            env={**os.environ, **(environ or {})},
            start_new_session=True,
            **who,
        )
    stat = _stat(process.pid)
    return {"pid": process.pid, "started": stat[2] if stat else 0}


def end(process: Mapping[str, int]) -> None:
    """Asks the group we started to stop; makes it stop when it does not listen."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + STOP_SECONDS
        if not ours(process):
            return
        with suppress(ProcessLookupError):
            os.killpg(process["pid"], number)
        while _living(process["pid"]) and time.monotonic() < deadline:
            time.sleep(0.05)
