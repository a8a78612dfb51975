"""All mappings of an installation: ours, changed or joined by the operator's own files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from medmost.domain.errors import Fatal
from medmost.domain.kinds import SHIPPED
from medmost.mapping.check import Checker
from medmost.mapping.compiler import CompiledMapping
from medmost.mapping.crosswalk import Crosswalk, load_crosswalks, with_codes
from medmost.mapping.families import family
from medmost.mapping.language import KindRule, load_rules
from medmost.mapping.located import Located

OURS = Path(__file__).parent / "kinds"


def load_mappings(overlay: Path | None = None) -> dict[str, CompiledMapping]:
    """Every kind by name, parents first: a record waits until those that it names have landed.

    A file ``<kind>.yaml`` in `overlay` is laid over ours where it says ``extends``, else stands in for it, whole;
    a file of another name is a kind of the deployment's own.
    Raises Fatal ``MM-MAP-…`` naming file, line, field, what is wrong and what is allowed: the first one found.
    """
    mappings, errors = try_mappings(overlay)
    if errors:
        raise errors[0]
    return mappings


def try_mappings(overlay: Path | None = None) -> tuple[dict[str, CompiledMapping], list[Fatal]]:
    """What loads, and what is wrong with the files that do not: all of them, not the first only."""
    files = {path.stem: path for path in kind_files(OURS)} | {path.stem: path for path in kind_files(overlay)}
    # Kinds of a deployment follow the shipped ones by name; parents come before their children in any case.
    names = sorted(files, key=lambda name: (SHIPPED.index(name) if name in SHIPPED else len(SHIPPED), name))
    loaded: dict[str, tuple[CompiledMapping, Located]] = {}
    errors: list[Fatal] = []
    try:
        tables = load_crosswalks(overlay)
    except Fatal as error:
        return {}, [error]
    for name in names:
        try:
            loaded[name] = _load(files[name], names, tables)
        except Fatal as error:
            errors.append(error)
    errors += family((mapping.rule, located) for mapping, located in loaded.values())
    return _parents_first({name: mapping for name, (mapping, _) in loaded.items()}), errors


def load_mapping(path: Path, kinds: list[str] | None = None) -> CompiledMapping:
    """One file, checked and compiled. `kinds`: what there is beside it; the shipped ones where nothing is said."""
    return _load(path, kinds or [file.stem for file in kind_files(OURS)], load_crosswalks(path.parent))[0]


def _load(path: Path, kinds: list[str], tables: Mapping[str, Crosswalk]) -> tuple[CompiledMapping, Located]:
    ours = OURS / path.name
    rule, located = load_rules(path, ours if ours.is_file() and ours != path else None)
    return Checker(with_codes(rule, located, tables), located, kinds).check(), located


def kind_files(folder: Path | None) -> list[Path]:
    """The mapping files of a folder, by name; none where there is no folder."""
    if folder is None or not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix in {".yaml", ".yml"})


def mapping_hash(mappings: dict[str, CompiledMapping]) -> str:
    """Names what these mappings mean, whatever their files look like: kept with what was read by them."""
    rules = [_meaning(mapping.rule) for mapping in mappings.values()]
    return hashlib.sha256(msgspec.json.encode(rules, order="deterministic")).hexdigest()


def _meaning(rule: KindRule) -> KindRule:
    """The rule without what only shows it: a better sample changes no record."""
    return msgspec.structs.replace(
        rule, sample=None, fields=tuple(msgspec.structs.replace(field, examples=()) for field in rule.fields)
    )


def _parents_first(mappings: Mapping[str, CompiledMapping]) -> dict[str, CompiledMapping]:
    placed: dict[str, CompiledMapping] = {}

    def place(name: str, above: tuple[str, ...]) -> None:
        if name in placed or name not in mappings or name in above:
            return
        for parent in mappings[name].rule.parents.values():
            place(parent, (*above, name))
        placed[name] = mappings[name]

    for name in mappings:
        place(name, ())
    return placed
