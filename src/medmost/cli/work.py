"""`medmost worker --roles …`: one process of several over one PostgreSQL state."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

import structlog

from medmost.app import App, forward_events, open_app
from medmost.cli.control import Progress, serve_control
from medmost.cli.operations.registry import operate
from medmost.cli.run import (
    citizens_page,
    console_ports,
    go_rounds,
    greet_broker,
    refresh_metrics,
    show_life,
    stop_on_signals,
)
from medmost.config import Config
from medmost.console.app import make_console
from medmost.console.server import serve
from medmost.domain.errors import Fatal

log = structlog.get_logger()
SERVES = frozenset({"receive", "console"})
COMMANDS = frozenset({"audit", "console"})
"""Who performs what `medmost sync`, `migrate`, `audit` and the others ask a running process for."""


async def work(config: Config, roles: frozenset[str]) -> None:
    """Runs until SIGTERM or SIGINT; what is on the wire then is answered for before it returns.

    Raises:
        Fatal: the state is a file, which one process writes at a time; or it cannot work.
    """
    if config.state.url.startswith("sqlite:"):
        raise Fatal(
            "MM-STATE-SHARED",
            "Несколько процессов работают только с PostgreSQL: задайте state.url или запустите medmost run",
            "several processes need PostgreSQL: set state.url, or start `medmost run`",
        )
    async with open_app(config) as app:
        stop = stop_on_signals()
        await greet_broker(app)
        await _perform(app, stop, roles)


async def _perform(app: App, stop: asyncio.Event, roles: frozenset[str]) -> None:
    busy = asyncio.Lock()

    async def control(do: str, args: dict[str, Any], progress: Progress) -> tuple[int, Any]:
        async with busy:
            return await operate(app, do, args, progress)

    works: list[Coroutine[Any, Any, None]] = [app.engine.run(stop, roles)]
    async with contextlib.AsyncExitStack() as open_things:
        if "notify" in roles:
            works += [forward_events(app, stop), go_rounds(app, stop)]
        if roles & COMMANDS:
            await open_things.enter_async_context(serve_control(app.config.folder, control))
        if roles & SERVES:
            linking = citizens_page(app)
            open_things.push_async_callback(linking.close)
            made = make_console(console_ports(app, control, linking))
            works += [serve(made, app.config.console.host, app.config.console.port, stop)]
            works += [refresh_metrics(app, stop), show_life(app, stop)]
        tasks = [asyncio.create_task(one) for one in works]
        log.info("a worker runs", roles=sorted(roles))
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        stop.set()
        app.bell.ring("notify")
        await asyncio.wait(tasks)
        for task in done:
            task.result()
