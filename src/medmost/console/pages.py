"""The overview, alive by server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final

from litestar import Response, get
from litestar.response import ServerSentEvent
from litestar.response.sse import ServerSentEventMessage

from medmost.console.api import Ports
from medmost.console.entry import Asked, page_language
from medmost.console.ports import ConsolePorts, told
from medmost.console.rendering import rendered, screen
from medmost.console.rights import Right
from medmost.console.view import View, view_of
from medmost.notify.words import Lang

EVERY: Final = 2.0  # seconds between two looks of an open overview


async def _view(ports: ConsolePorts, lang: Lang) -> View:
    status = await ports.status()
    waiting, reasons = await told(ports.attention()), await told(ports.ready())
    return view_of(status, waiting, reasons, datetime.now(UTC), lang, ports.titles)


@get("/", include_in_schema=False, opt={"right": Right.STATE})
async def home(request: Asked, ports: Ports) -> Response[str]:
    return screen(request, "home.html", view=await _view(ports, page_language(request)), support=ports.support)


@get("/events", include_in_schema=False, opt={"right": Right.STATE, "by_itself": True})
async def events(request: Asked, ports: Ports) -> ServerSentEvent:
    """The overview again every two seconds, until the browser goes or its session ends."""
    lang, token = page_language(request), request.cookies.get(ports.gate.cookie, "")

    async def stream() -> AsyncIterator[ServerSentEventMessage]:
        while await ports.gate.who(token, person=False) is not None:
            html = rendered("status.html", lang, view=await _view(ports, lang))
            yield ServerSentEventMessage(event="status", data=html)
            await asyncio.sleep(EVERY)

    return ServerSentEvent(stream())
