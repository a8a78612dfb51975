"""What the audit keeps of a record: a keyed digest of its natural key and of each field, and no value.

The key is made anew for each audit, so what may be spilled to disk tells nothing even to who knows the values.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from hashlib import blake2b
from typing import Any

import msgspec
import orjson

from medmost.domain.kinds import Field, Kind, Style
from medmost.domain.record import Fields, Observation, Reading

WIDTH = 8
"""Bytes per field: two different values look equal once in 2**64."""
_ABSENT = bytes(WIDTH)


class Noted(msgspec.Struct, frozen=True):
    """One record of one system as the audit keeps it."""

    ref: str
    version: int
    account: str  # live, invalid, gone, no_consent, expired
    key: bytes | None = None
    released: bool = False  # it has given up its natural key
    alone: bool = False  # the other system refused it, and it says so
    digests: bytes = b""


class Digester:
    """Notes down the records of one kind."""

    def __init__(self, kind: Kind, secret: bytes | None = None) -> None:
        self.kind = kind
        self._secret = secret or secrets.token_bytes(32)
        self._fields = [(field.name, _form(field)) for field in kind.fields if field.only is None]

    def note(self, seen: Observation, reading: Reading | None, *, readable: bool, now: float) -> Noted:
        """`readable`: not personal, or of a patient with a link in force."""
        if reading is None:
            return Noted(seen.ref, seen.version, "gone")
        fields = reading.fields
        if not readable:
            return Noted(seen.ref, seen.version, "no_consent")
        if expired(self.kind, fields, now):
            return Noted(seen.ref, seen.version, "expired")
        account = "invalid" if reading.problems else "live"
        released, digests = self.kind.key_released(fields), self.digests(fields)
        return Noted(seen.ref, seen.version, account, self.key(fields), released, alone(self.kind, fields), digests)

    def key(self, fields: Fields) -> bytes | None:
        key = self.kind.key_of(fields)
        return None if key is None else self._digest(key.encode(), 16)

    def digests(self, fields: Fields) -> bytes:
        """The digests of all carried fields, one after the other."""
        parts = []
        for name, form in self._fields:
            value = form(fields.get(name))
            parts.append(_ABSENT if value is None else self._digest(value, WIDTH))
        return b"".join(parts)

    def differing(self, a: bytes, b: bytes) -> list[str]:
        """Names of the fields in which two records differ."""
        places = range(0, len(self._fields) * WIDTH, WIDTH)
        return [
            name for (name, _), at in zip(self._fields, places, strict=True) if a[at : at + WIDTH] != b[at : at + WIDTH]
        ]

    def _digest(self, value: bytes, size: int) -> bytes:
        return blake2b(value, digest_size=size, key=self._secret).digest()


def alone(kind: Kind, fields: Fields) -> bool:
    """Does the record say of itself that the other system refused it (a rejected visit)?"""
    return any(
        value is not None and fields.get(name) == value
        for written in kind.refusal.values()
        for name, value in written.items()
    )


def expired(kind: Kind, fields: Fields, now: float) -> bool:
    """Has the time passed after which the record is forgotten (slots)?"""
    text = fields.get(kind.expires) if kind.expires else None
    if not text:
        return False
    try:
        return datetime.fromisoformat(str(text)).timestamp() <= now
    except ValueError:
        return False


def _form(field: Field) -> Callable[[Any], bytes | None]:
    return _history if field.style is Style.GROW else _plain


def _plain(value: Any) -> bytes | None:
    if value is None:
        return None
    return value.encode() if isinstance(value, str) else b"\0" + orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _history(rows: Any) -> bytes | None:
    """Histories are the same where they tell of the same states at the same minutes (design §6, request)."""
    told = sorted({f"{row.get('status_id')}@{str(row.get('at') or '')[:16]}" for row in rows or ()})
    return "\n".join(told).encode() if told else None
