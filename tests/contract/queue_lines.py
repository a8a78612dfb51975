"""One medmost over each kind of queue, and verbs for what happens to brokers and to those who use them.

    async with line("rabbitmq", tmp_path) as one:
        await one.owes(120)                 # EMIAS has records that Gosuslugi lacks
        async with one.works():             # a relay, and a deliverer with its feed
            await one.level()
        assert one.twice() == []

Verbs that mean nothing to the embedded queue do nothing there: the outcome has to be the same.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any

import aio_pika
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from medmost.domain.record import Side
from medmost.mapping import load_mappings
from medmost.queue.contract import Consumer, Queue
from medmost.queue.embedded import Doorbell
from medmost.queue.kafka import Kafka
from medmost.queue.rabbitmq import RabbitMQ
from medmost.store import deliveries
from medmost.sync.deliver import Deliverer
from medmost.sync.feed import Feed
from medmost.sync.house import Clock
from medmost.sync.relay import Relay
from services.brokers import FOLDER, broker
from town import Town, town

SIDE = Side.GOSUSLUGI
TOPIC = f"deliver.{SIDE}"
PATIENCE = 60.0
KIND = "organization"
EXAMPLE = {rule.name: rule.example for rule in load_mappings()[KIND].rule.fields}


class Shifted(Clock):
    """Time that a test may let pass at once."""

    ahead = 0.0

    def now(self) -> float:
        return time.time() + self.ahead


class Killed(BaseException):
    """The end of a process, where it stood."""


class Dying:
    """A queue whose user is killed while publishing: before the broker has it, or before its confirmation is heard."""

    name = "dying"

    def __init__(self, queue: Queue, *, sent: bool) -> None:
        self._queue, self._sent = queue, sent

    async def prepare(self) -> None:
        await self._queue.prepare()

    async def publish(self, topic: str, refs: Sequence[int]) -> None:
        if self._sent:
            await self._queue.publish(topic, refs)
        raise Killed

    async def consume(self, topic: str) -> Consumer:
        return await self._queue.consume(topic)

    async def close(self) -> None:
        await self._queue.close()


class Line:
    """The embedded queue: the delivery rows alone."""

    def __init__(self, here: Town, clock: Shifted) -> None:
        self.here, self.clock = here, clock
        self.queue: Queue | None = None
        self.relays: list[Relay] = []

    # ------------------------------------------------------------ work
    async def owes(self, count: int) -> None:
        """So many records at EMIAS that Gosuslugi is to get."""
        mapping, known = self.here.house.mappings[KIND], len(self.here.emias.refs(KIND))
        for number in range(known, known + count):
            fields = {**EXAMPLE, "oid": f"1.2.643.5.1.13.13.12.2.77.{10000 + number}", "parent_oid": None}
            self.here.emias.put(KIND, mapping.write(Side.EMIAS, fields, None))
        await self.here.engine.poll_once()

    def relay(self, queue: Queue) -> Relay:
        self.relays.append(Relay(self.here.house, self.here.database, queue, Doorbell()))
        return self.relays[-1]

    async def relays_once(self) -> None:
        """What is due goes to the broker, and nobody reads it yet."""
        if self.queue is not None:
            await self.relay(self.queue).turn(SIDE)

    async def relay_dies(self, *, sent: bool) -> None:
        if self.queue is not None:
            with pytest.raises(Killed):
                await self.relay(Dying(self.queue, sent=sent)).turn(SIDE)

    @asynccontextmanager
    async def works(self, *, relays: bool = True) -> AsyncIterator[None]:
        """A process with a relay and a deliverer; ends as SIGTERM ends it."""
        stop, bell = asyncio.Event(), Doorbell()
        house, database, system = self.here.house, self.here.database, self.here.systems[SIDE]
        feed = None if self.queue is None else Feed(house, self.queue, SIDE, bell)
        running = [asyncio.create_task(Deliverer(house, database, system, bell, in_flight=20, feed=feed).run(stop))]
        if self.queue is not None and relays:
            self.relays.append(Relay(house, database, self.queue, bell))
            running.append(asyncio.create_task(self.relays[-1].run(stop)))
        try:
            yield
        finally:
            stop.set()
            bell.ring(TOPIC, "deliver.emias", "relay.emias")
            await asyncio.gather(*running)

    def passes(self, seconds: float) -> None:
        self.clock.ahead += seconds

    # ------------------------------------------------------------ outcome
    async def level(self, within: float = PATIENCE) -> None:
        deadline = time.monotonic() + within
        while any((left := await self.here.database.read(deliveries.pending)).values()):
            assert time.monotonic() < deadline, f"not level: {left}"
            await asyncio.sleep(0.02)

    async def read_up(self) -> None:
        """Returns once every message has been acknowledged."""
        deadline = time.monotonic() + PATIENCE
        while left := await self.left():
            assert time.monotonic() < deadline, f"{left} messages are left"
            await asyncio.sleep(0.1)

    def twice(self) -> list[str]:
        """Records that had more than one effect, or none."""
        written = Counter(one.ref for one in self.here.systems[SIDE].written(KIND))
        made = len(self.here.emias.refs(KIND))
        return [ref for ref, times in written.items() if times != 1] + ["none"] * (made - len(written))

    # ------------------------------------------------------------ what happens to a broker
    async def wiped(self) -> None: ...

    async def poisoned(self) -> None: ...

    async def buried(self) -> int:
        """Messages among the dead letters."""
        return 0

    async def replayed(self) -> None:
        """Every reference there ever was comes once more."""
        if self.queue is not None:
            await self.queue.publish(TOPIC, list(range(1, 1 + len(self.here.emias.refs(KIND)))))

    async def left(self) -> int:
        """Messages that nobody has acknowledged."""
        return 0

    def full(self) -> Queue | None:
        """This queue as one that takes nothing more."""
        return None

    def shut(self) -> Queue | None:
        """This queue with a password that is no longer good."""
        return None

    @asynccontextmanager
    async def frozen(self) -> AsyncIterator[None]:
        """The broker's connections stay open and nothing is heard: a partition without a word."""
        yield


