"""Pages of EMIAS' lists: in the order of (updatedAt, id), continued by an opaque signed token."""

from __future__ import annotations

import base64
import hashlib
import hmac

import orjson

from medmost_stand.records import Record, Shelf
from medmost_stand.refusal import Reason, Refusal

LARGEST_PAGE = 1000


class PageTokens:
    """The place of the last record listed, bound to the collection; a client can make nothing of it.

    A place is (stamp, id), not a number: a record that changes between two pages moves behind both of them
    and is listed again, none is missed.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def write(self, record: Record) -> str:
        """The token that goes on behind this record."""
        place = orjson.dumps([record.collection, record.stamp, record.id])
        return base64.urlsafe_b64encode(self._mark(place) + place).rstrip(b"=").decode()

    def position(self, shelf: Shelf, token: str) -> int:
        """Where the list goes on; Refusal BAD_PAGE for a token not of this system and collection."""
        try:
            raw = base64.urlsafe_b64decode(token.encode() + b"=" * (-len(token) % 4))
        except ValueError:
            raw = b""
        mark, place = raw[:16], raw[16:]
        if not place or not hmac.compare_digest(mark, self._mark(place)):
            raise Refusal(Reason.BAD_PAGE, "pageToken не выдан этой системой", "pageToken")
        collection, stamp, record_id = orjson.loads(place)
        if collection != shelf.form.collection:
            raise Refusal(Reason.BAD_PAGE, f"pageToken выдан для списка {collection}", "pageToken")
        return shelf.after(stamp, record_id)

    def _mark(self, place: bytes) -> bytes:
        return hmac.new(self._secret, place, hashlib.sha256).digest()[:16]


def page_size(text: str | None) -> int:
    """The size asked for, LARGEST_PAGE without one; Refusal INVALID_FIELD."""
    if text is None:
        return LARGEST_PAGE
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= LARGEST_PAGE:
        raise Refusal(Reason.INVALID_FIELD, f"pageSize: нужно число от 1 до {LARGEST_PAGE}", "pageSize")
    return int(text)
