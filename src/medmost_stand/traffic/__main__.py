"""`python -m medmost_stand.traffic record|replay`: masked traffic of a real system to a file, and out of it."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

from aiohttp import web

from medmost_stand.traffic import tape
from medmost_stand.traffic.masking import Mask
from medmost_stand.traffic.recorder import Recorder
from medmost_stand.traffic.replay import Replay

KEY = "MEDMOST_STAND_MASK_KEY"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m medmost_stand.traffic", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    record = commands.add_parser("record", help="посредник перед настоящей системой; пишет обмен, скрыв личное")
    record.add_argument("--upstream", required=True, help="адрес настоящей системы")
    record.add_argument("--to", type=Path, required=True, metavar="FILE", help="куда писать")
    record.add_argument("--key", type=Path, metavar="FILE", help=f"файл ключа замены (иначе {KEY}, иначе случайный)")
    record.add_argument("--keep", action="append", default=[], metavar="FIELD", help="поле, которое не скрывать")
    replay = commands.add_parser("replay", help="отвечает записанными ответами")
    replay.add_argument("file", type=Path)
    for command in (record, replay):
        command.add_argument("--port", type=int, default=0, help="порт, 0 — любой свободный")
        command.add_argument("--host", default="127.0.0.1")
    return parser


def _key(path: Path | None) -> bytes:
    if path is not None:
        return path.read_bytes().strip()
    return os.environ[KEY].encode() if os.environ.get(KEY) else os.urandom(32)


async def _serve(app: web.Application, host: str, port: int) -> None:
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    sys.stdout.write(f"http://{host}:{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    try:
        await stopped.wait()
    finally:
        await runner.cleanup()


def main() -> int:
    """Exit codes: 0 stopped, 1 cannot start, 2 wrong use or no recording."""
    parser = _parser()
    given = parser.parse_args()
    try:
        if given.command == "record":
            app = Recorder(given.upstream, given.to, Mask(_key(given.key), frozenset(given.keep))).app()
        else:
            app = Replay(tape.read(given.file)).app()
    except (OSError, tape.TapeError) as error:
        parser.error(str(error))
    try:
        asyncio.run(_serve(app, given.host, given.port))
    except OSError as error:
        sys.stderr.write(f"не запустился: {error.strerror or error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
