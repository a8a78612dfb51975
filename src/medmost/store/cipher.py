"""Encryption of bodies and blind indexes for finding without reading.

A blob is ``v|kid|nonce|ct|tag``: one byte of format, four of key id, twelve random, then AES-256-GCM. The additional
data ``table|pair|patient|kid`` ties a body to its row and its patient: moved elsewhere it does not open (reliability.md
§3.8). Blind indexes are HMAC-SHA256 with a key per purpose, cut to 16 bytes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from medmost.domain.errors import Fatal

FORMAT = b"\x01"


class Cipher:
    """Seals and opens bodies; makes blind indexes, origin marks and journal signatures from one master key."""

    def __init__(self, master: bytes, nonce: Callable[[int], bytes] = os.urandom) -> None:
        """`nonce` gives that many fresh bytes; only a simulation, which keeps nothing, may make them repeatable."""
        self._master, self._nonce = master, nonce
        self._aead = AESGCM(self._derive("body"))
        self._keys: dict[str, bytes] = {}
        self.kid = hashlib.sha256(b"kid" + self._derive("kid")).digest()[:4]

    @classmethod
    def from_text(cls, text: str) -> Cipher:
        """The key as `medmost init` writes it: 32 bytes in base64.

        Raises:
            Fatal: it is something else.
        """
        try:
            master = base64.b64decode(text.strip(), validate=True)
        except binascii.Error:
            master = b""
        if len(master) != 32:
            raise Fatal(
                "MM-KEY-FORMAT",
                "Ключ шифрования состояния должен быть 32 байтами в base64: создайте его командой medmost init",
                "the state's key must be 32 bytes in base64: make one with medmost init",
            )
        return cls(master)

    def _derive(self, purpose: str) -> bytes:
        return HKDF(hashes.SHA256(), 32, None, f"medmost {purpose}".encode()).derive(self._master)

    def _key(self, purpose: str) -> bytes:
        if purpose not in self._keys:
            self._keys[purpose] = self._derive(purpose)
        return self._keys[purpose]

    def _bound_to(self, table: str, row: object, patient: bytes | None) -> bytes:
        return b"|".join((table.encode(), str(row).encode(), patient or b"", self.kid))

    def seal(self, table: str, row: object, patient: bytes | None, body: bytes) -> bytes:
        nonce = self._nonce(12)
        return FORMAT + self.kid + nonce + self._aead.encrypt(nonce, body, self._bound_to(table, row, patient))

    def open(self, table: str, row: object, patient: bytes | None, blob: bytes) -> bytes:
        """Raises Fatal when the blob is not ours, damaged, or belongs to another row or patient."""
        if blob[:1] != FORMAT or blob[1:5] != self.kid:
            raise Fatal(
                "MM-KEY-OTHER",
                "Запись состояния зашифрована другим ключом: проверьте state.key",
                "a body in the state is sealed with another key: check state.key",
            )
        try:
            return self._aead.decrypt(blob[5:17], blob[17:], self._bound_to(table, row, patient))
        except (InvalidTag, ValueError) as error:  # ValueError: cut so short that no nonce is left
            raise Fatal(
                "MM-STATE-DAMAGED",
                f"Запись {table} {row} в базе состояния повреждена или перенесена из другой строки",
                f"body {table} {row} in the state is damaged or was moved from another row",
            ) from error

    def blind(self, purpose: str, value: str) -> bytes:
        """Equal values give equal indexes, and nothing else can be learned without the key."""
        return hmac.digest(self._key("index " + purpose), value.encode(), "sha256")[:16]

    def mark(self, pair: int, incarnation: int) -> str:
        """Our origin id: opaque outside, and provably ours when it comes back."""
        told = f"mm-{pair:x}-{incarnation:x}"
        return f"{told}-{hmac.digest(self._key('origin'), told.encode(), 'sha256')[:8].hex()}"

    def marked(self, origin: str | None) -> tuple[int, int] | None:
        """The pair and incarnation behind one of our origin ids; None for anybody else's."""
        parts = (origin or "").split("-")
        if len(parts) != 4 or parts[0] != "mm":
            return None
        try:
            pair, incarnation = int(parts[1], 16), int(parts[2], 16)
        except ValueError:
            return None
        ours = self.mark(pair, incarnation).encode()
        return (pair, incarnation) if hmac.compare_digest(ours, (origin or "").encode()) else None

    def sign(self, body: bytes) -> bytes:
        return hmac.digest(self._key("journal"), body, "sha256")
