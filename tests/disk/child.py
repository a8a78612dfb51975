"""A small life of medmost on a disk that may fail. Run with the shim preloaded; forks one process for each asked fault.

Reads lines ``{"folder", "template", "mode", "at", "seed"}`` and answers each with ``{"exit", "count", "fired",
"unheard", "problems"}``: what became of the life, how many operations the disk saw, how many of them failed, how many
of those at work while all went on as if it were well, and what a fresh process on a good disk found wrong afterwards.
"""

from __future__ import annotations

import asyncio
import ctypes
import hashlib
import json
import os
import pickle
import shutil
import sqlite3
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from medmost.domain.errors import Fatal
from medmost.domain.record import BOTH, Side
from medmost.mapping import load_mappings
from medmost.store import journal
from medmost.store.sqlite import SqliteDatabase
from systems_in_memory import MemorySystem
from systems_records import TickingClock
from town import Town, town

MODES = {"none": 0, "full": 1, "ioerr": 2, "lost": 3, "torn": 4}
STOPPED, BROKEN = 3, 4
UNSTABLE = {"alembic_version"}
POLICY = {"policy": load_mappings()["policy"]}


class KeptSystem(MemorySystem):
    """The far system outlives medmost: each of its effects is kept in a file before anybody hears of it."""

    folder: Path

    def _log(self, *given: Any, **named: Any) -> None:
        super()._log(*given, **named)
        kept = self.folder / f"{self.side}.kept"
        kept.with_suffix(".new").write_bytes(
            pickle.dumps((self._records, self.effects, self._answers_now(), self._seq))
        )
        kept.with_suffix(".new").replace(kept)

    def _answers_now(self) -> dict[str, Any]:
        return self._answers

    def remembers(self) -> None:
        kept = self.folder / f"{self.side}.kept"
        if kept.exists():
            self._records, self.effects, self._answers, self._seq = pickle.loads(kept.read_bytes())  # noqa: S301  # ours
            self._ids = 1000 + self._seq  # refs of a later life differ from those of this one


class AcknowledgedDatabase(SqliteDatabase):
    """Writes down, beside the state, what it holds before each commit and that the commit was acknowledged."""

    book: Path

    def _transaction(self, work: Any) -> Any:
        def noted(tx: sqlite3.Connection) -> Any:
            result = work(tx)
            self._note(f"try {content(tx)}")
            return result

        result = super()._transaction(noted)
        self._note("ack")
        return result

    def _note(self, line: str) -> None:
        with self.book.open("a", encoding="ascii") as book:
            book.write(line + "\n")


