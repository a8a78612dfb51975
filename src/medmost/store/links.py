"""Links between a Gosuslugi account and an OMS policy, with the consent they rest on (design §8)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import orjson

from medmost.store import patients as people
from medmost.store.cipher import Cipher
from medmost.store.transaction import Transaction, alone


class Link(msgspec.Struct, kw_only=True):
    id: int
    state: str
    account: str  # ЕСИА oid
    policy_number: str
    consent: dict[str, Any]
    consent_hash: str
    created_at: float
    revoked_at: float | None


def patient_index(cipher: Cipher, policy_number: str) -> bytes:
    return cipher.blind("patient", policy_number)


def add(
    tx: Transaction,
    cipher: Cipher,
    *,
    account: str,
    policy_number: str,
    consent: dict[str, Any],
    consent_hash: str,
    at: float,
) -> int | None:
    """The new link's id; None when the account, the policy or a former number of it has an active link already."""
    alone(tx)
    policy = patient_index(cipher, policy_number)
    owner = cipher.blind("account", account)
    held = tx.execute("SELECT 1 FROM link WHERE state = 'active' AND account_index = ?", (owner,)).fetchone()
    if held or active(tx, people.group(tx, policy)):
        return None
    body = orjson.dumps({"account": account, "policy_number": policy_number, "consent": consent})
    row = tx.execute(
        "INSERT INTO link (policy_index, account_index, state, body, consent_hash, created_at) "
        "VALUES (?,?,'active',?,?,?) RETURNING id",
        (policy, owner, cipher.seal("link", policy.hex(), policy, body), consent_hash, at),
    ).fetchone()
    return int(row[0])


def active(tx: Transaction, patients: Iterable[bytes]) -> set[bytes]:
    """Which of these patients have a link in force."""
    found: set[bytes] = set()
    wanted: Sequence[bytes] = sorted(set(patients))
    for start in range(0, len(wanted), 500):
        part = wanted[start : start + 500]
        marks = ",".join("?" * len(part))
        query = f"SELECT policy_index FROM link WHERE state = 'active' AND policy_index IN ({marks})"  # noqa: S608  # only marks
        found.update(row[0] for row in tx.execute(query, part))
    return found


def linked(tx: Transaction, patients: Iterable[bytes]) -> set[bytes]:
    """Which of these have a link in force by any number of the same person's, former ones too (invariant I16)."""
    wanted = set(patients)
    found = active(tx, wanted)
    if len(found) == len(wanted) or not people.any_former(tx):
        return found
    groups = {patient: people.group(tx, patient) for patient in wanted - found}
    others = active(tx, {number for group in groups.values() for number in group})
    return found | {patient for patient, group in groups.items() if not others.isdisjoint(group)}


def listed(tx: Transaction, cipher: Cipher) -> list[Link]:
    query = "SELECT id, state, policy_index, body, consent_hash, created_at, revoked_at FROM link ORDER BY id"
    return [_opened(row, cipher) for row in tx.execute(query)]


def of_patients(tx: Transaction, cipher: Cipher, patients: Iterable[bytes]) -> list[Link]:
    """The links in force of these patients."""
    return _in_force(tx, cipher, "policy_index", patients)


def of_accounts(tx: Transaction, cipher: Cipher, accounts: Iterable[str]) -> list[Link]:
    """The links in force of these accounts."""
    return _in_force(tx, cipher, "account_index", (cipher.blind("account", one) for one in accounts))


def _in_force(tx: Transaction, cipher: Cipher, column: str, indexes: Iterable[bytes]) -> list[Link]:
    wanted = sorted(set(indexes))
    marks = ",".join("?" * len(wanted))
    query = (
        "SELECT id, state, policy_index, body, consent_hash, created_at, revoked_at FROM link "  # noqa: S608  # marks and a column of ours
        f"WHERE state = 'active' AND {column} IN ({marks}) ORDER BY id"
    )
    return [_opened(row, cipher) for row in tx.execute(query, wanted)]


def by_id(tx: Transaction, cipher: Cipher, id_: int) -> Link | None:
    query = "SELECT id, state, policy_index, body, consent_hash, created_at, revoked_at FROM link WHERE id = ?"
    row = tx.execute(query, (id_,)).fetchone()
    return _opened(row, cipher) if row else None


def _opened(row: tuple[Any, ...], cipher: Cipher) -> Link:
    id_, state, policy, body, consent_hash, created, revoked = row
    told = orjson.loads(cipher.open("link", policy.hex(), policy, body))
    return Link(
        id=id_, state=state, account=told["account"], policy_number=told["policy_number"], consent=told["consent"],
        consent_hash=consent_hash, created_at=created, revoked_at=revoked,
    )  # fmt: skip


def revoke(tx: Transaction, id_: int, at: float) -> bytes | None:
    """Ends a link; the patient it stood for, or None when there is no such active link."""
    alone(tx)  # who was about to send for it has ended, or begins after it
    row = tx.execute(
        "UPDATE link SET state = 'revoked', revoked_at = ? WHERE id = ? AND state = 'active' RETURNING policy_index",
        (at, id_),
    ).fetchone()
    return row[0] if row else None
