"""«Мои полисы»: each policy of whoever has logged in and of the children, and how it stands with us."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from medmost.store import links, patients
from medmost.store.links import Link
from medmost.store.transaction import Transaction
from medmost.sync.house import House
from medmost.systems.gosuslugi.holders import Holder


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """A policy on the page. `number` is for the citizen's own eyes; `at` names it in forms instead."""

    at: int
    number: str
    insurer: str
    holder: Holder
    verified: bool
    link: Link | None  # in force, of this policy under whatever number it had
    other: bool = False  # the person has another policy linked


def choices_of(tx: Transaction, house: House, holders: Iterable[Holder]) -> list[Choice]:
    """In the order in which ЕСИА tells of them. A number that a linked policy once had, or has now, is that policy."""
    found: list[Choice] = []
    for holder in holders:
        own = links.of_accounts(tx, house.cipher, [holder.oid])
        for policy in holder.policies:
            group = patients.group(tx, links.patient_index(house.cipher, policy.number))
            mine = [one for one in own if links.patient_index(house.cipher, one.policy_number) in group]
            found.append(
                Choice(
                    at=len(found),
                    number=policy.number,
                    insurer=policy.insurer,
                    holder=holder,
                    verified=policy.verified,
                    link=mine[0] if mine else None,
                    other=bool(own) and not mine,
                )
            )
    return found
