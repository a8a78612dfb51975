"""Messages about changes to subscribers: signed, kept until a 2xx, at most sixteen on the way at once.

Signature: Standard Webhooks (webhook-id, webhook-timestamp, webhook-signature: v1,…), written here from its
text, not with the library that medmost reads them with.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import random
import secrets
from contextlib import suppress
from dataclasses import dataclass

import aiohttp
import orjson

from medmost_stand.clock import Clock
from medmost_stand.dialect import Dialect
from medmost_stand.faults import Faults
from medmost_stand.records import Record
from medmost_stand.storage import Storage
from medmost_stand.subscriptions import Subscription, Subscriptions, secret_bytes

AT_ONCE = 16
RECORD_LIMIT_BYTES = 16 * 1024
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 5.0  # seconds, of a subscriber who does not answer
_LONGEST_RETRY = 60.0  # seconds, of a message that is answered otherwise than 2xx
_SHUFFLE_SECONDS = 0.5


@dataclass(slots=True)
class Message:
    """One message to one subscriber; `kept` ones stand in the outbox and are repeated until a 2xx."""

    id: str
    subscription: str
    collection: str
    body: bytes
    kept: bool = True
    forged: bool = False
    attempts: int = 0


def signature(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of webhook-signature."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()


class Webhooks:
    """The outbox of one system and its senders."""

    def __init__(
        self, dialect: Dialect, storage: Storage, clock: Clock, subscriptions: Subscriptions, faults: Faults
    ) -> None:
        self._dialect = dialect
        self._storage = storage
        self._clock = clock
        self._subscriptions = subscriptions
        self._faults = faults
        self._queue: asyncio.Queue[Message] = asyncio.Queue()
        self._paused: dict[str, tuple[float, float]] = {}  # subscription -> (until, pause), loop time
        self._senders: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None
        self._random = random.Random()

    def on_change(self, record: Record) -> None:
        """Queues a message for each subscriber; it is in the file with the change itself."""
        interested = self._subscriptions.interested(record.collection)
        if not interested:
            return
        body = self._body(record)
        for subscription in interested:
            message = Message("msg_" + secrets.token_hex(16), subscription.id, record.collection, body)
            row = (message.id, message.subscription, message.collection, message.body)
            self._storage.write("INSERT INTO outbox VALUES (?, ?, ?, ?)", row)
            self._send_out(message)

    def _body(self, record: Record) -> bytes:
        told = {
            "collection": record.collection,
            "id": record.id,
            "version": record.version,
            "event": "deleted" if record.deleted else "changed",
        }
        shown = self._dialect.listed(record)
        if not record.deleted and len(shown) < RECORD_LIMIT_BYTES:
            if self._faults.rules:
                return orjson.dumps(self._faults.told(record.collection, told | {"record": orjson.loads(shown)}))
            return orjson.dumps(told)[:-1] + b',"record":' + shown + b"}"
        return orjson.dumps(told)

    def _send_out(self, message: Message) -> None:
        """Puts a message on its way through the webhook faults that meet it."""
        shuffled, lost, going = False, False, [message]
        for rule in self._faults.draw_hooks(message.collection) if self._faults.rules else ():
            if rule.effect == "webhook-duplicate":
                going += [_copy(message) for _ in range(rule.given["times"])]
            elif rule.effect == "webhook-forged":
                going.append(_forged(message))
            elif rule.effect == "webhook-shuffle":
                shuffled = True
            else:
                lost = True
        if lost:
            self._forget(message)
            return
        for one in going:
            if shuffled:
                self._later(self._random.random() * _SHUFFLE_SECONDS, one)
            else:
                self._queue.put_nowait(one)

    async def start(self) -> None:
        """Takes up what an earlier run left unsent and starts the senders."""
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=10), connector=aiohttp.TCPConnector(limit=AT_ONCE)
        )
        for row in self._storage.read("SELECT id, subscription, collection, body FROM outbox ORDER BY rowid"):
            self._queue.put_nowait(Message(row[0], row[1], row[2], bytes(row[3])))
        self._senders = [asyncio.create_task(self._sender()) for _ in range(AT_ONCE)]

    async def stop(self) -> None:
        """Stops sending; what is unsent stays in the outbox."""
        for sender in self._senders:
            sender.cancel()
        for sender in self._senders:
            with suppress(asyncio.CancelledError):
                await sender
        if self._session is not None:
            await self._session.close()

    def clear(self) -> None:
        """Drops what is unsent (`POST /stand/reset`)."""
        self._storage.write("DELETE FROM outbox")
        while not self._queue.empty():
            self._queue.get_nowait()

    async def _sender(self) -> None:
        while True:
            message = await self._queue.get()
            await self._storage.committed()
            subscription = self._subscriptions.get(message.subscription)
            if subscription is None:
                self._forget(message)
                continue
            until, _ = self._paused.get(subscription.id, (0.0, 0.0))
            wait = until - asyncio.get_running_loop().time()
            if wait > 0:
                self._later(wait, message)
                continue
            await self._deliver(subscription, message)

    async def _deliver(self, subscription: Subscription, message: Message) -> None:
        status = await self._post(subscription, message)
        if status is None:
            self._pause(subscription.id)
            if message.kept:
                self._queue.put_nowait(message)
            return
        self._paused.pop(subscription.id, None)
        if 200 <= status < 300 or not message.kept:
            self._forget(message)
            await self._storage.committed()
        else:
            message.attempts += 1
            self._later(min(_LONGEST_RETRY, 0.25 * 2**message.attempts), message)

    async def _post(self, subscription: Subscription, message: Message) -> int | None:
        """The status answered; None if nobody answers there."""
        if self._session is None:
            return None
        secret = secrets.token_bytes(24) if message.forged else secret_bytes(subscription.secret)
        timestamp = int(self._clock.seconds())
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(secret, message.id, timestamp, message.body),
        }
        try:
            async with self._session.post(
                subscription.url, data=message.body, headers=headers, allow_redirects=False
            ) as response:
                return response.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None

    def _pause(self, subscription_id: str) -> None:
        now = asyncio.get_running_loop().time()
        until, pause = self._paused.get(subscription_id, (0.0, _FIRST_PAUSE / 2))
        if until <= now:  # others of the same burst have failed by then: one failure lengthens the pause once
            pause = min(_LONGEST_PAUSE, pause * 2)
            self._paused[subscription_id] = (now + pause, pause)

    def _later(self, seconds: float, message: Message) -> None:
        asyncio.get_running_loop().call_later(seconds, self._queue.put_nowait, message)

    def _forget(self, message: Message) -> None:
        if message.kept:
            self._storage.write("DELETE FROM outbox WHERE id = ?", (message.id,))


def _copy(message: Message) -> Message:
    return Message(message.id, message.subscription, message.collection, message.body, kept=False)


def _forged(message: Message) -> Message:
    told = orjson.loads(message.body)
    told["version"] += 1000
    if "record" in told:
        told["record"] = dict.fromkeys(told["record"]) | {"id": told["id"]}
    body = orjson.dumps(told)
    return Message("msg_" + secrets.token_hex(16), message.subscription, message.collection, body, False, True)
