"""What `medmost init` writes: a folder that says what has to be filled in, and a fresh key."""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path
from typing import Final

from medmost.config.references import KEY_BYTES
from medmost.domain.errors import Fatal
from medmost.domain.kinds import SHIPPED

_MAIN: Final = """\
# medmost: основные настройки. Любую можно задать и переменной окружения: MEDMOST_POLL__MIN=60
# Settings of medmost. An environment variable wins over this file: MEDMOST_POLL__MIN=60

[state]
url = "sqlite:///state.db"        # файл состояния рядом с этим файлом / the state, beside this file
key = "file:medmost.key"          # ключ шифрования; без него состояние не прочитать: храните копию отдельно

[queue]
url = "embedded:"

[console]
host = "127.0.0.1"                # наружу — только за прокси с https / to the outside only behind an https proxy
port = 8800
# public_url = "https://medmost.example.ru"   # адрес, по которому обе системы присылают уведомления (webhooks)

[poll]                            # секунды между опросами / seconds between polls
min = 300
max = 900

[environment]
name = "test"                     # stand | test | production

[contacts]
support = "Поддержка: телефон и почта вашей организации"   # это видят пользователи / shown to users
# [[contacts.people]]             # кому приходят уведомления / who gets notices
# name = "Дежурный"
# urls = ["file:secrets/notices.url"]   # адрес Apprise, например mailtos://имя:пароль@сервер?to=почта
# events = ["outage", "token", "refused", "brake", "page", "drift", "stale"]  # без строки: все / without it: all

[legal]
policy_basis = ""                 # основание передачи сведений о полисах / legal basis for policies

[notices]
quiet = 15                        # секунд тишины до уведомления о сбое / seconds before an outage is announced
lang = "ru"                       # ru | en

[deliver]
in_flight = 64                    # одновременных записей в одну систему / writes at once per system
deadline = 20                     # секунд на одну запись / seconds for one write

[stages]                          # stopped | observe | double-entry или shadow | roll-out:1|5|25|100 | full
"""
_SYSTEMS: Final = """\
# Два конца моста. Адреса и ключи выдаются при регистрации: см. medmost access
# The two ends of the bridge. Addresses and keys come with the registration: see `medmost access`

[gosuslugi]
base_url = "https://gosuslugi.example.invalid"   # адрес из вашего соглашения / the address of your agreement
environment = "test"                             # как environment.name / the same as environment.name
client = ""                                      # мнемоника вашей системы / your system's mnemonic
api_key = "file:secrets/gosuslugi.api-key"
signer = "openssl-gost"
key = "file:secrets/gosuslugi.key.pem"           # закрытый ключ организации / the organisation's private key
certificate = "file:secrets/gosuslugi.cert.pem"
webhook_secret = "file:secrets/gosuslugi.webhook"

[emias]
base_url = "https://emias.example.invalid"
environment = "test"
client_id = ""
client_secret = "file:secrets/emias.client-secret"
api_key = "file:secrets/emias.api-key"
webhook_secret = "file:secrets/emias.webhook"
"""


def write_defaults(folder: Path) -> list[Path]:
    """Makes the folder of a new installation and returns what it wrote. Never touches a file that is there (Fatal)."""
    stages = "".join(f'{kind} = "observe"\n' for kind in SHIPPED)
    key = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode() + "\n"
    files = {"medmost.toml": (_MAIN + stages, 0o644), "systems.toml": (_SYSTEMS, 0o644), "medmost.key": (key, 0o600)}
    taken = sorted(name for name in files if os.path.lexists(folder / name))
    if taken:
        names = ", ".join(taken)
        raise Fatal(
            "MM-CFG-EXISTS",
            f"в папке {folder} уже есть {names}: выберите другую папку или уберите эти файлы",
            f"{folder} already holds {names}: choose another folder or move these files away",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "kinds").mkdir(exist_ok=True)
        (folder / "secrets").mkdir(mode=0o700, exist_ok=True)
        for name, (text, mode) in files.items():
            _write_new(folder / name, text, mode)
    except OSError as error:
        why = error.strerror
        raise Fatal(
            "MM-CFG-FILE",
            f"папку {folder} не удалось создать ({why})",
            f"the folder {folder} could not be made ({why})",
        ) from error
    return [folder / name for name in files]


def _write_new(path: Path, text: str, mode: int) -> None:
    """The mode holds from the first byte on: a key is never readable by others, not even for a moment."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
