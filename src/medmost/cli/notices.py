"""`medmost notify …`: whether notices arrive, what is open, and that somebody has it in hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from medmost.cli.perform import actor, finish, perform
from medmost.cli.talk import out, say

app = typer.Typer(no_args_is_help=True, help="Извещения: проверка, открытые происшествия, подтверждение")
Config = Annotated[Path | None, typer.Option("--config", help="папка настроек", envvar="MEDMOST_CONFIG")]
Json = Annotated[bool, typer.Option("--json", help="машинный вид")]


@app.command("test")
def send_test(config: Config = None, json: Json = False) -> None:
    """Отправить проверочное извещение всем. 0 — принято всюду, 1 — не всюду или некому."""
    finish(perform(config, "notices.test"), json, show_trial)


@app.command("list")
def list_(config: Config = None, json: Json = False) -> None:
    """О чём извещено и что не кончилось. 0 — ничего или всё подтверждено, 1 — ждёт подтверждения."""
    finish(perform(config, "notices.list"), json, show_open)


@app.command("ack")
def ack(config: Config = None) -> None:
    """Подтвердить: происшествиями занимаются, второму дежурному не звонить."""
    finish(perform(config, "notices.acknowledge", actor=actor()), True)


def show_trial(rows: list[dict[str, Any]]) -> None:
    if not rows:
        out.print(say("Некому: впишите contacts.people в medmost.toml", "Nobody: set contacts.people in medmost.toml"))
    for one in rows:
        told = say("принято", "taken") if one["taken"] else say("[red]не принято[/red]", "[red]not taken[/red]")
        out.print(f"{one['name']}  {one['channel']}  {told}")


def show_open(rows: list[dict[str, Any]]) -> None:
    if not rows:
        out.print(say("Происшествий нет", "Nothing is open"))
    for one in rows:
        where = " ".join(filter(None, (one["system"], one["kind"], one["code"])))
        seen = (
            say("подтверждено", "acknowledged") if one["acknowledged"] else say("[red]ждёт[/red]", "[red]waits[/red]")
        )
        out.print(f"{one['since']}  {one['event']}  {where}  {seen}")
