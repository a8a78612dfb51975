"""How fast a synthetic world of any size streams, and in how much memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

from benchmarks.measure import Row, Size, Wanted


def worlds(size: Size, wanted: Wanted) -> Iterator[Row]:
    """`world.stream`: records of both systems, made and written as JSON. `world.memory`: the peak of the process."""
    command = [sys.executable, "-m", "medmost_stand.world", "--people", str(size.people), "--seed", "7"]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True)
    told = json.loads(done.stderr)
    if wanted("world.stream"):
        yield Row(name="world.stream", value=told["objects_per_second"], unit="objects/s")
    if wanted("world.memory"):
        yield Row(name="world.memory", value=told["peak_rss_mb"], unit="MB")
