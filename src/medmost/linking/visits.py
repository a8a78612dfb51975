"""Browsers on the citizen's page: few, short-lived, in memory only. Nothing of a session is a key to the console.

A visit begins when somebody sets out for ЕСИА and gets a new name when they come back (no session can be planted). It
ends after a quarter of an hour of silence or an hour in all; a restart ends every one, which costs one more login.
"""

from __future__ import annotations

import secrets
import uuid
from collections import OrderedDict, deque
from typing import Final

import msgspec

from medmost.systems.gosuslugi.login import Account

IDLE, WHOLE = 15 * 60.0, 60 * 60.0
"""Seconds."""
MOST: Final = 5000
BEGINNINGS, BEGINNINGS_SECONDS = 300, 60.0
"""Logins begun by everybody together: each costs a signature."""
REFUSALS, REFUSALS_SECONDS = 5, 3600.0
"""Policies that did not fit, per account: whoever guesses has five tries an hour."""


class Visit(msgspec.Struct, kw_only=True):
    """One browser. `account` is None until ЕСИА has said who it is."""

    state: str  # what comes back from ЕСИА
    verifier: str  # PKCE
    back: str | None  # where the browser came from: an address of Gosuslugi, checked
    lang: str
    began: float
    seen: float
    mark: str = ""  # goes with every form (CSRF)
    account: Account | None = None


class Visits:
    """`now` in seconds, from any monotonic clock."""

    def __init__(self) -> None:
        self._visits: OrderedDict[str, Visit] = OrderedDict()
        self._beginnings: deque[float] = deque()
        self._refusals: OrderedDict[str, deque[float]] = OrderedDict()

    def begin(self, back: str | None, lang: str, now: float) -> tuple[str, Visit] | None:
        """The cookie and the visit; None where too many begin at once."""
        if not _room(self._beginnings, BEGINNINGS, BEGINNINGS_SECONDS, now):
            return None
        self._beginnings.append(now)
        visit = Visit(
            state=str(uuid.uuid4()), verifier=secrets.token_urlsafe(48), back=back, lang=lang, began=now, seen=now
        )
        return self._put(visit), visit

    def find(self, cookie: str | None, now: float) -> Visit | None:
        visit = self._visits.get(cookie or "")
        if visit is None:
            return None
        if now - visit.seen > IDLE or now - visit.began > WHOLE:
            del self._visits[cookie or ""]
            return None
        visit.seen = now
        return visit

    def enter(self, cookie: str, account: Account) -> str:
        """The visit goes on under a new name, with the person known."""
        visit = self._visits.pop(cookie)
        visit.account, visit.mark, visit.state, visit.verifier = account, secrets.token_urlsafe(24), "", ""
        return self._put(visit)

    def leave(self, cookie: str | None) -> None:
        self._visits.pop(cookie or "", None)

    def may_try(self, account: str, now: float) -> bool:
        """Whether this account has tries left."""
        return _room(self._refusals.get(account, deque()), REFUSALS, REFUSALS_SECONDS, now)

    def refused(self, account: str, now: float) -> None:
        self._refusals.setdefault(account, deque()).append(now)
        self._refusals.move_to_end(account)
        while len(self._refusals) > MOST:
            self._refusals.popitem(last=False)

    def _put(self, visit: Visit) -> str:
        """The oldest gives way: who only set out for ЕСИА begins again by one click."""
        cookie = secrets.token_urlsafe(32)
        self._visits[cookie] = visit
        while len(self._visits) > MOST:
            strangers = (name for name, one in self._visits.items() if one.account is None)
            del self._visits[next(strangers, next(iter(self._visits)))]
        return cookie


def _room(times: deque[float], most: int, seconds: float, now: float) -> bool:
    while times and now - times[0] >= seconds:
        times.popleft()
    return len(times) < most
