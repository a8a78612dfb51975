"""Russian first, English on request: how commands speak. `MEDMOST_LANG=en` or `--lang en` switches."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from medmost.cli.control import Progress as Report
from medmost.domain.errors import MedmostError

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def lang() -> str:
    return "en" if os.environ.get("MEDMOST_LANG", "ru").lower().startswith("en") else "ru"


def say(ru: str, en: str) -> str:
    return ru if lang() == "ru" else en


def complain(error: MedmostError) -> None:
    err.print(f"[red]{error.text(lang())}[/red]")


def as_json(value: Any) -> None:
    out.print(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode(), markup=False)


@contextmanager
def bars() -> Iterator[Report]:
    """Progress bars on stderr, one per step of long work; silent when nobody watches."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        tasks: dict[str, TaskID] = {}

        def report(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total)
            progress.update(tasks[what], completed=done, total=total)

        yield report
