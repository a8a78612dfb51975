"""What can be set of each end (systems.toml). Secrets are here in plain: never log or show these values.

Paths and limits live here, not in code, because the real contracts are issued per agreement and change (design §7).
"""

from __future__ import annotations

from typing import Literal

import msgspec

ESIA_SCOPES = (
    "openid fullname birthdate gender snils medical_doc kid_fullname kid_birthdate kid_gender kid_snils kid_medical_doc"
)


class _End(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What both ends share. Times in seconds."""

    base_url: str  # without a trailing slash
    webhook_secret: str  # Standard Webhooks: whsec_…
    environment: Literal["stand", "test", "production"] = "production"
    per_minute: int = 60_000  # calls; 10 % below what the system allows leaves room for people
    in_flight: int = 32  # calls on the wire at once
    connect: float = 3.0  # to have a connection
    deadline: float = 20.0  # for a read or a write as a whole, waiting and a token renewal included
    list_deadline: float = 60.0  # for one page of a list
    collections: dict[str, str] = {}  # kind -> its name in addresses; where nothing is said, as its mapping has it
    maintenance: tuple[str, ...] = ()  # "daily 02:00-04:00", "sun 01:00-05:00", Moscow time: nothing sent, no alarm
    canary: str = ""  # kind/id of a record that nobody edits; gone or changed, it holds everything
    overlap: float = 120.0  # how far each pass of a list reaches back for changes that were committed late


class GosuslugiSettings(_End, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`key` and `certificate` are PEM text or the path of a PEM file."""

    api_key: str  # UUID made in the partners' cabinet
    signer: Literal["openssl-gost", "ecdsa", "command"] = "openssl-gost"
    key: str = ""  # of the organisation's electronic signature; empty where an external command keeps it
    certificate: str
    command: tuple[str, ...] = ()  # signer "command": data on stdin, detached CMS (DER) on stdout
    raw_command: tuple[str, ...] = ()  # signer "command": data on stdin, the bare 64 bytes of a signature on stdout
    client: str = ""  # the name under which the system knows us
    portal_url: str = ""  # the cabinet that citizens come from and go back to, where that is not base_url
    esia_url: str = ""  # where citizens log in, where that is not base_url (https://esia.gosuslugi.ru)
    esia_issuer: str = "http://esia.gosuslugi.ru/"  # `iss` of ЕСИА's tokens (facts/gosuslugi.md §1.6)
    esia_scopes: str = ESIA_SCOPES  # what linking asks the citizen for; without kid_medical_doc no children
    token_path: str = "/esia-rs/api/public/v1/orgs/ext-app/{api_key}/tkn"  # noqa: S105 (an address)
    exchange_path: str = "/api/exchange/v1"
    orders_path: str = "/api/gusmev"
    page_size: int = 500
    orders_per_minute: int = 2_000  # facts/gosuslugi.md §2.9; order details have a limit of their own
    orders_in_flight: int = 16


class EmiasSettings(_End, frozen=True, kw_only=True, forbid_unknown_fields=True):
    client_id: str
    client_secret: str
    api_key: str
    token_path: str = "/oauth/token"  # noqa: S105 (an address)
    api_path: str = "/api/v1"
    page_size: int = 1000
