"""ЕСИА under /stand/: its switches and the register of systems, for tests (loopback only)."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from typing import Any, get_args

import orjson
from aiohttp import web

from medmost_stand.api import Call, json_response
from medmost_stand.credentials import OGRN
from medmost_stand.gosuslugi.esia.authorize import Parts
from medmost_stand.gosuslugi.esia.refusals import MEANINGS
from medmost_stand.gosuslugi.partners import Algorithm, InformationSystem
from medmost_stand.openssl import has_gost
from medmost_stand.refusal import Reason, Refusal
from medmost_stand.signature import kind_of

_LISTS = ("redirect_uris", "scopes", "grants", "closed_services")
_TEXTS = ("name", "certificate")
_FLAGS = ("allowed", "trusted_only", "pkce")
_SKEW_MOST = 86_400


class EsiaAdmin:
    """Handlers of the admin surface."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def show(self, _: Call) -> web.Response:
        """The switches as they stand."""
        return json_response(orjson.dumps(asdict(self._parts.settings)))

    async def change(self, call: Call) -> web.Response:
        """`{"skew","legacy_rsa","auto_login","trouble","trouble_count"}`, each as needed."""
        body = await call.json()
        settings = self._parts.settings
        _check_switches(body, {field.name for field in fields(settings)})
        login = body.get("auto_login")
        if login is not None and self._parts.state.population.by_login(str(login)) is None:
            raise _wrong("auto_login: такого логина нет, см. /stand/people", "auto_login")
        for name, value in body.items():
            setattr(settings, name, value)
        if "trouble" in body and "trouble_count" not in body:
            settings.trouble_count = 1
        return await self.show(call)

    async def systems(self, _: Call) -> web.Response:
        """The register, without anybody's keys."""
        shown = [
            {"mnemonic": one.mnemonic, "name": one.name, "redirect_uris": one.redirects, "algorithm": one.algorithm}
            for one in self._parts.partners.all()
        ]
        return json_response(orjson.dumps({"systems": shown}))

    async def register(self, call: Call) -> web.Response:
        """Registers or changes a system: name, certificate (PEM), redirect_uris, scopes, algorithm and so on."""
        mnemonic = call.request.match_info["mnemonic"]
        body = await call.json()
        known = self._parts.partners.by_mnemonic(mnemonic)
        base = known or InformationSystem(mnemonic, mnemonic, OGRN, "")
        self._parts.partners.enter(replace(base, **_checked_system(body)))
        await self._parts.state.system.storage.committed()
        return json_response(orjson.dumps({"mnemonic": mnemonic}), 201 if known is None else 200)


def _check_switches(body: dict[str, Any], known: set[str]) -> None:
    for name in body:
        if name not in known:
            raise _wrong(f"Такого переключателя нет, есть: {', '.join(sorted(known))}", name)
    skew, count = body.get("skew", 0), body.get("trouble_count", 0)
    if isinstance(skew, bool) or not isinstance(skew, int | float) or not 0 <= skew <= _SKEW_MOST:
        raise _wrong(f"skew: нужно число секунд от 0 до {_SKEW_MOST}", "skew")
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise _wrong("trouble_count: нужно целое число от 0", "trouble_count")
    if not isinstance(body.get("legacy_rsa", False), bool):
        raise _wrong("legacy_rsa: true или false", "legacy_rsa")
    trouble = body.get("trouble")
    if trouble is not None and (not isinstance(trouble, str) or trouble not in MEANINGS):
        raise _wrong(f"trouble: один из кодов {', '.join(MEANINGS)}", "trouble")


def _checked_system(body: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in body.items():
        if name in _TEXTS and isinstance(value, str):
            values[name] = value
        elif name in _LISTS and isinstance(value, list) and all(isinstance(one, str) for one in value):
            values["redirects" if name == "redirect_uris" else name] = tuple(value)
        elif name in _FLAGS and isinstance(value, bool):
            values[name] = value
        elif name == "algorithm" and isinstance(value, str) and value in get_args(Algorithm):
            if value != "RS256" and not has_gost():
                raise _wrong("algorithm: у OpenSSL на этой машине нет движка GOST", name)
            values[name] = value
        else:
            raise _wrong(f"Поле «{name}» неизвестно или не того вида", name)
    try:
        if values.get("certificate"):
            kind_of(values["certificate"])
    except ValueError:
        raise _wrong("certificate: нужен сертификат PEM с ключом ГОСТ, ECDSA или RSA", "certificate") from None
    return values


def _wrong(text: str, field: str) -> Refusal:
    return Refusal(Reason.BAD_REQUEST, text, field, status=400)
