"""`make simulate ARGS=--stepped`: random histories of hand-stepped coroutines; a failing one is shrunk and printed."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from simulation.histories import Script, Verdict, draw, play, quick_folder, shrink


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(first: int, seconds: float) -> int:
    with quick_folder() as folder:
        return _play(first, seconds, (40, 120), Path(folder))


def _play(first: int, seconds: float, acts: tuple[int, int], folder: Path) -> int:
    faults: Counter[str] = Counter()
    end, seed, steps, writes, failing = time.monotonic() + seconds, first, 0, 0, 0
    while time.monotonic() < end:
        script = draw(seed, *acts)
        verdict = play(script, folder)
        faults += verdict.faults
        steps, writes, seed = steps + verdict.steps, writes + verdict.writes, seed + 1
        if verdict.problems:
            failing += 1
            say(told(script, verdict, lambda less: play(less, folder)))
    say(
        f"histories {seed - first} (seeds {first}…{seed - 1}), acts {steps}, writes {writes}, "
        f"faults {sum(faults.values())} ({', '.join(f'{name} {n}' for name, n in faults.most_common())}), "
        f"histories with problems {failing}"
    )
    return 1 if failing else 0


def told(script: Script, verdict: Verdict, again: Callable[[Script], Verdict]) -> str:
    """A failing history: its seed, the fewest acts that still fail, and what happened in them."""
    least = shrink(script, lambda less: again(less).sort == verdict.sort)
    played = again(least)
    return "\n".join([script.told().splitlines()[0], *played.trace, *(f"PROBLEM {one}" for one in played.problems)])