def content(tx: sqlite3.Connection) -> str:
    """A digest of every row of every table."""
    digest = hashlib.blake2b(digest_size=16)
    names = [name for (name,) in tx.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    for name in names:
        if not name.startswith("sqlite_") and name not in UNSTABLE:
            for row in tx.execute(f"SELECT * FROM {name} ORDER BY 1, 2"):  # noqa: S608  # a table's own name
                digest.update(repr((name, row)).encode())
    return digest.hexdigest()


# ---------------------------------------------------------------- the life
async def live(folder: Path, mark: Callable[[], None]) -> None:
    """People enter and change records at both sides; medmost carries them."""
    async with on(folder) as here:
        mark()
        for number in range(3):
            here.emias.put("policy", emias_policy(number))
        here.gosuslugi.put("policy", gosuslugi_policy(7))
        await here.settles()
        refs = here.emias.refs("policy")
        here.emias.edit("policy", refs[0], status="CLOSED")
        here.gosuslugi.edit("policy", here.gosuslugi.refs("policy")[1], Телефон="+7(910)2206499")
        await here.settles()
        here.emias.remove("policy", refs[1])
        await here.settles()
        mark()


def emias_policy(number: int) -> dict[str, Any]:
    return {
        "policyNumber": f"770000000000000{number}", "policyType": "3", "lastName": "Воробьёва", "firstName": "Алёна",
        "birthDate": f"1985-03-1{number}", "sex": "F", "phone": "+79102206415", "status": "ACTIVE",
    }  # fmt: skip


def gosuslugi_policy(number: int) -> dict[str, Any]:
    return {
        "Номер полиса": f"770000000000000{number}", "Вид полиса": "Полис ОМС единого образца", "Фамилия": "Синицын",
        "Имя": "Пётр", "Дата рождения": f"1{number}.04.1979", "Пол": "Мужской", "Статус": "Действует",
    }  # fmt: skip


@asynccontextmanager
async def on(folder: Path) -> Any:
    """The town over kept systems and a state that notes what was acknowledged."""
    import town as place

    KeptSystem.folder, AcknowledgedDatabase.book = folder, folder / "acknowledged"
    place.MemorySystem, place.SqliteDatabase = KeptSystem, AcknowledgedDatabase  # type: ignore[misc]
    place.load_mappings = lambda: POLICY  # type: ignore[assignment]
    async with town(folder) as here:
        for side in BOTH:
            system = here.systems[side]
            system.now = TickingClock()
            system.remembers()  # type: ignore[attr-defined]
        yield here


# ---------------------------------------------------------------- what must hold afterwards
async def inspect(folder: Path) -> list[str]:
    """On a good disk: the state is whole, holds what was acknowledged, and medmost brings both sides level."""
    with closing(sqlite3.connect(folder / "state.db")) as base:
        problems = [f"quick_check: {row[0]}" for row in base.execute("PRAGMA quick_check") if row[0] != "ok"]
        problems += acknowledged(folder, content(base))
    if problems:
        return problems
    async with on(folder) as here:
        await here.settles(8)
        problems += await here.database.read(lambda tx: journal.verify(tx, here.house.cipher))
        problems += level(here)
    return problems


def acknowledged(folder: Path, present: str) -> list[str]:
    """The state is the last one acknowledged, or the one whose commit nobody answered."""
    book = folder / "acknowledged"
    lines = book.read_text(encoding="ascii").split() if book.exists() else []
    steps = [one for one in lines if one != "try"]  # digests, each followed by "ack" once its commit was answered
    if "ack" not in steps:
        return []
    last = len(steps) - 1 - steps[::-1].index("ack")
    return [] if present in {steps[last - 1], *steps[last + 1 :]} else ["the state is not what was acknowledged last"]


def level(here: Town) -> list[str]:
    shown: dict[Side, dict[str, Any]] = {}
    mapping = here.house.mappings["policy"]
    for side, system in here.systems.items():
        docs = [system.doc("policy", ref) for ref in system.refs("policy")]
        records = [mapping.read(side, doc).fields for doc in docs]
        shown[side] = {str(one["policy_number"]): one for one in records}
        if len(shown[side]) < len(records):
            return [f"{side}: a policy was born twice"]
    problems = [] if shown[Side.GOSUSLUGI] == shown[Side.EMIAS] else ["the two sides are not level"]
    for side, system in here.systems.items():
        twice = [key for key, times in Counter(one.key for one in system.written() if one.key).items() if times > 1]
        problems += [f"{side}: one key had {len(twice)} effects twice"] if twice else []
    return problems


# ---------------------------------------------------------------- processes
def in_a_child(act: Any) -> tuple[int, Any]:
    """Runs `act` in a fork: its exit status and what it returned."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # standard output carries our answers only
        status = BROKEN
        try:
            told = act()
            status = told.pop("exit", 0)
            os.write(write, json.dumps(told).encode())
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        told = pipe.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), json.loads(told) if told else {}


def lived(folder: Path, mode: str, at: int, seed: int, shim: ctypes.CDLL) -> dict[str, Any]:
    shim.disk_arm(str(folder / "state.db").encode(), MODES[mode], ctypes.c_long(at), seed)
    status = 0
    marks: list[int] = []  # failed operations when the state was open, and before it was closed
    try:
        asyncio.run(live(folder, lambda: marks.append(shim.disk_fired())))
    except (Fatal, sqlite3.Error) as error:
        status = STOPPED
        if not isinstance(error, Fatal):
            traceback.print_exc()
            status = BROKEN
    return {
        "exit": status,
        "count": shim.disk_count(),
        "fired": shim.disk_fired(),
        "unheard": marks[-1] - marks[0] if marks else 0,
    }


def main() -> None:
    shim = ctypes.CDLL(os.environ["LD_PRELOAD"])
    shim.disk_count.restype = shim.disk_fired.restype = ctypes.c_long
    for line in sys.stdin:
        asked = json.loads(line)
        folder = Path(asked["folder"])
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        if asked["template"]:
            shutil.copyfile(asked["template"], folder / "state.db")
        status, told = in_a_child(lambda: lived(folder, asked["mode"], asked["at"], asked["seed"], shim))  # noqa: B023  # called at once
        _, found = in_a_child(lambda: {"problems": asyncio.run(inspect(folder))})  # noqa: B023  # called at once
        answer = {"exit": status, "problems": found.get("problems", ["the inspection broke"]), **told}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
