"""One field of a collection file, and the reading of YAML with line numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from medmost_stand.added.makers import maker
from medmost_stand.added.sorts import Column
from medmost_stand.added.types import TYPES, Type, code
from medmost_stand.dialect import Status
from medmost_stand.world.model import SYSTEMS, System

_ROW = ("type", "emias", "gosuslugi", "required", "refers", "codes", "onward", "make", "share")


class Reader:
    """Takes values out of a parsed file and notes what is wrong with them."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.faults: list[str] = []

    def fault(self, place: Any, key: str, text: str) -> None:
        """Notes a fault at the line of a key, or of the mapping that lacks it."""
        line = place.lc.key(key)[0] if key in place else place.lc.line
        self.faults.append(f"{self._name}:{line + 1}: {text}")

    def only(self, place: Any, allowed: Sequence[str], about: str) -> None:
        """Notes every key that is not allowed."""
        for key in place:
            if key not in allowed:
                where = f"«{about}»: " if about else ""
                self.fault(place, key, f"{where}слово «{key}» неизвестно; можно: {', '.join(allowed)}")

    def text(self, place: Any, key: str, about: str, *, required: bool = False) -> str | None:
        """A string, None where it is left out."""
        value = place.get(key)
        if value is None and not required:
            return None
        if not isinstance(value, str) or not value.strip():
            self.fault(place, key, f"{_named(about, key)}: нужна непустая строка")
            return None
        return value

    def flag(self, place: Any, key: str, about: str, *, default: bool = False) -> bool:
        """true or false."""
        value = place.get(key, default)
        if not isinstance(value, bool):
            self.fault(place, key, f"{_named(about, key)}: нужно true или false")
            return default
        return value

    def mapping(self, place: Any, key: str, about: str, *, required: bool = False) -> Any:
        """A nested mapping, empty where it is left out."""
        value = place.get(key)
        if value is None and not required:
            return {}
        if not isinstance(value, Mapping) or not value:
            self.fault(place, key, f"{_named(about, key)}: нужно непустое отображение")
            return {}
        return value


def column_of(reader: Reader, name: str, row: Any) -> Column | None:
    """The field of one row; None once a fault is noted."""
    if not row:
        return None
    noted = len(reader.faults)
    reader.only(row, _ROW, name)
    at: dict[System, str] = {system: reader.text(row, system, name, required=True) or "" for system in SYSTEMS}
    kind = row.get("type")
    found = _type(reader, name, row, kind)
    part = row.get("share", 1.0)
    if isinstance(part, bool) or not isinstance(part, int | float) or not 0 <= part <= 1:
        reader.fault(row, "share", f"поле «{name}»: share — число от 0 до 1")
    make = None
    if "make" in row:
        try:
            make, _ = maker(row["make"], str(kind))
        except ValueError as error:
            reader.fault(row, "make", f"поле «{name}»: {error}")
    if found is None or len(reader.faults) > noted:
        return None
    return Column(name, found, at, make, float(part))


def _type(reader: Reader, name: str, row: Any, kind: Any) -> Type | None:
    if kind == "code":
        words = reader.mapping(row, "codes", name, required=True)
        for neutral in words:
            told = words[neutral]
            if not isinstance(told, Mapping) or not all(isinstance(told.get(system), str) for system in SYSTEMS):
                reader.fault(words, neutral, f"поле «{name}»: у кода «{neutral}» нужны слова emias и gosuslugi")
                return None
        return code(words) if words else None
    if kind not in TYPES:
        allowed = ", ".join((*TYPES, "code"))
        reader.fault(row, "type", f"поле «{name}»: тип «{kind}» неизвестен; можно: {allowed}")
        return None
    if "codes" in row:
        reader.fault(row, "codes", f"поле «{name}»: codes бывает только у типа code")
    return TYPES[kind]


def status_of(reader: Reader, fields: Any, columns: Sequence[Column], system: System) -> Status | None:
    """The forward-only status of a collection in the words of one system; None where no field has `onward`."""
    for column in columns:
        row = fields[column.name]
        onward = reader.mapping(row, "onward", column.name)
        if not onward:
            continue
        words = row.get("codes") or {}
        say = {neutral: words[neutral][system] for neutral in words}
        for neutral, following in onward.items():
            if neutral not in say or not isinstance(following, list) or not set(following) <= set(say):
                text = f"поле «{column.name}»: onward ведёт от кода к списку кодов; есть: {', '.join(say)}"
                reader.fault(onward, neutral, text)
                return None
        steps = {say[old]: frozenset(say[new] for new in new_codes) for old, new_codes in onward.items()}
        return Status(column.at[system], steps)
    return None


def _named(about: str, key: str) -> str:
    return f"поле «{about}», {key}" if about else key
