"""The menu: pages in the order in which a person on duty needs them, only those he may open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from medmost.console.rights import Right, Signed

PAGES: Final[tuple[tuple[str, str, Right], ...]] = (
    ("/", "menu_overview", Right.STATE),
    ("/conflicts", "menu_conflicts", Right.RECORDS),
    ("/waiting", "menu_waiting", Right.RECORDS),
    ("/dead", "menu_dead", Right.RECORDS),
    ("/search", "menu_search", Right.RECORDS),
    ("/stages", "menu_stages", Right.STATE),
    ("/brakes", "menu_brakes", Right.STATE),
    ("/drift", "menu_drift", Right.STATE),
    ("/mappings", "menu_mappings", Right.STATE),
    ("/systems", "menu_systems", Right.STATE),
    ("/journal", "menu_journal", Right.JOURNAL),
    ("/users", "menu_users", Right.USERS),
)
"""Address, word, right."""


def menu(me: Signed, here: str, words: Mapping[str, str]) -> list[tuple[str, str, bool]]:
    """Address, name, whether we are there."""
    return [
        (path, words[word], here == path or (path != "/" and here.startswith(f"{path}/")))
        for path, word, right in PAGES
        if me.may(right)
    ]
