"""Runs an operation where the state is: in the process that holds it, or here under the state's lock."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from medmost.cli.control import Progress, ask
from medmost.cli.talk import as_json, bars, complain
from medmost.config import Config, load_config
from medmost.domain.errors import MedmostError
from medmost.logging import configure


def config_folder(given: Path | None) -> Path:
    """`--config`, else MEDMOST_CONFIG, else here."""
    return (given or Path(os.environ.get("MEDMOST_CONFIG") or ".")).resolve()


def configured(given: Path | None) -> Config:
    return load_config(config_folder(given), os.environ)


def perform(folder: Path | None, do: str, **args: Any) -> tuple[int, Any]:
    """The exit code and the result. Ends the program with 2 for wrong use or configuration, 1 for other trouble."""
    configure(json=False)
    try:
        config = configured(folder)
        with bars() as progress:
            return asyncio.run(_perform(config, do, args, progress))
    except MedmostError as error:
        raise ended_by(error) from error


def finish(answer: tuple[int, Any], json: bool, shown: Callable[[Any], None] | None = None) -> None:
    """Shows a result and ends the program with its exit code."""
    code, result = answer
    if json or shown is None:
        as_json(result)
    else:
        shown(result)
    raise typer.Exit(code)


def actor() -> str:
    """Who acts, for the journal: the account this command runs under."""
    return os.environ.get("SUDO_USER") or os.environ.get("USER") or "operator"


def ended_by(error: MedmostError) -> typer.Exit:
    """Tells the error and gives the end of the program: 2 for wrong use or configuration, 1 for other trouble."""
    complain(error)
    wrong = (
        "MM-CFG",
        "MM-CLI",
        "MM-MAP",
        "MM-KEY",
        "MM-STAGE",
        "MM-STATE-BUSY",
        "MM-AUDIT-REPORT",
        "MM-ACC-ANSWER",
        "MM-USER",
    )
    return typer.Exit(2 if error.code.startswith(wrong) else 1)


async def _perform(config: Config, do: str, args: dict[str, Any], progress: Progress) -> tuple[int, Any]:
    answered = await ask(config.folder, do, args, progress)
    if answered is not None:
        return answered
    # Only who holds the state itself needs the whole house; asking who does should take no time.
    from medmost.app import open_app
    from medmost.cli.operations.registry import operate

    async with open_app(config) as app:
        return await operate(app, do, args, progress)
