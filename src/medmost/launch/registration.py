"""Registers at both ends by the registration calls of a stand, for `medmost access --register`.

The real systems register through cabinets and applications; only a stand has such calls. Each answer is written down
before the next call, and what is registered already is left as it is: the walk may be repeated and resumed.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import aiohttp
import orjson

from medmost.domain.errors import Fatal, Refused, Transient
from medmost.launch.access import CERTIFICATE, KEY, REQUEST, take_certificate
from medmost.launch.installation import KEPT, Installation
from medmost.launch.papers import SCOPES, redirect_addresses
from medmost.launch.request import same_key

_SECONDS = 30.0
_NAMES = {"gosuslugi": ("Госуслуги", "Gosuslugi"), "emias": ("ЕМИАС", "EMIAS")}
Body = dict[str, Any]


async def register(place: Installation, answers: Mapping[str, str]) -> None:
    """Both ends, Gosuslugi first. `answers` hold login and password of each.

    Raises Fatal MM-ACC-STAND away from a stand or without logins, Refused MM-ACC-REFUSED in the system's own words,
    Transient MM-ACC-UNREACHABLE.
    """
    wanted = ("gosuslugi.login", "gosuslugi.password", "emias.login", "emias.password")
    lacking = [key for key in wanted if key not in answers]
    if place.value("medmost.toml", "environment", "name") != "stand":
        raise _fatal("вызовы регистрации есть только у стенда; у настоящих систем регистрируют через кабинеты",
                     "only a stand has calls of registration; the real systems have cabinets for it")  # fmt: skip
    if lacking:
        raise _fatal(f"для --register нужны {', '.join(lacking)}", f"--register needs {', '.join(lacking)}")
    if not place.paper(REQUEST) or not place.value("systems.toml", "gosuslugi", "client"):
        raise _fatal("сначала назовите организацию и мнемонику системы", "first name organization and mnemonic")
    for side in ("gosuslugi", "emias"):
        given = f"{answers[f'{side}.login']}:{answers[f'{side}.password']}".encode()
        headers = {"Authorization": f"Basic {base64.b64encode(given).decode()}"}  # RFC 7617
        timeout = aiohttp.ClientTimeout(total=_SECONDS)
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
            end = _End(side, place.value("systems.toml", side, "base_url"), session)
            await (_gosuslugi if side == "gosuslugi" else _emias)(place, end)


class _End:
    """One system's registration calls."""

    def __init__(self, side: str, base: str, session: aiohttp.ClientSession) -> None:
        self.side = side
        self._base = base
        self._session = session

    async def call(self, method: str, path: str, body: Body | None = None) -> tuple[int, Body]:
        """Status and answer of a call that was accepted."""
        ru, en = _NAMES[self.side]
        try:
            data = None if body is None else orjson.dumps(body)
            headers = {"Content-Type": "application/json"}
            async with self._session.request(method, self._base + path, data=data, headers=headers) as answer:
                status, raw = answer.status, await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError):
            raise Transient("MM-ACC-UNREACHABLE", f"{ru}: нет соединения", f"{en} cannot be reached") from None
        try:
            given = orjson.loads(raw)
        except orjson.JSONDecodeError:
            given = None
        if status in (200, 201) and isinstance(given, dict):
            return status, given
        code, said = _complaint(given)
        raise Refused(
            "MM-ACC-REFUSED",
            f"{ru}: регистрация не принята: {said} ({status})",
            f"{en} refused the registration: {said} ({status})",
            said=code,
            reason=said,
        )


def _complaint(given: Any) -> tuple[str, str]:
    error = given.get("error", given) if isinstance(given, dict) else {}
    error = error if isinstance(error, dict) else {}
    said = str(error.get("message") or error.get("description") or "ответ не разобран / no readable answer")
    return str(error.get("code") or ""), said[:300]


async def _gosuslugi(place: Installation, end: _End) -> None:
    base = "/api/partners/v1"
    mnemonic = place.value("systems.toml", "gosuslugi", "client")
    await end.call("PUT", f"{base}/organization", _organization(place))
    certificate = place.secret(CERTIFICATE)
    if not certificate or not same_key(place.secret(KEY), certificate):
        _, issued = await end.call("POST", f"{base}/certificates", {"request": place.paper(REQUEST)})
        take_certificate(place, str(issued.get("certificate")))
    system = {
        "name": f"medmost {mnemonic}",
        "certificate": place.secret(CERTIFICATE),
        "redirect_uris": redirect_addresses(place),
        "scopes": list(SCOPES),
    }
    _, shown = await end.call("PUT", f"{base}/systems/{mnemonic}", system)
    if not _known(place.secret("gosuslugi.api-key"), shown.get("api_keys")):
        _, made = await end.call("POST", f"{base}/systems/{mnemonic}/api-keys", {})
        place.put_secret("gosuslugi.api-key", str(made["api_key"]))


async def _emias(place: Installation, end: _End) -> None:
    client = place.value("systems.toml", "emias", "client_id")
    if not client:
        client = place.value("systems.toml", "gosuslugi", "client").lower().replace("_", "-")
        place.put("systems.toml", "emias", "client_id", client)
    path = f"/api/integration/v1/points/{client}"
    body = {"name": f"medmost {client}", "organization": _organization(place)}
    status, shown = await end.call("PUT", path, body)
    if status == 201:
        place.put_secret("emias.client-secret", str(shown["client_secret"]))
    elif not _known(place.secret("emias.client-secret"), [shown.get("client_secret")]):
        _, made = await end.call("POST", f"{path}/secret", {})
        place.put_secret("emias.client-secret", str(made["client_secret"]))
    if not _known(place.secret("emias.api-key"), shown.get("api_keys")):
        _, made = await end.call("POST", f"{path}/api-keys", {})
        place.put_secret("emias.api-key", str(made["api_key"]))


def _known(secret: str, shown: Any) -> bool:
    """Whether a secret we hold is among those the system shows by their ends."""
    ends = [one.get("end") for one in shown if isinstance(one, dict)] if isinstance(shown, list) else []
    return bool(secret) and f"…{secret[-4:]}" in ends


def _organization(place: Installation) -> Body:
    return {field: place.value(KEPT, "organization", field) for field in ("name", "ogrn", "inn")}


def _fatal(ru: str, en: str) -> Fatal:
    return Fatal("MM-ACC-STAND", f"Регистрация: {ru}", f"Registration: {en}")
