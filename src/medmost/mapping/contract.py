"""What the rest of the house asks of a mapping."""

from __future__ import annotations

from typing import Protocol

from medmost.domain.kinds import Kind
from medmost.domain.record import Doc, Fields, Reading, Side


class Mapping(Protocol):
    """Both directions of one kind. `read` and `write` are lenses: what was written reads back as the same value."""

    kind: Kind

    def read(self, side: Side, doc: Doc) -> Reading:
        """Canonical fields of a wire document; problems name every field that does not fit."""
        ...

    def write(self, side: Side, fields: Fields, onto: Doc | None) -> Doc:
        """A new wire document: `onto` with exactly these fields changed, all else untouched; None makes a new one."""
        ...
