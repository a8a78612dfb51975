"""What msgspec found wrong in a mapping file, said with file, line, field and what is allowed."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterable
from difflib import get_close_matches
from enum import EnumType
from types import UnionType
from typing import Any, Literal, get_args, get_origin

import msgspec

from medmost.domain.errors import Fatal
from medmost.mapping.located import Located

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")


def guess(word: str, allowed: Iterable[str]) -> tuple[str, str]:
    """«может быть …?» in both languages, or nothing where no allowed word is near."""
    close = get_close_matches(word, list(allowed), 1)
    return (f", может быть, «{close[0]}»?", f', perhaps "{close[0]}"?') if close else ("", "")


def complaint(located: Located, root: type[msgspec.Struct], said: str, where: str) -> Fatal:
    """The refusal for a message of msgspec about the value at `where`."""
    where = _entry(located, root, where)
    field = _field_at(located, where)
    if unknown := re.search(r"unknown field `(.+)`", said):
        word, allowed = unknown.group(1), _words_of(_type_at(root, where))
        ru, en = guess(word, allowed)
        return located.wrong(
            "MM-MAP-WORD",
            located.line_of_key(where, word),
            field,
            f"незнакомое слово «{word}»{ru}; допустимо: {', '.join(allowed)}",
            f'unknown word "{word}"{en}; allowed: {", ".join(allowed)}',
        )
    ru, en = _said(said, _type_at(root, where), where)
    return located.wrong("MM-MAP-RULE", located.line(where), field, ru, en)


def _entry(located: Located, root: type[msgspec.Struct], where: str) -> str:
    """The path with the keys that msgspec leaves out of it: ``codes[...]`` becomes the entry that is wrong."""
    while (head := where.partition("[...]"))[1]:
        node, wanted = _node_at(located, head[0]), get_args(_type_at(root, head[0]))
        wrong = [key for key, value in node.items() if not _fits(value, wanted[-1])] if isinstance(node, dict) else []
        if not wrong:
            break
        where = f"{head[0]}.{wrong[0]}{head[2]}"
    return where


def _fits(value: Any, wanted: Any) -> bool:
    try:
        msgspec.convert(value, wanted)
    except msgspec.ValidationError:
        return False
    return True


def _node_at(located: Located, where: str) -> Any:
    node: Any = located.plain
    for key, index in _STEP.findall(where):
        node = node[key] if key else node[int(index)]
    return node


def _said(said: str, wanted: Any, where: str) -> tuple[str, str]:
    """What msgspec found wrong, in Russian and in English."""
    if re.search(r"\.codes\.[^.]+\.(gosuslugi|emias)$", where) and "got `array`" in said:
        return (
            "несколько значений одного кода: укажите, какое пишется, например {writes: A, reads: [B]}",
            "several values of one code: declare the one that is written, e.g. {writes: A, reads: [B]}",
        )
    if found := re.fullmatch(r"Expected `(.+)`, got `(.+)`", said):
        return f"допустимо: {found[1]}, а стоит {found[2]}", f"allowed: {found[1]}, found {found[2]}"
    if found := re.fullmatch(r"Object missing required field `(.+)`", said):
        return f"нет обязательного слова «{found[1]}»", f'the word "{found[1]}" is missing'
    if found := re.fullmatch(r"Invalid enum value '(.+)'", said):
        allowed = _values_of(wanted)
        ru, en = guess(found[1], allowed)
        listed = ", ".join(allowed)
        return (
            f"незнакомое значение «{found[1]}»{ru}; допустимо: {listed}",
            f'unknown value "{found[1]}"{en}; allowed: {listed}',
        )
    if said.startswith("Expected `str` of length >= 1"):
        return "текст не может быть пустым", "the text must not be empty"
    return f"не по правилам языка: {said}", said


def _field_at(located: Located, where: str) -> str:
    """The field that a path is inside of: by name where it has one, a row's field with its list's."""
    names: list[str] = []
    node: Any = located.plain
    for key, index in _STEP.findall(where):
        if isinstance(node, dict):
            node = node.get(key)
        elif isinstance(node, list) and index.isdigit() and int(index) < len(node):
            node = node[int(index)]
            if isinstance(node, dict) and "name" in node:
                names.append(str(node["name"]))
        else:
            break
    return ".".join(names)


def _type_at(root: Any, where: str) -> Any:
    """The type that the language gives the value at a path."""
    here = root
    for key, _ in _STEP.findall(where):
        here = _bare(here)
        if isinstance(here, type) and issubclass(here, msgspec.Struct):
            names = {field.encode_name: field.name for field in msgspec.structs.fields(here)}
            here = typing.get_type_hints(here, include_extras=True).get(names.get(key, ""), Any)
        elif args := get_args(here):
            here = args[-1] if get_origin(here) is dict else args[0]
    return _bare(here)


def _bare(here: Any) -> Any:
    """A type without its "or nothing", or the structure among several choices."""
    if get_origin(here) is UnionType:
        choices = [one for one in get_args(here) if one is not type(None)]
        structs = [one for one in choices if isinstance(one, type) and issubclass(one, msgspec.Struct)]
        return (structs or choices)[0]
    return get_args(here)[0] if get_origin(here) is typing.Annotated else here


def _words_of(wanted: Any) -> list[str]:
    if isinstance(wanted, type) and issubclass(wanted, msgspec.Struct):
        return sorted(field.encode_name for field in msgspec.structs.fields(wanted))
    return []


def _values_of(wanted: Any) -> list[str]:
    if isinstance(wanted, EnumType):
        members: dict[str, Any] = dict(wanted.__members__)
        return [str(member.value) for member in members.values()]
    return [str(value) for value in get_args(wanted)] if get_origin(wanted) is Literal else []