class RabbitLine(Line):
    def __init__(self, here: Town, clock: Shifted) -> None:
        super().__init__(here, clock)
        self.url, self.prefix = broker("rabbitmq"), f"t{token_hex(4)}"
        self.queue = RabbitMQ(self.url, prefix=self.prefix, deadline=2.0)

    @asynccontextmanager
    async def _channel(self) -> AsyncIterator[Any]:
        connection = await aio_pika.connect(self.url)
        try:
            yield await connection.channel()
        finally:
            await connection.close()

    async def wiped(self) -> None:
        async with self._channel() as channel:
            for name in (f"{self.prefix}.{TOPIC}", f"{self.prefix}.deliver.emias", f"{self.prefix}.dead"):
                await channel.queue_delete(name)
            for name in (self.prefix, f"{self.prefix}.dead"):
                await channel.exchange_delete(name)

    async def poisoned(self) -> None:
        async with self._channel() as channel:
            exchange = await channel.get_exchange(self.prefix)
            for body in (b"{", b'{"v":9,"refs":[1]}', '{"v":1,"refs":["Иванов"]}'.encode()):
                await exchange.publish(aio_pika.Message(body), TOPIC)

    async def _count(self, name: str) -> int:
        async with self._channel() as channel:
            queue = await channel.declare_queue(name, passive=True)
            return int(queue.declaration_result.message_count or 0)

    async def buried(self) -> int:
        return await self._count(f"{self.prefix}.dead")

    async def left(self) -> int:
        return await self._count(f"{self.prefix}.{TOPIC}")

    def full(self) -> Queue:
        self.prefix += "-small"
        return RabbitMQ(self.url, prefix=self.prefix, max_length=1, deadline=2.0)

    def shut(self) -> Queue:
        return RabbitMQ(self.url.replace("://medmost:", "://medmost:x"), prefix=self.prefix, deadline=30.0)

    @asynccontextmanager
    async def frozen(self) -> AsyncIterator[None]:
        async with _stopped("rabbitmq"):
            yield


