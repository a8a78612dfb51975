"""`medmost access`: from an empty configuration folder to two registered ends, a step at a time.

Where one stands is read from the folder itself, so that the walk can be left and taken up again at any point: what
is there is kept, what is missing is named, with what to send to whom.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec

from medmost.config.rules import is_loopback
from medmost.domain.errors import Fatal
from medmost.launch.access_steps import Step, steps
from medmost.launch.installation import KEPT, Installation
from medmost.launch.papers import write_papers
from medmost.launch.request import certificate_request, ecdsa_key, gost_key, same_key, subject_ogrn
from medmost.systems.signing import ECDSA_WARNING_EN, ECDSA_WARNING_RU, new_webhook_secret

KEY, CERTIFICATE, REQUEST = "gosuslugi.key.pem", "gosuslugi.cert.pem", "gosuslugi.request.pem"
_SECRETS: Final = {
    "gosuslugi.api_key": "gosuslugi.api-key",
    "emias.client_secret": "emias.client-secret",
    "emias.api_key": "emias.api-key",
}
_SETTINGS: Final = (
    "gosuslugi.base_url", "gosuslugi.client", "gosuslugi.signer", "emias.base_url", "emias.client_id",
)  # fmt: skip
_ORGANIZATION: Final = ("name", "ogrn", "inn")


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where the walk stands: every step in order, warnings (Russian, English) to be shown in red."""

    steps: list[Step]
    warnings: list[tuple[str, str]]

    @property
    def ready(self) -> bool:
        return all(step.done for step in self.steps)


def standing(place: Installation) -> Standing:
    """What is there and what is missing; changes nothing."""
    warnings = []
    if place.value("systems.toml", "gosuslugi", "signer") == "ecdsa":
        warnings.append((ECDSA_WARNING_RU, ECDSA_WARNING_EN))
    return Standing(steps=steps(place), warnings=warnings)


def fill(place: Installation, answers: Mapping[str, str]) -> Standing:
    """Takes checked answers, makes what can be made without anybody (key, request, webhook secrets, papers to send).

    Raises Fatal MM-ACC-CERTIFICATE for a certificate of another key or organization, MM-ACC-KEY.
    """
    for field in _ORGANIZATION:
        if given := answers.get(f"organization.{field}"):
            place.put(KEPT, "organization", field, given)
    for key in _SETTINGS:
        if given := answers.get(key):
            section, _, name = key.partition(".")
            place.put("systems.toml", section, name, given)
    if given := answers.get("console.public_url"):
        place.put("medmost.toml", "console", "public_url", given)
    if given := answers.get("console.port"):
        place.put("medmost.toml", "console", "port", int(given))
    for key, file in _SECRETS.items():
        if given := answers.get(key):
            place.put_secret(file, given)
    _environment(place, answers.get("environment"))
    for side in ("gosuslugi", "emias"):
        if not place.secret(f"{side}.webhook"):
            place.put_secret(f"{side}.webhook", new_webhook_secret())
    _make_key(place, chosen="gosuslugi.signer" in answers)
    if given := answers.get("gosuslugi.certificate"):
        take_certificate(place, given)
    write_papers(place)
    return standing(place)


def take_certificate(place: Installation, pem: str) -> None:
    """Keeps the certificate that came back from the centre, if it is ours. Raises Fatal MM-ACC-CERTIFICATE."""
    ours = place.value(KEPT, "organization", "ogrn")
    if ours and subject_ogrn(pem) != ours:
        raise Fatal(
            "MM-ACC-CERTIFICATE",
            "Сертификат не принят: ОГРН в нём не тот, что у организации",
            "The certificate is not taken: its OGRN is not the organization's",
        )
    key = place.secret(KEY)
    if key and not same_key(key, pem):
        raise Fatal(
            "MM-ACC-CERTIFICATE",
            f"Сертификат не принят: он выпущен не на ключ secrets/{KEY}",
            f"The certificate is not taken: it is not over the key secrets/{KEY}",
        )
    place.put_secret(CERTIFICATE, pem)


def _environment(place: Installation, given: str | None) -> None:
    """The same name in all three places; an address on this machine can only be a stand's."""
    told = given or place.value("medmost.toml", "environment", "name")
    addresses = [place.value("systems.toml", side, "base_url") for side in ("gosuslugi", "emias")]
    if given is None and addresses and all(is_loopback(urlsplit(one).hostname or "") for one in addresses):
        told = "stand"
    place.put("medmost.toml", "environment", "name", told)
    for side in ("gosuslugi", "emias"):
        place.put("systems.toml", side, "environment", told)


def _make_key(place: Installation, *, chosen: bool) -> None:
    """Key and request, once there is an organization to name in it; a key that is there is never replaced."""
    organization = {field: place.value(KEPT, "organization", field) for field in _ORGANIZATION}
    signer = place.value("systems.toml", "gosuslugi", "signer") or "openssl-gost"
    if signer == "command" or not all(organization.values()):
        return
    if not place.secret(KEY):
        made = gost_key() if signer == "openssl-gost" else ecdsa_key()
        if made is None and chosen:
            raise Fatal(
                "MM-ACC-KEY",
                "Электронная подпись: у OpenSSL на этой машине нет модуля ГОСТ; make system ставит его",
                "Electronic signature: OpenSSL has no GOST engine on this machine; `make system` installs it",
            )
        if made is None:
            signer, made = "ecdsa", ecdsa_key()
            place.put("systems.toml", "gosuslugi", "signer", signer)
        place.put_secret(KEY, made)
    system = place.value("systems.toml", "gosuslugi", "client")
    named = {**organization, "system": system}
    if place.value(KEPT, "request", "named") != msgspec.json.encode(named).decode() or not place.paper(REQUEST):
        place.put_paper(REQUEST, certificate_request(place.secret(KEY), signer, **named))
        place.put(KEPT, "request", "named", msgspec.json.encode(named).decode())
