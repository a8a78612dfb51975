"""medmost-stand: the test stand as a program (contracts.md §1)."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from medmost_stand.added import CollectionErrors, load_collections
from medmost_stand.stand import Settings, Stand

TITLES = {"gosuslugi": "Госуслуги", "emias": "ЕМИАС"}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]  # exits as the parent does, in one sentence
        sys.stderr.write(f"medmost-stand: {message}\n")
        raise SystemExit(2)


def _number(text: str, least: float, most: float, kind: type[int] | type[float]) -> float:
    try:
        value = kind(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"нужно число, а не «{text}»") from None
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(f"нужно число от {least:g} до {most:g}, а не {text}")
    return value


def _whole(least: int, most: int) -> Callable[[str], int]:
    return lambda text: int(_number(text, least, most, int))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="medmost-stand", description="Испытательный стенд: Госуслуги и ЕМИАС с вымышленными людьми.")
    add = parser.add_argument
    port = _whole(0, 65535)
    add("--gosuslugi-port", type=port, default=8801, help="порт Госуслуг, 0 — любой свободный (8801)")
    add("--emias-port", type=port, default=8802, help="порт ЕМИАС, 0 — любой свободный (8802)")
    add("--only", choices=("gosuslugi", "emias"), help="запустить только одну из систем")
    add("--host", default="127.0.0.1", help="адрес, на котором слушать (127.0.0.1)")
    add("--people", type=_whole(10, 1_000_000), default=1000, help="сколько людей в мире (1000)")
    add("--seed", type=_whole(-(2**63), 2**63), default=1, help="зерно мира (1)")
    add("--life", type=lambda text: _number(text, 0, 1000, float), default=0.0, help="действий людей в секунду (0)")
    add("--limit", type=_whole(1, 10**9), default=60_000, help="обращений к Госуслугам в минуту (60000)")
    add("--token-life", type=_whole(1, 86_400), default=3600, help="срок маркеров доступа, секунд (3600)")
    add("--state", type=Path, help="файл или папка, где стенд хранит состояние между запусками")
    add("--collections", type=Path, metavar="DIR", help="папка с файлами дополнительных коллекций")
    add("--ambiguous", action="store_true", help="посеять полисы, под номером которых в системах разные люди")
    add("--write-config", type=Path, metavar="DIR", help="записать готовую настройку medmost для этого стенда")
    add("--empty", action="store_true", help="люди есть, но ни одна система не зарегистрирована: путь новичка")
    add("--legacy-rsa", action="store_true", help="принимать запросы к ЕСИА, подписанные RSA, как до перехода на ГОСТ")
    add("--console-url", default="http://127.0.0.1:8800", help="адрес пульта medmost")
    return parser


def settings_of(arguments: list[str]) -> Settings:
    """Settings of a command line; exits with 2 and one sentence on wrong use."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        added = () if given.collections is None else load_collections(given.collections)
    except CollectionErrors as errors:
        gap = "\n" if len(errors.lines) > 1 else " "
        parser.error(f"коллекции не приняты:{gap}{errors}")
    if given.empty and given.write_config is not None:
        parser.error("--empty и --write-config исключают друг друга: готовой настройки у новичка нет")
    return Settings(
        ports={"gosuslugi": given.gosuslugi_port, "emias": given.emias_port},
        only=given.only,
        host=given.host,
        people=given.people,
        seed=given.seed,
        life=given.life,
        limit=given.limit,
        token_life=given.token_life,
        state=given.state,
        config=given.write_config,
        console_url=given.console_url,
        added=added,
        ambiguous=given.ambiguous,
        empty=given.empty,
        legacy_rsa=given.legacy_rsa,
    )


async def serve(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT; prints one line per address once it answers."""
    stand = Stand(settings)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await stand.start()
    try:
        for name in stand.ends:
            sys.stdout.write(f"{TITLES[name]} {stand.addresses[name]}\n")
        sys.stdout.flush()
        await stopped.wait()
    finally:
        await stand.stop()


def main() -> None:
    """The command `medmost-stand`: exit 0 after a stop, 1 if it cannot start, 2 on wrong use."""
    settings = settings_of(sys.argv[1:])
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    try:
        asyncio.run(serve(settings))
    except OSError as error:
        sys.stderr.write(f"medmost-stand: не запустился: {error.strerror or error}\n")
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
