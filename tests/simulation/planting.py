"""Plays seeds over a copy of medmost with one mistake in it, each in a process of its own.

`python -m simulation.planting COLLECTION FIRST MOST SURE` is such a process: it imports medmost from where
PYTHONPATH says, and prints the first seed at which an invariant broke, how long that took, and which it was.
"""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from simulation.patches import Mistake
    from simulation.town import Plan

LIVELY = (
    "both edit one field", "deleted against an edit", "entered twice", "moved", "unlinked", "answer lost",
    "committed late", "killed at a commit", "another person's record",
)  # fmt: skip
"""Faults that every run with a mistake has besides its own: most mistakes need one of them to show."""
RULES = ("accepts later", "doubles")
TESTS = Path(__file__).parents[1]
SOURCE = TESTS.parent / "src" / "medmost"


class Caught(msgspec.Struct):
    """When a mistake was noticed. `seed` None: not at all."""

    seed: int | None
    seconds: float
    problem: str = ""


def catch(mistake: Mistake, first: int, most: int, limit: float = 1800.0) -> Caught:
    """Plants a mistake in a copy and plays up to `most` seeds. Raises ValueError where it cannot be planted."""
    from simulation.patches import apply

    with tempfile.TemporaryDirectory(prefix="medmost-planted-") as folder:
        package = Path(folder) / "medmost"
        shutil.copytree(SOURCE, package, ignore=shutil.ignore_patterns("__pycache__"))
        apply(mistake, package)
        command = [sys.executable, "-m", "simulation.planting", mistake.kinds or "-", str(first), str(most),
                   ",".join(mistake.sure)]  # fmt: skip
        environment = os.environ | {"PYTHONPATH": f"{folder}:{TESTS}", "PYTHONHASHSEED": "0"}
        try:
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=limit, check=False)
        except subprocess.TimeoutExpired:
            return Caught(None, limit, "time ran out")
    if done.returncode != 0:
        return Caught(first, 0.0, f"does not run: {done.stderr.strip().splitlines()[-1:]}")
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=Caught)


def plans(collection: str, first: int, besides: tuple[str, ...] = ()) -> list[Plan]:
    """Short, dense runs with the kinds that a mistake concerns."""
    from simulation.town import drawn

    mix = ("policies",) if collection == "-" else ("policies", collection)
    mixes = {"-": (("policies",), ("policies", "visits"), ("policies", "results", "organizations"))}.get(
        collection, (mix,)
    )
    rules = tuple(word for word in besides if word in RULES)
    sure = (*LIVELY, *(word for word in besides if word not in RULES))
    found = []
    for n in range(1000):
        calm = n % 3 == 2  # a needless question to a person shows only where no answer was ever lost
        found.append(
            replace(drawn(first + n), acts=120, per_second=4.0, patients=5, collections=mixes[n % len(mixes)],
                    pace=(20.0, 60.0), quiet=130.0, weather=1.0, calm=calm, sure=() if calm else sure, rules=rules)
        )  # fmt: skip
    return found


def main() -> None:
    from simulation.histories import quick_folder
    from simulation.town import play

    collection, first, most = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    besides = tuple(filter(None, sys.argv[4].split(",")))
    gc.set_threshold(100_000, 50, 1000)
    began = time.process_time()
    found = Caught(None, 0.0)
    with quick_folder() as folder:
        for plan in plans(collection, first, besides)[:most]:
            verdict = play(plan, Path(folder))
            if verdict.problems:
                found = Caught(plan.seed, 0.0, verdict.problems[0][:200])
                break
    found.seconds = round(time.process_time() - began, 1)
    sys.stdout.write("\n" + msgspec.json.encode(found).decode() + "\n")


def table(mistakes: tuple[Mistake, ...], first: int, most: int, say: object) -> list[tuple[Mistake, Caught]]:
    """All of them, two at a time; `say` hears of each as it ends."""

    def one(mistake: Mistake) -> tuple[Mistake, Caught]:
        caught = catch(mistake, first, most)
        told = (
            f"seed {caught.seed} after {caught.seconds} s: {caught.problem}"
            if caught.seed is not None
            else f"NOT caught {caught.problem}"
        )
        say(f"{mistake.area}: {mistake.name}: {told}")  # type: ignore[operator]  # a function of one line
        return mistake, caught

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(one, mistakes))


if __name__ == "__main__":
    main()
