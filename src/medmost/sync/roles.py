"""What a process of several does (contracts §1): `medmost run` does all of it, `medmost worker --roles` a part."""

from __future__ import annotations

from medmost.domain.errors import Fatal

ROLES = ("poll", "receive", "relay", "deliver", "schedule", "audit", "notify", "console")
ALL = frozenset(ROLES)


def parse(text: str) -> frozenset[str]:
    """Roles out of a list with commas. Raises Fatal MM-CLI-ROLES for an unknown one, or none."""
    named = [part.strip() for part in text.split(",") if part.strip()]
    unknown = sorted(set(named) - ALL)
    if unknown or not named:
        told = ", ".join(unknown) or "–"
        raise Fatal(
            "MM-CLI-ROLES",
            f"Такой роли нет: {told}. Есть: {', '.join(ROLES)}",
            f"no such role: {told}. There are: {', '.join(ROLES)}",
        )
    return frozenset(named)
