"""The same promises over the embedded queue, RabbitMQ and Kafka: whatever happens to a broker, nothing is lost and
nothing is done twice. The last ones bring a whole world level.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from contract.queue_lines import TOPIC, Line, line
from flows.level import comes_level, doubled
from flows.running import Process, Running, answers, link_everyone, medmost, stand
from medmost.domain.errors import Fatal, Transient
from medmost.queue.contract import envelopes, opened
from medmost.queue.kafka import Kafka
from medmost.queue.rabbitmq import RabbitMQ
from medmost.store.relaying import GRACE_SECONDS, OVERDUE_SECONDS, RELAY_SECONDS
from services.brokers import broker
from state_databases import FreshDatabase

pytestmark = pytest.mark.slow
BROKERS = ["rabbitmq", "kafka"]


@pytest_asyncio.fixture(params=["embedded", "rabbitmq", pytest.param("kafka", marks=pytest.mark.full)])
async def one(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Line]:
    async with line(request.param, tmp_path) as made:
        yield made


async def test_each_due_row_is_delivered_once(one: Line) -> None:
    async with one.works():
        await one.owes(130)
        await one.level()
        await one.read_up()
    assert one.twice() == []


async def test_killed_before_publishing_loses_nothing(one: Line) -> None:
    await one.owes(30)
    await one.relay_dies(sent=False)
    one.passes(RELAY_SECONDS)
    async with one.works():
        await one.level()
    assert one.twice() == []


async def test_killed_before_confirmation_doubles_nothing(one: Line) -> None:
    await one.owes(30)
    await one.relay_dies(sent=True)
    one.passes(RELAY_SECONDS)
    await one.relays_once()  # the same references again
    async with one.works():
        await one.level()
    assert one.twice() == []


async def test_wiped_broker_loses_nothing(one: Line) -> None:
    await one.owes(30)
    await one.relays_once()
    await one.wiped()
    one.passes(RELAY_SECONDS)
    async with one.works():
        await one.level()
    assert one.twice() == []


async def test_full_broker_holds_nothing_up(one: Line) -> None:
    one.queue = one.full()
    await one.owes(30)
    async with one.works():
        one.passes(GRACE_SECONDS)
        await one.level()
        if one.queue is not None:
            assert one.relays[-1].status()["code"] in ("MM-QUEUE-FULL", None)
    assert one.twice() == []


async def test_taken_and_unread_goes_to_another(one: Line) -> None:
    await one.owes(30)
    await one.relays_once()
    if one.queue is not None:
        first = await one.queue.consume(TOPIC)
        assert await first.take(20.0) is not None
        await first.close()  # without a word about what it took
    async with one.works(relays=False):
        await one.level()
    assert one.twice() == []


async def test_second_consumer_joins_in_a_batch(one: Line) -> None:
    async with one.works():
        await one.owes(90)
        async with one.works():
            await one.owes(90)
            async with one.works(relays=False):
                await one.owes(90)
                await one.level()
            await one.owes(20)
            await one.level()
    assert one.twice() == []


async def test_foreign_messages_are_buried(one: Line) -> None:
    await one.relays_once()
    if one.queue is not None:
        await one.queue.prepare()
    await one.poisoned()
    async with one.works():
        await one.owes(30)
        await one.level()
        if one.queue is not None:
            for _ in range(600):
                if await one.buried() == 3:
                    break
                await asyncio.sleep(0.1)
            assert await one.buried() == 3
    assert one.twice() == []


async def test_message_a_day_old_does_nothing(one: Line) -> None:
    await one.owes(30)
    async with one.works():
        await one.level()
        one.passes(24 * 3600)
        await one.replayed()
        await one.owes(5)
        await one.level()
        await one.read_up()
    assert one.twice() == []


async def test_silent_broker_is_gone_round(one: Line) -> None:
    async with one.works():
        await one.owes(10)
        await one.level()
        async with one.frozen():
            await one.owes(30)
            one.passes(OVERDUE_SECONDS)
            await one.level()
        await one.owes(10)
        await one.level()
    assert one.twice() == []


async def test_revoked_password_holds_nothing_up(one: Line) -> None:
    one.queue = one.shut()
    await one.owes(30)
    async with one.works():
        one.passes(GRACE_SECONDS)
        await one.level()
    assert one.twice() == []


# ---------------------------------------------------------------- what a broker is asked for
def made(name: str, prefix: str, size: int = 3) -> RabbitMQ | Kafka:
    url = broker(name)
    if name == "rabbitmq":
        return RabbitMQ(url, prefix=prefix, max_length=size)
    return Kafka(url, prefix=prefix, partitions=size)


@pytest.mark.parametrize("name", BROKERS)
async def test_other_topology_is_refused_by_name(name: str) -> None:
    prefix = f"t{secrets.token_hex(4)}"
    ours, other = made(name, prefix), made(name, prefix, 5)
    try:
        await ours.prepare()
        with pytest.raises(Fatal, match="MM-QUEUE-TOPOLOGY") as refused:
            await other.prepare()
        assert f"{prefix}.deliver.gosuslugi" in refused.value.ru
        again = made(name, prefix)
        await again.prepare()
        await again.close()
    finally:
        await ours.close()
        await other.close()


@pytest.mark.parametrize("name", BROKERS)
async def test_given_back_comes_again(name: str) -> None:
    queue = made(name, f"t{secrets.token_hex(4)}", 10)
    await queue.prepare()
    try:
        await queue.publish(TOPIC, list(range(5)))
        consumer = await queue.consume(TOPIC)
        seen: set[int] = set()
        while len(seen) < 5:
            batch = await consumer.take(20.0)
            assert batch is not None
            seen |= set(batch.refs)
            await batch.nack()
        seen.clear()
        while len(seen) < 5:
            batch = await consumer.take(20.0)
            assert batch is not None
            seen |= set(batch.refs)
            await batch.ack()
        await consumer.close()
        again = await queue.consume(TOPIC)
        assert await again.take(1.0) is None
        await again.close()
    finally:
        await queue.close()


async def test_rabbit_password_refused_is_named() -> None:
    queue = RabbitMQ(broker("rabbitmq").replace("://medmost:", "://medmost:x"), prefix="t")
    with pytest.raises(Transient, match="MM-QUEUE-ACCESS") as refused:
        await queue.prepare()
    assert "medmost:" not in str(refused.value) + refused.value.ru


def test_envelope_holds_numbers_alone() -> None:
    bodies = envelopes(list(range(250)))
    assert [len(opened(body)) for body in bodies] == [100, 100, 50]
    assert bodies[2][:14] == b'{"v":1,"refs":'
    for body in (b'{"v":2,"refs":[1]}', b'{"v":1,"refs":["x"]}', b'{"v":1,"refs":[],"name":"x"}', b"", b"\xff"):
        with pytest.raises(ValueError):  # noqa: PT011  # whatever is wrong with it, that is what the reader catches
            opened(body)


# ---------------------------------------------------------------- a whole world
@pytest.mark.parametrize("name", ["rabbitmq", pytest.param("kafka", marks=pytest.mark.full)])
async def test_world_comes_level_through_broker(tmp_path: Path, name: str) -> None:
    url = broker(name)
    async with stand(tmp_path, people=60, seed=31) as systems:
        linked = {one["policy_number"] for one in await link_everyone(systems)}
        systems.environ |= {"MEDMOST_QUEUE__URL": url, "MEDMOST_QUEUE__PREFIX": f"level-{secrets.token_hex(4)}"}
        async with medmost(systems, poll=(1, 2)) as running:
            await comes_level(systems, running, linked, within=120)
            assert (await running.status())["queue"]["code"] is None
        assert await doubled(systems) == []
        log = running.logged()
        assert "the broker is read" in log
        assert url.partition("@")[0].rpartition(":")[2] not in log or name == "kafka"  # no password


@pytest.mark.full
async def test_several_workers_bring_world_level(tmp_path: Path, fresh_postgresql: FreshDatabase) -> None:
    async with stand(tmp_path, people=60, seed=32) as systems:
        systems.environ |= {
            "MEDMOST_STATE__URL": fresh_postgresql(),
            "MEDMOST_QUEUE__URL": broker("rabbitmq"),
            "MEDMOST_QUEUE__PREFIX": f"many-{secrets.token_hex(4)}",
        }
        linked = {one["policy_number"] for one in await link_everyone(systems)}
        environ = {**os.environ, "MEDMOST_CONFIG": str(systems.folder), **systems.environ}
        environ |= {"MEDMOST_POLL__MIN": "1", "MEDMOST_POLL__MAX": "2"}
        started = []
        try:
            for number, roles in enumerate(("poll,receive,relay,schedule,audit,notify,console", "deliver", "deliver")):
                command = [sys.executable, "-m", "medmost.cli.main", "worker", "--roles", roles]
                started.append(Process(f"worker {number}", command, tmp_path / f"worker-{number}.log", environ))
                await started[-1].start()
            await answers(f"{systems.console}/health/live", started[0])
            await comes_level(systems, Running(started[0], systems.console, systems.session), linked, within=120)
            assert await doubled(systems) == []
        finally:
            codes = [await one.stop() for one in started if one.running]
        assert codes == [0, 0, 0], [one.tail() for one in started]
