"""What `medmost access` has to be told: each answer with its check, and where people get it.

An answer comes from a prompt, from `--set KEY=VALUE` or from a TOML file; `file:PATH` and `env:NAME` stand for what
is kept elsewhere, so that no secret needs to stand on a command line.
"""

from __future__ import annotations

import tomllib
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from stdnum.exceptions import ValidationError
from stdnum.ru import inn, ogrn

from medmost.config.rules import is_loopback
from medmost.domain.errors import Fatal


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """`check` gives the value as it is kept; ValueError with "Russian|English" words says what is expected."""

    key: str
    ru: str
    en: str
    check: Callable[[str], str]
    secret: bool = False
    optional: bool = False  # not asked for: there is a default, or only `--register` needs it


def _wrong(ru: str, en: str) -> ValueError:
    return ValueError(f"{ru}|{en}")


def _text(value: str) -> str:
    if not value or len(value) > 255 or any(ord(sign) < 32 or ord(sign) == 127 for sign in value):
        raise _wrong("непустая строка до 255 знаков", "a text of up to 255 signs")
    return value


def _ogrn(value: str) -> str:
    try:
        number = str(ogrn.validate(value))
    except ValidationError:
        number = ""
    if len(number) != 13:
        raise _wrong("13 цифр ОГРН с верной контрольной", "13 digits of an OGRN with the right control digit")
    return number


def _inn(value: str) -> str:
    try:
        number = str(inn.validate(value))
    except ValidationError:
        number = ""
    if len(number) != 10:
        raise _wrong("10 цифр ИНН организации с верной контрольной", "10 digits of an INN with its control digit")
    return number


def _address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username is not None:
        raise _wrong("адрес вида https://имя[:порт], без пароля", "an address like https://name[:port], no password")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise _wrong("вне этой машины можно только https://", "outside this machine only https:// is allowed")
    return value.rstrip("/")


def _uuid(value: str) -> str:
    try:
        return str(uuid.UUID(value))
    except ValueError:
        raise _wrong("ключ API вида 3c7e2a5e-…, UUID", "an API key like 3c7e2a5e-…, a UUID") from None


def _environment(value: str) -> str:
    if value not in ("stand", "test", "production"):
        raise _wrong("stand, test или production", "stand, test or production")
    return value


def _signer(value: str) -> str:
    if value not in ("openssl-gost", "ecdsa", "command"):
        raise _wrong("openssl-gost, ecdsa или command", "openssl-gost, ecdsa or command")
    return value


def _port(value: str) -> str:
    if not value.isascii() or not value.isdigit() or not 0 < int(value) < 65536:
        raise _wrong("порт, число от 1 до 65535", "a port, a number from 1 to 65535")
    return value


def _pem(value: str) -> str:
    if "-----BEGIN CERTIFICATE-----" not in value:
        raise _wrong(
            "сертификат в виде PEM: file:ПУТЬ к файлу с -----BEGIN CERTIFICATE-----",
            "a certificate as PEM: file:PATH of a file with -----BEGIN CERTIFICATE-----",
        )
    return value.strip() + "\n"


def _ask(key: str, ru: str, en: str, check: Callable[[str], str], **more: bool) -> Question:
    return Question(key=key, ru=ru, en=en, check=check, **more)


QUESTIONS: Final = (
    _ask("environment", "Среда: stand, test или production", "Environment: stand, test or production", _environment,
         optional=True),
    _ask("organization.name", "Название организации", "Name of the organization", _text),
    _ask("organization.ogrn", "ОГРН", "OGRN", _ogrn),
    _ask("organization.inn", "ИНН", "INN", _inn),
    _ask("gosuslugi.base_url", "Адрес Госуслуг из вашего соглашения", "Gosuslugi's address", _address),
    _ask("gosuslugi.client", "Мнемоника вашей системы на Госуслугах", "Your system's mnemonic at Gosuslugi", _text),
    _ask("gosuslugi.signer", "Способ подписи", "How to sign", _signer, optional=True),
    _ask("gosuslugi.certificate", "Сертификат подписи", "The signing certificate", _pem),
    _ask("gosuslugi.api_key", "Ключ API Госуслуг", "Gosuslugi's API key", _uuid, secret=True),
    _ask("emias.base_url", "Адрес ЕМИАС из вашего соглашения", "EMIAS' address", _address),
    _ask("emias.client_id", "client_id точки интеграции ЕМИАС", "client_id of the integration point", _text),
    _ask("emias.client_secret", "client_secret точки интеграции", "client_secret of the point", _text, secret=True),
    _ask("emias.api_key", "Ключ API ЕМИАС", "EMIAS' API key", _text, secret=True),
    _ask("console.public_url", "Адрес пульта, видный обеим системам", "The console's address as both systems see it",
         _address, optional=True),
    _ask("console.port", "Порт пульта", "The console's port", _port, optional=True),
    _ask("gosuslugi.login", "Логин представителя на стенде Госуслуг", "A login at the stand's Gosuslugi", _text,
         optional=True),
    _ask("gosuslugi.password", "Его пароль", "Its password", _text, secret=True, optional=True),
    _ask("emias.login", "Логин администратора интеграции на стенде ЕМИАС", "A login at the stand's EMIAS", _text,
         optional=True),
    _ask("emias.password", "Его пароль", "Its password", _text, secret=True, optional=True),
)  # fmt: skip
BY_KEY: Final = {question.key: question for question in QUESTIONS}


def checked(key: str, given: str, environ: Mapping[str, str], folder: Path) -> str:
    """An answer as it is kept. Raises Fatal MM-ACC-ANSWER for an unknown key or a value that cannot be; never shows
    the value."""
    question = BY_KEY.get(key)
    if question is None:
        names = ", ".join(BY_KEY)
        raise Fatal("MM-ACC-ANSWER", f"{key}: такого ответа нет; есть {names}", f"{key}: no such answer; {names}")
    try:
        return question.check(_followed(given, environ, folder).strip())
    except ValueError as error:
        ru, _, en = str(error).partition("|")
        raise Fatal(
            "MM-ACC-ANSWER", f"{key} ({question.ru}): нужно {ru}", f"{key} ({question.en}): expected {en}"
        ) from None


def _followed(given: str, environ: Mapping[str, str], folder: Path) -> str:
    scheme, _, name = given.partition(":")
    if scheme == "env" and name:
        if name not in environ:
            raise _wrong(f"переменная окружения {name}, она не задана", f"the variable {name}, which is not set")
        return environ[name]
    if scheme == "file" and name:
        try:
            return (folder / Path(name).expanduser()).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise _wrong(f"файл {name}, он не читается", f"the file {name}, which cannot be read") from None
    return given


def read_answers(file: Path) -> dict[str, str]:
    """Dotted answers of a TOML file, unchecked. Raises Fatal MM-ACC-ANSWER with the file's name."""
    try:
        tree = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise Fatal(
            "MM-ACC-ANSWER",
            f"{file.name}: файл ответов не читается как TOML ({why})",
            f"{file.name}: the answers cannot be read as TOML ({why})",
        ) from None
    return dict(_flat(tree, ""))


def _flat(tree: Mapping[str, Any], prefix: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in tree.items():
        found += _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else [(prefix + name, str(value))]
    return found
