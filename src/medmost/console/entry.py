"""Before any handler: who asks, may he, and did the act come from one of our own pages."""

from __future__ import annotations

import hmac
from typing import Any, Final
from urllib.parse import urlsplit

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler

from medmost.console.gate import Gate
from medmost.console.rights import Right, Signed
from medmost.domain.errors import Fatal
from medmost.notify.words import Lang

SAFE: Final = ("GET", "HEAD", "OPTIONS")
CSRF_FIELD, CSRF_HEADER = "_csrf", "x-csrf-token"
LANGUAGE_COOKIE: Final = "lang"
Asked = Request[Any, Any, Any]


def page_language(request: Asked) -> Lang:
    """`?lang=`, else what was chosen last; a browser's own language says little about a Moscow operator."""
    wish = request.query_params.get("lang") or request.cookies.get(LANGUAGE_COOKIE)
    return "en" if wish == "en" else "ru"


def signed_in(request: Asked) -> Signed | None:
    """Who asks; None on pages that are open to everybody."""
    found = request.scope.get("user")
    return found if isinstance(found, Signed) else None


async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """A route says in `opt` which right it asks for; one that says nothing is closed, except the API's description.

    `opt["by_itself"]`: the page asks by itself, which keeps no session alive.
    """
    right = handler.opt.get("right", Right.OPEN if connection.url.path == "/api/openapi.json" else None)
    if right == Right.OPEN:
        return
    gate: Gate = connection.app.state.gate
    token = connection.cookies.get(gate.cookie)
    signed = await gate.who(token, person=not handler.opt.get("by_itself")) if token else None
    if signed is None:
        raise NotAuthorizedException
    connection.scope["user"] = signed
    if right is None or not signed.may(right):
        raise PermissionDeniedException


async def check_origin(request: Asked) -> None:
    """Raises Fatal MM-WEB-CSRF for an act that a page of somebody else has sent in a signed-in person's name.

    Routes that are open have means of their own (webhooks are signed); a form there says so by `opt["form"]`.
    """
    if request.method in SAFE:
        return
    opt = request.route_handler.opt
    if opt.get("right") == Right.OPEN:
        if opt.get("form") and not _same_origin(request):
            raise _foreign()
        return
    signed = signed_in(request)
    told = request.headers.get(CSRF_HEADER)
    if told is None and "form" in request.headers.get("content-type", ""):
        told = str((await request.form()).get(CSRF_FIELD, ""))
    given = (told or "").encode()  # as bytes: text beyond ASCII cannot be compared so
    if signed is None or not _same_origin(request) or not hmac.compare_digest(given, signed.csrf.encode()):
        raise _foreign()


def _same_origin(request: Asked) -> bool:
    """Browsers tell where an act comes from (Fetch Metadata, Origin); programs tell nothing and have no cookies."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def _foreign() -> Fatal:
    return Fatal(
        "MM-WEB-CSRF",
        "Действие пришло не со страницы пульта или страница устарела: откройте её снова",
        "the act did not come from a page of the console, or the page is too old: open it again",
    )


def way_back(wish: str) -> str:
    """Where to go after sign-in: only a path of our own."""
    parts = urlsplit(wish)
    own = wish.startswith("/") and not wish.startswith("//") and "\\" not in wish and not parts.netloc
    return wish if own and parts.path != "/sign-in" else "/"
