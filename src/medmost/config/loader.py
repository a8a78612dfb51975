"""medmost.toml + systems.toml + environment -> Config, or one Fatal that names everything wrong with them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_origin

import msgspec

from medmost.config.references import References
from medmost.config.rules import Rules
from medmost.config.settings import Config
from medmost.config.shape import bare, check, path_hook, type_at, unknown
from medmost.config.troubles import Key, Source, Troubles

_VARIABLE = re.compile(r"MEDMOST_([A-Z0-9_]+?__[A-Z0-9_]+)")


def load_config(folder: Path, environ: Mapping[str, str]) -> Config:
    """Reads the configuration in `folder`. `environ` wins over the files (MEDMOST_POLL__MIN=5).

    Raises one Fatal (MM-CFG-…) whose lines name every mistake found.
    """
    reading = _Reading(folder.absolute(), environ)
    reading.troubles.raise_if_any()
    reading.override()
    references = References(reading.folder, environ, reading.place, reading.troubles)
    references.resolve(reading.values)
    check(reading.values, Config, (), reading.place, reading.troubles)
    reading.troubles.raise_if_any()
    config = reading.config(references.read)
    Rules(config, reading.place, reading.troubles).check()
    reading.troubles.raise_if_any()
    return config


def _spelled(text: str, kind: Any) -> Any:
    """What a variable says, as a file would. Lists are JSON, lists of words also plain: `a@x.ru, b@x.ru`.

    Raises a MsgspecError where the text does not fit.
    """
    if kind is bytes or (isinstance(kind, type) and issubclass(kind, Path)):
        return text
    if get_origin(kind) is not tuple:
        return msgspec.convert(text, kind, strict=False)
    return msgspec.json.decode(text) if text.lstrip().startswith("[") else [one.strip() for one in text.split(",")]


class _Reading:
    """The values of both files on their way to a Config, with the place each came from."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self.folder = folder
        self.environ = environ
        self.troubles = Troubles()
        self.main = Source(folder / "medmost.toml", (), self.troubles)
        self.systems = Source(folder / "systems.toml", ("systems",), self.troubles)
        self.values: dict[str, Any] = {**self.main.values, "systems": self.systems.values}
        self.variables: dict[Key, str] = {}
        if "systems" in self.main.values:
            ru, en = "системы настраиваются в systems.toml", "systems are configured in systems.toml"
            self.troubles.add("MM-CFG-UNKNOWN", self.main.place(("systems",)), ru, en)

    def place(self, key: Key) -> tuple[str, str]:
        for depth in range(len(key), 0, -1):  # a variable that names a list stands for all that is in it
            if name := self.variables.get(key[:depth]):
                return f"переменная {name}", f"variable {name}"
        return (self.systems if key[0] == "systems" else self.main).place(key)

    def override(self) -> None:
        """Puts MEDMOST_SECTION__KEY variables over the files. Others (MEDMOST_CONFIG) are not ours."""
        for name in sorted(self.environ):
            if match := _VARIABLE.fullmatch(name):
                key: Key = tuple(match[1].lower().split("__"))
                self.variables[key] = name
                self._set(key, self.environ[name])

    def _set(self, key: Key, text: str) -> None:
        kind = type_at(key)
        if kind is None:
            near = type_at(key[:-1])
            known = list(near.__struct_fields__) if near and hasattr(near, "__struct_fields__") else []
            unknown(key, known or ["state", "queue", "console", "poll", "systems"], self.place(key), self.troubles)
            return
        table = self.values
        for part in key[:-1]:
            inner = table.setdefault(str(part), {})
            if not isinstance(inner, dict):
                return  # the check of types tells about it
            table = inner
        try:
            table[str(key[-1])] = _spelled(text, bare(kind))
        except (msgspec.MsgspecError, TypeError):
            table[str(key[-1])] = text  # of the wrong type: the check says so, with this variable's name

    def config(self, references: dict[str, str]) -> Config:
        for table in self.values["systems"].values():
            table["base_url"] = table["base_url"].rstrip("/")
        config = msgspec.convert(self.values, Config, dec_hook=path_hook, builtin_types=(bytes,))
        name = config.state.url.removeprefix("sqlite:///")
        state = msgspec.structs.replace(config.state, path=(self.folder / name).absolute())
        return msgspec.structs.replace(config, state=state, folder=self.folder, references=references)
