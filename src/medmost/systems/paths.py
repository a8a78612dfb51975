"""Addresses: collections by kind, and what is put into a URL."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote


def segment(text: str) -> str:
    """One part of a path; ids are opaque and may hold anything."""
    return quote(text, safe="")


def query(parameters: Mapping[str, str | int | None]) -> str:
    """A query string of the parameters that have a value; never of personal ones (contracts §2: search is a POST)."""
    pairs = [f"{name}={quote(str(value), safe='')}" for name, value in parameters.items() if value is not None]
    return "?" + "&".join(pairs) if pairs else ""
