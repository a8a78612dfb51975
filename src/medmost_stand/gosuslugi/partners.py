"""The register of organizations and their information systems at Gosuslugi (our model of partners.gosuslugi.ru and
of ЕСИА's technological portal, facts/gosuslugi.md §1.1, §2.1): who may ask for tokens, by which certificate."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal
from urllib.parse import urlsplit

import orjson

from medmost_stand.dialect import Body
from medmost_stand.refusal import Reason, Refusal
from medmost_stand.register import Organization, Secret, digest, named, organization_of
from medmost_stand.storage import Storage

Algorithm = Literal["RS256", "GOST3410_2012_256"]
_META = "partners"
_MNEMONIC = re.compile(r"[A-Z0-9_]{3,64}")
MOST_KEYS = 5  # a new key is taken into use before the old one is given up


@dataclass(frozen=True, slots=True)
class InformationSystem:
    """A registered system; `allowed` says whether the exchange is open to it, an empty certificate that none is
    registered yet."""

    mnemonic: str
    name: str
    ogrn: str
    certificate: str  # PEM
    redirects: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    keys: tuple[Secret, ...] = ()
    allowed: bool = True
    grants: tuple[str, ...] = ("authorization_code", "refresh_token", "client_credentials")  # its ways to a token
    algorithm: Algorithm = "RS256"  # of the tokens it gets
    trusted_only: bool = False  # lets in confirmed accounts only, ESIA-007055
    pkce: bool = False  # asks for a code_challenge, ESIA-007039
    closed_services: tuple[str, ...] = ()  # service codes it may not send, access_denied_service

    def returns_to(self, address: str) -> bool:
        """Whether a browser may be sent to this address; a registered one that ends in `*` stands for all that
        begin so (the stand's own, for its ready client)."""
        return any(
            address == known or (known.endswith("*") and address.startswith(known[:-1])) for known in self.redirects
        )

    def shown(self) -> Body:
        """For its owner."""
        return {
            "mnemonic": self.mnemonic,
            "name": self.name,
            "certificate": self.certificate or None,
            "redirect_uris": list(self.redirects),
            "scopes": list(self.scopes),
            "api_keys": [key.shown() for key in self.keys],
        }


class Partners:
    """Kept over a stop with the records; the stand's own ready client is put in anew at each start."""

    def __init__(self, storage: Storage, ready: Sequence[InformationSystem] = ()) -> None:
        self._storage = storage
        self._organizations: dict[str, Organization] = {}
        self._systems: dict[str, InformationSystem] = {}
        self._by_key: dict[str, str] = {}
        raw = storage.meta(_META)
        kept: dict[str, Any] = orjson.loads(raw) if raw else {"organizations": [], "systems": []}
        for row in kept["organizations"]:
            self._organizations[row["ogrn"]] = Organization(**row)
        for row in kept["systems"]:
            row |= {
                name: tuple(row[name]) for name in ("redirects", "scopes", "grants", "closed_services") if name in row
            }
            self._take(InformationSystem(**row | {"keys": tuple(Secret(**key) for key in row["keys"])}))
        self._ready = {system.mnemonic for system in ready}
        for system in ready:
            self._take(system)

    def by_key(self, api_key: str) -> InformationSystem | None:
        """The system that an API key was made for."""
        mnemonic = self._by_key.get(digest(api_key))
        return None if mnemonic is None else self._systems[mnemonic]

    def by_mnemonic(self, mnemonic: str) -> InformationSystem | None:
        """The system of this name (`client_id` at ЕСИА)."""
        return self._systems.get(mnemonic)

    def allowed(self, mnemonic: str) -> bool:
        """Whether the exchange is open to a system."""
        system = self._systems.get(mnemonic)
        return system is not None and system.allowed

    def all(self) -> list[InformationSystem]:
        """Every registered system."""
        return list(self._systems.values())

    def enter(self, system: InformationSystem) -> None:
        """Registers or replaces a system that belongs to no account: of a test (`/stand/esia/systems`)."""
        self._ready.discard(system.mnemonic)
        self._put(system)

    def take_ready(self, system: InformationSystem) -> None:
        """The same for one of the stand's own, which is put in anew at each start."""
        self._ready.add(system.mnemonic)
        self._take(system)

    # ------------------------------------------------------------ of one account
    def organization(self, owner: str) -> Organization | None:
        """The organization an account acts for."""
        return next((one for one in self._organizations.values() if one.owner == owner), None)

    def systems(self, owner: str) -> list[InformationSystem]:
        """The systems of the account's organization, by mnemonic."""
        own = self.organization(owner)
        found = [one for one in self._systems.values() if own is not None and one.ogrn == own.ogrn]
        return sorted((one for one in found if one.mnemonic not in self._ready), key=lambda one: one.mnemonic)

    def put_organization(self, owner: str, body: Body) -> Organization:
        """Registers or corrects it; Refusal for wrong numbers or another account's organization."""
        given, present = organization_of(body, owner), self.organization(owner)
        other = self._organizations.get(given.ogrn)
        if other is not None and other.owner != owner:
            raise Refusal(Reason.DUPLICATE, "Организация с этим ОГРН зарегистрирована другим пользователем", "ogrn")
        if present is not None and present.ogrn != given.ogrn and self.systems(owner):
            text = "ОГРН не меняется, пока у организации есть информационные системы"
            raise Refusal(Reason.DUPLICATE, text, "ogrn")
        if present is not None:
            del self._organizations[present.ogrn]
        self._organizations[given.ogrn] = given
        self._keep()
        return given

    def put_system(self, owner: str, mnemonic: str, body: Body) -> tuple[InformationSystem, bool]:
        """Registers or changes a system of the account's organization, and whether it is new."""
        own = self.must_organization(owner)
        if not _MNEMONIC.fullmatch(mnemonic):
            text = "Мнемоника системы: от 3 до 64 заглавных латинских букв, цифр и знаков _"
            raise Refusal(Reason.INVALID_FIELD, text, "mnemonic")
        old = self._systems.get(mnemonic)
        if old is not None and (old.ogrn != own.ogrn or mnemonic in self._ready):
            raise Refusal(Reason.DUPLICATE, "Система с такой мнемоникой уже есть у другой организации", "mnemonic")
        base = old or InformationSystem(mnemonic, mnemonic, own.ogrn, "")
        system = replace(
            base,
            name=named(str(body.get("name") or base.name), "name", "название системы до 255 знаков"),
            redirects=_addresses(body["redirect_uris"]) if "redirect_uris" in body else base.redirects,
            scopes=_words(body["scopes"]) if "scopes" in body else base.scopes,
        )
        self._put(system)
        return system, old is None

    def put_certificate(self, owner: str, mnemonic: str, pem: str) -> InformationSystem:
        """The certificate that signatures of the system are checked by; the caller has checked the PEM itself."""
        system = replace(self.own(owner, mnemonic), certificate=pem)
        self._put(system)
        return system

    def new_key(self, owner: str, mnemonic: str) -> tuple[Secret, str]:
        """A fresh API key (UUID): what is kept of it, and the key itself, shown this once."""
        system = self.own(owner, mnemonic)
        if len(system.keys) >= MOST_KEYS:
            raise Refusal(Reason.DUPLICATE, f"У системы уже {MOST_KEYS} ключей: отзовите один из них", "api_keys")
        plain = str(uuid.uuid4())
        key = Secret.of(uuid.uuid4().hex[:8], plain)
        self._put(replace(system, keys=(*system.keys, key)))
        return key, plain

    def drop_key(self, owner: str, mnemonic: str, key_id: str) -> InformationSystem:
        """Revokes an API key; Refusal NOT_FOUND."""
        system = self.own(owner, mnemonic)
        left = tuple(key for key in system.keys if key.id != key_id)
        if len(left) == len(system.keys):
            raise Refusal(Reason.NOT_FOUND, "Такого ключа нет", status=404)
        self._put(replace(system, keys=left))
        return self._systems[mnemonic]

    def own(self, owner: str, mnemonic: str) -> InformationSystem:
        """A system of the account's organization; Refusal NOT_FOUND."""
        found = next((one for one in self.systems(owner) if one.mnemonic == mnemonic), None)
        if found is None:
            raise Refusal(
                Reason.NOT_FOUND, "У вашей организации нет системы с такой мнемоникой", "mnemonic", status=404
            )
        return found

    def must_organization(self, owner: str) -> Organization:
        """The account's organization; Refusal NOT_FOUND where none is registered yet."""
        own = self.organization(owner)
        if own is None:
            raise Refusal(Reason.NOT_FOUND, "Сначала зарегистрируйте организацию", "organization", status=404)
        return own

    def _put(self, system: InformationSystem) -> None:
        self._take(system)
        self._keep()

    def _take(self, system: InformationSystem) -> None:
        self._by_key = {key: name for key, name in self._by_key.items() if name != system.mnemonic}
        self._systems[system.mnemonic] = system
        self._by_key |= {key.digest: system.mnemonic for key in system.keys}

    def _keep(self) -> None:
        systems = [asdict(one) for one in self._systems.values() if one.mnemonic not in self._ready]
        kept = {"organizations": [asdict(one) for one in self._organizations.values()], "systems": systems}
        self._storage.put_meta(_META, orjson.dumps(kept))


def _addresses(given: object) -> tuple[str, ...]:
    found = _words(given, "redirect_uris")
    for address in found:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.fragment:
            text = "Поле «redirect_uris»: нужны адреса http:// или https:// без #"
            raise Refusal(Reason.INVALID_FIELD, text, "redirect_uris")
    return found


def _words(given: object, field: str = "scopes") -> tuple[str, ...]:
    """A list of texts, or one text with spaces or line breaks, as a form sends it."""
    words = given.split() if isinstance(given, str) else given
    if (
        not isinstance(words, list)
        or len(words) > 50
        or not all(isinstance(w, str) and 0 < len(w) < 500 for w in words)
    ):
        raise Refusal(Reason.INVALID_FIELD, f"Поле «{field}»: нужен список строк, не больше 50", field)
    return tuple(dict.fromkeys(words))
