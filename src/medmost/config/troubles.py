"""What is wrong with a configuration, all of it at once: each trouble with its file, line, key and what is allowed."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from medmost.domain.errors import Fatal

Key = tuple[str | int, ...]
"""Where a value sits: names of tables and keys, numbers of list items."""
_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]")
_ASSIGNMENT = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_SYNTAX_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)")


class Trouble(msgspec.Struct, frozen=True):
    code: str
    place: str
    ru: str
    en: str


class Troubles:
    """Collects troubles, so that a person sees every mistake in one go."""

    def __init__(self) -> None:
        self.found: list[Trouble] = []

    def add(self, code: str, place: tuple[str, str], ru: str, en: str) -> None:
        """`place` is the Russian and the English name of the spot."""
        self.found.append(Trouble(code, place[0], f"{place[0]}: {ru}", f"{place[1]}: {en}"))

    def raise_if_any(self) -> None:
        if self.found:
            first = self.found[0]
            raise Fatal(first.code, "\n".join(t.ru for t in self.found), "\n".join(t.en for t in self.found))


class Source:
    """One TOML file: its values, and on which line each key stands."""

    def __init__(self, path: Path, prefix: Key, troubles: Troubles) -> None:
        self.path = path
        self.prefix = prefix
        self.values: dict[str, Any] = {}
        self.lines: dict[Key, int] = {}
        try:
            text = path.read_text(encoding="utf-8")
            self.values = tomllib.loads(text)
            self.lines = key_lines(text)
        except tomllib.TOMLDecodeError as error:
            at = _SYNTAX_PLACE.search(str(error))
            line = f":{at[1]}" if at else ""
            why = _SYNTAX_PLACE.sub("", str(error)).strip()
            place = f"{path.name}{line}"
            ru = f"это не TOML ({why}); строки пишутся в кавычках, разделы — в [скобках]"
            en = f"not TOML ({why}); texts go in quotes, sections in [brackets]"
            troubles.add("MM-CFG-SYNTAX", (place, place), ru, en)
        except UnicodeDecodeError:
            ru, en = "файл должен быть в кодировке UTF-8", "the file has to be UTF-8"
            troubles.add("MM-CFG-SYNTAX", (path.name, path.name), ru, en)
        except OSError as error:
            ru = f"файл не читается ({error.strerror}); новую папку создаёт medmost init"
            en = f"cannot be read ({error.strerror}); `medmost init` makes a new folder"
            troubles.add("MM-CFG-FILE", (str(path), str(path)), ru, en)

    def place(self, key: Key) -> tuple[str, str]:
        """`medmost.toml:5: poll.max`; the nearest line above where the key itself is not written."""
        own = key[len(self.prefix) :]
        line = next((self.lines[own[:n]] for n in range(len(own), 0, -1) if own[:n] in self.lines), None)
        text = f"{self.path.name}{f':{line}' if line else ''}: {dotted(key)}"
        return text, text


def dotted(key: Key) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key).lstrip(".")


def key_lines(text: str) -> dict[Key, int]:
    """The line of each table and key. Keys inside inline tables have the line of their outermost key."""
    lines: dict[Key, int] = {}
    table: Key = ()
    items: dict[Key, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = _names(header[2])
            if header[1] == "[[":
                items[table] = items.get(table, -1) + 1
                table = (*table, items[table])
            lines.setdefault(table, number)
        elif assignment := _ASSIGNMENT.match(line):
            lines.setdefault((*table, *_names(assignment[1])), number)
    return lines


def _names(text: str) -> Key:
    return tuple(part.strip().strip("\"'") for part in text.split("."))
