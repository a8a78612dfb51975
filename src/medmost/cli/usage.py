"""A wrong command line: one sentence that says what to do, exit 2 (design §10)."""

from __future__ import annotations

from typing import Any

import typer
from typer.exceptions import Abort, TyperException

from medmost.cli.talk import complain
from medmost.domain.errors import Fatal


def run_commands(app: typer.Typer) -> int:
    """Runs the command of this process' command line. The exit code."""
    try:
        code = app(standalone_mode=False)
    except Abort:
        return 130
    except TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()  # type: ignore[attr-defined]  # that class of typer has it
        else:
            complain(sentence(error))
        return 2
    return code if isinstance(code, int) else 0


def sentence(error: TyperException) -> Fatal:
    """What is wrong with the command line, and where to look."""
    context = getattr(error, "ctx", None)
    where = f"{context.command_path if context is not None else 'medmost'} --help"
    ru = _russian(error, context)
    return Fatal(
        "MM-CLI-USAGE",
        f"{ru}; как вызывать, покажет {where}",
        f"{error.format_message().rstrip('.')}; {where} shows what there is",
    )


def _russian(error: TyperException, context: Any) -> str:
    name = type(error).__name__
    parameter = getattr(error, "param", None)
    shown = "" if parameter is None else parameter.get_error_hint()
    if name == "NoSuchOption":
        return f"Нет такого ключа: {getattr(error, 'option_name', '')}"
    if name == "MissingParameter":
        return f"Не хватает {shown}"
    if parameter is not None:
        return f"Не подходит значение {shown}"
    if error.message.startswith("No such command") and context is not None:
        known = ", ".join(context.command.list_commands(context))
        return f"Нет такой команды: {error.message.split(chr(39))[1]}; есть {known}"
    return f"Команда составлена неверно ({error.message.rstrip('.')})"
