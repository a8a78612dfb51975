"""What nobody's call shows by itself: the certificate's last days, the room on the disk; and the sign of life."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import aiohttp
import structlog

from medmost.notify.book import Event

log = structlog.get_logger("medmost.notify")
GIGABYTE: Final = 1_000_000_000
LIMITS: Final = ((1, "MM-CERTIFICATE-DAY"), (7, "MM-CERTIFICATE-WEEK"), (30, "MM-CERTIFICATE-MONTH"))
"""Days left, gravest first."""
PATIENCE: Final = 10.0


def certificate_events(days: int | None, system: str, at: datetime) -> list[Event]:
    """The gravest limit that is reached begins, those that are not reached end; nothing where no days are known."""
    if days is None:
        return []
    reached = next((code for limit, code in LIMITS if days <= limit), None)
    over = [code for limit, code in LIMITS if days > limit]
    events = [Event(kind="certificate-ok", at=at, system=system, code=code) for code in over]
    return events + ([Event(kind="certificate", at=at, system=system, code=reached)] if reached else [])


def disk_event(free_bytes: int, least_gigabytes: float, at: datetime) -> Event:
    low = free_bytes < least_gigabytes * GIGABYTE
    return Event(kind="disk" if low else "disk-ok", at=at, system="", code="MM-DISK-LOW")


async def beat(address: str) -> bool:
    """Calls the address of the watch outside (healthchecks.io and the like); its silence is told there, not here."""
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(address) as answer:
            well = answer.status < 400
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        log.warning("heartbeat not taken", why=type(error).__name__)
        return False
    if not well:
        log.warning("heartbeat not taken", status=answer.status)
    return well
