"""RabbitMQ: quorum queues, confirms, mandatory, a bounded length that refuses, dead letters (reliability §1).

One connection to publish and one for each consumer. One that failed is thrown away; the next call opens another.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import aio_pika
import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange, AbstractIncomingMessage, AbstractQueue
from aio_pika.exceptions import (
    AMQPError,
    AuthenticationError,
    ChannelInvalidStateError,
    ChannelPreconditionFailed,
    DeliveryError,
    ProbableAuthenticationError,
    PublishError,
)
from yarl import URL

from medmost.queue.contract import TOPICS, envelopes, opened
from medmost.queue.troubles import full, lost, shut_out, unlike

log = structlog.get_logger()
NAME = "RabbitMQ"
DEADLINE = 10.0
"""Seconds for any one word with the broker."""
HEARTBEAT = 15
PREFETCH = 20
DELIVERY_LIMIT = 10
MAX_LENGTH = 10_000
"""Envelopes in a queue; beyond it the broker refuses and the rows wait where they are."""
LOOK_SECONDS = 10.0
"""A consumer that hears nothing for so long asks whether its queue still exists: a wiped broker says nothing."""
REFUSED = 403
_FAILS = (AMQPError, ChannelInvalidStateError, ConnectionError, TimeoutError, OSError, RuntimeError)
"""What aio-pika raises for a broker that went away; RuntimeError: a call on a connection that just closed."""


class RabbitMQ:
    """The queue of `queue.url = amqp://…`; `context` for amqps."""

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "medmost",
        context: ssl.SSLContext | None = None,
        max_length: int = MAX_LENGTH,
        deadline: float = DEADLINE,
    ) -> None:
        self._deadline = deadline
        self._url, self._context = URL(url).update_query(heartbeat=HEARTBEAT), context
        self._prefix, self._max_length = prefix, max_length
        self._connection: AbstractConnection | None = None
        self._exchange: AbstractExchange | None = None
        self._opening = asyncio.Lock()

    @property
    def name(self) -> str:
        return NAME

    async def prepare(self) -> None:
        await self._publisher()

    async def publish(self, topic: str, refs: Sequence[int]) -> None:
        exchange = await self._publisher()
        told = [
            exchange.publish(
                aio_pika.Message(body, content_type="application/json", delivery_mode=aio_pika.DeliveryMode.PERSISTENT),
                topic,
                mandatory=True,
                timeout=self._deadline,
            )
            for body in envelopes(refs)
        ]
        answers = await asyncio.gather(*told, return_exceptions=True)
        failed = [answer for answer in answers if isinstance(answer, BaseException)]
        if not failed:
            return
        error = failed[0]
        if isinstance(error, DeliveryError) and not isinstance(error, PublishError):
            raise full(NAME) from error
        if not isinstance(error, _FAILS):
            raise error
        await self._drop()  # a queue that is gone is declared anew by the next call
        raise lost(NAME, type(error).__name__) from error

    async def consume(self, topic: str) -> RabbitConsumer:
        connection = await self._connect()
        try:
            channel = await asyncio.wait_for(connection.channel(), self._deadline)
            await channel.set_qos(prefetch_count=PREFETCH, timeout=self._deadline)
            await self._declare(channel)
            queue = await channel.get_queue(self._queue(topic), ensure=True)
            consumer = RabbitConsumer(connection, channel, queue, self._deadline)
            await consumer.begin()
        except _FAILS as error:
            await _end(connection, self._deadline)
            raise lost(NAME, type(error).__name__) from error
        except BaseException:
            await _end(connection, self._deadline)
            raise
        return consumer

    async def close(self) -> None:
        await self._drop()

    # ------------------------------------------------------------ connections
    async def _connect(self) -> AbstractConnection:
        try:
            return await aio_pika.connect(self._url, timeout=self._deadline, ssl_context=self._context)
        except (AuthenticationError, ProbableAuthenticationError) as error:
            raise shut_out(NAME) from error
        except _FAILS as error:
            if f"{REFUSED}" in str(error):
                raise shut_out(NAME) from error
            raise lost(NAME, type(error).__name__) from error

    async def _publisher(self) -> AbstractExchange:
        async with self._opening:
            if self._exchange is not None and self._connection is not None and not self._connection.is_closed:
                return self._exchange
            await self._drop()
            self._connection = await self._connect()
            try:
                channel = await asyncio.wait_for(
                    self._connection.channel(publisher_confirms=True, on_return_raises=True), self._deadline
                )
                self._exchange = await self._declare(channel)
            except _FAILS as error:
                await self._drop()
                raise lost(NAME, type(error).__name__) from error
            except BaseException:
                await self._drop()
                raise
            return self._exchange

    async def _drop(self) -> None:
        connection, self._connection, self._exchange = self._connection, None, None
        if connection is not None:
            await _end(connection, self._deadline)

    # ------------------------------------------------------------ what has to be there
    def _queue(self, topic: str) -> str:
        return f"{self._prefix}.{topic}"

    @property
    def _dead(self) -> str:
        return f"{self._prefix}.dead"

    def arguments(self) -> Mapping[str, Any]:
        """Of a queue of references: everything is explicit, since defaults differ between versions."""
        return {
            "x-queue-type": "quorum",
            "x-quorum-initial-group-size": 3,
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-dead-letter-exchange": self._dead,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
            "x-max-length": self._max_length,
        }

    async def _declare(self, channel: AbstractChannel) -> AbstractExchange:
        """Raises Fatal where something of that name is another thing."""
        what = self._prefix
        try:
            kinds = aio_pika.ExchangeType
            exchange = await channel.declare_exchange(what, kinds.DIRECT, durable=True, timeout=self._deadline)
            what = self._dead
            dead = await channel.declare_exchange(
                what, aio_pika.ExchangeType.FANOUT, durable=True, timeout=self._deadline
            )
            kept: dict[str, Any] = {"x-queue-type": "quorum", "x-max-length": MAX_LENGTH, "x-overflow": "drop-head"}
            queue = await channel.declare_queue(what, durable=True, arguments=kept, timeout=self._deadline)
            await queue.bind(dead, timeout=self._deadline)
            for topic in TOPICS:
                what = self._queue(topic)
                queue = await channel.declare_queue(
                    what, durable=True, arguments=dict(self.arguments()), timeout=self._deadline
                )
                await queue.bind(exchange, topic, timeout=self._deadline)
        except ChannelPreconditionFailed as error:
            raise unlike(NAME, what, _reason(error)) from error
        return exchange


class RabbitConsumer:
    def __init__(
        self, connection: AbstractConnection, channel: AbstractChannel, queue: AbstractQueue, deadline: float
    ) -> None:
        self._deadline = deadline
        self._connection, self._channel, self._queue = connection, channel, queue
        self._come: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        self._quiet = 0.0

    async def begin(self) -> None:
        await self._queue.consume(self._come.put, timeout=self._deadline)

    async def take(self, timeout: float) -> RabbitBatch | None:
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout
        while True:
            if self._connection.is_closed or self._channel.is_closed:
                raise lost(NAME, "connection closed")
            try:
                message = await asyncio.wait_for(self._come.get(), max(0.0, end - loop.time()))
            except TimeoutError:
                self._quiet += timeout
                if self._quiet >= LOOK_SECONDS:
                    await self._still_there()
                return None
            self._quiet = 0.0
            try:
                return RabbitBatch(opened(message.body), message)
            except ValueError as error:
                log.error("a message that is no envelope", code="MM-QUEUE-POISON", error=type(error).__name__)
                await _answered(message.reject(requeue=False))

    async def _still_there(self) -> None:
        self._quiet = 0.0
        try:
            await self._channel.declare_queue(self._queue.name, passive=True, timeout=self._deadline)
        except _FAILS as error:
            raise lost(NAME, type(error).__name__) from error

    async def close(self) -> None:
        await _end(self._connection, self._deadline)


class RabbitBatch:
    def __init__(self, refs: list[int], message: AbstractIncomingMessage) -> None:
        self.refs, self._message = refs, message

    async def ack(self) -> None:
        await _answered(self._message.ack())

    async def nack(self) -> None:
        await _answered(self._message.nack(requeue=True))


async def _answered(said: Any) -> None:
    try:
        await said
    except _FAILS as error:
        raise lost(NAME, type(error).__name__) from error


async def _end(connection: AbstractConnection, deadline: float) -> None:
    """However broken it is: a connection that cannot say goodbye is closed all the same."""
    with suppress(*_FAILS):
        await asyncio.wait_for(connection.close(), deadline)


def _reason(error: BaseException) -> str:
    """The broker's own words without its names for the virtual host."""
    return str(error).partition(" - ")[2][:160] or type(error).__name__
