"""A deployment's own file laid over a shipped one: ``extends: policy`` and only the words and fields that differ.

Words are laid over words, fields, rows and codes by their names; a list of plain values takes the place of the old one.
An error names the file and line that said it: the overlay's where it speaks, else the shipped file's.
"""

from __future__ import annotations

import re
from typing import Any

from medmost.domain.errors import Fatal
from medmost.mapping.located import Located

_NAMED = ("fields", "rows")
"""Lists whose members are known by name."""
_MEMBER = re.compile(r"\.(fields|rows)\[(\d+)\]")


class Layered(Located):
    """Two files as one (mapping.located.Located)."""

    def __init__(self, over: Located, base: Located) -> None:
        self.path = over.path
        self._over, self._base = over, base
        own = {name: value for name, value in over.plain.items() if name != "extends"}
        self.plain = _laid(base.plain, own)

    def line(self, path: str) -> int:
        over, base = self._in(self._over, path), self._in(self._base, path)
        if over is not None and (self._over.has(over) or base is None or not self._base.has(base)):
            return self._over.line(over)
        return self._base.line(base or path)

    def line_of_key(self, path: str, key: str) -> int:
        over, base = self._in(self._over, path), self._in(self._base, path)
        if over is not None and self._over.has(f"{over}.{key}"):
            return self._over.line_of_key(over, key)
        return self._base.line_of_key(base or path, key)

    def has(self, path: str) -> bool:
        return any(self._in(file, path) is not None for file in (self._over, self._base))

    def own(self, path: str) -> bool:
        over = self._in(self._over, path)
        return over is not None and self._over.has(over)

    def _in(self, file: Located, path: str) -> str | None:
        """A path of the whole as a path of one of its files; None where that file lacks the field."""
        done, whole, part = "$", self.plain, file.plain
        place = 1
        for found in _MEMBER.finditer(path):
            between = path[place : found.start()]
            done += between
            for word in re.findall(r"\.([^.\[\]]+)", between):
                whole, part = whole.get(word) or {}, part.get(word) or {}
            word, number = found.group(1), int(found.group(2))
            name = _name(whole[word][number])
            names = [_name(one) for one in part.get(word) or ()]
            if name is None or name not in names:
                return None
            index = names.index(name)
            done += f".{word}[{index}]"
            whole, part, place = whole[word][number], part[word][index], found.end()
        return done + path[place:]


def layered(over: Located, base: Located) -> Layered:
    """`base` with `over` laid on it. Raises Fatal MM-MAP-RULE where `extends` names another kind."""
    wanted = base.path.stem
    if over.plain["extends"] != wanted:
        raise _of_another(over, wanted)
    fields = over.plain.get("fields")
    names = [_name(one) for one in fields] if isinstance(fields, list) else []
    for number, name in enumerate(names):
        if name is not None and name in names[:number]:
            where = over.line(f"$.fields[{number}]")
            raise over.wrong("MM-MAP-RULE", where, name, "поле описано дважды", "the field is described twice")
    return Layered(over, base)


def _of_another(over: Located, wanted: str) -> Fatal:
    return over.wrong(
        "MM-MAP-RULE",
        over.line("$.extends"),
        "",
        f"накладка «{over.path.name}» меняет только одноимённый вид; допустимо: {wanted}",
        f'the overlay "{over.path.name}" changes the kind of its own name only; allowed: {wanted}',
    )


def _laid(base: Any, over: Any) -> Any:
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    laid = dict(base)
    for word, value in over.items():
        if word in _NAMED and isinstance(laid.get(word), list) and isinstance(value, list):
            laid[word] = _by_name(laid[word], value)
        else:
            laid[word] = _laid(laid.get(word), value)
    return laid


def _by_name(base: list[Any], over: list[Any]) -> list[Any]:
    own = {_name(one): one for one in over}
    changed = [_laid(one, own[_name(one)]) if _name(one) in own else one for one in base]
    known = {_name(one) for one in base}
    return changed + [one for one in over if _name(one) is None or _name(one) not in known]


def _name(member: Any) -> str | None:
    name = member.get("name") if isinstance(member, dict) else None
    return str(name) if name is not None else None
