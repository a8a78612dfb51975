"""`python -m medmost_stand.world`: a synthetic world of any size as NDJSON, part after part, on all cores.

A line a record of one system: `{"system","collection","id","changed_at","record"}`; what was counted goes to stderr.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO
from pathlib import Path

import orjson

from medmost_stand.added import CollectionErrors, load_collections
from medmost_stand.world.build import FEWEST, MOST, Added, part_world, parts_of
from medmost_stand.world.model import MOSCOW, Part, World

MOST_JOBS = 16


def lines(world: World) -> Iterator[bytes]:
    """The records of one part, EMIAS' before Gosuslugi's."""
    for system, side in (("emias", world.emias), ("gosuslugi", world.gosuslugi)):
        for collection, seeds in side.items():
            for seed in seeds:
                told = {"system": system, "collection": collection, "id": seed.id, "changed_at": seed.changed_at}
                yield orjson.dumps(told | {"record": seed.body}, option=orjson.OPT_APPEND_NEWLINE)


def _peak_mb() -> int:
    """Most memory this process ever held; `getrusage` would count the process that started it, too."""
    status = Path("/proc/self/status")
    if not status.exists():
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    line = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM"))
    return round(int(line.split()[1]) / 1024)


@dataclass(frozen=True, slots=True)
class Asked:
    """What world is asked for; any process makes any part of it."""

    people: int
    seed: int
    today: date
    collections: Path | None

    def added(self) -> tuple[Added, ...]:
        """Raises CollectionErrors."""
        return () if self.collections is None else tuple(load_collections(self.collections))


def _made(asked: Asked, count: int, part: Part) -> tuple[bytes, int, int]:
    """One part as it is written, its objects, and the most memory its maker ever held (MB)."""
    written, objects = BytesIO(), 0
    for line in lines(part_world(count, asked.people, part, asked.today, asked.added())):
        written.write(line)
        objects += 1
    return written.getvalue(), objects, _peak_mb()


def stream(asked: Asked, jobs: int) -> Iterator[tuple[bytes, int, int]]:
    """All parts in their order, made by `jobs` processes; no more than one a process and one more are waiting."""
    parts = parts_of(asked.people, asked.seed)
    if jobs == 1 or len(parts) == 1:
        yield from (_made(asked, count, part) for count, part in parts)
        return
    with ProcessPoolExecutor(jobs) as pool:
        under_way: deque[Future[tuple[bytes, int, int]]] = deque()
        for count, part in parts:
            under_way.append(pool.submit(_made, asked, count, part))
            if len(under_way) > jobs:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def main() -> int:
    """Exit codes: 0 written, 2 wrong use."""
    parser = argparse.ArgumentParser(prog="python -m medmost_stand.world", description=__doc__)
    parser.add_argument("--people", type=int, default=1000, help=f"from {FEWEST} to {MOST}")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same world")
    parser.add_argument("--today", type=date.fromisoformat, help="the world's present day, today by default")
    parser.add_argument("--collections", type=Path, metavar="DIR", help="files of added collections")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="processes, 1 to 16")
    given = parser.parse_args()
    asked = Asked(given.people, given.seed, given.today or datetime.now(MOSCOW).date(), given.collections)
    try:
        asked.added()
        parts_of(asked.people, asked.seed)
        if not 1 <= given.jobs <= MOST_JOBS:
            parser.error(f"--jobs is from 1 to {MOST_JOBS}, not {given.jobs}")
    except (ValueError, CollectionErrors) as error:
        parser.error(str(error))
    begun, objects, peak = time.perf_counter(), 0, 0
    for text, number, held in stream(asked, given.jobs):
        sys.stdout.buffer.write(text)
        objects, peak = objects + number, max(peak, held)
    sys.stdout.buffer.flush()
    took, worked = time.perf_counter() - begun, sum(os.times()[:4])
    apart = given.jobs > 1 and len(parts_of(asked.people, asked.seed)) > 1
    told = {
        "people": given.people,
        "seed": given.seed,
        "objects": objects,
        "seconds": round(took, 1),
        "objects_per_second": round(objects / took),
        "objects_per_cpu_second": round(objects / worked),
        "jobs": given.jobs if apart else 1,
        "peak_rss_mb": _peak_mb() + (given.jobs * peak if apart else 0),
    }
    sys.stderr.write(orjson.dumps(told).decode() + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
