"""What is an outage, and what is only a trouble of a system that is there."""

from __future__ import annotations

from medmost.domain.errors import MedmostError, Transient
from medmost.domain.record import Side

ANSWERED = ("MM-SYS-PAGE", "MM-SYS-LIMIT", "MM-SYS-BUSY", "MM-SYS-TOKEN", "MM-SYS-CREDENTIALS", "MM-SYS-DENIED")
"""Troubles of a system that is there: a bad page, a limit (its or ours), a token it does not take."""


def is_outage(error: MedmostError) -> bool:
    return isinstance(error, Transient) and error.code not in ANSWERED


def silent(side: Side) -> Transient:
    return Transient("MM-SYS-DOWN", f"Система {side} не отвечает", f"{side} does not answer", arrived=False)
