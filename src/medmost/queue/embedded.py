"""The embedded queue: delivery rows are the queue, this only rings when there may be work.

A ring carries no payload and may be lost: the sweep of due rows finds everything (design §2).
"""

from __future__ import annotations

import asyncio


class Doorbell:
    """One bell per topic."""

    def __init__(self) -> None:
        self._bells: dict[str, asyncio.Event] = {}
        self._also: dict[str, str] = {}

    def _bell(self, topic: str) -> asyncio.Event:
        return self._bells.setdefault(topic, asyncio.Event())

    def also(self, topic: str, other: str) -> None:
        """Whoever waits for `other` hears from now on when `topic` is rung."""
        self._also[topic] = other

    def ring(self, *topics: str) -> None:
        for topic in topics:
            self._bell(topic).set()
            if topic in self._also:
                self._bell(self._also[topic]).set()

    async def wait(self, topic: str, timeout: float) -> bool:
        """Returns at the next ring, or after `timeout` seconds (False)."""
        bell = self._bell(topic)
        try:
            async with asyncio.timeout(timeout):  # `wait_for` would make a task, and loops wait all the time
                await bell.wait()
        except TimeoutError:
            return False
        bell.clear()
        return True
