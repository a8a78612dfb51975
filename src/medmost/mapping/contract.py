"""What the rest of the house asks of a mapping."""

from __future__ import annotations

from typing import Any, Protocol

from medmost.domain.kinds import Kind
from medmost.domain.record import Doc, Fields, Reading, Side
from medmost.mapping.language import KindRule


class Mapping(Protocol):
    """Both directions of one kind. `read` and `write` are lenses: what was written reads back as the same value."""

    kind: Kind

    @property
    def rule(self) -> KindRule:
        """The file it was made of."""
        ...

    def read(self, side: Side, doc: Doc) -> Reading:
        """Canonical fields of a wire document; problems name every field that does not fit."""
        ...

    def typed(self, name: str, text: str) -> Any:
        """The canonical value of what a person typed in either system's form.

        Raises Fatal MM-MAP-VALUE where the field takes no such value.
        """
        ...

    def write(self, side: Side, fields: Fields, onto: Doc | None) -> Doc:
        """A new wire document: `onto` with exactly these fields changed, all else untouched; None makes a new one."""
        ...
