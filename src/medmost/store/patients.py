"""Which policy numbers lead to one person: all that a policy ever had (fact sheet *reliability* F39, invariant I16).

Numbers are blind indexes. A number that leads to two policies (a merger undone, a number given anew) is its own only:
who it belongs to is for a person.
"""

from __future__ import annotations

from collections.abc import Sequence

from medmost.store.transaction import Transaction, alone


def remember(tx: Transaction, rows: Sequence[tuple[bytes, int]]) -> None:
    """Former numbers: (patient index, the policy's pair)."""
    if rows:
        alone(tx)
    tx.executemany("INSERT INTO former_patient (patient_index, pair) VALUES (?,?) ON CONFLICT DO NOTHING", rows)


def any_former(tx: Transaction) -> bool:
    """Nearly always there is none of those asked about; where there is none at all, nobody need be asked about."""
    return tx.execute("SELECT 1 FROM former_patient LIMIT 1").fetchone() is not None


def group(tx: Transaction, patient: bytes) -> frozenset[bytes]:
    """All numbers of the person whom this one leads to, itself among them."""
    holders = _holders(tx, patient)
    if len(holders) != 1:
        return frozenset({patient})
    (pair,) = holders
    query = (
        "SELECT patient_index FROM former_patient WHERE pair = ? "
        "UNION SELECT patient_index FROM pair WHERE id = ? AND patient_index IS NOT NULL"
    )
    numbers = {row[0] for row in tx.execute(query, (pair, pair))}
    return frozenset({patient} | {one for one in numbers if _holders(tx, one) == holders})


def _holders(tx: Transaction, patient: bytes) -> set[int]:
    query = (
        "SELECT id FROM pair WHERE patient_index = ? AND kind = 'policy' AND state != 'closed' "
        "UNION SELECT pair FROM former_patient WHERE patient_index = ?"
    )
    return {row[0] for row in tx.execute(query, (patient, patient))}