class KafkaLine(Line):
    def __init__(self, here: Town, clock: Shifted) -> None:
        super().__init__(here, clock)
        self.url, self.prefix = broker("kafka"), f"t{token_hex(4)}"
        self.hosts = self.url.partition("://")[2]
        self.queue = Kafka(self.url, prefix=self.prefix, partitions=3, deadline=2.0)

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[Any]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.hosts)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()

    async def wiped(self) -> None:
        async with self._admin() as admin:
            await admin.delete_topics([f"{self.prefix}.{TOPIC}", f"{self.prefix}.deliver.emias", f"{self.prefix}.dead"])

    async def poisoned(self) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.hosts)
        await producer.start()
        try:
            for body in (b"{", b'{"v":9,"refs":[1]}', '{"v":1,"refs":["Иванов"]}'.encode()):
                await producer.send_and_wait(f"{self.prefix}.{TOPIC}", body)
        finally:
            await producer.stop()

    async def buried(self) -> int:
        consumer = AIOKafkaConsumer(f"{self.prefix}.dead", bootstrap_servers=self.hosts)
        await consumer.start()
        try:
            return sum((await consumer.end_offsets(list(consumer.assignment()))).values())
        finally:
            await consumer.stop()

    async def left(self) -> int:
        topic = f"{self.prefix}.{TOPIC}"
        consumer = AIOKafkaConsumer(topic, bootstrap_servers=self.hosts)
        await consumer.start()
        try:
            ends = await consumer.end_offsets(list(consumer.assignment()))
        finally:
            await consumer.stop()
        async with self._admin() as admin:
            committed = await admin.list_consumer_group_offsets(topic)
        return sum(end - (committed[place].offset if place in committed else 0) for place, end in ends.items())

    def full(self) -> Queue:
        self.prefix += "-small"
        return Small(self.url, prefix=self.prefix, partitions=1, deadline=2.0)

    def shut(self) -> Queue:
        return Kafka(self.url.replace("://", "://medmost:x@"), prefix=self.prefix, partitions=3, deadline=2.0)

    @asynccontextmanager
    async def frozen(self) -> AsyncIterator[None]:
        async with _stopped("kafka"):
            yield


class Small(Kafka):
    """Its topics were made by somebody who allows no message of more than a few bytes."""

    async def prepare(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._given["bootstrap_servers"])
        await admin.start()
        try:
            names = [self._topic(topic) for topic in ("deliver.gosuslugi", "deliver.emias")]
            await admin.create_topics(
                [NewTopic(name, 1, 1, topic_configs={"max.message.bytes": "1"}) for name in names]
            )
        finally:
            await admin.close()
        await super().prepare()


@asynccontextmanager
async def _stopped(name: str) -> AsyncIterator[None]:
    """SIGSTOP for the server's own process group, which this run of tests has started."""
    noted = Path(os.environ[FOLDER]) / "state.json"
    if not noted.exists():
        pytest.skip("a server of somebody else is never frozen")
    group = json.loads(noted.read_text())[name]["processes"][0]["pid"]
    os.killpg(group, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(group, signal.SIGCONT)


LINES = {"embedded": Line, "rabbitmq": RabbitLine, "kafka": KafkaLine}


@asynccontextmanager
async def line(name: str, folder: Path) -> AsyncIterator[Line]:
    clock = Shifted()
    async with town(folder, clock=clock) as here:
        one = LINES[name](here, clock)
        try:
            yield one
        finally:
            if one.queue is not None:
                await one.queue.close()
