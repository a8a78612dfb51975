"""References through RabbitMQ and Kafka, beside a bare loop of the same client over the same envelopes.

The brokers of `make services` are taken where their addresses are in the environment; else private ones start and end
with the benchmark.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Any

import aio_pika
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from benchmarks.measure import QUICK, Row, Size, Wanted, rates
from medmost.queue.contract import Queue, envelopes
from medmost.queue.kafka import ENVELOPES, Kafka
from medmost.queue.rabbitmq import PREFETCH, RabbitMQ

TOPIC = "deliver.emias"
BROKERS = ("rabbitmq", "kafka")
TOOL = Path(__file__).resolve().parents[1] / "tools" / "services.py"
TURN = 2000
"""References published at a time, as the relay does; each way reads what it has published itself."""


def queueing(size: Size, wanted: Wanted) -> Iterator[Row]:
    """`queue.BROKER.publish` and `.consume`, in references a second."""
    names = [name for name in BROKERS if any(wanted(f"queue.{name}.{what}") for what in ("publish", "consume"))]
    with _addresses(names, start=size != QUICK) as urls:
        for name, url in urls.items():
            for row in asyncio.run(_measured(name, url, size)):
                if wanted(row.name):
                    yield row


async def _measured(name: str, url: str, size: Size) -> list[Row]:
    count = size.records * 50
    prefix = f"bench-{token_hex(4)}"
    queue: Queue
    if name == "rabbitmq":
        queue, bare = RabbitMQ(url, prefix=prefix), partial(_bare_rabbitmq, url, prefix, count)
    else:
        queue, bare = Kafka(url, prefix=prefix), partial(_bare_kafka, url, prefix, count)
    await queue.prepare()
    try:
        ways = [partial(_ours, queue, count), bare]
        taken: list[dict[str, list[float]]] = [{"publish": [], "consume": []} for _ in ways]
        for turn in range(size.rounds + 1):
            for way, kept in zip(ways, taken, strict=True):
                for what, seconds in (await way()).items():
                    if turn:
                        kept[what].append(seconds)
    finally:
        await queue.close()
    return [
        rates(f"queue.{name}.{what}", "references/s", count, *(_median(kept[what]) for kept in taken))
        for what in ("publish", "consume")
    ]


def _median(taken: list[float]) -> float:
    return sorted(taken)[len(taken) // 2]


async def _ours(queue: Queue, count: int) -> dict[str, float]:
    consumer = await queue.consume(TOPIC)
    await consumer.take(0.5)  # the group is settled
    started = time.perf_counter()
    for at in range(0, count, TURN):
        await queue.publish(TOPIC, list(range(at, min(at + TURN, count))))
    published = time.perf_counter()
    got = 0
    while got < count:
        batch = await consumer.take(5.0)
        assert batch is not None
        got += len(batch.refs)
        await batch.ack()
    ended = time.perf_counter()
    await consumer.close()
    return {"publish": published - started, "consume": ended - published}


async def _bare_rabbitmq(url: str, prefix: str, count: int) -> dict[str, float]:
    connection = await aio_pika.connect(url)
    channel = await connection.channel()
    await channel.set_qos(prefetch_count=PREFETCH)
    exchange, queue = await channel.get_exchange(prefix), await channel.get_queue(f"{prefix}.{TOPIC}")
    come: asyncio.Queue[Any] = asyncio.Queue()
    await queue.consume(come.put)
    started = time.perf_counter()
    for at in range(0, count, TURN):
        bodies = envelopes(range(at, min(at + TURN, count)))
        await asyncio.gather(
            *(exchange.publish(aio_pika.Message(body, delivery_mode=2), TOPIC, mandatory=True) for body in bodies)
        )
    published = time.perf_counter()
    for _ in range(sum(len(envelopes(range(at, min(at + TURN, count)))) for at in range(0, count, TURN))):
        await (await come.get()).ack()
    ended = time.perf_counter()
    await connection.close()
    return {"publish": published - started, "consume": ended - published}


async def _bare_kafka(url: str, prefix: str, count: int) -> dict[str, float]:
    hosts, topic = url.partition("://")[2], f"{prefix}.{TOPIC}"
    producer = AIOKafkaProducer(bootstrap_servers=hosts, acks="all", enable_idempotence=True)
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=hosts, group_id=topic, enable_auto_commit=False)
    await producer.start()
    await consumer.start()
    await consumer.getmany(timeout_ms=500)
    started, sent = time.perf_counter(), 0
    for at in range(0, count, TURN):
        bodies = envelopes(range(at, min(at + TURN, count)))
        sent += len(bodies)
        await asyncio.gather(*[await producer.send(topic, body) for body in bodies])
    published = time.perf_counter()
    while sent > 0:
        sent -= sum(map(len, (await consumer.getmany(timeout_ms=5000, max_records=ENVELOPES)).values()))
        await consumer.commit()
    ended = time.perf_counter()
    await producer.stop()
    await consumer.stop()
    return {"publish": published - started, "consume": ended - published}


@contextmanager
def _addresses(names: list[str], *, start: bool) -> Iterator[dict[str, str]]:
    urls = {name: os.environ.get(f"MEDMOST_{name.upper()}_URL", "") for name in names}
    missing = [name for name, url in urls.items() if not url]
    if not missing or not start:
        yield {name: url for name, url in urls.items() if url}
        return
    with tempfile.TemporaryDirectory(prefix="medmost-bench-") as folder:
        command = [sys.executable, str(TOOL), "start", *missing, "--folder", folder]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
            if done.returncode:
                raise SystemExit(done.stderr)
            told = dict(line.split("=", 1) for line in done.stdout.splitlines())
            yield {name: urls[name] or told[f"MEDMOST_{name.upper()}_URL"] for name in names}
        finally:
            subprocess.run([sys.executable, str(TOOL), "stop", "--folder", folder], timeout=100, check=False)
