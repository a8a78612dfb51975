"""`make simulate`: the whole engine between two simulated systems, for as long as one likes.

--seconds N   how long to play, in two processes (60)
--seed N      the first seed; without it the clock gives one, and it is printed
--story       with --seed: plays that one seed and prints everything that happened
--day         twenty-four simulated hours after the last change: nothing is written, polls keep their times
--stepped     the other simulation: coroutines stepped by hand, failing histories shrunk
--kills       kills at every step and around every effect (--progress FILE: where to go on;
              --only flow:fault:seed:place: the story of one)
--planted     plants every mistake in turn and says how soon it was noticed (--only TEXT: some of them)
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import sys
import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

from simulation.histories import quick_folder
from simulation.town import Plan, Town, Verdict, campaign, drawn, play
from simulation.weather import LISTED


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--seconds", type=float, default=60.0)
    asked.add_argument("--seed", type=int, default=None)
    asked.add_argument("--story", action="store_true")
    asked.add_argument("--day", action="store_true")
    asked.add_argument("--stepped", action="store_true")
    asked.add_argument("--kills", action="store_true")
    asked.add_argument("--progress", type=Path, default=Path("kills.jsonl"))
    asked.add_argument("--planted", action="store_true")
    asked.add_argument("--only", default="")
    given = asked.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":  # one seed must give one trace in every process
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "simulation", *sys.argv[1:]])  # noqa: S606  # this very program
    first = int(time.time()) if given.seed is None else given.seed
    if given.story:
        return _story(drawn(first))
    if given.day:
        return _day(first)
    if given.stepped:
        from simulation.stepped import main as stepped

        return stepped(first, given.seconds)
    if given.kills:
        from simulation.kills import again
        from simulation.kills import main as kills

        if given.only:
            return again(given.only, say)
        return kills(given.progress, given.seconds if given.seconds != 60.0 else 3600.0, say)
    return _planted(first, given.only) if given.planted else _campaign(first, given.seconds)


def _one(seed: int) -> Verdict:
    gc.set_threshold(100_000, 50, 1000)  # a run keeps nearly all it makes until its end
    with quick_folder() as folder:
        return play(campaign(seed), Path(folder))


def _campaign(first: int, seconds: float) -> int:
    """Two processes, seed after seed; everything that went wrong is told with its seed."""
    end, seed, verdicts, failing = time.monotonic() + seconds, first, 0, []
    synced: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    cells: Counter[tuple[str, str]] = Counter()
    years = 0.0
    with ProcessPoolExecutor(2) as pool:
        running: set[Future[Verdict]] = set()
        while True:
            while len(running) < 3 and time.monotonic() < end:
                running.add(pool.submit(_one, seed))
                seed += 1
            if not running:
                break
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                verdict = future.result()
                verdicts += 1
                synced += verdict.synced
                faults += verdict.faults
                cells += verdict.cells
                years += verdict.seconds
                if verdict.problems:
                    failing.append(verdict.plan.seed)
                    say(f"seed {verdict.plan.seed}: {'; '.join(verdict.problems[:3])}")
    say(table(faults, cells))
    empty = [f"{fault} × {state}" for fault, states in LISTED.items() for state in states if not cells[fault, state]]
    say(f"empty cells among those listed: {len(empty)}{': ' + ', '.join(empty) if empty else ''}")
    say(
        f"runs {verdicts} (seeds {first}…{seed - 1}), simulated days {years / 86400:.1f}, "
        f"changes synchronised {synced.total()} ({', '.join(f'{name} {n}' for name, n in synced.most_common())}), "
        f"faults {faults.total()}, runs with violations {len(failing)} {failing or ''}"
    )
    return 1 if failing else 0


def table(faults: Counter[str], cells: Counter[tuple[str, str]]) -> str:
    """How often each fault struck, and in which states of the records that it struck."""
    states = sorted({state for _, state in cells})
    lines = [f"{'fault':<26}{'times':>8}" + "".join(f"{state[:11]:>12}" for state in states)]
    for fault, times in sorted(faults.items()):
        lines.append(f"{fault:<26}{times:>8}" + "".join(f"{cells[fault, state] or '·':>12}" for state in states))
    return "\n".join(lines)


def _story(plan: Plan) -> int:
    with quick_folder() as folder:
        town = Town(plan, Path(folder))
        town.story = []
        verdict = town.play()
    for line in town.story:
        say(line)
    for problem in verdict.problems:
        say(f"PROBLEM {problem}")
    return 1 if verdict.problems else 0


def _day(first: int) -> int:
    """Twenty-four hours of quiet after a busy start."""
    plan = replace(drawn(first), acts=60, pace=(300.0, 900.0), quiet=86_400.0)
    with quick_folder() as folder:
        town = Town(plan, Path(folder))
        verdict = town.play()
    gaps = sorted(gap for portal in town.portals.values() for gap in portal.gaps(since=verdict.seconds - 80_000.0))
    say(
        f"seed {first}: {verdict.seconds / 3600:.1f} simulated hours, problems {verdict.problems or 'none'}; seconds "
        f"between two polls of a kind: least {gaps[0]:.0f}, median {statistics.median(gaps):.0f}, most {gaps[-1]:.0f}"
    )
    return 1 if verdict.problems else 0


def _planted(first: int, only: str) -> int:
    from simulation.patches import MISTAKES
    from simulation.planting import table as plant

    some = tuple(one for one in MISTAKES if only in f"{one.area}: {one.name}")
    found = plant(some, first, 40, say)
    times = [caught.seconds for _, caught in found if caught.seed is not None]
    missed = [mistake.name for mistake, caught in found if caught.seed is None]
    middle = statistics.median(times) if times else 0.0
    say(f"mistakes {len(found)}, caught {len(times)}, median {middle:.1f} s of processor, missed {missed or 'none'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
