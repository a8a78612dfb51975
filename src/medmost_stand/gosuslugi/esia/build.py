"""ЕСИА put together over one system's state."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from medmost_stand.api import Call
from medmost_stand.end import EndState
from medmost_stand.gosuslugi.esia.admin import EsiaAdmin
from medmost_stand.gosuslugi.esia.authorize import Authorization, Parts
from medmost_stand.gosuslugi.esia.checks import Checks
from medmost_stand.gosuslugi.esia.ext_app import ExtApp
from medmost_stand.gosuslugi.esia.grants import Grants
from medmost_stand.gosuslugi.esia.keys import TokenKeys
from medmost_stand.gosuslugi.esia.login import Login
from medmost_stand.gosuslugi.esia.pages import Pages
from medmost_stand.gosuslugi.esia.rest import PersonRest
from medmost_stand.gosuslugi.esia.settings import ISSUER, EsiaSettings
from medmost_stand.gosuslugi.esia.token import TokenEnd
from medmost_stand.gosuslugi.partners import Partners


@dataclass(frozen=True, slots=True)
class Esia:
    """The parts of ЕСИА that the portal and the route table need."""

    parts: Parts
    authorization: Authorization
    token: TokenEnd
    login: Login
    rest: PersonRest
    ext_app: ExtApp
    admin: EsiaAdmin
    keys: TokenKeys

    async def public_keys(self, _: Call) -> web.Response:
        """The certificates of the keys that sign tokens, in one archive."""
        return web.Response(body=self.keys.archive(), content_type="application/zip")


def build_esia(state: EndState, partners: Partners, settings: EsiaSettings) -> Esia:
    """ЕСИА; from here on the system's tokens are ЕСИА's."""
    checks = Checks(partners, settings, state.clock)
    grants = Grants(state.system.storage, state.clock)
    parts = Parts(state, partners, checks, grants, settings, Pages())
    keys = TokenKeys(state.system.storage, partners)
    state.tokens.issuer = ISSUER
    state.tokens.seal = keys
    authorization = Authorization(parts)
    return Esia(
        parts=parts,
        authorization=authorization,
        token=TokenEnd(parts, state.tokens),
        login=Login(parts, authorization),
        rest=PersonRest(parts, state.tokens),
        ext_app=ExtApp(partners, settings, state.tokens),
        admin=EsiaAdmin(parts),
        keys=keys,
    )
