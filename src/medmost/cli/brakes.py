"""`medmost brakes …`: what stands still until a person has looked (design §9)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from medmost.cli.perform import actor, finish, perform
from medmost.cli.talk import out, say
from medmost.domain.holds import REASONS

app = typer.Typer(no_args_is_help=True, help="Тормоза: что стоит, пока не посмотрит человек")
Config = Annotated[Path | None, typer.Option("--config", help="папка настроек", envvar="MEDMOST_CONFIG")]
Json = Annotated[bool, typer.Option("--json", help="машинный вид")]


@app.command("list")
def list_(config: Config = None, json: Json = False) -> None:
    """Какие тормоза сработали и почему. 0 — никакие, 1 — есть."""
    finish(perform(config, "brakes.list"), json, show)


@app.command("release")
def release(ids: Annotated[list[int], typer.Argument(metavar="ID…")], config: Config = None) -> None:
    """Отпустить: причина понята, обмен продолжается."""
    finish(perform(config, "brakes.release", ids=ids, actor=actor()), True)


def show(rows: list[dict[str, Any]]) -> None:
    if not rows:
        out.print(say("Тормозов нет", "No brake is on"))
    for one in rows:
        reason = REASONS[one["code"]]
        where = " ".join(filter(None, (one["system"], one["kind"] or say("все виды", "all kinds"))))
        out.print(f"{one['id']}  [red]{one['code']}[/red]  {where}  {one['since']}  {one['why']}")
        out.print("   " + say(f"{reason.ru}. {reason.do_ru}", f"{reason.en}. {reason.do_en}"))
