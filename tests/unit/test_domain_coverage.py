"""The domain decides in values and touches nothing: its own tests alone walk every branch of it, without exception."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PURE = """
words merge pairing pairing_doubt identity guard history values pacing traffic schedule evidence rollout
""".split()


@pytest.mark.slow
@pytest.mark.full
def test_every_branch_of_the_domain_is_walked(tmp_path: Path) -> None:
    tests = [f"tests/unit/test_{name}.py" for name in PURE]
    found = tmp_path / "found.json"
    environ = {**os.environ, "COVERAGE_FILE": str(tmp_path / "data"), "PYTHONPATH": str(ROOT / "src")}
    python = [sys.executable, "-m"]
    told = subprocess.run(
        [*python, "coverage", "run", "--rcfile=/dev/null", "--branch", "--source=src/medmost/domain",
         "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests],
        cwd=ROOT, env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout[-2000:]
    report = [*python, "coverage", "json", "--rcfile=/dev/null", "-q", "-o", str(found)]
    subprocess.run(report, cwd=ROOT, env=environ, check=True)
    files = json.loads(found.read_text())["files"]
    gaps = {
        name: (one["missing_lines"], one["missing_branches"])
        for name, one in files.items()
        if one["missing_lines"] or one["missing_branches"] or one["excluded_lines"]
    }
    assert len(files) >= 11
    assert gaps == {}
