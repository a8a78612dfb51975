"""People who sign in to the console, and their sessions (contracts §3)."""

from __future__ import annotations

import msgspec

from medmost.store.ledgers import Tx


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """`password` is an Argon2id hash in PHC form; `disabled_at` is set where the account lets nobody in."""

    name: str
    role: str
    password: str
    created_at: float
    created_by: str
    disabled_at: float | None = None


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A browser that is signed in; `digest` is SHA-256 of its cookie. Times are seconds since 1970."""

    digest: bytes
    name: str
    csrf: str
    created_at: float
    seen_at: float


_ACCOUNT = "name, role, password, created_at, created_by, disabled_at"
_SESSION = "digest, name, csrf, created_at, seen_at"


def _account(row: tuple[object, ...]) -> Account:
    return msgspec.convert(dict(zip(_ACCOUNT.split(", "), row, strict=True)), Account)


def add(tx: Tx, account: Account) -> bool:
    """False where somebody has that name already."""
    row = tx.execute(
        "INSERT INTO account (name, role, password, created_at, created_by) VALUES (?,?,?,?,?) "
        "ON CONFLICT (name) DO NOTHING",
        (account.name, account.role, account.password, account.created_at, account.created_by),
    )
    return row.rowcount == 1


def by_name(tx: Tx, name: str) -> Account | None:
    row = tx.execute(f"SELECT {_ACCOUNT} FROM account WHERE name = ?", (name,)).fetchone()  # noqa: S608  # constants
    return _account(row) if row else None


def listed(tx: Tx) -> list[Account]:
    return [_account(row) for row in tx.execute(f"SELECT {_ACCOUNT} FROM account ORDER BY name")]  # noqa: S608  # constants


def set_password(tx: Tx, name: str, password: str) -> bool:
    """Ends every session of that name. False where there is no such account."""
    done = tx.execute("UPDATE account SET password = ? WHERE name = ?", (password, name)).rowcount == 1
    end_sessions(tx, name)
    return done


def set_role(tx: Tx, name: str, role: str) -> bool:
    """From the next request on. False where there is no such account."""
    return tx.execute("UPDATE account SET role = ? WHERE name = ?", (role, name)).rowcount == 1


def disable(tx: Tx, name: str, at: float | None) -> bool:
    """Lets nobody in under that name any more, or again with None; ends every session of it."""
    done = tx.execute("UPDATE account SET disabled_at = ? WHERE name = ?", (at, name)).rowcount == 1
    end_sessions(tx, name)
    return done


def begin_session(tx: Tx, session: Session) -> None:
    tx.execute(
        f"INSERT INTO console_session ({_SESSION}) VALUES (?,?,?,?,?)",  # noqa: S608  # constants
        (session.digest, session.name, session.csrf, session.created_at, session.seen_at),
    )


def session(tx: Tx, digest: bytes) -> tuple[Session, Account] | None:
    """The session and whose it is; None where it has ended or its account lets nobody in."""
    query = f"SELECT {_SESSION} FROM console_session WHERE digest = ?"  # noqa: S608  # constants
    row = tx.execute(query, (digest,)).fetchone()
    if row is None:
        return None
    found = Session(digest=bytes(row[0]), name=row[1], csrf=row[2], created_at=row[3], seen_at=row[4])
    account = by_name(tx, found.name)
    return None if account is None or account.disabled_at is not None else (found, account)


def touch(tx: Tx, digest: bytes, at: float) -> None:
    tx.execute("UPDATE console_session SET seen_at = ? WHERE digest = ?", (at, digest))


def end_session(tx: Tx, digest: bytes) -> None:
    tx.execute("DELETE FROM console_session WHERE digest = ?", (digest,))


def end_sessions(tx: Tx, name: str) -> None:
    tx.execute("DELETE FROM console_session WHERE name = ?", (name,))


def forget_sessions(tx: Tx, created_before: float, seen_before: float) -> None:
    """Those that nobody can use any more."""
    tx.execute("DELETE FROM console_session WHERE created_at < ? OR seen_at < ?", (created_before, seen_before))
