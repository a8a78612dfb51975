"""What ЕСИА remembers of a login: codes, refresh tokens, consents, and who is logged in at its own pages."""

from __future__ import annotations

import secrets
import uuid
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

import orjson

from medmost_stand.clock import Clock
from medmost_stand.gosuslugi.esia.permissions import Permission
from medmost_stand.storage import Storage

CODE_SECONDS = 180  # the real life of a code is not stated in what is stored; ours
REFRESH_SECONDS = 180 * 86_400  # neither is this one
SESSION_SECONDS = 3 * 3600
_MOST = 2000  # logins under way, codes and sessions held at once
Kept = TypeVar("Kept")
_REFRESH, _CONSENT = "esia-refresh:", "esia-consent:"


@dataclass(frozen=True, slots=True)
class Asked:
    """A checked authorization request on its way to a code."""

    client: str
    redirect_uri: str
    state: str
    scopes: tuple[str, ...]
    scope_org: tuple[str, ...]
    permissions: tuple[Permission, ...]
    offline: bool
    challenge: str | None
    obj_type: str | None
    browser: str  # the mark of the browser that asked: nobody else may answer the pages


@dataclass(frozen=True, slots=True)
class Session:
    """A person logged in at ЕСИА's own pages."""

    oid: int
    at: int
    sid: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True, slots=True)
class Grant:
    """What a code, a refresh token or a consent stands for."""

    client: str
    oid: int
    scopes: tuple[str, ...]
    permissions: tuple[dict[str, Any], ...]
    redirect_uri: str
    offline: bool
    sid: str
    auth_time: int
    expires: float
    challenge: str | None = None


