"""What of ЕСИА can be set while the stand runs (`PUT /stand/esia`)."""

from __future__ import annotations

from dataclasses import dataclass

from medmost_stand.gosuslugi.esia.refusals import EsiaRefusal

ISSUER = "http://esia.gosuslugi.ru/"  # of production; clients compare it (facts/gosuslugi.md §1.6)


@dataclass(slots=True)
class EsiaSettings:
    """`skew` is in seconds either way: the real one is not published, five minutes are ours.

    `auto_login` answers the pages in a person's place, for clients that are tried without a browser; `trouble` is a
    code that the next `trouble_count` calls of /aas/oauth2/… are refused with.
    """

    skew: float = 300.0
    legacy_rsa: bool = False
    auto_login: str | None = None
    trouble: str | None = None
    trouble_count: int = 0

    def raise_trouble(self) -> None:
        """EsiaRefusal while a trouble is set and not used up."""
        if self.trouble is not None and self.trouble_count > 0:
            self.trouble_count -= 1
            raise EsiaRefusal(self.trouble)
