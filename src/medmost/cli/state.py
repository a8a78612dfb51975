"""`medmost state …`: the state as a whole, with medmost stopped."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from medmost.cli.perform import configured, ended_by
from medmost.cli.talk import out, say
from medmost.config import Config as Settings
from medmost.domain.errors import Fatal, MedmostError

app = typer.Typer(no_args_is_help=True, help="База состояния целиком")
Config = Annotated[Path | None, typer.Option("--config", help="папка настроек", envvar="MEDMOST_CONFIG")]


@app.command("move")
def move(to: str, config: Config = None) -> None:
    """Перенести состояние из файла SQLite в пустую базу PostgreSQL."""
    try:
        moved = _move(configured(config), to)
    except MedmostError as error:
        raise ended_by(error) from error
    out.print(say(f"Перенесено строк: {moved}. Впишите адрес в state.url", f"{moved} rows moved; now set state.url"))


def _move(config: Settings, to: str) -> int:
    from medmost.store.lock import StateLock
    from medmost.store.moving import move as moving

    if config.state.on_server or not config.state.path.exists():
        ru, en = "Переносят файл SQLite, а его здесь нет", "it is an SQLite file that is moved, and there is none"
        raise Fatal("MM-CLI-STATE", ru, en)
    if not to.startswith("postgresql://"):
        ru = "Переносить можно в postgresql://ПОЛЬЗОВАТЕЛЬ@СЕРВЕР/БАЗА"
        raise Fatal("MM-CLI-STATE", ru, "the target is an address like postgresql://USER@HOST/DATABASE")
    lock = StateLock(config.state.path)
    lock.take()
    try:
        told = moving(config.state.path, to, config.state.password or None, out.print)
    finally:
        lock.release()
    return sum(told.values())


@app.command("restored")
def restored(config: Config = None) -> None:
    """После pg_restore: первый проход сравнит всё заново, прежние номера пар не повторятся."""
    try:
        asyncio.run(_restored(configured(config)))
    except MedmostError as error:
        raise ended_by(error) from error
    out.print(say("Готово: запускайте medmost run", "done: start medmost run"))


async def _restored(config: Settings) -> None:
    from medmost.app import open_state
    from medmost.cli.restore import make_ready

    if not config.state.on_server:
        ru, en = "Файл возвращает medmost restore", "a file is brought back by medmost restore"
        raise Fatal("MM-CLI-STATE", ru, en)
    database = await open_state(config)
    try:
        await database.write(lambda tx: make_ready(tx, config, None))
    finally:
        await database.close()
