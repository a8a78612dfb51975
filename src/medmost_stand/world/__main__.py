"""`python -m medmost_stand.world`: a synthetic world of any size as NDJSON, part after part.

A line a record of one system: `{"system","collection","id","changed_at","record"}`; what was counted goes to stderr.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import orjson

from medmost_stand.added import CollectionErrors, load_collections
from medmost_stand.world.build import FEWEST, MOST, stream_world
from medmost_stand.world.model import MOSCOW, World


def lines(world: World) -> Iterator[bytes]:
    """The records of one part, EMIAS' before Gosuslugi's."""
    for system, side in (("emias", world.emias), ("gosuslugi", world.gosuslugi)):
        for collection, seeds in side.items():
            for seed in seeds:
                told = {"system": system, "collection": collection, "id": seed.id, "changed_at": seed.changed_at}
                yield orjson.dumps(told | {"record": seed.body}, option=orjson.OPT_APPEND_NEWLINE)


def _peak_mb() -> int:
    """Most memory this program ever held; `getrusage` would count the process that started it, too."""
    status = Path("/proc/self/status")
    if not status.exists():
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    line = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM"))
    return round(int(line.split()[1]) / 1024)


def main() -> int:
    """Exit codes: 0 written, 2 wrong use."""
    parser = argparse.ArgumentParser(prog="python -m medmost_stand.world", description=__doc__)
    parser.add_argument("--people", type=int, default=1000, help=f"from {FEWEST} to {MOST}")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same world")
    parser.add_argument("--today", type=date.fromisoformat, help="the world's present day, today by default")
    parser.add_argument("--collections", type=Path, metavar="DIR", help="files of added collections")
    given = parser.parse_args()
    today = given.today or datetime.now(MOSCOW).date()
    try:
        added = () if given.collections is None else load_collections(given.collections)
        parts = stream_world(given.people, given.seed, today, added)
    except (ValueError, CollectionErrors) as error:
        parser.error(str(error))
    begun, worked, objects = time.perf_counter(), time.process_time(), 0
    for part in parts:
        sys.stdout.buffer.writelines(lines(part))
        objects += sum(len(seeds) for side in (part.emias, part.gosuslugi) for seeds in side.values())
    sys.stdout.buffer.flush()
    took = time.perf_counter() - begun
    told = {
        "people": given.people,
        "seed": given.seed,
        "objects": objects,
        "seconds": round(took, 1),
        "objects_per_second": round(objects / took),
        "objects_per_cpu_second": round(objects / (time.process_time() - worked)),
        "peak_rss_mb": _peak_mb(),
    }
    sys.stderr.write(orjson.dumps(told).decode() + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
