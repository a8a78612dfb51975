"""`make bench ARGS="--only NAME --json FILE"`: every stage beside its ceiling, as a table and as JSON."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.absorbing import absorbing
from benchmarks.flowing import flowing
from benchmarks.mapping import mapping
from benchmarks.measure import QUICK, Row, Size, Wanted
from benchmarks.merging import merging
from benchmarks.queueing import queueing
from benchmarks.sealing import sealing
from benchmarks.starting import starting
from benchmarks.worlds import worlds
from medmost.logging import configure

BENCHES: Mapping[tuple[str, ...], Callable[[Size, Wanted], Iterator[Row]]] = {
    ("mapping",): mapping,
    ("merge",): merging,
    ("cipher",): sealing,
    ("absorb",): absorbing,
    ("pull", "audit", "deliver"): flowing,
    ("queue",): queueing,
    ("start",): starting,
    ("world",): worlds,
}
"""What each yields, by the first part of its rows' names."""


def main() -> None:
    """Exit codes: 0 measured, 2 wrong use."""
    known = [name for names in BENCHES for name in names]
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", metavar="NAME", help=f"a row, or all of {', '.join(known)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there as well")
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes: shows that it works, the numbers mean nothing"
    )
    given = parser.parse_args()
    configure(json=False)  # as the commands do: a logger that is not set up costs more than it should
    rows = run(given.only or "", QUICK if given.quick else Size())
    if not rows:
        parser.error(f"there is no {given.only}: rows begin with {', '.join(known)}")
    if given.json is not None:
        given.json.write_bytes(msgspec.json.format(msgspec.json.encode(rows), indent=1) + b"\n")
    Console().print(table(rows))


def run(only: str, size: Size) -> list[Row]:
    """`only`: the name of a row or the beginning of some; nothing for all."""

    def wanted(name: str) -> bool:
        return not only or name == only or name.startswith(only + ".")

    rows: list[Row] = []
    chosen = {names: bench for names, bench in BENCHES.items() if not only or only.partition(".")[0] in names}
    with Progress(console=Console(file=sys.stderr), transient=True) as progress:
        task = progress.add_task("", total=len(chosen))
        for names, bench in chosen.items():
            progress.update(task, description=", ".join(names))
            rows += bench(size, wanted)
            progress.advance(task)
    return rows


def table(rows: list[Row]) -> Table:
    made = Table("name", "unit", box=None)
    for head in ("value", "ceiling", "peer", "ratio"):
        made.add_column(head, justify="right")
    for row in rows:
        made.add_row(row.name, row.unit, _number(row.value), _number(row.ceiling), _number(row.peer), _share(row.ratio))
    return made


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _share(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio:.2f}"


if __name__ == "__main__":
    main()
