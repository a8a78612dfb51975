"""The menu: pages in the order in which a person on duty needs them, only those he may open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from medmost.console.rights import Right, Signed

PAGES: Final[tuple[tuple[str, str, Right], ...]] = (("/", "menu_overview", Right.STATE),)
"""Address, word, right."""


def menu(me: Signed, here: str, words: Mapping[str, str]) -> list[tuple[str, str, bool]]:
    """Address, name, whether we are there."""
    return [
        (path, words[word], here == path or (path != "/" and here.startswith(f"{path}/")))
        for path, word, right in PAGES
        if me.may(right)
    ]
