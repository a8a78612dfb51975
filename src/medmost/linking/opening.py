"""The one way in for a link, whoever brings it: a paper that an operator enters, or the citizen's own page."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from medmost.domain.errors import Refused
from medmost.store import links, patients
from medmost.store.transaction import Transaction
from medmost.sync.house import House

TAKEN: Final = (
    "MM-LINK-TAKEN",
    "этот полис или эта учётная запись уже привязаны: сначала отзовите прежнюю привязку",
    "this policy or this account is linked already: end the former link first",
)


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """Who wants which policy linked, on what consent. `account` is an ЕСИА oid."""

    account: str
    policy_number: str
    consent: dict[str, Any]
    consent_hash: str
    proven: bool = False
    """The account is known to be the policy's holder: a link of the same policy to a former account gives way."""


def open_link(tx: Transaction, house: House, wish: Wish) -> int:
    """The new link's id. The caller writes it into the journal in the same transaction.

    Raises:
        Refused: MM-LINK-POLICY, MM-LINK-ACCOUNT: no such numbers; MM-LINK-TAKEN: linked already.
    """
    _check(wish)
    now = house.clock.now()
    if wish.proven:
        _give_way(tx, house, wish, now)
    id_ = links.add(
        tx,
        house.cipher,
        account=wish.account,
        policy_number=wish.policy_number,
        consent=wish.consent,
        consent_hash=wish.consent_hash,
        at=now,
    )
    if id_ is None:
        raise refused(*TAKEN)
    return id_


def refused(code: str, ru: str, en: str) -> Refused:
    return Refused(code, ru, en, said="", reason="")


def _check(wish: Wish) -> None:
    policy, oid = wish.policy_number, wish.account
    if not (policy.isascii() and policy.isdigit() and len(policy) == 16):
        raise refused("MM-LINK-POLICY", "номер полиса — это 16 цифр", "a policy number has 16 digits")
    if not (oid.isascii() and oid.isdigit()):
        ru = "номер учётной записи ЕСИА — это цифры"
        raise refused("MM-LINK-ACCOUNT", ru, "the number of an ESIA account is digits")


def _give_way(tx: Transaction, house: House, wish: Wish, now: float) -> None:
    """A person who got a new account keeps the policy: the former account's link ends, nothing is erased between."""
    group = patients.group(tx, links.patient_index(house.cipher, wish.policy_number))
    for link in links.of_patients(tx, house.cipher, group):
        if link.account != wish.account:
            links.revoke(tx, link.id, now)
