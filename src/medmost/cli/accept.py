"""`medmost accept`: the test programme against the configured ends, with a protocol to sign."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from medmost import __version__
from medmost.cli.perform import actor, configured, ended_by, finish, perform
from medmost.cli.talk import out, say
from medmost.domain.errors import MedmostError


def accept(
    config: Annotated[Path | None, typer.Option("--config", help="папка настроек", envvar="MEDMOST_CONFIG")] = None,
    report: Annotated[Path | None, typer.Option("--report", help="папка для протокола: HTML, JUnit, JSON")] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="только читать: для настоящего контура")] = False,
    json: Annotated[bool, typer.Option("--json", help="машинный вид")] = False,
) -> None:
    """Программа испытаний: записи туда и обратно, без двойников, понятные отказы; всё внесённое удаляется."""
    from medmost.launch.acceptance.protocol import write_protocol

    code, result = perform(config, "accept", read_only=read_only, actor=actor())
    if report is not None:
        try:
            settings = configured(config)
            facts = {
                "version": __version__,
                "environment": settings.environment.name,
                "mapping": result["mapping"],
                "gosuslugi": settings.systems.gosuslugi.base_url,
                "emias": settings.systems.emias.base_url,
            }
            result = result | {"files": [str(report / name) for name in write_protocol(result, facts, report)]}
        except MedmostError as error:
            raise ended_by(error) from error
    finish((code, result), json, _show)


def _show(result: dict[str, Any]) -> None:
    for one in result["tried"]:
        colour = "red" if one["troubles"] else "green"
        out.print(f"[{colour}]{'✗' if one['troubles'] else '✓'}[/] {one['id']} {say(one['ru'][0], one['en'][0])}")
        for ru, en in one["troubles"]:
            out.print(f"    {say(ru, en)}", markup=False)
    good = say("Испытания пройдены", "The tests are passed")
    out.print(good if result["passed"] else say("Испытания не пройдены", "The tests are not passed"))
    for name in result.get("files", ()):
        out.print(name, markup=False)
