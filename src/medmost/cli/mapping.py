"""`medmost mapping …`: the tables of fields, checked, tried, compared and shown. No system is asked for any of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from medmost.cli.differing import show_crosswalk, show_difference, show_drift
from medmost.cli.perform import actor, config_folder, finish, perform
from medmost.cli.talk import as_json, complain, lang, out, say
from medmost.cli.trying import show_trial, trial_json
from medmost.domain.errors import Fatal, MedmostError
from medmost.domain.record import Side
from medmost.mapping import load_mappings, mapping_hash
from medmost.mapping.books import html, write_xlsx
from medmost.mapping.compiler import CompiledMapping
from medmost.mapping.crosswalk import load_crosswalks
from medmost.mapping.load import try_mappings
from medmost.mapping.reference import json_schema
from medmost.mapping.sheet import markdown
from medmost.mapping.trial import try_record

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
    """Прочитать и проверить таблицы, с накладкой из папки настроек: все ошибки сразу."""
    mappings, errors = try_mappings(config_folder(config) / "kinds")
    for error in errors:
        complain(error)
    if errors:
        raise typer.Exit(2)
    version = mapping_hash(mappings)[:12]
    out.print(say(f"Видов {len(mappings)}, версия {version}", f"{len(mappings)} kinds, version {version}"))


@app.command("try")
def try_(
    kind: str,
    file: Path,
    side: Annotated[Side, typer.Option("--from", help="чья это запись")],
    config: Config = None,
    json: Annotated[bool, typer.Option("--json", help="машинный вид")] = False,
) -> None:
    """Поле за полем: запись → общий вид → запись другой системы и обратно; все ошибки сразу."""
    mapping = _one(config, kind)
    doc, text = _record(file)
    trial = try_record(mapping, side, doc, text)
    if json:
        as_json(trial_json(trial))
    else:
        show_trial(mapping, trial)
    raise typer.Exit(0 if trial.fits else 1)


def _record(file: Path) -> tuple[Any, str]:
    """A record of a file, and its text. Ends the program with 2 where there is none, with the line that is wrong."""
    try:
        text = file.read_text(encoding="utf-8")
        return orjson.loads(text), text
    except orjson.JSONDecodeError as error:
        complain(
            Fatal(
                "MM-CLI-FILE",
                f"{file.name}, строка {error.lineno}: это не запись в JSON",
                f"{file.name}, line {error.lineno}: this is no JSON record",
            )
        )
        raise typer.Exit(2) from error
    except (OSError, UnicodeDecodeError) as error:
        complain(Fatal("MM-CLI-FILE", f"{file.name}: файл не читается", f"{file.name} cannot be read"))
        raise typer.Exit(2) from error


@app.command("docs")
def docs(folder: Path, config: Config = None) -> None:
    """Таблицы полей: Markdown, HTML и XLSX, по-русски и по-английски."""
    folder.mkdir(parents=True, exist_ok=True)
    mappings = _mappings(config)
    for language in ("ru", "en"):
        (folder / f"mapping.{language}.md").write_text(markdown(mappings, language), encoding="utf-8")
        (folder / f"mapping.{language}.html").write_text(html(mappings, language), encoding="utf-8")
        write_xlsx(folder / f"mapping.{language}.xlsx", mappings, language)
    for name in sorted(one.name for one in folder.glob("mapping.*")):
        out.print(str(folder / name), markup=False)


@app.command("schema")
def schema() -> None:
    """JSON Schema файла вида, для редактора."""
    out.print_json(orjson.dumps(json_schema()).decode())


@app.command("diff")
def diff(
    folder: Annotated[Path | None, typer.Argument(metavar="DIR")] = None,
    config: Config = None,
    json: Annotated[bool, typer.Option("--json", help="машинный вид")] = False,
) -> None:
    """Чем таблицы папки отличаются от действующих и у скольких пар что изменится; без папки — что ждёт решения."""
    given = None if folder is None else str(folder.resolve())
    finish(perform(config, "mapping.diff", other=given), json, show_difference)


@app.command("apply")
def apply(kind: Annotated[str | None, typer.Argument()] = None, config: Config = None) -> None:
    """Согласиться с изменённой таблицей (одного вида или всех): задержанное отправляется."""
    finish(perform(config, "mapping.apply", kind=kind, actor=actor()), True)


@app.command("crosswalk")
def crosswalk(
    name: str, config: Config = None, json: Annotated[bool, typer.Option("--json", help="машинный вид")] = False
) -> None:
    """Таблица кодов: её строки, поля, где она работает, и встреченные коды, которых в ней нет. 1 — такие есть."""
    try:
        tables = load_crosswalks(config_folder(config) / "kinds")
    except MedmostError as error:
        complain(error)
        raise typer.Exit(2) from error
    if name not in tables:
        there = ", ".join(tables)
        complain(Fatal("MM-CLI-CROSSWALK", f"Нет такой таблицы: {name}; есть {there}",
                       f"no crosswalk {name}; there are {there}"))  # fmt: skip
        raise typer.Exit(2)
    code, told = perform(config, "mapping.crosswalk", name=name)
    rows = [
        {"code": one, "gosuslugi": rule.wire(Side.GOSUSLUGI), "emias": rule.wire(Side.EMIAS), "title": title}
        for (one, rule), title in zip(tables[name].codes.items(), tables[name].titles.values(), strict=True)
    ]
    finish((code, {"file": str(tables[name].file), "rows": rows, **told}), json, show_crosswalk)


@app.command("drift")
def drift(
    patch: Annotated[Path | None, typer.Option("--patch", help="записать предложенные накладки в эту папку")] = None,
    end: Annotated[list[int] | None, typer.Option("--end", help="находка с этим номером позади")] = None,
    config: Config = None,
    json: Annotated[bool, typer.Option("--json", help="машинный вид")] = False,
) -> None:
    """Что изменилось в форме записей у систем, какие поля задержаны, какие коды незнакомы. 1 — есть задержанные."""
    if end:
        finish(perform(config, "mapping.drift.end", ids=end, actor=actor()), True)
    code, told = perform(config, "mapping.drift")
    if patch is not None:
        told["written"] = _write_patches(patch, told["patches"])
    finish((code, told), json, show_drift)


def _write_patches(folder: Path, patches: dict[str, str]) -> list[str]:
    """Never over a file that is there: a person's own overlay is for a person to change."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for kind, text in patches.items():
        target = folder / f"{kind}.yaml"
        if target.exists():
            target = folder / f"{kind}.yaml.proposed"
        target.write_text(text, encoding="utf-8")
        written.append(str(target))
    return written


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
