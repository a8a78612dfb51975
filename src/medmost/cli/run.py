"""`medmost run`: everything in one process, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog

from medmost.app import App, forward_events, open_app
from medmost.cli.control import Operate, Progress, serve_control, unseen
from medmost.cli.operations.registry import operate
from medmost.config import Config
from medmost.console.app import make_console
from medmost.console.gate import Gate
from medmost.console.ports import Attention, ConsolePorts
from medmost.console.server import serve
from medmost.domain.errors import Transient
from medmost.domain.record import Side
from medmost.linking.flow import Linking
from medmost.notify.rounds import beat, certificate_events, disk_event
from medmost.store import ledgers
from medmost.sync.receive import STATUS
from medmost.sync.status import status
from medmost.systems.connect import connect_login

log = structlog.get_logger()
CONTROL_ONLY_ONE = ("sync", "migrate", "audit")


async def run(config: Config) -> None:
    """Runs until SIGTERM or SIGINT; what is on the wire then is answered for before it returns.

    Raises:
        Fatal: the state is held by another process, or cannot work.
    """
    async with open_app(config) as app:
        stop = stop_on_signals()
        await greet_broker(app)
        await serve_app(app, stop)


def stop_on_signals() -> asyncio.Event:
    """Set by SIGTERM and SIGINT."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


async def greet_broker(app: App) -> None:
    """Raises Fatal where the broker is set up in another way. One that is away is no reason not to run."""
    if app.queue is None:
        return
    try:
        await app.queue.prepare()
    except Transient as error:
        log.warning("the broker cannot be used", code=error.code)


async def serve_app(app: App, stop: asyncio.Event) -> None:
    """The engine, the console with the webhook receiver, the notices and the control socket."""
    one_at_a_time = asyncio.Lock()

    async def control(do: str, args: dict[str, Any], progress: Progress) -> tuple[int, Any]:
        if do in CONTROL_ONLY_ONE:
            async with one_at_a_time:
                return await operate(app, do, args, progress)
        return await operate(app, do, args, progress)

    config, linking = app.config, citizens_page(app)
    async with serve_control(config.folder, control):
        tasks = [
            asyncio.create_task(work)
            for work in (
                app.engine.run(stop),
                forward_events(app, stop),
                go_rounds(app, stop),
                show_life(app, stop),
                refresh_metrics(app, stop),
                serve(
                    make_console(console_ports(app, control, linking)), config.console.host, config.console.port, stop
                ),
            )
        ]
        log.info("medmost runs", console=config.console.url, mapping=app.mapping_hash[:12])
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        stop.set()
        app.bell.ring("notify")
        await asyncio.wait(tasks)
        await linking.close()
        for task in done:
            task.result()


def citizens_page(app: App) -> Linking:
    """What a citizen can do under `/link`; ЕСИА is asked only when somebody logs in."""
    config, ours = app.config, app.config.systems.gosuslugi
    return Linking(
        app.engine,
        connect_login(ours),
        partial(status, app.engine),
        console=config.console.url,
        portal=ours.portal_url or ours.base_url,
        operator=config.legal.operator,
    )


def console_ports(app: App, control: Operate, linking: Linking | None = None) -> ConsolePorts:
    """What the console may ask and do."""

    async def told() -> dict[str, Any]:
        return await status(app.engine)

    async def hook(side: Side, headers: Mapping[str, str], body: bytes) -> int:
        verdict = await app.receivers[side].take(headers, body)
        app.metrics.webhook(side.value, verdict)
        return STATUS[verdict]

    async def ready() -> list[str]:
        return [f"MM-SYS-DOWN {side.value}" for side in Side if not app.engine.reachable[side]]

    async def attention() -> list[Attention]:
        return attention_of(await told())

    async def operation(name: str, args: dict[str, Any]) -> tuple[int, Any]:
        return await control(name, args, unseen)

    return ConsolePorts(
        status=told,
        hook=hook,
        metrics=app.metrics.render,
        ready=ready,
        attention=attention,
        gate=Gate(
            app.database, app.house.clock.now, app.house.writer, secure=app.config.console.url.startswith("https:")
        ),
        operate=operation,
        support=app.config.contacts.support,
        linking=linking,
        titles={name: (one.kind.title_ru, one.kind.title_en) for name, one in app.house.mappings.items()},
    )


async def refresh_metrics(app: App, stop: asyncio.Event) -> None:
    """Gauges follow the status, counters the books, every few seconds: a scrape costs nothing."""
    before = await app.database.read(ledgers.books)
    while not stop.is_set():
        entered = await app.database.read(ledgers.books)
        for (system, kind, account), number in entered.items():
            if account not in ("delivered", "refusals"):
                app.metrics.observed(system, kind, account, number - before.get((system, kind, account), 0))
        before = entered
        app.metrics.set_status(await status(app.engine))
        await paused(stop, METRICS_SECONDS)


async def go_rounds(app: App, stop: asyncio.Event) -> None:
    """Looks once a minute at what shows in no call: the certificate's last days, the room on the disk."""
    while not stop.is_set():
        now = datetime.fromtimestamp(app.house.clock.now(), UTC)
        days = app.systems[Side.GOSUSLUGI].health().certificate_days
        free = shutil.disk_usage(app.config.folder).free
        for event in (
            *certificate_events(days, Side.GOSUSLUGI.value, now),
            disk_event(free, app.config.notices.disk_free, now),
        ):
            await app.notifier.event(event)
        await paused(stop, ROUNDS_SECONDS)


async def show_life(app: App, stop: asyncio.Event) -> None:
    """Calls the watch outside while the state can be read; without an address there is none."""
    notices = app.config.notices
    while notices.heartbeat and not stop.is_set():
        await app.database.read(ledgers.stages)
        await beat(notices.heartbeat)
        await paused(stop, notices.heartbeat_every)


async def paused(stop: asyncio.Event, seconds: float) -> None:
    """Waits, but no longer than until the stop."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


ROUNDS_SECONDS = 60.0
METRICS_SECONDS = 5.0
WAITS_FOR_A_PERSON = {
    "quarantined": "MM-OTHER-PERSON",
    "ambiguous": "MM-DUPLICATE",
    "refused": "MM-REFUSED",
    "conflict": "MM-CONFLICT",
    "invalid": "MM-INVALID",
}
"""State of a pair -> code, gravest first."""


def attention_of(told: dict[str, Any]) -> list[Attention]:
    """What needs a person now, gravest first: codes and counts only."""
    found: list[Attention] = [
        {"what": "brake", "code": one["code"], "system": one["system"], "kind": one["kind"], "since": one["since"]}
        for one in told["brakes"]
    ]
    if told["deliveries"]["dead"]:
        found.append({"what": "dead", "code": "MM-DELIVERY-DEAD", "count": told["deliveries"]["dead"]})
    found += [
        {"what": state, "code": code, "kind": kind, "count": numbers[state]}
        for state, code in WAITS_FOR_A_PERSON.items()
        for kind, numbers in told["kinds"].items()
        if numbers[state]
    ]
    return found
