"""`medmost`: every command of contracts §1. Exit codes: 0 done or level, 1 a problem was found, 2 wrong use."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from medmost import __version__
from medmost.cli import brakes, links, mapping, notices, show, state, users
from medmost.cli.accept import accept
from medmost.cli.access import access
from medmost.cli.check import check
from medmost.cli.perform import actor, configured, ended_by, finish, perform
from medmost.cli.talk import as_json, complain, lang, out, say
from medmost.cli.usage import run_commands
from medmost.config import describe, write_defaults
from medmost.domain.errors import Fatal, MedmostError
from medmost.logging import configure

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Держит Госуслуги и ЕМИАС в согласии.",
)
pairs_app = typer.Typer(no_args_is_help=True, help="Пары записей двух систем")
conflicts_app = typer.Typer(no_args_is_help=True, help="Расхождения, которые решает человек")
stage_app = typer.Typer(no_args_is_help=True, help="Стадии видов")
config_app = typer.Typer(no_args_is_help=True, help="Настройки")
dead_app = typer.Typer(no_args_is_help=True, help="Доставки, которым не помогли 72 часа ожидания")
journal_app = typer.Typer(no_args_is_help=True, help="Журнал")
for name, sub in (
    ("pairs", pairs_app), ("conflicts", conflicts_app), ("link", links.app), ("stage", stage_app),
    ("config", config_app), ("journal", journal_app), ("dead", dead_app), ("mapping", mapping.app),
    ("brakes", brakes.app), ("user", users.app), ("notify", notices.app),
    ("state", state.app),
):  # fmt: skip
    app.add_typer(sub, name=name)

Config = Annotated[Path | None, typer.Option("--config", help="папка настроек", envvar="MEDMOST_CONFIG")]
Kind = Annotated[str | None, typer.Option("--kind", help="только этот вид")]
Json = Annotated[bool, typer.Option("--json", help="машинный вид")]


@app.callback()
def options(
    language: Annotated[str, typer.Option("--lang", help="ru или en", envvar="MEDMOST_LANG")] = "ru",
) -> None:
    os.environ["MEDMOST_LANG"] = language


@app.command()
def version() -> None:
    """Версия программы."""
    out.print(__version__)


@app.command()
def init(folder: Path) -> None:
    """Новая папка настроек: всё в стадии observe, ключ, образцы."""
    try:
        write_defaults(folder)
    except MedmostError as error:
        complain(error)
        raise typer.Exit(2) from error
    out.print(
        say(
            f"Готово: {folder}. Дальше: medmost access проведёт по регистрации",
            f"Done: {folder}. Next: medmost access walks the registration",
        )
    )


app.command("access")(access)


@app.command("run")
def run_(config: Config = None) -> None:
    """Всё в одном процессе: опрос, доставка, вебхуки, извещения, пульт."""
    from medmost.cli.run import run

    configure(json=not sys.stderr.isatty())
    try:
        asyncio.run(run(configured(config)))
    except MedmostError as error:
        raise ended_by(error) from error


@app.command()
def worker(
    roles: Annotated[str, typer.Option("--roles", help="через запятую, например poll,relay,deliver")],
    config: Config = None,
) -> None:
    """Один процесс из нескольких, с названными ролями; только с PostgreSQL."""
    from medmost.cli.work import work
    from medmost.sync.roles import parse

    configure(json=not sys.stderr.isatty())
    try:
        asyncio.run(work(configured(config), parse(roles)))
    except MedmostError as error:
        raise ended_by(error) from error


app.command("check")(check)
app.command("accept")(accept)


@app.command()
def sync(config: Config = None, kind: Kind = None, json: Json = False) -> None:
    """Опросить обе стороны сейчас и доставить всё, что отстало."""
    finish(perform(config, "sync", kind=kind), json, show.synced)


@app.command()
def status(config: Config = None, json: Json = False) -> None:
    """Состояние обеих систем и каждого вида."""
    finish(perform(config, "status"), json, show.status)


@app.command()
def migrate(
    config: Config = None,
    kind: Kind = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="только план")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="продолжить прерванное")] = False,
    json: Json = False,
) -> None:
    """Прочитать обе стороны целиком, сопоставить и выровнять. Прерванное продолжается само."""
    finish(perform(config, "migrate", kind=kind, dry_run=dry_run, resume=resume), json, show.synced)


@app.command()
def audit(
    config: Config = None,
    kind: Kind = None,
    repair: Annotated[bool, typer.Option("--repair", help="поправить найденное")] = False,
    report: Annotated[Path | None, typer.Option("--report", help="файл .html, .xlsx или .json")] = None,
    json: Json = False,
) -> None:
    """Сверить обе системы заново, по ключу и полю. 0 — сходится, 1 — нет."""
    target = str(report.resolve()) if report else None
    finish(perform(config, "audit", kind=kind, repair=repair, report=target, lang=lang()), json, show.audited)


@pairs_app.command("show")
def pairs_show(
    kind: str,
    key: Annotated[str, typer.Argument(help="части ключа через |")],
    config: Config = None,
    values: Annotated[bool, typer.Option("--values", help="показать значения (личные данные!)")] = False,
) -> None:
    """Обе стороны сейчас и при согласии, что было бы сделано и почему, история пары."""
    finish(perform(config, "pairs.show", kind=kind, key=key, values=values), True)


@pairs_app.command("list")
def pairs_list(
    config: Config = None,
    kind: Kind = None,
    state: Annotated[str | None, typer.Option(help="ambiguous, quarantined, refused, invalid, foreign …")] = None,
    limit: Annotated[int, typer.Option(help="не больше стольких")] = 200,
) -> None:
    """Пары, которые ждут человека: двойники, карантин, отказы, неясные. Код 1, если есть."""
    finish(perform(config, "pairs.list", kind=kind, state=state, limit=limit), True)


@pairs_app.command("release")
def pairs_release(
    kind: Annotated[str | None, typer.Argument()] = None,
    key: Annotated[str | None, typer.Argument(help="части ключа через |")] = None,
    config: Config = None,
    pair: Annotated[int | None, typer.Option("--pair", help="номер пары из medmost pairs list")] = None,
) -> None:
    """Отпустить задержанную запись (двойник, другой пациент), когда причина устранена."""
    if pair is None and (kind is None or key is None):
        raise typer.BadParameter(say("нужны ВИД и КЛЮЧ или --pair", "KIND and KEY, or --pair, are needed"))
    finish(perform(config, "pairs.release", kind=kind, key=key, pair=pair, actor=actor()), True)


@conflicts_app.command("list")
def conflicts_list(
    config: Config = None,
    state: Annotated[str, typer.Option(help="open, decided, resolved, void")] = "open",
    values: Annotated[bool, typer.Option("--values", help="показать значения (личные данные!)")] = False,
    json: Json = False,
) -> None:
    """Расхождения, которые ждут человека."""
    finish(perform(config, "conflicts.list", state=state, values=values), json, show.conflicts)


@conflicts_app.command("resolve")
def conflicts_resolve(
    id_: Annotated[int, typer.Argument(metavar="ID")],
    take: Annotated[str | None, typer.Option(help="gosuslugi или emias")] = None,
    set_: Annotated[str | None, typer.Option("--set", metavar="FIELD=VALUE")] = None,
    config: Config = None,
) -> None:
    """Решить расхождение. Если запись с тех пор изменилась, ответ не принимается."""
    if (take is None) == (set_ is None) or take not in (None, "gosuslugi", "emias"):
        complain(Fatal("MM-CLI-RESOLVE", "Нужно одно из двух: --take gosuslugi|emias или --set ПОЛЕ=ЗНАЧЕНИЕ",
                       "give either --take gosuslugi|emias or --set FIELD=VALUE"))  # fmt: skip
        raise typer.Exit(2)
    field, _, value = (set_ or "").partition("=")
    finish(
        perform(config, "conflicts.resolve", id=id_, take=take, field=field, value=value or None, actor=actor()), True
    )


@dead_app.command("list")
def dead_list(config: Config = None) -> None:
    """Что не доставлено за 72 часа."""
    finish(perform(config, "dead.list"), True)


@dead_app.command("retry")
def dead_retry(ids: list[str], config: Config = None) -> None:
    """Пробовать снова."""
    finish(perform(config, "dead.retry", ids=ids, actor=actor()), True)


@dead_app.command("drop")
def dead_drop(ids: list[str], config: Config = None) -> None:
    """Оставить ту сторону как есть, пока одна из записей не изменится."""
    finish(perform(config, "dead.drop", ids=ids, actor=actor()), True)


@stage_app.command("show")
def stage_show(config: Config = None) -> None:
    """Стадия каждого вида."""
    finish(perform(config, "stage.show"), True)


@stage_app.command("set")
def stage_set(kind: str, stage: str, config: Config = None) -> None:
    """Сменить стадию вида."""
    finish(perform(config, "stage.set", kind=kind, stage=stage, actor=actor()), True)


@app.command()
def pause(kind: Annotated[str | None, typer.Argument()] = None, config: Config = None) -> None:
    """Ничего не отправлять (весь обмен или один вид); опрос идёт дальше."""
    finish(perform(config, "pause", kind=kind, paused=True), True)


@app.command()
def resume(kind: Annotated[str | None, typer.Argument()] = None, config: Config = None) -> None:
    """Снова отправлять."""
    finish(perform(config, "pause", kind=kind, paused=False), True)


@config_app.command("show")
def config_show(config: Config = None) -> None:
    """Настройки, как они поняты; секреты скрыты."""
    try:
        as_json(describe(configured(config)))
    except MedmostError as error:
        complain(error)
        raise typer.Exit(2) from error


@journal_app.command("verify")
def journal_verify(config: Config = None) -> None:
    """Проверить цепочку журнала."""
    finish(perform(config, "journal.verify"), True)


@app.command()
def backup(file: Path, config: Config = None) -> None:
    """Согласованная копия базы состояния, без остановки."""
    finish(perform(config, "backup", file=str(file.resolve())), True)


@app.command()
def restore(file: Path, config: Config = None) -> None:
    """Вернуть базу состояния из копии; прежняя остаётся рядом."""
    from medmost.cli.restore import restore_state

    try:
        restored = restore_state(configured(config), file)
    except MedmostError as error:
        raise ended_by(error) from error
    show.restored(restored)


def main() -> None:
    """The entry point."""
    sys.exit(run_commands(app))


if __name__ == "__main__":
    main()
