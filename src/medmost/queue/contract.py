"""What a broker is to medmost: a way to wake whoever delivers, with references and nothing else (design §2).

A reference is the number of a pair. The state database alone knows what is due: a message that is lost, doubled, late
or in another order only costs a look, or the sweep finds its row. So a queue promises little, and is cheap to replace.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

ENVELOPE = 100
"""References in one message at most: single ones cost a broker 20 times as much (facts, limits)."""
SCHEMA = 1
TOPICS = ("deliver.gosuslugi", "deliver.emias")


class Batch(Protocol):
    """References that somebody is to look at, until they are acknowledged."""

    @property
    def refs(self) -> Sequence[int]: ...

    async def ack(self) -> None:
        """They have been looked at, and that is committed. Raises Transient: they come again, which is harmless."""

    async def nack(self) -> None:
        """Nobody has looked: they come again, here or at another consumer. Raises Transient as `ack` does."""


class Consumer(Protocol):
    """One reader of a topic, among any number of them."""

    async def take(self, timeout: float) -> Batch | None:
        """The next references, or None after so many seconds. A message that is no envelope of ours goes to the dead
        letters and is never returned. Raises Transient when the broker is lost: the consumer is then of no more use.
        """

    async def close(self) -> None:
        """What was not acknowledged goes to another consumer."""


class Queue(Protocol):
    """A broker. Every method opens the connection it needs."""

    @property
    def name(self) -> str:
        """As people know it."""

    async def prepare(self) -> None:
        """Declares what is missing and verifies what is there.

        Raises:
            Fatal: something is there already and is not as it has to be (MM-QUEUE-TOPOLOGY).
            Transient: the broker cannot be reached (MM-QUEUE-LOST) or lets us not in (MM-QUEUE-ACCESS).
        """

    async def publish(self, topic: str, refs: Sequence[int]) -> None:
        """Returns once the broker has confirmed every envelope durably.

        Raises:
            Transient: some may not be there: lost, full (MM-QUEUE-FULL), partitioned. Publishing again is harmless.
        """

    async def consume(self, topic: str) -> Consumer:
        """Raises Transient when the broker is lost."""

    async def close(self) -> None:
        """Ends every connection."""


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    v: int
    refs: list[int]


_decoder = msgspec.json.Decoder(_Envelope)


def envelopes(refs: Sequence[int]) -> list[bytes]:
    """References as messages."""
    return [
        msgspec.json.encode(_Envelope(SCHEMA, list(refs[start : start + ENVELOPE])))
        for start in range(0, len(refs), ENVELOPE)
    ]


def opened(body: bytes) -> list[int]:
    """The references of a message. Raises ValueError for one that is no envelope of this schema."""
    envelope = _decoder.decode(body)
    if envelope.v != SCHEMA or len(envelope.refs) > ENVELOPE:
        raise ValueError(f"an envelope of schema {envelope.v} with {len(envelope.refs)} references")
    return envelope.refs
