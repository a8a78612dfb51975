"""Secrets stand in configuration by reference only: ``file:secrets/api-key`` or ``env:NAME`` (contracts §1)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from medmost.config.shape import Place
from medmost.config.troubles import Key, Troubles, dotted

SECRETS = {"api_key", "client_secret", "webhook_secret"}
"""Settings of a system whose value is a text kept elsewhere."""
FILES = {"key", "certificate"}
"""Settings of a system that name a file which the signer reads itself."""
KEY_BYTES = 32  # AES-256


class References:
    """Replaces each reference in a tree of values by what it refers to, and remembers the reference itself."""

    def __init__(self, folder: Path, environ: Mapping[str, str], place: Place, troubles: Troubles) -> None:
        self.folder = folder
        self.environ = environ
        self.place = place
        self.troubles = troubles
        self.read: dict[str, str] = {}

    def resolve(self, values: dict[str, Any]) -> None:
        for table, name, key in list(_spots(values)):
            value = table[name]
            if not isinstance(value, str):
                continue  # the check of types tells about it
            if (key[0] in ("contacts", "notices") or key == ("queue", "url")) and not value.startswith(
                ("file:", "env:")
            ):
                continue  # an address without a password may stand in the file itself
            resolved = self._file(value, key) if _names_file(key) else self._text(value, key)
            if resolved is not None:
                self.read[dotted(key)] = value
                table[name] = self._key(resolved, key) if key == ("state", "key") else resolved

    def _text(self, value: str, key: Key) -> str | None:
        scheme, _, name = value.partition(":")
        if scheme == "env" and name:
            text = self.environ.get(name, "")
            if not text.strip():
                self._add(key, f"переменная окружения {name} не задана", f"the variable {name} is not set")
                return None
            return text.strip()
        if scheme == "file" and name:
            return self._content(self.folder / name, key)
        ru = "секрет нельзя писать прямо в файл настроек: положите его в отдельный файл с правами 0600 и укажите"
        en = "a secret may not stand in the settings themselves: put it into a file of its own (mode 0600), write"
        tail = '"file:secrets/…" или "env:ИМЯ"', '"file:secrets/…" or "env:NAME"'
        self._add(key, f"{ru} {tail[0]}", f"{en} {tail[1]}")
        return None

    def _content(self, path: Path, key: Key) -> str | None:
        try:
            if path.stat().st_mode & 0o007:
                self._add(
                    key,
                    f"файл {path} открыт всем на этой машине; выполните chmod 600",
                    f"the file {path} is open to everyone on this machine; run chmod 600 on it",
                )
                return None
            text = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "not UTF-8"
            self._add(key, f"файл {path} не читается ({why})", f"the file {path} cannot be read ({why})")
            return None
        if not text:
            self._add(key, f"файл {path} пуст", f"the file {path} is empty")
            return None
        return text

    def _file(self, value: str, key: Key) -> str | None:
        scheme, _, name = value.partition(":")
        if scheme == "env":
            name = self.environ.get(name, "")
        if scheme not in ("file", "env") or not name:
            self._add(
                key,
                'здесь нужен путь к файлу в виде "file:secrets/…"',
                'a path is expected here, written "file:secrets/…"',
            )
            return None
        path = (self.folder / name).absolute()
        if not path.is_file():
            self._add(key, f"файла {path} нет", f"there is no file {path}")
            return None
        return str(path)

    def _key(self, text: str, key: Key) -> bytes | None:
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            data = b""
        if len(data) != KEY_BYTES:
            self._add(
                key,
                f"ключ шифрования — это {KEY_BYTES} случайных байта в base64; новый создаёт medmost init",
                f"the key has to be {KEY_BYTES} random bytes in base64; `medmost init` makes one",
            )
        return data

    def _add(self, key: Key, ru: str, en: str) -> None:
        self.troubles.add("MM-CFG-SECRET", self.place(key), ru, en)


def _names_file(key: Key) -> bool:
    return (key[0] == "systems" and key[-1] in FILES) or key == ("queue", "ca")


def _spots(values: dict[str, Any]) -> Iterator[tuple[Any, Any, Key]]:
    """Every place where a reference may stand: its container, its name there, its full key."""
    state = values.get("state")
    if isinstance(state, dict) and "key" in state:
        yield state, "key", ("state", "key")
    if isinstance(state, dict) and state.get("password"):
        yield state, "password", ("state", "password")
    queue = values.get("queue")
    if isinstance(queue, dict):
        yield from ((queue, name, ("queue", name)) for name in ("url", "ca") if queue.get(name))
    systems = values.get("systems")
    for side, table in systems.items() if isinstance(systems, dict) else ():
        if isinstance(table, dict):
            for name in sorted((SECRETS | FILES) & set(table)):
                yield table, name, ("systems", side, name)
    notices = values.get("notices")
    if isinstance(notices, dict) and "heartbeat" in notices:
        yield notices, "heartbeat", ("notices", "heartbeat")
    contacts = values.get("contacts")
    people = contacts.get("people") if isinstance(contacts, dict) else None
    for number, person in enumerate(people if isinstance(people, list) else ()):
        urls = person.get("urls") if isinstance(person, dict) else None
        for at in range(len(urls) if isinstance(urls, list) else 0):
            yield urls, at, ("contacts", "people", number, "urls", at)
