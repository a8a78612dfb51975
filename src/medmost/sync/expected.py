"""What the settings say of the two ends, as the sync wants it: windows of planned work, canaries, whom we expect."""

from __future__ import annotations

from collections.abc import Iterable

from medmost.config import Config
from medmost.domain.errors import Fatal
from medmost.domain.guard import fingerprint
from medmost.domain.record import Side
from medmost.domain.windows import Window, parse
from medmost.sync.lookout import Canary


def windows_of(config: Config) -> dict[Side, tuple[Window, ...]]:
    told = {Side.GOSUSLUGI: config.systems.gosuslugi.maintenance, Side.EMIAS: config.systems.emias.maintenance}
    return {side: tuple(window for text in texts if (window := parse(text))) for side, texts in told.items()}


def canaries_of(config: Config, kinds: Iterable[str]) -> dict[Side, Canary]:
    """Raises Fatal where one is of no known kind."""
    told = {Side.GOSUSLUGI: config.systems.gosuslugi.canary, Side.EMIAS: config.systems.emias.canary}
    found = {side: Canary(*text.split("/", 1)) for side, text in told.items() if text}
    for side, canary in found.items():
        if canary.kind not in kinds:
            names = ", ".join(kinds)
            raise Fatal(
                "MM-CFG-VALUE",
                f"systems.toml: systems.{side}.canary: вида «{canary.kind}» нет; есть: {names}",
                f"systems.toml: systems.{side}.canary: there is no kind `{canary.kind}`; there are: {names}",
            )
    return found


ACCOUNT = ("base_url", "environment", "client", "client_id", "exchange_path", "orders_path", "api_path", "token_path")
"""What says which system it is and who we are there; keys and certificates are renewed without changing that."""


def ends_of(config: Config) -> dict[str, str]:
    """Name of an end -> fingerprint of its address and our account there."""
    ends = {"gosuslugi": config.systems.gosuslugi, "emias": config.systems.emias}
    return {
        name: fingerprint("\n".join(f"{key}={getattr(end, key, '')}" for key in ACCOUNT)) for name, end in ends.items()
    }
