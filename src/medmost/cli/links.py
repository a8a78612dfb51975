"""`medmost link …`: links of accounts to policies, on consents given on paper (design §8)."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path
from typing import Annotated, Any

import typer

from medmost.cli import show
from medmost.cli.perform import actor, ended_by, finish, perform
from medmost.domain.errors import Fatal

app = typer.Typer(no_args_is_help=True, help="Привязки учётных записей к полисам")
Config = Annotated[Path | None, typer.Option("--config", help="папка настроек", envvar="MEDMOST_CONFIG")]
Values = Annotated[bool, typer.Option("--values", help="показать номера полисов (личные данные!)")]
Json = Annotated[bool, typer.Option("--json", help="машинный вид")]
COLUMNS = ("oid", "policy_number", "consent", "birth_date")


@app.command("add")
def add(
    oid: Annotated[str, typer.Option(help="учётная запись ЕСИА")],
    policy: Annotated[str, typer.Option(help="номер полиса")],
    consent: Annotated[Path, typer.Option(help="файл согласия")],
    config: Config = None,
    birth_date: Annotated[str, typer.Option(help="дата рождения с бумаги, ДД.ММ.ГГГГ: сверяется с ЕМИАС")] = "",
) -> None:
    """Привязка по согласию на бумаге."""
    row = {"oid": oid, "policy_number": policy, "birth_date": birth_date, "consent": _consent_of(consent)}
    _link(config, [row])


@app.command("import")
def import_(file: Path, config: Config = None) -> None:
    """Много привязок: CSV со столбцами oid, policy_number, consent (слова согласия), birth_date (если есть)."""
    _link(config, _rows_of(file))


@app.command("list")
def list_(config: Config = None, values: Values = False, json: Json = False) -> None:
    """Привязки."""
    finish(perform(config, "link.list", values=values), json, show.links)


@app.command("revoke")
def revoke(id_: Annotated[int, typer.Argument(metavar="ID")], config: Config = None) -> None:
    """Отозвать привязку: больше ничего личного не передаётся, тела записей стираются."""
    finish(perform(config, "link.revoke", id=id_, actor=actor()), True)


def _link(config: Path | None, rows: list[dict[str, Any]]) -> None:
    code, result = perform(config, "link.import", rows=rows, deliver=True)
    show.not_linked(result)
    finish((code, result), True)


def _consent_of(file: Path) -> dict[str, Any]:
    """A consent on paper: the file's name and digest; the paper itself stays where it is."""
    try:
        return {"file": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    except OSError as error:
        raise ended_by(_unreadable(file, error)) from error


def _rows_of(file: Path) -> list[dict[str, Any]]:
    """The rows of a CSV file; a wrong one ends the program with 2 and the place."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            missing = [name for name in COLUMNS[:2] if name not in (reader.fieldnames or ())]
            if missing:
                raise ended_by(_wrong(file, f"строка 1: нет столбца {missing[0]}", f"line 1: no column {missing[0]}"))
            return [
                {name: row[name] for name in COLUMNS[:2]}
                | {"birth_date": row.get("birth_date") or "", "consent": {"text": row.get("consent") or ""}}
                for row in reader
            ]
    except OSError as error:
        raise ended_by(_unreadable(file, error)) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ended_by(_wrong(file, "это не CSV в UTF-8", "this is no CSV in UTF-8")) from error


def _unreadable(file: Path, error: OSError) -> Fatal:
    return Fatal(
        "MM-CLI-FILE",
        f"{file}: файл не читается ({error.strerror}); проверьте имя и права",
        f"{file} cannot be read ({error.strerror}); check its name and rights",
    )


def _wrong(file: Path, ru: str, en: str) -> Fatal:
    columns = ", ".join(COLUMNS)
    return Fatal("MM-CLI-FILE", f"{file}: {ru}; нужны столбцы {columns}", f"{file}: {en}; the columns are {columns}")
