"""`make mutants`: every small change to the pure heart must be noticed by its tests; says which are not.

MODULE…       only these of merge, pairing, identity, guard, history
--jobs N      processes at once (one for each core)
--sample N    only N mutants of each module, always the same ones for one N; the last line says so
--survivors   print all that survived in the form of survivors.toml, to be given reasons
A survivor that survivors.toml does not explain, an explained one that is gone, or a score below 90 % ends with 1.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import sys
import time
import tomllib
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import FunctionType, ModuleType
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, settings

from mutants.mutate import Mutant, mutants

TESTS = Path(__file__).parents[1]
SOURCES = TESTS.parent / "src" / "medmost" / "domain"
EXPLAINED = Path(__file__).with_name("survivors.toml")
LEAST, PATIENCE = 0.90, 30  # share killed; seconds of work after which a mutant counts as hanging
ORACLE = [f"unit/test_merge_oracle.py::{name}" for name in (
    "test_a_pair_is_over_once_nothing_is_unanswered", "test_what_may_not_be_judged_is_left_alone",
    "test_three_fields_agree_in_a_million_samples", "test_a_record_at_one_side_agrees")]  # fmt: skip
TESTED = {
    "merge": ["unit/test_merge.py", *ORACLE, "unit/test_merge_laws.py"],
    "pairing": ["unit/test_pairing_doubt.py", "unit/test_pairing.py"],
    "identity": ["unit/test_identity.py"],
    "guard": ["unit/test_guard.py"],
    "history": ["unit/test_history.py", "unit/test_merge.py", ORACLE[2]],
}


class Result(NamedTuple):
    module: str
    mutant: Mutant
    killed: bool


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


# ---------------------------------------------------------------- one mutant
class Hunt:
    """A pytest plugin: the tests are collected once, and run for every mutant in a child of this process."""

    def __init__(self, modules: Sequence[str], jobs: int, sample: int) -> None:
        self.modules, self.jobs, self.sample = modules, jobs, sample
        self.every: list[tuple[str, Mutant]] = []  # those that were left out by the sample, too
        self.results: list[Result] = []
        self.sick: list[str] = []  # modules whose tests fail without a mutant

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {module: _items(session, module) for module in self.modules}
        self.sick = [
            module for module in self.modules if os.waitpid(_start(session, items[module], module, None), 0)[1]
        ]
        work = [one for module in self.modules for one in self._drawn(module)]
        running: dict[int, tuple[str, Mutant]] = {}
        for module, mutant in [] if self.sick else work:
            running[_start(session, items[module], module, mutant)] = (module, mutant)
            if len(running) >= self.jobs:
                self._end_one(running)
        while running:
            self._end_one(running)
        return True

    def _drawn(self, module: str) -> list[tuple[str, Mutant]]:
        found = [(module, one) for one in mutants((SOURCES / f"{module}.py").read_text(encoding="utf-8"))]
        self.every += found
        if not self.sample or len(found) <= self.sample:
            return found
        return random.Random(f"{module} {self.sample}").sample(found, self.sample)  # a draw that repeats

    def _end_one(self, running: dict[int, tuple[str, Mutant]]) -> None:
        child, status = os.wait()
        module, mutant = running.pop(child)
        self.results.append(Result(module, mutant, status != 0))
        if len(self.results) % 50 == 0:
            sys.stderr.write(f"{len(self.results)} tried, now {module}\n")


def _items(session: pytest.Session, module: str) -> list[pytest.Item]:
    """The module's tests in the order of its list: the quick ones first."""
    found = []
    for name in TESTED[module]:
        file, _, test = name.partition("::")
        found += [one for one in session.items if one.path == TESTS / file and (not test or one.name == test)]
    return found


def _start(session: pytest.Session, items: Sequence[pytest.Item], module: str, mutant: Mutant | None) -> int:
    """A child that ends with 0 where no test notices the mutant. None: the module as it is."""
    child = os.fork()
    if child:
        return child
    resource.setrlimit(resource.RLIMIT_CPU, (PATIENCE, PATIENCE))  # a mutant may go round for ever
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(1, 2)
    try:
        if mutant is not None:
            plant(import_module(f"medmost.domain.{module}"), mutant)
        for item in items:
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            if session.testsfailed:
                os._exit(1)
    except BaseException:  # a mutant that cannot even be put in place is noticed
        os._exit(1)
    os._exit(0 if items else 2)


