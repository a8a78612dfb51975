"""Passwords: how they are kept (Argon2id, OWASP's parameters) and which are too weak."""

from __future__ import annotations

import asyncio
import os
from typing import Final

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from medmost.domain.errors import Fatal

LEAST: Final = 10
MOST: Final = 200  # a longer one only keeps the processor busy
_MEMORY: Final = 19 * 1024  # KiB, OWASP Password Storage Cheat Sheet
_NOBODY: Final = "$argon2id$v=19$m=19456,t=2,p=1$bWVkbW9zdC1ub2JvZHkhIQ$xYdMk5cqlWjFg3/cXej25dz9hNMdas2HxlQ/czUhBHI"
"""Compared where there is no such account, so that the time of an answer does not tell which names exist."""


def check_strength(password: str) -> str:
    """Raises Fatal MM-USER-PASSWORD for one that is too short or too long."""
    if not LEAST <= len(password) <= MOST:
        raise Fatal(
            "MM-USER-PASSWORD",
            f"Пароль — от {LEAST} до {MOST} знаков",
            f"a password has {LEAST} to {MOST} characters",
        )
    return password


async def hashed(password: str) -> str:
    """In PHC form, with a salt of its own."""
    return await asyncio.to_thread(
        lambda: Argon2id(salt=os.urandom(16), length=32, iterations=2, lanes=1, memory_cost=_MEMORY).derive_phc_encoded(
            password.encode()
        )
    )


async def fits(password: str, kept: str | None) -> bool:
    """Whether it is the password that was kept; takes as long where none was."""

    def compare() -> bool:
        try:
            Argon2id.verify_phc_encoded(password[:MOST].encode(), kept or _NOBODY)
        except InvalidKey:
            return False
        return kept is not None

    return await asyncio.to_thread(compare)
