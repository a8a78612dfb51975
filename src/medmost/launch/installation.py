"""A configuration folder while it is being filled: settings changed in place, secrets as files of their own (0600)."""

from __future__ import annotations

import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any, Final

from medmost.domain.errors import Fatal

KEPT: Final = "access.toml"
"""What was told of the organization and has no place in the settings; nothing secret."""
_HEADER = re.compile(r"\s*\[\s*([\w.-]+)\s*\]")


class Installation:
    """The folder that `medmost init` made. Comments and order of its files are left as they are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("medmost.toml", "systems.toml"):
            if not (folder / name).is_file():
                raise Fatal(
                    "MM-CFG-FILE",
                    f"в папке {folder} нет {name}; новую папку создаёт medmost init",
                    f"{folder} has no {name}; `medmost init` makes a new folder",
                )

    def value(self, file: str, section: str, key: str) -> str:
        """A setting as a text; empty where it is not there. Raises Fatal MM-CFG-SYNTAX."""
        table = self._tree(file)
        for part in section.split("."):
            table = table.get(part, {})
        return str(table.get(key, ""))

    def _tree(self, file: str) -> dict[str, Any]:
        path = self.folder / file
        try:
            return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise Fatal("MM-CFG-SYNTAX", f"{file}: это не TOML ({error})", f"{file}: not TOML ({error})") from None

    def put(self, file: str, section: str, key: str, value: str | int) -> None:
        """Writes a setting at its place; nothing is touched where it has this value already."""
        if self.value(file, section, key) == str(value):
            return
        path = self.folder / file
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        self._write(path, _with_setting(text, section, key, value), 0o644)

    def secret(self, name: str) -> str:
        """A secret file's content; empty where there is none."""
        path = self._secret_path(name)
        return path.read_text(encoding="utf-8").strip() if path.is_file() else ""

    def put_secret(self, name: str, text: str) -> None:
        """Writes a secret so that nobody else can read it, not even for a moment."""
        path = self._secret_path(name)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        if self.secret(name) != text.strip():
            self._write(path, text.strip() + "\n", 0o600)

    def put_paper(self, name: str, text: str) -> Path:
        """Writes something to be sent to somebody, under `access/`."""
        path = self.folder / "access" / name
        path.parent.mkdir(exist_ok=True)
        self._write(path, text, 0o644)
        return path

    def paper(self, name: str) -> str:
        """What `put_paper` wrote; empty where there is none."""
        path = self.folder / "access" / name
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    def _secret_path(self, name: str) -> Path:
        return self.folder / "secrets" / name

    def _write(self, path: Path, text: str, mode: int) -> None:
        """Beside the old file first: a full disk or a power cut leaves the old one whole."""
        fresh = path.with_name(path.name + ".new")
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        except OSError as error:
            why = error.strerror
            raise Fatal(
                "MM-CFG-FILE", f"{path} не записывается ({why})", f"{path} cannot be written ({why})"
            ) from error


def _with_setting(text: str, section: str, key: str, value: str | int) -> str:
    """The text with one setting changed, uncommented or added. Remarks behind a value stay."""
    written = f"{key} = {json.dumps(value, ensure_ascii=False)}"
    lines = text.splitlines()
    present = re.compile(rf"\s*#?\s*{re.escape(key)}\s*=\s*(\"(?:[^\"\\]|\\.)*\"|'[^']*'|[^#]*?)(\s*#.*)?$")
    inside, last = section == "", 0
    for number, line in enumerate(lines):
        if header := _HEADER.match(line):
            inside = header[1] == section
        if inside:
            last = number + 1 if line.strip() else last
            if found := present.match(line):
                lines[number] = written + (found[2] or "")
                return "\n".join(lines) + "\n"
    if last:
        lines.insert(last, written)
    else:
        lines += ([""] if lines else []) + [f"[{section}]", written]
    return "\n".join(lines) + "\n"
