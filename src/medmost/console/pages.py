"""Pages for people: the live status and, for citizens, what linking will be."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from litestar import Request, Response, get

from medmost.console.api import Ports
from medmost.console.ports import ConsolePorts, told
from medmost.console.rendering import page
from medmost.console.view import View, view_of
from medmost.notify.words import Lang


def _language(request: Request[Any, Any, Any]) -> Lang:
    """Pages are Russian unless asked otherwise: a browser's own language says little about a Moscow operator."""
    return "en" if request.query_params.get("lang") == "en" else "ru"


async def _view(ports: ConsolePorts, lang: Lang) -> View:
    status = await ports.status()
    return view_of(status, await told(ports.attention()), await told(ports.ready()), datetime.now(UTC), lang)


@get("/", include_in_schema=False)
async def home(request: Request[Any, Any, Any], ports: Ports) -> Response[str]:
    lang = _language(request)
    return page("home.html", lang, view=await _view(ports, lang), support=ports.support)


@get("/fragments/status", include_in_schema=False)
async def fragment(request: Request[Any, Any, Any], ports: Ports) -> Response[str]:
    """What the page fetches every two seconds."""
    lang = _language(request)
    return page("status.html", lang, view=await _view(ports, lang))


@get("/link", include_in_schema=False)
async def link(request: Request[Any, Any, Any], ports: Ports) -> Response[str]:
    """Linking by the citizen is not there yet, and the page says so. Leads back only to addresses we know."""
    wish = request.query_params.get("return", "")
    try:
        parts = urlsplit(wish)
        known = f"{parts.scheme}://{parts.netloc}" in ports.return_origins
    except ValueError:
        known = False
    return page("link.html", _language(request), back=wish if known else None, support=ports.support)
