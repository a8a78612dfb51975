"""Reads the files of `--collections DIR`: one YAML file a collection; every error names file, line and remedy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from medmost_stand.added.columns import Reader, column_of, status_of
from medmost_stand.added.sorts import Added, Column, Planting
from medmost_stand.dialect import COLLECTIONS, Field, Form
from medmost_stand.world.model import SYSTEMS, System

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_TAKEN = frozenset({*COLLECTIONS, "subscriptions"})
_TOP = ("collection", "kind", "title", "key", "unique", "fields", "world")
_WORLD = ("per_person", "flow", "differ")
_FLOWS = ("emias", "gosuslugi", "both")


@dataclass(slots=True)
class CollectionErrors(Exception):
    """What is wrong with the files, a line for each fault: `file:line: …`."""

    lines: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return "\n".join(self.lines)


def load_collections(folder: Path) -> tuple[Added, ...]:
    """The collections of a folder in the order of file names; CollectionErrors with all faults of all files."""
    if not folder.is_dir():
        raise CollectionErrors([f"{folder}: нужна папка с файлами *.yaml"])
    added: list[Added] = []
    faults: list[str] = []
    for path in sorted(folder.glob("*.y*ml")):
        known = {*COLLECTIONS, *(one.collection for one in added)}
        found, wrong = _load(path, known)
        faults += wrong
        if found is not None:
            added.append(found)
    if not faults and not added:
        faults = [f"{folder}: нет ни одного файла *.yaml"]
    if faults:
        raise CollectionErrors(faults)
    return tuple(added)


def _load(path: Path, known: set[str]) -> tuple[Added | None, list[str]]:
    try:
        whole = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        return None, [f"{path.name}:{line}: файл не разбирается как YAML: {error.problem}"]
    except (YAMLError, UnicodeDecodeError) as error:
        return None, [f"{path.name}:1: файл не разбирается как YAML: {str(error).splitlines()[0]}"]
    if not isinstance(whole, Mapping):
        return None, [f"{path.name}:1: нужно отображение с полями {', '.join(_TOP)}"]
    reader = Reader(path.name)
    added = _added(reader, whole, known)
    return (None if reader.faults else added), reader.faults


def _added(reader: Reader, whole: Any, known: set[str]) -> Added | None:
    reader.only(whole, _TOP, "")
    name = reader.text(whole, "collection", "", required=True)
    if name and (not _NAME.fullmatch(name) or name in _TAKEN | known):
        reader.fault(whole, "collection", f"«{name}»: нужно новое имя из строчных латинских букв, цифр и дефисов")
    kind = reader.text(whole, "kind", "")
    reader.text(whole, "title", "")
    fields = reader.mapping(whole, "fields", "", required=True)
    columns: list[Column] = []
    checks: list[tuple[Column, bool, str | None]] = []
    for field_name in fields:
        row = reader.mapping(fields, field_name, "fields", required=True)
        column = column_of(reader, field_name, row)
        if column is None:
            continue
        refers = reader.text(row, "refers", field_name)
        if refers and refers not in known:
            reader.fault(row, "refers", f"поле «{field_name}»: коллекции «{refers}» нет; можно: {', '.join(known)}")
        columns.append(column)
        checks.append((column, reader.flag(row, "required", field_name), refers))
    key = _key(reader, whole, [column.name for column in columns])
    unique = reader.flag(whole, "unique", "", default=True)
    personal = any(fields[column.name].get("make") == "patient" for column in columns)
    planting = _planting(reader, whole, columns)
    if reader.faults or name is None:
        return None
    forms: dict[System, Form] = {}
    for system in SYSTEMS:
        spots = {column.name: column.at[system] for column in columns}
        made = tuple(Field(spots[one.name], one.type.format[system], need, refers) for one, need, refers in checks)
        status = status_of(reader, fields, columns, system)
        forms[system] = Form(name, made, tuple(spots[part] for part in key), unique, status)
    return Added(name, kind, forms, tuple(columns), tuple(key), personal, planting)


def _key(reader: Reader, whole: Any, names: list[str]) -> list[str]:
    key = whole.get("key")
    if not isinstance(key, list) or not key or not all(part in names for part in key):
        reader.fault(whole, "key", f"key: нужен непустой список полей; есть: {', '.join(names)}")
        return []
    return [str(part) for part in key]


def _planting(reader: Reader, whole: Any, columns: Iterable[Column]) -> Planting | None:
    world = reader.mapping(whole, "world", "")
    if not world:
        return None
    reader.only(world, _WORLD, "world")
    part = world.get("per_person", 0.5)
    if isinstance(part, bool) or not isinstance(part, int | float) or not 0 < part <= 100:
        reader.fault(world, "per_person", "per_person: нужно число больше 0 и не больше 100")
        part = 0.5
    flow = world.get("flow", "emias")
    if flow not in _FLOWS:
        reader.fault(world, "flow", f"flow: «{flow}»; можно: {', '.join(_FLOWS)}")
    made = {column.name for column in columns if column.make is not None}
    differ = reader.mapping(world, "differ", "world")
    for name, ahead in differ.items():
        if name not in made:
            reader.fault(differ, name, f"differ: у поля «{name}» нет make; есть у: {', '.join(sorted(made))}")
        if ahead not in SYSTEMS:
            reader.fault(differ, name, f"differ: «{ahead}» у поля «{name}»; можно: {', '.join(SYSTEMS)}")
    return Planting(float(part), None if flow == "both" else flow, dict(differ))
