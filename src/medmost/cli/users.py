"""`medmost user …`: who may sign in to the console."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from medmost.cli.perform import actor, finish, perform
from medmost.cli.talk import out, say
from medmost.console.rights import Role

app = typer.Typer(no_args_is_help=True, help="Пользователи пульта")
Config = Annotated[Path | None, typer.Option("--config", help="папка настроек", envvar="MEDMOST_CONFIG")]
Json = Annotated[bool, typer.Option("--json", help="машинный вид")]
RoleOption = Annotated[str, typer.Option("--role", help=", ".join(Role))]


@app.command("add")
def add(name: str, role: RoleOption = Role.ADMIN.value, config: Config = None) -> None:
    """Новый пользователь; пароль спрашивается, а без терминала читается из первой строки ввода."""
    finish(perform(config, "user.add", name=name, role=role, password=_password(), actor=actor()), True)


@app.command("passwd")
def passwd(name: str, config: Config = None) -> None:
    """Другой пароль; все сеансы пользователя завершаются."""
    finish(perform(config, "user.passwd", name=name, password=_password(), actor=actor()), True)


@app.command("role")
def role_(name: str, role: Annotated[str, typer.Argument()], config: Config = None) -> None:
    """Другая роль: действует со следующего запроса."""
    finish(perform(config, "user.role", name=name, role=role, actor=actor()), True)


@app.command("disable")
def disable(
    name: str, config: Config = None, enable: Annotated[bool, typer.Option("--enable", help="впустить снова")] = False
) -> None:
    """Больше не впускать."""
    finish(perform(config, "user.disable", name=name, enable=enable, actor=actor()), True)


@app.command("list")
def list_(config: Config = None, json: Json = False) -> None:
    """Кто может войти и с какой ролью."""
    finish(perform(config, "user.list"), json, _show)


def _password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt(say("Пароль", "Password"), hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\n")


def _show(rows: list[dict[str, Any]]) -> None:
    if not rows:
        out.print(say("Пользователей нет: medmost user add ИМЯ", "There are no users: medmost user add NAME"))
    for one in rows:
        shut = say("отключён", "disabled") if one["disabled"] else ""
        out.print(f"{one['name']:20} {one['role']:14} {one['since']} {one['by']} {shut}".rstrip())
