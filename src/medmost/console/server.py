"""Serves an ASGI application inside our own event loop until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Iterator
from typing import Any, Final

import uvicorn

from medmost.domain.errors import Fatal

GRACE: Final = 1  # seconds that requests under way get when we stop


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the process, which sets `stop`."""
        yield


async def serve(
    app: Any, host: str, port: int, stop: asyncio.Event, *, bound: Callable[[int], None] | None = None
) -> None:
    """Serves until `stop` is set, then ends within a second. `bound` hears the port (useful with port 0).

    Raises Fatal MM-WEB-PORT where the address cannot be had.
    """
    listener = _listen(host, port)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,  # addresses of requests stay out of logs
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE,
    )
    server = _Server(config)
    if bound is not None:
        bound(listener.getsockname()[1])
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        server.should_exit = True
        stopping.cancel()
        await serving
        listener.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise Fatal(
            "MM-WEB-PORT",
            f"адрес {host}:{port} для консоли занять не удалось ({error.strerror}): задайте другой console.port",
            f"the console cannot listen on {host}:{port} ({error.strerror}): set another console.port",
        ) from error
    return listener
