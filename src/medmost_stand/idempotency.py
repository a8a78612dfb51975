"""Answers remembered under a client's idempotency key for 24 hours (contracts.md §2)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import orjson

from medmost_stand.clock import Clock
from medmost_stand.refusal import Reason, Refusal
from medmost_stand.storage import Storage

REMEMBERED_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered to an accepted write, kept to be said again word for word."""

    status: int
    headers: dict[str, str]
    body: bytes


def fingerprint(method: str, path: str, body: object) -> str:
    """Digest of a call; equal JSON in another spelling is the same call."""
    payload = orjson.dumps([method, path, body], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(payload).hexdigest()


class Idempotency:
    """Only accepted writes are remembered: a refused one may be tried again under its key."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock
        self._answers: dict[tuple[str, str], tuple[str, float, Answer]] = {}
        for client, key, seen, at, status, headers, body in storage.read("SELECT * FROM answer"):
            answer = Answer(int(status), orjson.loads(headers), bytes(body))
            self._answers[client, key] = (seen, at, answer)

    def recall(self, client: str, key: str, seen: str) -> Answer | None:
        """The answer given before; None if the key is new. Refusal KEY_REUSED if it named another call."""
        found = self._answers.get((client, key))
        if found is None or found[1] + REMEMBERED_SECONDS < self._clock.seconds():
            return None
        if found[0] != seen:
            raise Refusal(Reason.KEY_REUSED, "Этот ключ идемпотентности уже использован для другого запроса")
        return found[2]

    def remember(self, client: str, key: str, seen: str, answer: Answer) -> None:
        """Keeps an answer; it is in the file with the write it answers."""
        at = self._clock.seconds()
        self._answers[client, key] = (seen, at, answer)
        self._storage.write(
            "INSERT OR REPLACE INTO answer VALUES (?, ?, ?, ?, ?, ?, ?)",
            (client, key, seen, at, answer.status, orjson.dumps(answer.headers), answer.body),
        )

    def clear(self) -> None:
        """Forgets all (`POST /stand/reset`)."""
        self._answers.clear()
        self._storage.write("DELETE FROM answer")
