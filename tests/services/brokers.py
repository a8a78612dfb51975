"""PostgreSQL, RabbitMQ and Kafka for a whole run of tests: each starts once, when first asked for, and ends with it.

`make services` ones are taken where their addresses are in the environment. A server that is missing is a skipped test
with its reason, and a failed one where MEDMOST_REQUIRE_SERVICES=1 (as `.ci/run` sets it).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "services.py"
FOLDER = "MEDMOST_TEST_SERVICES"
"""Where the run's servers are noted: one folder for all processes of the run."""


def announce() -> None:
    """Called by the run's first process, before others inherit its environment."""
    os.environ.setdefault(FOLDER, str(Path(tempfile.gettempdir()) / f"medmost-test-services-{os.getpid()}"))


def broker(name: str) -> str:
    """The address of "postgresql", "rabbitmq" or "kafka", started if need be."""
    given = os.environ.get(f"MEDMOST_{name.upper()}_URL")
    if given:
        return given
    done = _services("start", name)
    if done.returncode:
        if os.environ.get("MEDMOST_REQUIRE_SERVICES") == "1":
            pytest.fail(f"{name} is required here: {done.stderr}")
        pytest.skip(f"{name} cannot run here: {done.stderr.strip()[:200]}")
    lines = dict(line.split("=", 1) for line in done.stdout.splitlines())
    return lines[f"MEDMOST_{name.upper()}_URL"]


def end() -> None:
    """Called by the run's last process."""
    folder = Path(os.environ[FOLDER])
    if folder.exists():
        _services("stop")
        shutil.rmtree(folder, ignore_errors=True)


def _services(*told: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(TOOL), *told, "--folder", os.environ[FOLDER]]
    return subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
