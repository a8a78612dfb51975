"""The console as an ASGI application."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import parse_qs

from litestar import Litestar
from litestar.datastructures import CacheControlHeader, MutableScopeHeaders, State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.static_files import create_static_files_router
from litestar.types import ControllerRouterHandler, Message, Scope

from medmost import __version__
from medmost.console import api, citizen, keeping, pages, records_api, sign_in, work
from medmost.console.entry import LANGUAGE_COOKIE, check_origin, guard
from medmost.console.ports import ConsolePorts
from medmost.console.problems import on_http, on_medmost, on_other
from medmost.console.rights import Right
from medmost.domain.errors import MedmostError

_HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


def make_console(ports: ConsolePorts) -> Litestar:
    """Everything under contracts §3. Who may what, each route says in its `opt` (console/entry)."""
    static = create_static_files_router(
        path="/static",
        directories=[Path(__file__).parent / "static"],
        cache_control=CacheControlHeader(no_cache=True),
        include_in_schema=False,
        opt={"right": Right.OPEN},
    )
    handlers: list[ControllerRouterHandler] = [
        api.live,
        api.ready,
        api.metrics,
        api.status,
        api.hook,
        sign_in.sign_in_page,
        sign_in.sign_in,
        sign_in.sign_out,
        pages.home,
        pages.events,
        citizen.router(ports),
        *work.HANDLERS,
        *keeping.HANDLERS,
        *records_api.HANDLERS,
        static,
    ]
    return Litestar(
        handlers,
        dependencies={"ports": Provide(lambda: ports, sync_to_thread=False)},
        guards=[guard],
        before_request=check_origin,
        before_send=[_harden],
        state=State({"gate": ports.gate}),
        exception_handlers={HTTPException: on_http, MedmostError: on_medmost, Exception: on_other},
        openapi_config=OpenAPIConfig(
            title="medmost",
            version=__version__,
            description="State of the exchange between Gosuslugi and EMIAS.",
            path="/api",
            render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        ),
        logging_config=None,
    )


async def _harden(message: Message, scope: Scope) -> None:
    """Puts the security headers on every answer, errors and static files included; keeps a language once chosen."""
    if message["type"] == "http.response.start":
        headers = MutableScopeHeaders.from_message(message)
        for name, value in _HEADERS.items():
            headers[name] = value
        if "cache-control" not in headers:
            headers["cache-control"] = "no-store"
        chosen = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("lang", [""])[0]
        if chosen in ("ru", "en") and headers.get("content-type", "").startswith("text/html"):
            headers.add("set-cookie", f"{LANGUAGE_COOKIE}={chosen}; Path=/; SameSite=lax; Max-Age=31536000")
