"""What every operation shares: how it looks, and how it says that a request is wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from medmost.app import App
from medmost.cli.control import Progress
from medmost.domain.errors import Fatal

Operation = Callable[[App, dict[str, Any], Progress], Awaitable[tuple[int, Any]]]
"""(app, arguments, progress) -> (exit code, result as JSON)."""


def known_kinds(app: App, kind: str | None) -> list[str]:
    """All kinds, or the one that was named. Raises Fatal for an unknown one."""
    if kind is None:
        return list(app.house.mappings)
    if kind not in app.house.mappings:
        allowed = ", ".join(app.house.mappings)
        raise Fatal("MM-CLI-KIND", f"Нет такого вида: {kind}; есть {allowed}", f"no kind {kind}; there are {allowed}")
    return [kind]
