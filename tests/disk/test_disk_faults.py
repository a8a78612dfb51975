"""The product's own database file on a disk that fails: full, I/O error, power lost with writes unsynced or torn.

Every write, truncation and sync of a small life is a point. The suite plays one in fifty, `MEDMOST_FULL=1` all.
At each: nothing acknowledged is lost, nothing is there by half, the process ends loudly, and a restart comes level.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medmost.store import schema

HERE = Path(__file__).parent
STRIDE = 1 if os.environ.get("MEDMOST_FULL") else 50
STOPPED, POWER_FAILED = 3, 86
POWER = ("lost", "torn")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


class Disk:
    """The child that plays lives on a disk of ours."""

    def __init__(self, folder: Path, shim: Path) -> None:
        self.folder, self.template = folder, folder / "template.db"
        schema.upgrade(self.template)
        self.log = (folder / "child.log").open("w", encoding="utf-8")
        paths = [str(HERE.parents[1] / "src"), str(HERE.parent), str(HERE.parent / "simulation")]
        env = {**os.environ, "LD_PRELOAD": str(shim), "PYTHONPATH": os.pathsep.join(paths)}
        self.child = subprocess.Popen(
            [sys.executable, str(HERE / "child.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.log, env=env, text=True,
        )  # fmt: skip

    def plays(self, mode: str, at: int = 0) -> dict[str, Any]:
        """A life whose operation number `at` fails in this way; how it ended and what was wrong afterwards."""
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        asked = {
            "folder": str(self.folder / "life"),
            "template": str(self.template),
            "mode": mode,
            "at": at,
            "seed": at,
        }
        self.child.stdin.write(json.dumps(asked) + "\n")
        self.child.stdin.flush()
        answer: dict[str, Any] = json.loads(self.child.stdout.readline())
        return answer

    def close(self) -> None:
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        self.child.stdin.close()
        self.child.wait(30)
        self.child.stdout.close()
        self.log.close()


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        if os.environ.get("MEDMOST_REQUIRE_SERVICES"):
            pytest.fail("a C compiler is needed to make the disk fail: make system")
        pytest.skip("no C compiler to make the disk fail with")
    folder = tmp_path_factory.mktemp("disk")
    shim = folder / "faulty_disk.so"
    built = [compiler, "-shared", "-fPIC", "-O2", "-o", str(shim), str(HERE / "faulty_disk.c"), "-ldl", "-lpthread"]
    subprocess.run(built, check=True)
    made = Disk(folder, shim)
    yield made
    made.close()


def test_on_a_good_disk_all_comes_level(disk: Disk) -> None:
    played = disk.plays("none")
    assert played["problems"] == []
    assert played["exit"] == 0
    assert played["count"] > 500
    assert played["fired"] == 0


@pytest.mark.parametrize("mode", ["full", "ioerr", "lost", "torn"])
def test_no_disk_fault_loses_what_was_acknowledged(disk: Disk, mode: str, capsys: pytest.CaptureFixture[str]) -> None:
    points = range(1 + len(mode) % STRIDE, disk.plays("none")["count"] + 1, STRIDE)
    ends: Counter[int] = Counter()
    for at in points:
        played = disk.plays(mode, at)
        ends[played["exit"]] += 1
        assert played["problems"] == [], (mode, at, played)
        if mode in POWER:
            assert played["exit"] == POWER_FAILED, (mode, at, played)
        else:
            assert played["fired"] > 0 or mode == "full", (mode, at, played)
            assert played["exit"] in (0, STOPPED), (mode, at, played)
            assert not played.get("unheard"), (mode, at, played)  # nobody goes on after a fault as if all were well
    assert ends[POWER_FAILED if mode in POWER else STOPPED] >= 0.9 * len(points)
    with capsys.disabled():
        print(f"\n{mode}: {len(points)} points, ends {dict(ends)}, 0 acknowledged rows lost")  # noqa: T201  # the counts are part of what the test shows
