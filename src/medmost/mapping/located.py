"""YAML read with the place of every node, so that a wrong mapping is answered with its line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from medmost.domain.errors import Fatal

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[\.\.\.\]")
_TAG = "tag:yaml.org,2002:"
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"-?[0-9]+\.[0-9]+")
DEEPEST = 12
"""No word of the language lies deeper; a file that refers to itself would go down for ever."""
LONGEST = 50_000
"""Values in a file, aliases counted each time: ten aliases of ten aliases of ten … are no description of a kind."""


class Line(int):
    """A line that knows its file: an overlay and the file it changes are read as one."""

    file: Path

    def __new__(cls, number: int, file: Path) -> Line:
        line = super().__new__(cls, number)
        line.file = file
        return line


class Located:
    """A YAML file as plain values, and the line of each of them by path (``$.fields[2].emias``)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._count = 0
        self._root = self._compose(path)
        self.plain = self._plain(self._root)

    def line(self, path: str) -> int:
        """The line of the node at `path`, or of the nearest one above it that the file has."""
        node = self._root
        for key, index in _STEP.findall(path):
            inner = _inside(node, key, index)
            if inner is None:
                break
            node = inner
        return Line(node.start_mark.line + 1, self.path)

    def has(self, path: str) -> bool:
        """Does the file itself say something at `path`?"""
        node: Node | None = self._root
        for key, index in _STEP.findall(path):
            node = _inside(node, key, index) if node is not None else None
        return node is not None

    def own(self, path: str) -> bool:
        """Is what stands at `path` of this file itself, not of one that it is laid over? Of a single file, all is."""
        return self.has(path)

    def line_of_key(self, path: str, key: str) -> int:
        """The line of a key inside the mapping at `path`."""
        node = self._root
        for name, index in _STEP.findall(path):
            node = _inside(node, name, index) or node
        if isinstance(node, MappingNode):
            for label, _ in node.value:
                if label.value == key:
                    return Line(label.start_mark.line + 1, self.path)
        return Line(node.start_mark.line + 1, self.path)

    def wrong(self, code: str, line: int, field: str, ru: str, en: str) -> Fatal:
        """A refusal that says file, line and field before what is wrong and what is allowed."""
        file = line.file if isinstance(line, Line) else self.path
        named_ru, named_en = (f", поле {field}", f", field {field}") if field else ("", "")
        return Fatal(
            code,
            f"{file}, строка {line:d}{named_ru}: {ru}",
            f"{file}, line {line:d}{named_en}: {en}",
        )

    def _compose(self, path: Path) -> Node:
        try:
            node = YAML(typ="safe", pure=True).compose(path.read_text(encoding="utf-8"))
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            raise self.wrong(
                "MM-MAP-SYNTAX", line, "", f"это не YAML: {error.problem}", f"this is not YAML: {error.problem}"
            ) from None
        except (OSError, UnicodeDecodeError, YAMLError) as error:
            kind = type(error).__name__
            raise self.wrong(
                "MM-MAP-SYNTAX", 1, "", f"файл не читается ({kind})", f"the file cannot be read ({kind})"
            ) from None
        if not isinstance(node, MappingNode):
            raise self.wrong("MM-MAP-SYNTAX", 1, "", "в файле нет описания вида", "the file describes no kind")
        return node

    def _plain(self, node: Node, depth: int = 0) -> Any:
        self._count += 1
        if depth > DEEPEST or self._count > LONGEST:
            raise self._at(node, "вложено слишком глубоко или слишком много", "nested too deeply or too much")
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        if isinstance(node, SequenceNode):
            return [self._plain(item, depth + 1) for item in node.value]
        plain: dict[str, Any] = {}
        for label, inner in node.value:
            if not isinstance(label, ScalarNode):
                raise self._at(label, "ключ должен быть словом", "a key must be a word")
            name = str(label.value)
            if name in plain:
                raise self.wrong(
                    "MM-MAP-SYNTAX",
                    label.start_mark.line + 1,
                    "",
                    f"ключ «{name}» повторён",
                    f'the key "{name}" is there twice',
                )
            plain[name] = self._plain(inner, depth + 1)
        return plain

    def _scalar(self, node: ScalarNode) -> Any:
        tag, shown = str(node.tag).removeprefix(_TAG), str(node.value)
        if tag == "null":
            return None
        if tag == "bool":
            return shown.lower() == "true"
        if tag == "int" and _WHOLE.fullmatch(shown):
            return int(shown)
        if tag == "float" and _FLOAT.fullmatch(shown):
            return float(shown)
        if tag in {"int", "float"}:  # 007 would lose its zeros, 1e3 and 0x1F their spelling
            raise self._at(node, f"число «{shown}»: возьмите в кавычки", f'the number "{shown}": put it in quotes')
        return shown

    def _at(self, node: Node, ru: str, en: str) -> Fatal:
        return self.wrong("MM-MAP-SYNTAX", node.start_mark.line + 1, "", ru, en)


def _inside(node: Node, key: str, index: str) -> Node | None:
    if isinstance(node, MappingNode) and key:
        return next((inner for label, inner in node.value if label.value == key), None)
    if isinstance(node, SequenceNode) and index and int(index) < len(node.value):
        inner: Node = node.value[int(index)]
        return inner
    return None
