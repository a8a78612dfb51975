"""The configuration as people may see it: secrets by their reference only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from medmost.config.references import SECRETS
from medmost.config.settings import Config
from medmost.config.troubles import Key, dotted

_HIDDEN = {*SECRETS, "password", "token"}


def describe(config: Config) -> dict[str, Any]:
    """A plain tree for `medmost config show`: a secret is its reference, the address of a contact its scheme."""
    shown = _plain(config, (), config.references)
    shown.pop("references")
    return dict(shown)


def _plain(value: Any, key: Key, references: dict[str, str]) -> Any:
    if dotted(key) in references:
        return references[dotted(key)]
    if (key and key[-1] in _HIDDEN) or isinstance(value, bytes):
        return "***" if value else value
    if isinstance(value, msgspec.Struct):
        return {name: _plain(getattr(value, name), (*key, name), references) for name in value.__struct_fields__}
    if isinstance(value, tuple | list):
        return [_plain(item, (*key, number), references) for number, item in enumerate(value)]
    if isinstance(value, dict):
        return {name: _plain(item, (*key, name), references) for name, item in value.items()}
    if isinstance(value, Path):
        return str(value)
    if key in {("queue", "url"), ("state", "url")} and "@" in value:
        scheme, _, rest = value.partition("://")
        return f"{scheme}://***@{rest.rpartition('@')[2]}"
    if "urls" in key and isinstance(value, str):
        return value.partition("://")[0] + "://***"
    return value
