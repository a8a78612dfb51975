"""`medmost check`: looks at both ends, explains what it finds, writes it down to be attached to an application."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from medmost import __version__
from medmost.cli import show
from medmost.cli.perform import configured, ended_by, finish, perform
from medmost.cli.talk import lang
from medmost.domain.errors import MedmostError
from medmost.domain.record import Side
from medmost.launch.check_report import check_report_target, write_check_report
from medmost.launch.verdicts import NAMES_EN, NAMES_RU


def check(
    config: Annotated[Path | None, typer.Option("--config", help="папка настроек", envvar="MEDMOST_CONFIG")] = None,
    report: Annotated[Path | None, typer.Option("--report", help="файл .html или .json к заявке")] = None,
    json: Annotated[bool, typer.Option("--json", help="машинный вид")] = False,
) -> None:
    """Обе системы отвечают, подпись и токены приняты, образцы записей понятны; что не так и что делать."""
    try:
        if report is not None:
            check_report_target(report)
        code, result = perform(config, "check")
        if report is not None:
            write_check_report(result, _facts(config), report, lang())
            result = result | {"report": str(report)}
    except MedmostError as error:
        raise ended_by(error) from error
    finish((code, result), json, show.check)


def _facts(config: Path | None) -> dict[str, str]:
    """What a reader of the report has to know of this installation; nothing secret."""
    settings = configured(config)
    names = NAMES_RU if lang() == "ru" else NAMES_EN
    facts = {
        "when": f"{datetime.now().astimezone():%d.%m.%Y %H:%M %z}",
        "where": settings.environment.name,
        "version": __version__,
    }
    for side, end in ((Side.GOSUSLUGI, settings.systems.gosuslugi), (Side.EMIAS, settings.systems.emias)):
        facts |= {f"address_{side.value}": end.base_url, f"title_{side.value}": names[side]}
    return facts