class Grants:
    """Codes and logins live in memory, refresh tokens and consents with the stand's state."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock
        self._asked: OrderedDict[str, Asked] = OrderedDict()
        self._codes: OrderedDict[str, Grant] = OrderedDict()
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._refresh = self._kept(_REFRESH)
        self._consents = self._kept(_CONSENT)

    def ask(self, asked: Asked) -> str:
        """Keeps a request while its person logs in; the name it is found by."""
        return _put(self._asked, asked)

    def asked(self, name: str, browser: str) -> Asked | None:
        """The request under this name, if this browser made it."""
        asked = self._asked.get(name)
        return asked if asked is not None and secrets.compare_digest(asked.browser, browser) else None

    def answered(self, name: str) -> None:
        """The request is over."""
        self._asked.pop(name, None)

    def log_in(self, oid: int) -> str:
        """A new session; the value of its cookie."""
        return _put(self._sessions, Session(oid, int(self._clock.seconds())))

    def session(self, cookie: str) -> Session | None:
        """The living session of a cookie."""
        session = self._sessions.get(cookie)
        if session is None or session.at + SESSION_SECONDS < self._clock.seconds():
            return None
        return session

    def log_out(self, cookie: str) -> None:
        """Ends a session."""
        self._sessions.pop(cookie, None)

    def consent(self, asked: Asked, session: Session) -> None:
        """The person lets the system have what it asked for, beside what it was let have before."""
        before = self.consent_of(asked.client, session.oid)
        scopes = dict.fromkeys((*(before.scopes if before else ()), *asked.scopes))
        now = self._clock.seconds()
        known = {} if before is None else {row["sysname"]: row for row in before.permissions}
        for permission in asked.permissions:
            known[permission.sysname] = {**asdict(permission), "until": now + permission.minutes * 60}
        grant = self._grant(asked, session, tuple(scopes), tuple(known.values()), float("inf"))
        self._keep(_CONSENT, self._consents, _pair(asked.client, session.oid), grant)

    def consent_of(self, client: str, oid: int) -> Grant | None:
        """What a person lets a system have; consents whose time is over are left out."""
        found = self._consents.get(_pair(client, oid))
        if found is None:
            return None
        now = self._clock.seconds()
        living = tuple(row for row in found.permissions if row["until"] > now)
        return Grant(**{**_fields(found), "permissions": living})

    def consents_of(self, oid: int) -> list[Grant]:
        """All consents of a person, in the order given."""
        return [grant for grant in self._consents.values() if grant.oid == oid]

    def withdraw(self, client: str, oid: int) -> None:
        """Ends a consent with the refresh tokens that rest on it."""
        self._forget(_CONSENT, self._consents, _pair(client, oid))
        for name, grant in list(self._refresh.items()):
            if (grant.client, grant.oid) == (client, oid):
                self._forget(_REFRESH, self._refresh, name)

    def covers(self, asked: Asked, oid: int) -> bool:
        """Whether the person has agreed to all of this before."""
        grant = self.consent_of(asked.client, oid)
        if grant is None or set(asked.scopes) - set(grant.scopes):
            return False
        known = {row["sysname"]: set(row["scopes"]) for row in grant.permissions}
        return all(set(one.scopes) <= known.get(one.sysname, set()) for one in asked.permissions)

    def code(self, asked: Asked, session: Session) -> str:
        """A code for what was asked; good once."""
        consent = self.consent_of(asked.client, session.oid)
        wanted = {permission.sysname for permission in asked.permissions}
        permissions = tuple(row for row in (consent.permissions if consent else ()) if row["sysname"] in wanted)
        expires = self._clock.seconds() + CODE_SECONDS
        return _put(self._codes, self._grant(asked, session, asked.scopes, permissions, expires))

    def take_code(self, code: str) -> Grant | None:
        """What the code stood for; it is worth nothing from now on."""
        return self._living(self._codes.pop(code, None))

    def refresh_token(self, grant: Grant) -> str:
        """A refresh token (UUID) for the same."""
        token = str(uuid.uuid4())
        expires = self._clock.seconds() + REFRESH_SECONDS
        self._keep(_REFRESH, self._refresh, token, Grant(**{**_fields(grant), "expires": expires, "challenge": None}))
        return token

    def refresh_grant(self, token: str) -> Grant | None:
        """What a refresh token stands for."""
        return self._living(self._refresh.get(token))

    def spend_refresh(self, token: str) -> None:
        """A refresh token is good once: its answer carries the next (ours; clients take it from the answer)."""
        self._forget(_REFRESH, self._refresh, token)

    def _grant(
        self,
        asked: Asked,
        session: Session,
        scopes: tuple[str, ...],
        permissions: tuple[dict[str, Any], ...],
        expires: float,
    ) -> Grant:
        return Grant(
            client=asked.client,
            oid=session.oid,
            scopes=scopes,
            permissions=permissions,
            redirect_uri=asked.redirect_uri,
            offline=asked.offline,
            sid=session.sid,
            auth_time=session.at,
            expires=expires,
            challenge=asked.challenge,
        )

    def _living(self, grant: Grant | None) -> Grant | None:
        return grant if grant is not None and grant.expires > self._clock.seconds() else None

    def _kept(self, prefix: str) -> dict[str, Grant]:
        rows = self._storage.read("SELECT name, value FROM meta WHERE name GLOB ? ORDER BY name", (prefix + "*",))
        return {name[len(prefix) :]: _loaded(orjson.loads(value)) for name, value in rows}

    def _keep(self, prefix: str, grants: dict[str, Grant], name: str, grant: Grant) -> None:
        grants[name] = grant
        self._storage.put_meta(prefix + name, orjson.dumps(_fields(grant)))

    def _forget(self, prefix: str, grants: dict[str, Grant], name: str) -> None:
        if grants.pop(name, None) is not None:
            self._storage.write("DELETE FROM meta WHERE name = ?", (prefix + name,))


def _put(kept: OrderedDict[str, Kept], one: Kept) -> str:
    name = secrets.token_urlsafe(24)
    kept[name] = one
    while len(kept) > _MOST:
        kept.popitem(last=False)
    return name


def _pair(client: str, oid: int) -> str:
    return f"{oid}:{client}"


def _fields(grant: Grant) -> dict[str, Any]:
    return {name: getattr(grant, name) for name in Grant.__slots__}


def _loaded(row: dict[str, Any]) -> Grant:
    lists: Iterable[str] = ("scopes", "permissions")
    return Grant(**row | {name: tuple(row[name]) for name in lists} | {"expires": row["expires"] or float("inf")})
