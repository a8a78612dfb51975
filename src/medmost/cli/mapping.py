"""`medmost mapping …`: the tables of fields, checked, tried and shown. Needs no state and no system."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer

from medmost.cli.perform import config_folder
from medmost.cli.talk import as_json, complain, lang, out, say
from medmost.domain.errors import Fatal, MedmostError
from medmost.domain.record import Side
from medmost.mapping import load_mappings, mapping_hash
from medmost.mapping.compiler import CompiledMapping
from medmost.mapping.sheet import markdown

app = typer.Typer(no_args_is_help=True, help="Таблицы полей")
Config = Annotated[Path | None, typer.Option("--config", help="папка настроек", envvar="MEDMOST_CONFIG")]


def _mappings(config: Path | None) -> dict[str, CompiledMapping]:
    overlay = config_folder(config) / "kinds"
    try:
        return load_mappings(overlay if overlay.is_dir() else None)
    except MedmostError as error:
        complain(error)
        raise typer.Exit(2) from error


def _one(config: Path | None, kind: str) -> CompiledMapping:
    mappings = _mappings(config)
    if kind not in mappings:
        allowed = ", ".join(mappings)
        complain(
            Fatal("MM-CLI-KIND", f"Нет такого вида: {kind}; есть {allowed}", f"no kind {kind}; there are {allowed}")
        )
        raise typer.Exit(2)
    return mappings[kind]


@app.command("check")
def check(config: Config = None) -> None:
    """Прочитать и проверить таблицы, с накладкой из папки настроек."""
    mappings = _mappings(config)
    out.print(say(f"Видов {len(mappings)}, версия {mapping_hash(mappings)[:12]}", f"{len(mappings)} kinds"))


@app.command("try")
def try_(
    kind: str,
    file: Path,
    side: Annotated[Side, typer.Option("--from", help="чья это запись")],
    config: Config = None,
) -> None:
    """Что medmost поймёт в записи: поля, ошибки и вид для другой системы."""
    mapping = _one(config, kind)
    try:
        doc = orjson.loads(file.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        complain(Fatal("MM-CLI-FILE", f"{file.name}: это не запись в JSON", f"{file.name} holds no JSON record"))
        raise typer.Exit(2) from error
    reading = mapping.read(side, doc)
    problems = [f"{one.field}: {one.reason} ({one.value_class}; {one.allowed})" for one in reading.problems]
    other = None if problems else mapping.write(side.other, reading.fields, None)
    as_json({"fields": reading.fields, "problems": problems, side.other.value: other})
    raise typer.Exit(1 if problems else 0)


@app.command("docs")
def docs(folder: Path, config: Config = None) -> None:
    """Таблицы полей в Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"mapping.{lang()}.md"
    target.write_text(markdown(_mappings(config), lang()), encoding="utf-8")
    out.print(str(target))


@app.command("show")
def show(
    kind: str,
    python: Annotated[bool, typer.Option("--python", help="исходный текст обоих направлений")] = False,
    config: Config = None,
) -> None:
    """Один вид: таблица или собранный из неё код."""
    mapping = _one(config, kind)
    if python:
        for side in Side:
            out.print(f"# {side.value}", markup=False)
            out.print(mapping.source(side), markup=False)
    else:
        out.print(markdown({kind: mapping}, lang()), markup=False)
