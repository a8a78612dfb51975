"""Webhooks: verified on the raw bytes, remembered by id, absorbed like everything else (Standard Webhooks).

A notice only says where to look. The record inside is used when its pair is known and it is newer; anything else is
read from the system first, so that a forged, late or reordered body can do no more than cause a look.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import orjson
import structlog
from standardwebhooks import Webhook, WebhookVerificationError

from medmost.domain.errors import MedmostError
from medmost.domain.record import Observation
from medmost.queue.embedded import Doorbell
from medmost.store import aliases, ledgers
from medmost.store.database import Database
from medmost.store.transaction import Transaction
from medmost.sync.absorb import WEBHOOK, absorb_page
from medmost.sync.house import House, Seen
from medmost.sync.sealing import quarantine_ref
from medmost.systems.contract import System

log = structlog.get_logger()
Verdict = Literal["accepted", "duplicate", "bad_signature", "malformed", "later"]
STATUS: dict[Verdict, int] = {"accepted": 204, "duplicate": 204, "bad_signature": 401, "malformed": 400, "later": 503}


class Receiver:
    """Takes the notices of one system."""

    def __init__(self, house: House, database: Database, system: System, bell: Doorbell, secret: str) -> None:
        self.house, self.database, self.system, self.bell = house, database, system, bell
        self._webhook = Webhook(secret)
        self._kinds = {mapping.kind.collection: name for name, mapping in house.mappings.items()}

    async def take(self, headers: Mapping[str, str], body: bytes) -> Verdict:
        """Raises nothing: every way a notice can be wrong has its verdict."""
        try:
            self._webhook.verify(body, dict(headers), json_parse=False)
        except (WebhookVerificationError, ValueError):
            return "bad_signature"
        told = _told(body)
        kind = self._kinds.get(str(told.get("collection"))) if told else None
        if told is None or kind is None or not isinstance(told.get("id"), str):
            return "malformed"
        id_ = headers["webhook-id"]
        try:
            return await self._absorb(id_, kind, told)
        except MedmostError as error:
            log.warning("webhook not absorbed yet", system=self.system.side.value, kind=kind, code=error.code)
            return "later"  # the sender repeats, and the next poll finds it in any case

    async def _absorb(self, id_: str, kind: str, told: dict[str, Any]) -> Verdict:
        side = self.system.side
        if await self.database.read(lambda tx: _was_here(tx, side.value, id_)):
            return "duplicate"
        known = await self.database.read(lambda tx: aliases.holder(tx, kind, side.value, told["id"]))
        observation: Observation | None = None
        if known is not None:
            observation = self.system.told(kind, told.get("record"))
        if observation is None or observation.ref != told["id"]:
            observation = await self.system.read(kind, told["id"])
            if observation is not None and observation.ref != told["id"]:  # another record altogether (F29)
                await self.database.write(lambda tx: quarantine_ref(tx, self.house, kind, side, told["id"]))
                return "later"
        seen = [] if observation is None else [self.house.understand(observation)]

        def commit(tx: Transaction) -> Verdict:
            return _commit(tx, self.house, side.value, id_, seen)

        verdict = await self.database.write(commit)
        if verdict == "accepted" and seen:
            self.bell.ring("deliver.gosuslugi", "deliver.emias")
        return verdict


def _told(body: bytes) -> dict[str, Any] | None:
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return told if isinstance(told, dict) else None


def _was_here(tx: Transaction, side: str, id_: str) -> bool:
    return tx.execute("SELECT 1 FROM inbox WHERE side = ? AND id = ?", (side, id_)).fetchone() is not None


def _commit(tx: Transaction, house: House, side: str, id_: str, seen: list[Seen]) -> Verdict:
    """The id and what it brought commit together: neither is lost, and a repetition has no effect (I13)."""
    if not ledgers.first_time(tx, side, id_, house.clock.now()):
        return "duplicate"
    absorb_page(tx, house, seen, act=WEBHOOK, correlation=id_)
    return "accepted"
