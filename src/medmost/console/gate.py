"""Sign-in: who comes in, for how long, and how often a wrong password may be tried."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable
from typing import Final

from medmost.console import passwords
from medmost.console.rights import Role, Signed
from medmost.domain.errors import Fatal
from medmost.store import accounts, journal
from medmost.store.database import Database
from medmost.store.ledgers import Tx

IDLE: Final = 30 * 60.0
"""Seconds without a request after which a session ends; a page that refreshes itself does not count."""
ABSOLUTE: Final = 10 * 3600.0
"""Seconds after which it ends whatever happens: a shift."""
TOUCHED: Final = 60.0  # the time of the last request is kept to the minute
TRIES: Final = 5
TRIES_WITHIN: Final = 15 * 60.0
MOST_NAMES: Final = 10_000
MOST_AT_ONCE: Final = 4
"""Passwords compared at the same time: each takes 19 MiB and a core."""


class Gate:
    """Accounts and sessions in the state database. `secure`: the console is reached by https."""

    def __init__(self, database: Database, now: Callable[[], float], writer: str = "main", *, secure: bool) -> None:
        self._database, self._now, self._writer = database, now, writer
        self.secure = secure
        self._failed: dict[str, list[float]] = {}
        self._room = asyncio.Semaphore(MOST_AT_ONCE)

    @property
    def cookie(self) -> str:
        """A browser takes the `__Host-` name by https only; by plain http on loopback it is a plain one."""
        return "__Host-medmost" if self.secure else "medmost"

    async def sign_in(self, name: str, password: str) -> str | None:
        """A new session's cookie; None where name and password do not fit.

        Raises:
            Fatal MM-USER-LOCKED: too many wrong passwords for this name in a quarter of an hour.
        """
        now = self._now()
        self._refuse_guessing(name, now)
        account = await self._database.read(lambda tx: accounts.by_name(tx, name))
        known = account is not None and account.disabled_at is None
        async with self._room:
            fits = await passwords.fits(password, account.password if account and known else None)
        if account is None or not fits:
            self._failed.setdefault(name, []).append(now)
            if account is not None:
                await self._database.write(lambda tx: self._note(tx, "sign-in.refused", name))
            return None
        self._failed.pop(name, None)
        token = secrets.token_urlsafe(32)
        session = accounts.Session(
            digest=_digest(token), name=name, csrf=secrets.token_urlsafe(24), created_at=now, seen_at=now
        )

        def begin(tx: Tx) -> None:
            accounts.forget_sessions(tx, now - ABSOLUTE, now - IDLE)
            accounts.begin_session(tx, session)
            self._note(tx, "sign-in", name)

        await self._database.write(begin)
        return token

    async def who(self, token: str, *, person: bool = True) -> Signed | None:
        """Whose session this is. `person` False: the page asks by itself, which keeps no session alive."""
        digest, now = _digest(token), self._now()
        found = await self._database.read(lambda tx: accounts.session(tx, digest))
        if found is None:
            return None
        session, account = found
        if now - session.created_at > ABSOLUTE or now - session.seen_at > IDLE:
            return None
        if person and now - session.seen_at > TOUCHED:
            await self._database.write(lambda tx: accounts.touch(tx, digest, now))
        return Signed(name=account.name, role=Role(account.role), csrf=session.csrf, digest=digest)

    async def sign_out(self, signed: Signed) -> None:
        def end(tx: Tx) -> None:
            accounts.end_session(tx, signed.digest)
            self._note(tx, "sign-out", signed.name)

        await self._database.write(end)

    def _note(self, tx: Tx, act: str, name: str) -> None:
        journal.append(tx, self._writer, self._now(), {"act": act, "actor": name}, [])

    def _refuse_guessing(self, name: str, now: float) -> None:
        if len(self._failed) > MOST_NAMES:
            self._failed = {one: times for one, times in self._failed.items() if times[-1] > now - TRIES_WITHIN}
        recent = [at for at in self._failed.get(name, []) if at > now - TRIES_WITHIN]
        if len(recent) >= TRIES:
            raise Fatal(
                "MM-USER-LOCKED",
                "Слишком много неверных попыток: подождите четверть часа или попросите администратора сменить пароль",
                "too many wrong attempts: wait a quarter of an hour or ask an administrator for a new password",
            )
        if recent:
            self._failed[name] = recent


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
