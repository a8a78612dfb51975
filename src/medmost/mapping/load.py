"""All mappings of an installation: ours, or the operator's own files in their place."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from medmost.domain.errors import Fatal
from medmost.mapping.check import Checker
from medmost.mapping.compiler import CompiledMapping
from medmost.mapping.language import KINDS, KindRule, load_rules

OURS = Path(__file__).parent / "kinds"


def load_mappings(overlay: Path | None = None) -> dict[str, CompiledMapping]:
    """Every kind by name, parents first. A file ``<kind>.yaml`` in `overlay` stands in for ours, whole.

    Raises Fatal ``MM-MAP-…`` naming file, line, field, what is wrong and what is allowed.
    """
    own = _overlay_files(overlay)
    return {kind: load_mapping(own.get(kind, OURS / f"{kind}.yaml")) for kind in KINDS}


def load_mapping(path: Path) -> CompiledMapping:
    """One file, checked and compiled."""
    rule, located = load_rules(path)
    Checker(rule, located, KINDS).check()
    return CompiledMapping(rule)


def mapping_hash(mappings: dict[str, CompiledMapping]) -> str:
    """Names what these mappings mean, whatever their files look like: kept with what was read by them."""
    rules: list[KindRule] = [mapping.rule for mapping in mappings.values()]
    return hashlib.sha256(msgspec.json.encode(rules, order="deterministic")).hexdigest()


def _overlay_files(overlay: Path | None) -> dict[str, Path]:
    if overlay is None or not overlay.is_dir():
        return {}
    files = {path.stem: path for path in sorted(overlay.iterdir()) if path.suffix in {".yaml", ".yml"}}
    for name, path in files.items():
        if name not in KINDS:
            raise Fatal(
                "MM-MAP-KIND",
                f"{path}: нет вида «{name}»; допустимо: {', '.join(KINDS)}",
                f'{path}: there is no kind "{name}"; allowed: {", ".join(KINDS)}',
            )
    return files
