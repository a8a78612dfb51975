"""What one process has learned of the shapes that both systems show, and which fields are held because of it."""

from __future__ import annotations

import msgspec

from medmost.domain.kinds import Kind
from medmost.domain.record import Side
from medmost.mapping.drift import sections_of
from medmost.mapping.language import KindRule
from medmost.mapping.shape import Profile
from medmost.mapping.shares import Codes, Recent, codes_at

Where = tuple[Side, str]
"""A kind at a system."""


class Watch:
    """Kept beside the mappings for the life of a process; what it has to remember longer stands in the state."""

    def __init__(self) -> None:
        self.profiles: dict[Where, Profile] = {}
        self.kept_at: dict[Where, float] = {}
        self.held: dict[Where, frozenset[str]] = {}
        self.lacking: dict[tuple[Side, str, str], set[str]] = {}  # refs in a row that did not show a field
        self.doubts: dict[tuple[Side, str, str], set[str]] = {}  # refs that keep a field that was never missed before
        self.unfit: dict[tuple[Side, str, str], set[str]] = {}  # refs in a row whose value did not fit
        self.back: dict[tuple[Side, str, str], set[str]] = {}  # refs in a row that show a held field again
        self.recent: dict[Where, Recent] = {}
        self._codes: dict[Where, Codes] = {}
        self._sections: dict[Where, tuple[str, ...]] = {}
        self._kinds: dict[tuple[str, frozenset[str], frozenset[str]], Kind] = {}

    def hold(self, where: Where, field: str) -> None:
        self.held[where] = self.held.get(where, frozenset()) | {field}

    def kept(self, where: Where, ref: str | None) -> frozenset[str]:
        """Fields that this one record keeps, because nobody can tell yet why it does not show them."""
        if not self.doubts or ref is None:
            return frozenset()
        return frozenset(name[2] for name, refs in self.doubts.items() if name[:2] == where and ref in refs)

    def let_go(self, where: Where, field: str) -> None:
        left = self.held.get(where, frozenset()) - {field}
        self.held.pop(where, None)
        if left:
            self.held[where] = left

    def sections(self, where: Where, rule: KindRule) -> tuple[str, ...]:
        """Where its records go deeper, by the mapping."""
        if where not in self._sections:
            self._sections[where] = sections_of(rule, where[0])
        return self._sections[where]

    def codes(self, where: Where, rule: KindRule) -> Codes:
        """The codes that its dictionaries list, by place."""
        if where not in self._codes:
            self._codes[where] = codes_at(rule, where[0])
        return self._codes[where]

    def carried(self, kind: Kind) -> Kind:
        """The kind as it is at work: a held field is nobody's to carry, as one that a single side has."""
        held = {side: self.held.get((side, kind.name), frozenset()) for side in Side}
        if not any(held.values()):
            return kind
        name = (kind.name, held[Side.GOSUSLUGI], held[Side.EMIAS])
        if name not in self._kinds:
            fields = tuple(
                next(
                    (msgspec.structs.replace(field, only=side) for side in Side if field.name in held[side]),
                    field,
                )
                for field in kind.fields
            )
            self._kinds[name] = msgspec.structs.replace(kind, fields=fields)
        return self._kinds[name]
