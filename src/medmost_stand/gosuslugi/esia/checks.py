"""The checks both ends of /aas/oauth2 share, in the order of facts/gosuslugi.md §6: system, parameters, scope, time,
address, certificate hash, signature."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import unquote

from cryptography import x509
from multidict import MultiMapping

from medmost_stand.clock import Clock
from medmost_stand.gosuslugi.esia.refusals import EsiaRefusal, missing
from medmost_stand.gosuslugi.esia.settings import EsiaSettings
from medmost_stand.gosuslugi.partners import InformationSystem, Partners
from medmost_stand.signature import certificate_hash, from_base64, kind_of, raw_signed_by, signed_by


class Parameters:
    """The parameters of a request; an empty value counts as absent, as several clients send `scope_org=`."""

    def __init__(self, given: MultiMapping[object]) -> None:
        self._given = given

    def one(self, name: str) -> str:
        """The value, "" where there is none; EsiaRefusal ESIA-007003 where the parameter is repeated."""
        values = self._given.getall(name, [])
        if len(values) > 1:
            raise EsiaRefusal("ESIA-007003", name)
        return str(values[0]) if values else ""

    def need(self, *names: str) -> None:
        """EsiaRefusal ESIA-007014 for the first of them that is absent."""
        for name in names:
            if not self.one(name):
                raise missing(name)

    def among(self, name: str, *allowed: str) -> str:
        """The value or the first allowed one where it is absent; EsiaRefusal ESIA-007003 for any other."""
        value = self.one(name) or allowed[0]
        if value not in allowed:
            raise EsiaRefusal("ESIA-007003", name)
        return value


class Checks:
    """Over the register of systems."""

    def __init__(self, partners: Partners, settings: EsiaSettings, clock: Clock) -> None:
        self._partners = partners
        self._settings = settings
        self._clock = clock
        self._hashes: dict[str, str] = {}

    def system(self, parameters: Parameters, grant: str) -> InformationSystem:
        """The registered system; EsiaRefusal ESIA-007014, 007002 or 007005."""
        mnemonic = parameters.one("client_id")
        if not mnemonic:
            raise missing("client_id")
        system = self._partners.by_mnemonic(mnemonic)
        if system is None or not system.certificate:
            raise EsiaRefusal("ESIA-007002", "client_id")
        if grant not in system.grants:
            raise EsiaRefusal("ESIA-007005")
        return system

    def time(self, parameters: Parameters) -> None:
        """`yyyy.MM.dd HH:mm:ss Z` within the skew of the stand's clock; EsiaRefusal ESIA-007015."""
        try:
            at = datetime.strptime(parameters.one("timestamp"), "%Y.%m.%d %H:%M:%S %z")
        except ValueError:
            raise EsiaRefusal("ESIA-007015", "timestamp") from None
        if abs(at.timestamp() - self._clock.seconds()) > self._settings.skew:
            raise EsiaRefusal("ESIA-007015", "timestamp")

    @staticmethod
    def address(parameters: Parameters, system: InformationSystem) -> str:
        """The registered redirect_uri, which one client sends encoded twice; EsiaRefusal ESIA-007023."""
        given = parameters.one("redirect_uri")
        for address in (given, unquote(given)):
            if address and system.returns_to(address):
                return address
        raise EsiaRefusal("ESIA-007023", "redirect_uri")

    async def signature(
        self, parameters: Parameters, system: InformationSystem, version: int, signed: Sequence[str]
    ) -> None:
        """client_secret over one of the strings that clients are known to sign; EsiaRefusal ESIA-007053.

        Version 1 is CMS; 2 and 3 the raw 64 bytes with client_certificate_hash.
        """
        certificate = system.certificate
        if not self._active(certificate):
            raise EsiaRefusal("ESIA-007053", "the certificate is not active")
        wanted = parameters.one("client_certificate_hash").upper()
        if version > 1 and await self._hash(certificate) != wanted:
            raise EsiaRefusal("ESIA-007053", "client_certificate_hash")
        try:
            signature = from_base64(parameters.one("client_secret"))
        except ValueError:
            raise EsiaRefusal("ESIA-007053", "client_secret") from None
        verified = signed_by if version == 1 else raw_signed_by
        for text in dict.fromkeys(signed):
            if await verified(signature, text.encode(), certificate):
                return
        raise EsiaRefusal("ESIA-007053", "client_secret")

    def _active(self, certificate: str) -> bool:
        if kind_of(certificate) == "rsa" and not self._settings.legacy_rsa:
            return False
        read = x509.load_pem_x509_certificate(certificate.encode())
        now = self._clock.seconds()
        return read.not_valid_before_utc.timestamp() <= now < read.not_valid_after_utc.timestamp()

    async def _hash(self, certificate: str) -> str:
        if certificate not in self._hashes:
            self._hashes[certificate] = await certificate_hash(certificate)
        return self._hashes[certificate]


def signed_strings(parameters: Parameters, version: int, *tail: str) -> list[str]:
    """What client_secret signs (facts/gosuslugi.md §1.4): first as documented, then as a known client has it.

    `tail` is the code of a token request in version 3.
    """
    client, scope, org, time, state, address = (
        parameters.one(name) for name in ("client_id", "scope", "scope_org", "timestamp", "state", "redirect_uri")
    )
    if version == 1:
        return [scope + time + client + state]
    return ["".join((client, scope, org, time, state, address, *tail))]
