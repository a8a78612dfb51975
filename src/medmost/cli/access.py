"""`medmost access`: shows where the registration stands, asks for what is missing, registers at a stand."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from medmost.cli.perform import config_folder, ended_by
from medmost.cli.talk import as_json, complain, err, lang, out, say
from medmost.domain.errors import Fatal, MedmostError
from medmost.launch.access import Standing, fill
from medmost.launch.answers import BY_KEY, Question, checked, read_answers
from medmost.launch.installation import Installation


def access(
    config: Annotated[Path | None, typer.Option("--config", help="папка настроек", envvar="MEDMOST_CONFIG")] = None,
    answers: Annotated[Path | None, typer.Option("--answers", help="файл TOML с ответами")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="один ответ")] = None,
    register: Annotated[bool, typer.Option("--register", help="зарегистрировать вызовами стенда")] = False,
    json: Annotated[bool, typer.Option("--json", help="машинный вид")] = False,
) -> None:
    """Провести по регистрации: ключ и запрос на сертификат, ключи API, секреты, адреса; показать, чего не хватает."""
    try:
        place = Installation(config_folder(config))
        given = _given(answers, set_ or [])
        told = fill(place, given)
        if register:
            from medmost.launch.registration import register as register_at_both  # it brings a whole HTTP client

            asyncio.run(register_at_both(place, given))
            told = fill(place, {})
        elif not given and not json and sys.stdin.isatty():
            told = _ask(place, told)
    except MedmostError as error:
        raise ended_by(error) from error
    _show(told, json)
    raise typer.Exit(0 if told.ready else 1)


def _given(answers: Path | None, pieces: list[str]) -> dict[str, str]:
    """Answers of the file, then those of the command line over them, each checked."""
    raw = read_answers(answers) if answers is not None else {}
    beside = answers.parent if answers is not None else Path.cwd()
    given = {key: checked(key, value, os.environ, beside) for key, value in raw.items() if value}
    for piece in pieces:
        key, sign, value = piece.partition("=")
        if not sign:
            raise Fatal("MM-ACC-ANSWER", f"--set {key}: нужно КЛЮЧ=ЗНАЧЕНИЕ", f"--set {key}: give KEY=VALUE")
        given[key] = checked(key, value, os.environ, Path.cwd())
    return given


def _ask(place: Installation, told: Standing) -> Standing:
    """Asks a person for everything that is missing; an empty answer leaves it for later."""
    err.print(say("Пустой ответ — вписать потом.", "An empty answer leaves it for later."))
    keys = [key for step in told.steps if not step.done for key in step.asks]
    for key in keys:
        value = _answer(BY_KEY[key])
        if value is None:
            continue
        try:
            told = fill(place, {key: value})
        except MedmostError as error:
            complain(error)
    return told


def _answer(question: Question) -> str | None:
    while True:
        words = say(question.ru, question.en)
        given = str(typer.prompt(words, default="", show_default=False, hide_input=question.secret, err=True))
        if not given.strip():
            return None
        try:
            return checked(question.key, given, os.environ, Path.cwd())
        except MedmostError as error:
            complain(error)


def _show(told: Standing, json: bool) -> None:
    if json:
        shown: dict[str, Any] = msgspec.to_builtins(told)
        as_json({"ready": told.ready, **shown})
        return
    for step in told.steps:
        out.print(f"[{'green' if step.done else 'red'}]{'✓' if step.done else '✗'}[/] {say(step.ru, step.en)}")
        if not step.done:
            out.print(f"    {say(step.todo_ru, step.todo_en)}", markup=False)
    for ru, en in told.warnings:
        out.print(f"[bold red]{ru if lang() == 'ru' else en}[/]")
    if told.ready:
        out.print(say("Всё есть. Дальше: medmost check", "Everything is there. Next: medmost check"))
