"""Does a tree of values fit the settings: unknown and missing keys, wrong types, each named at its place."""

from __future__ import annotations

import difflib
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import msgspec

from medmost.config.settings import Config
from medmost.config.troubles import Key, Troubles

Place = Callable[[Key], tuple[str, str]]
_WORDS: dict[Any, tuple[str, str]] = {
    str: ("строка в кавычках", "a text in quotes"),
    Path: ("строка в кавычках", "a text in quotes"),
    int: ("целое число", "a whole number"),
    float: ("число", "a number"),
    bool: ("true или false", "true or false"),
    tuple: ("список в [скобках]", "a list in [brackets]"),
    dict: ("раздел", "a table"),
}
_WORKED_OUT: dict[Key, set[str]] = {(): {"folder", "references"}, ("state",): {"path"}}
"""Fields that the loader fills in: nobody may write them."""


def path_hook(kind: type, value: Any) -> Any:
    """Lets msgspec make a Path out of a text."""
    if kind is Path:
        return Path(value)
    raise NotImplementedError


def bare(kind: Any) -> Any:
    """The type without its `| None`."""
    if get_origin(kind) in (Union, types.UnionType):
        some = [arm for arm in get_args(kind) if arm is not type(None)]
        return some[0] if len(some) == 1 else kind
    return kind


def fields_of(kind: Any, key: Key) -> dict[str, msgspec.structs.FieldInfo]:
    hidden = _WORKED_OUT.get(key, set())
    return {f.encode_name: f for f in msgspec.structs.fields(kind) if f.encode_name not in hidden}


def type_at(key: Key) -> Any | None:
    """The type of a setting by its dotted name, None where there is no such setting."""
    kind: Any = Config
    for depth, part in enumerate(key):
        kind = bare(kind)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            field = fields_of(kind, key[:depth]).get(str(part))
            if field is None:
                return None
            kind = field.type
        elif get_origin(kind) is dict:
            kind = get_args(kind)[1]
        else:
            return None
    return kind


def check(value: Any, kind: Any, key: Key, place: Place, troubles: Troubles) -> None:
    """Adds a trouble for each value under `key` that does not fit `kind`."""
    kind = bare(kind)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        if isinstance(value, Mapping):
            _check_table(value, kind, key, place, troubles)
        else:
            _wrong_type(dict, key, place, troubles)
        return
    if get_origin(kind) is tuple and isinstance(value, list):
        for number, item in enumerate(value):
            check(item, get_args(kind)[0], (*key, number), place, troubles)
        return
    if get_origin(kind) is dict and isinstance(value, Mapping):
        for name, item in value.items():
            check(item, get_args(kind)[1], (*key, name), place, troubles)
        return
    if kind is bytes and isinstance(value, str):
        return  # a reference that could not be read: that has been told, in better words
    try:
        msgspec.convert(value, kind, dec_hook=path_hook, builtin_types=(bytes,))
    except (msgspec.ValidationError, TypeError):
        _wrong_type(kind, key, place, troubles)


def _check_table(table: Mapping[str, Any], kind: Any, key: Key, place: Place, troubles: Troubles) -> None:
    fields = fields_of(kind, key)
    for name, value in table.items():
        if name in fields:
            check(value, fields[name].type, (*key, name), place, troubles)
        else:
            unknown((*key, name), list(fields), place((*key, name)), troubles)
    for name, field in fields.items():
        if field.required and name not in table:
            ru, en = "обязательная настройка не задана", "this setting is required and missing"
            troubles.add("MM-CFG-MISSING", place((*key, name)), ru, en)


def unknown(key: Key, allowed: list[str], place: tuple[str, str], troubles: Troubles) -> None:
    near = difflib.get_close_matches(str(key[-1]), allowed, n=1)
    names = ", ".join(allowed)
    ru = "такой настройки нет; " + (f"может быть, «{near[0]}»? " if near else "") + f"есть: {names}"
    en = "no such setting; " + (f"did you mean `{near[0]}`? " if near else "") + f"there are: {names}"
    troubles.add("MM-CFG-UNKNOWN", place, ru, en)


def _wrong_type(kind: Any, key: Key, place: Place, troubles: Troubles) -> None:
    if get_origin(kind) is Literal:
        names = ", ".join(str(arm) for arm in get_args(kind))
        ru, en = f"одно из: {names}", f"one of: {names}"
    else:
        ru, en = _WORDS.get(get_origin(kind) or kind, ("другое значение", "another kind of value"))
    troubles.add("MM-CFG-VALUE", place(key), f"здесь должно быть: {ru}", f"expected: {en}")
