"""The register of integration points at EMIAS (our model): client id and secret, API keys, who stands behind them."""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson

from medmost_stand.dialect import Body
from medmost_stand.refusal import Reason, Refusal
from medmost_stand.register import Organization, Secret, digest, named, organization_of
from medmost_stand.storage import Storage

_META = "points"
_CLIENT = re.compile(r"[a-z][a-z0-9-]{2,63}")
MOST_KEYS = 5  # a new key is taken into use before the old one is given up


@dataclass(frozen=True, slots=True)
class Point:
    """A registered integration point; `allowed` says whether the exchange is open to it."""

    client_id: str
    name: str
    organization: Organization
    secret: Secret | None = None
    keys: tuple[Secret, ...] = ()
    allowed: bool = True

    def shown(self) -> Body:
        """For its owner: the secret only by its end."""
        return {
            "client_id": self.client_id,
            "name": self.name,
            "organization": self.organization.shown(),
            "client_secret": None if self.secret is None else self.secret.shown(),
            "api_keys": [key.shown() for key in self.keys],
        }


class Points:
    """Kept over a stop with the records; the stand's own ready clients are put in anew at each start."""

    def __init__(self, storage: Storage, ready: Sequence[Point] = ()) -> None:
        self._storage = storage
        self._points: dict[str, Point] = {}
        self._by_key: dict[str, str] = {}
        raw = storage.meta(_META)
        for row in orjson.loads(raw) if raw else []:
            self._take(_read(row))
        self._ready = {point.client_id for point in ready}
        for point in ready:
            self._take(point)

    def get(self, client_id: str) -> Point | None:
        """The point of a client id."""
        return self._points.get(client_id)

    def by_key(self, api_key: str) -> Point | None:
        """The point that an API key was made for."""
        client_id = self._by_key.get(digest(api_key))
        return None if client_id is None else self._points[client_id]

    # ------------------------------------------------------------ of one account
    def of(self, owner: str) -> list[Point]:
        """The account's points, by client id."""
        found = [one for one in self._points.values() if one.organization.owner == owner]
        return sorted(found, key=lambda one: one.client_id)

    def put(self, owner: str, client_id: str, body: Body) -> tuple[Point, bool]:
        """Registers or changes a point, and whether it is new; Refusal for a taken name or wrong numbers."""
        if not _CLIENT.fullmatch(client_id):
            text = "client_id: от 3 до 64 строчных латинских букв, цифр и дефисов, сначала буква"
            raise Refusal(Reason.INVALID_FIELD, text, "client_id")
        old = self._points.get(client_id)
        if old is not None and old.organization.owner != owner:
            raise Refusal(Reason.DUPLICATE, "Этот client_id уже занят", "client_id")
        given = body.get("organization")
        organization = organization_of(given if isinstance(given, dict) else {}, owner)
        name = named(str(body.get("name") or client_id), "name", "название до 255 знаков")
        point = (
            Point(client_id, name, organization) if old is None else replace(old, name=name, organization=organization)
        )
        self._put(point)
        return point, old is None

    def new_secret(self, owner: str, client_id: str) -> str:
        """A fresh client secret, shown this once; the former one stops to work."""
        plain = secrets.token_urlsafe(24)
        self._put(replace(self.own(owner, client_id), secret=Secret.of("secret", plain)))
        return plain

    def new_key(self, owner: str, client_id: str) -> tuple[Secret, str]:
        """A fresh API key: what is kept of it, and the key itself, shown this once."""
        point = self.own(owner, client_id)
        if len(point.keys) >= MOST_KEYS:
            raise Refusal(Reason.DUPLICATE, f"У точки уже {MOST_KEYS} ключей: отзовите один из них", "api_keys")
        plain = secrets.token_urlsafe(24)
        key = Secret.of(uuid.uuid4().hex[:8], plain)
        self._put(replace(point, keys=(*point.keys, key)))
        return key, plain

    def drop_key(self, owner: str, client_id: str, key_id: str) -> Point:
        """Revokes an API key; Refusal NOT_FOUND."""
        point = self.own(owner, client_id)
        left = tuple(key for key in point.keys if key.id != key_id)
        if len(left) == len(point.keys):
            raise Refusal(Reason.NOT_FOUND, "Такого ключа нет")
        self._put(replace(point, keys=left))
        return self._points[client_id]

    def own(self, owner: str, client_id: str) -> Point:
        """A point of the account; Refusal NOT_FOUND."""
        found = self._points.get(client_id)
        if found is None or found.organization.owner != owner:
            raise Refusal(Reason.NOT_FOUND, "У вас нет такой точки интеграции", "client_id")
        return found

    def _put(self, point: Point) -> None:
        self._take(point)
        kept = [asdict(one) for one in self._points.values() if one.client_id not in self._ready]
        self._storage.put_meta(_META, orjson.dumps(kept))

    def _take(self, point: Point) -> None:
        self._by_key = {key: name for key, name in self._by_key.items() if name != point.client_id}
        self._points[point.client_id] = point
        self._by_key |= {key.digest: point.client_id for key in point.keys}


def _read(row: dict[str, Any]) -> Point:
    secret = None if row["secret"] is None else Secret(**row["secret"])
    keys = tuple(Secret(**key) for key in row["keys"])
    return Point(**row | {"organization": Organization(**row["organization"]), "secret": secret, "keys": keys})
