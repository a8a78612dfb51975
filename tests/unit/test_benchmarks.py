"""Every benchmark runs in a tiny size and tells what it measured; how fast anything is, no test asserts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

ROOT = Path(__file__).resolve().parents[2]
MEMBERS = {"name", "value", "unit", "ceiling", "peer", "ratio"}
KINDS = "organization policy schedule slot visit result vaccination request".split()
ROWS = {f"mapping.read.{kind}" for kind in KINDS} | {
    "merge.level", "merge.changed", "cipher.seal", "cipher.open", "absorb.fresh", "absorb.changed", "absorb.unchanged",
    "mapping.policy.gosuslugi", "mapping.policy.emias", "mapping.policy.glom", "mapping.page",
    "mapping.write.new", "mapping.write.field", "pull", "audit", "deliver", "start.help", "start.status",
    "world.stream", "world.memory",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.full
def test_each_benchmark_yields_whole_rows(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--json", str(file)]
    environ = {**os.environ, "COLUMNS": "120"}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    rows = orjson.loads(file.read_bytes())
    assert [row["name"] for row in rows if set(row) != MEMBERS] == []
    assert {row["name"] for row in rows} == ROWS
    for row in rows:
        assert row["value"] > 0
        assert row["unit"] in ("records/s", "bodies/s", "PUT/s", "objects/s", "s", "MB")
        assert (row["ceiling"] is None and row["peer"] is None) == (row["ratio"] is None)
        assert row["name"] in done.stdout


def test_one_row_alone_can_be_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--only", "cipher.open", "--json", str(file)]
    subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=True)
    assert [row["name"] for row in orjson.loads(file.read_bytes())] == ["cipher.open"]


def test_an_unknown_benchmark_is_wrong_use() -> None:
    command = [sys.executable, "-m", "benchmarks", "--only", "nothing"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "mapping" in done.stderr
