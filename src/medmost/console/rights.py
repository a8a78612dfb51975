"""Who may do what at the console: roles of contracts §3 and what each of them may."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec


class Role(StrEnum):
    VIEWER = "viewer"
    OPERATOR = "operator"
    CLERK = "clerk"
    SENIOR = "senior"
    LINK_OFFICER = "link-officer"
    ADMIN = "admin"
    SECURITY = "security"
    AUDITOR = "auditor"


class Right(StrEnum):
    """What a route asks for. A route that names none is closed to everybody."""

    OPEN = "open"  # without sign-in
    STATE = "state"  # numbers, codes and settings: nothing of a record
    RECORDS = "records"  # lists and cards of records, masked
    VALUES = "values"  # the same with what stands in them
    WORK = "work"  # decide, replay, let go, pause
    SETTINGS = "settings"  # stages, mappings, drift
    JOURNAL = "journal"
    USERS = "users"


_EVERYBODY: Final = frozenset({Right.OPEN, Right.STATE})
RIGHTS: Final[dict[Role, frozenset[Right]]] = {
    Role.VIEWER: _EVERYBODY | {Right.RECORDS},
    Role.OPERATOR: _EVERYBODY | {Right.RECORDS, Right.VALUES, Right.WORK},
    Role.CLERK: _EVERYBODY | {Right.RECORDS},
    Role.SENIOR: _EVERYBODY | {Right.RECORDS, Right.VALUES, Right.WORK, Right.SETTINGS},
    Role.LINK_OFFICER: _EVERYBODY | {Right.RECORDS},
    Role.ADMIN: _EVERYBODY | {Right.SETTINGS, Right.USERS},  # configuration, no patient data
    Role.SECURITY: _EVERYBODY | {Right.JOURNAL},
    Role.AUDITOR: _EVERYBODY | {Right.JOURNAL},
}


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who is signed in. `csrf` goes with every act of this session."""

    name: str
    role: Role
    csrf: str
    digest: bytes

    def may(self, right: Right | str) -> bool:
        return Right(right) in RIGHTS[self.role]
