"""A ready medmost configuration for this stand (`--write-config DIR`), and the secrets it shares with one.

The folder is the older of the two: what it already holds is taken over, so that a restarted stand keeps
letting in a medmost that was configured before.
"""

from __future__ import annotations

import base64
import fcntl
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from medmost_stand.credentials import MEDMOST, MNEMONIC, Credentials

_SECRETS = {  # file under secrets/ -> field of Credentials
    "gosuslugi.api-key": "gosuslugi_api_key",
    "gosuslugi.key.pem": "gosuslugi_key",
    "gosuslugi.cert.pem": "gosuslugi_certificate",
    "gosuslugi.webhook": "gosuslugi_webhook",
    "emias.client-secret": "emias_client_secret",
    "emias.api-key": "emias_api_key",
    "emias.webhook": "emias_webhook",
}
_KINDS = ("policy", "organization", "schedule", "slot", "visit", "result", "vaccination", "request")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Base addresses of both systems and of medmost's console."""

    gosuslugi: str
    emias: str
    console: str


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the folder while secrets are read and written: two stands may start over one folder at once."""
    (folder / "secrets").mkdir(parents=True, exist_ok=True)
    (folder / "secrets").chmod(0o700)
    with (folder / "secrets" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def known_secrets(folder: Path) -> dict[str, str]:
    """The fields of Credentials that the folder holds already; key and certificate only as a pair."""
    found = {
        field: _read_secret(folder / "secrets" / name)
        for name, field in _SECRETS.items()
        if (folder / "secrets" / name).is_file()
    }
    if not {"gosuslugi_key", "gosuslugi_certificate"} <= set(found):
        found.pop("gosuslugi_key", None)
        found.pop("gosuslugi_certificate", None)
    elif "BEGIN EC PRIVATE KEY" in found["gosuslugi_key"] or _is_ecdsa(found["gosuslugi_key"]):
        found["signer"] = "ecdsa"
    else:
        found["signer"] = "openssl-gost"
    return found


def write_config(folder: Path, credentials: Credentials, addresses: Addresses, kinds: Sequence[str] = ()) -> None:
    """Writes medmost.toml, systems.toml, the secrets (0600) and, if absent, medmost.key.

    `kinds` are those of added collections; the ones that the folder describes in `kinds/` go to `full`, too.
    """
    for name, field in _SECRETS.items():
        _write_private(folder / "secrets" / name, getattr(credentials, field))
    key = folder / "medmost.key"
    if not key.exists():
        _write_private(key, base64.b64encode(secrets.token_bytes(32)).decode())
    (folder / "systems.toml").write_text(_systems(credentials, addresses), encoding="utf-8")
    settings = folder / "medmost.toml"
    described = [kind for kind in kinds if (folder / "kinds" / f"{kind}.yaml").is_file()]
    if not settings.exists():  # people may have changed it since
        settings.write_text(_settings(addresses, described), encoding="utf-8")


def _read_secret(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    return text if path.suffix == ".pem" else text.strip()


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text, encoding="utf-8")


def _is_ecdsa(pem: str) -> bool:
    body = "".join(line for line in pem.splitlines() if "-----" not in line)
    return b"\x2a\x86\x48\xce\x3d\x02\x01" in base64.b64decode(body)  # OID id-ecPublicKey, RFC 5480


def _settings(addresses: Addresses, kinds: Sequence[str]) -> str:
    console = urlsplit(addresses.console)
    stages = "\n".join(f'{kind} = "full"' for kind in (*_KINDS, *kinds))
    return f"""\
[state]
url = "sqlite:///state.db"
key = "file:medmost.key"

[queue]
url = "embedded:"

[console]
host = "{console.hostname or "127.0.0.1"}"
port = {console.port or 8800}

[poll]
min = 300
max = 900

[environment]
name = "stand"

[contacts]
support = "support@medmost.example"

[stages]
{stages}
"""


def _systems(credentials: Credentials, addresses: Addresses) -> str:
    return f"""\
[gosuslugi]
base_url = "{addresses.gosuslugi}"
api_key = "file:secrets/gosuslugi.api-key"
signer = "{credentials.signer}"
key = "file:secrets/gosuslugi.key.pem"
certificate = "file:secrets/gosuslugi.cert.pem"
webhook_secret = "file:secrets/gosuslugi.webhook"
client = "{MNEMONIC}"
environment = "stand"

[emias]
base_url = "{addresses.emias}"
client_id = "{MEDMOST}"
client_secret = "file:secrets/emias.client-secret"
api_key = "file:secrets/emias.api-key"
webhook_secret = "file:secrets/emias.webhook"
environment = "stand"
"""