def plant(module: ModuleType, mutant: Mutant) -> None:
    """Puts the mutated code into the functions that others have imported already."""
    changed = {**vars(module)}
    exec(compile(mutant.tree, str(module.__file__), "exec"), changed)  # noqa: S102  # our own source, one node changed
    name, _, method = mutant.where.partition(".")
    old, new = getattr(module, name), changed[name]
    if method:
        old, new = vars(old)[method], vars(new)[method]
    old, new = (one.fget if isinstance(one, property) else one for one in (old, new))
    if isinstance(old, FunctionType):
        old.__code__, old.__defaults__, old.__kwdefaults__ = new.__code__, new.__defaults__, new.__kwdefaults__
        return
    for user in [one for key, one in sys.modules.items() if key.startswith(("medmost.", "unit."))]:
        for alias, value in list(vars(user).items()):
            if value is old:
                setattr(user, alias, new)
    for one in vars(module).values():  # what a default argument has kept
        if isinstance(one, FunctionType) and one.__defaults__:
            one.__defaults__ = tuple(new if value is old else value for value in one.__defaults__)


# ---------------------------------------------------------------- all of them
def explained() -> dict[tuple[str, str, str], str]:
    told = tomllib.loads(EXPLAINED.read_text(encoding="utf-8")) if EXPLAINED.exists() else {}
    return {(one["module"], one["where"], one["what"]): one["why"] for one in told.get("survivor", [])}


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("modules", nargs="*", choices=[*TESTED, []], metavar="MODULE")
    asked.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    asked.add_argument("--sample", type=int, default=0)
    asked.add_argument("--survivors", action="store_true")
    given = asked.parse_args()
    hunt, began = Hunt(given.modules or list(TESTED), given.jobs, given.sample), time.monotonic()
    prepare()
    files = sorted({name.partition("::")[0] for module in hunt.modules for name in TESTED[module]})
    quiet = [
        "-q",
        "-s",
        "--tb=native",
        "--no-header",
        "--no-summary",
        "-p",
        "no:cacheprovider",
        "-W",
        "ignore::pytest.PytestWarning",
    ]
    pytest.main([*quiet, *(str(TESTS / file) for file in files)], [hunt])
    if hunt.sick or not hunt.results:
        say(f"tests fail without a mutant: {', '.join(hunt.sick) or 'they could not be collected'}")
        return 1
    return report(hunt, time.monotonic() - began, every=given.survivors)


def prepare() -> None:
    """The same examples every time, and what is slow to import only once."""
    os.environ.setdefault("MEDMOST_MERGE_SAMPLES", "4000")
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    settings.register_profile("mutants", max_examples=40, derandomize=True, database=None, deadline=None,
                              suppress_health_check=checks, phases=[Phase.generate])  # fmt: skip
    settings.load_profile("mutants")
    os.chdir(TESTS.parent)


def report(hunt: Hunt, seconds: float, *, every: bool) -> int:
    reasons, results = explained(), hunt.results
    alive = [(one.module, one.mutant.where, one.mutant.what) for one in results if not one.killed]
    scores = {}
    for module in dict.fromkeys(one.module for one in results):
        mine = [one.killed for one in results if one.module == module]
        scores[module] = sum(mine) / len(mine)
    for key in alive:
        if every or key not in reasons:
            module, where, what = (one.replace("\\", "\\\\").replace('"', '\\"') for one in key)
            why = reasons.get(key, "")
            say(f'[[survivor]]\nmodule = "{module}"\nwhere = "{where}"\nwhat = "{what}"\nwhy = "{why}"\n')
    left_out = {(module, one.where, one.what) for module, one in hunt.every} - {
        (one.module, one.mutant.where, one.mutant.what) for one in results
    }
    stale = [key for key in reasons if key[0] in scores and key not in alive and key not in left_out]
    for module, where, what in stale:
        say(f"explained in survivors.toml, yet killed or gone: {module} {where}: {what}")
    unknown = [key for key in alive if key not in reasons]
    killed = sum(one.killed for one in results)
    drawn = f" of {len(hunt.every)}, drawn {hunt.sample} for a module" if left_out else ""
    say(f"mutants {len(results)}{drawn}, killed {killed} ({100 * killed / len(results):.1f} %): "
        + ", ".join(f"{module} {100 * score:.1f} %" for module, score in scores.items())
        + f"; survivors {len(alive)}, explained {len(alive) - len(unknown)}; {seconds:.0f} s")  # fmt: skip
    return 1 if unknown or stale or min(scores.values()) < LEAST else 0


if __name__ == "__main__":
    sys.exit(main())
