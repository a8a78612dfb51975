"""The console as an ASGI application."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from litestar import Litestar
from litestar.datastructures import CacheControlHeader, MutableScopeHeaders
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.static_files import create_static_files_router
from litestar.types import ControllerRouterHandler, Message, Scope

from medmost import __version__
from medmost.console import api, pages
from medmost.console.ports import ConsolePorts
from medmost.console.problems import on_http, on_medmost, on_other
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
    """Everything under contracts §3 that exists so far. Sign-in is not there yet: bind it to loopback."""
    static = create_static_files_router(
        path="/static",
        directories=[Path(__file__).parent / "static"],
        cache_control=CacheControlHeader(no_cache=True),
        include_in_schema=False,
    )
    handlers: list[ControllerRouterHandler] = [
        api.live,
        api.ready,
        api.metrics,
        api.status,
        api.hook,
        pages.home,
        pages.fragment,
        pages.link,
        static,
    ]
    return Litestar(
        handlers,
        dependencies={"ports": Provide(lambda: ports, sync_to_thread=False)},
        before_send=[_harden],
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


async def _harden(message: Message, _scope: Scope) -> None:
    """Puts the security headers on every answer, errors and static files included."""
    if message["type"] == "http.response.start":
        headers = MutableScopeHeaders.from_message(message)
        for name, value in _HEADERS.items():
            headers[name] = value
        if "cache-control" not in headers:
            headers["cache-control"] = "no-store"
