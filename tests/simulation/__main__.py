"""`make simulate`: random histories for as long as one likes; a failing one is shrunk and printed step by step.

--seconds N   how long to play (60)
--seed N      the first seed; without it the clock gives one, and it is printed
--acts A B    how many acts a history has at least and at most (40 120)
--planted     plants every known mistake in turn and says after how many histories it was noticed
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from simulation.histories import Script, Verdict, draw, play, quick_folder, shrink
from simulation.planted import MISTAKES, RARE, planted


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--seconds", type=float, default=60.0)
    asked.add_argument("--seed", type=int, default=None)
    asked.add_argument("--acts", type=int, nargs=2, default=(40, 120))
    asked.add_argument("--planted", action="store_true")
    given = asked.parse_args()
    first = int(time.time()) if given.seed is None else given.seed
    with quick_folder() as folder:
        if given.planted:
            return _plant(first, Path(folder))
        return _play(first, given.seconds, tuple(given.acts), Path(folder))


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


def _plant(first: int, folder: Path, most: int = 2000) -> int:
    missed = 0
    for mistake in (*MISTAKES, *RARE):
        name = mistake.__name__.replace("_", " ")
        with planted(mistake):
            for number in range(most):
                verdict = play(draw(first + number), folder)
                if verdict.problems:
                    say(f"{name}: noticed after {number + 1} histories: {verdict.problems[0]}")
                    break
            else:
                missed += 1
                say(f"{name}: NOT noticed in {most} histories")
    say(f"mistakes {len(MISTAKES) + len(RARE)}, noticed {len(MISTAKES) + len(RARE) - missed}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
