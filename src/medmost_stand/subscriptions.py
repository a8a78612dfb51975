"""Who is told of changes: webhook subscriptions of a system, one per client and address."""

from __future__ import annotations

import base64
import binascii
import uuid
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson

from medmost_stand.dialect import Body
from medmost_stand.refusal import Reason, Refusal
from medmost_stand.storage import Storage


@dataclass(frozen=True, slots=True)
class Subscription:
    """An address with the secret its messages are signed by (Standard Webhooks: whsec_ and base64)."""

    id: str
    client: str
    url: str
    secret: str
    collections: tuple[str, ...]
    created: float

    def shown(self) -> Body:
        """Without the secret."""
        return {"id": self.id, "url": self.url, "collections": list(self.collections), "active": True}


def secret_bytes(secret: str) -> bytes:
    """The key inside a `whsec_` secret; ValueError if it is none."""
    if not secret.startswith("whsec_"):
        raise ValueError("whsec_")
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error as error:
        raise ValueError("base64") from error
    if not 16 <= len(key) <= 64:
        raise ValueError("length")
    return key


class Subscriptions:
    """Kept over a stop with --state."""

    def __init__(self, storage: Storage, known: tuple[str, ...]) -> None:
        self._storage = storage
        self.known = known
        self._all: dict[str, Subscription] = {}
        for row in storage.read("SELECT id, client, url, secret, collections, created FROM subscription"):
            subscription_id, client, url, secret, collections, created = row
            wanted = tuple(orjson.loads(collections))
            self._all[subscription_id] = Subscription(subscription_id, client, url, secret, wanted, created)

    def put(self, client: str, body: Body, now: float) -> tuple[Subscription, bool]:
        """The subscription of this address, made or brought up to date, and whether it is new."""
        url, secret, collections = _parsed(body, self.known)
        old = next((s for s in self._all.values() if s.client == client and s.url == url), None)
        subscription = Subscription(
            old.id if old else str(uuid.uuid4()), client, url, secret, collections, old.created if old else now
        )
        self._all[subscription.id] = subscription
        self._storage.write(
            "INSERT OR REPLACE INTO subscription VALUES (?, ?, ?, ?, ?, ?)",
            (subscription.id, client, url, secret, orjson.dumps(collections), subscription.created),
        )
        return subscription, old is None

    def of(self, client: str) -> list[Subscription]:
        """A client's own ones, oldest first."""
        return sorted((s for s in self._all.values() if s.client == client), key=lambda s: (s.created, s.id))

    def get(self, subscription_id: str) -> Subscription | None:
        """By id, whoever owns it; None once it is gone."""
        return self._all.get(subscription_id)

    def interested(self, collection: str) -> list[Subscription]:
        """Those that want to hear of a collection."""
        return [s for s in self._all.values() if collection in s.collections]

    def remove(self, client: str, subscription_id: str) -> Subscription:
        """Takes one away with its unsent messages; Refusal NOT_FOUND, also for another client's."""
        found = self._all.get(subscription_id)
        if found is None or found.client != client:
            raise Refusal(Reason.NOT_FOUND, "Такой подписки нет")
        del self._all[subscription_id]
        self._storage.write("DELETE FROM subscription WHERE id = ?", (subscription_id,))
        self._storage.write("DELETE FROM outbox WHERE subscription = ?", (subscription_id,))
        return found


def _parsed(body: Body, known: tuple[str, ...]) -> tuple[str, str, tuple[str, ...]]:
    url, secret = body.get("url"), body.get("secret")
    collections = body.get("collections", list(known))
    if not isinstance(url, str) or urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
        raise Refusal(Reason.INVALID_FIELD, "Поле «url»: нужен адрес http:// или https://", "url")
    try:
        secret_bytes(secret if isinstance(secret, str) else "")
    except ValueError:
        text = "Поле «secret»: нужна строка whsec_ и base64 от 16–64 байт"
        raise Refusal(Reason.INVALID_FIELD, text, "secret") from None
    if not isinstance(collections, list) or not collections or not set(map(str, collections)) <= set(known):
        text = f"Поле «collections»: список из {', '.join(known)}"
        raise Refusal(Reason.INVALID_FIELD, text, "collections")
    return url, str(secret), tuple(collections)
