"""What every client of a Kafka cluster is given, the topics that have to be there, and its troubles in our words."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import unquote, urlsplit

import structlog
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    AuthenticationFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
    for_code,
)

from medmost.domain.errors import Transient
from medmost.queue.contract import TOPICS
from medmost.queue.troubles import full, lost, shut_out, unlike

log = structlog.get_logger()
NAME = "Kafka"
REPLICAS = 3
RETENTION_MS = 24 * 3600 * 1000
"""A reference a day old has long been published again."""
_ACCESS = (
    AuthenticationFailedError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
    TopicAuthorizationFailedError,
    GroupAuthorizationFailedError,
)
FAILS = (KafkaError, ConnectionError, TimeoutError, OSError)
_FULL = ("RecordListTooLarge", "PolicyViolation", "ThrottlingQuotaExceeded", "NotEnoughReplicas", "KafkaStorageError")
"""What a broker that takes nothing more calls it."""


async def declare(given: Mapping[str, Any], prefix: str, partitions: int, deadline: float) -> None:
    """Makes the topics that are missing, as safe as the number of brokers allows. Raises Fatal for another kind."""
    admin = AIOKafkaAdminClient(request_timeout_ms=int(deadline * 1000), **given)
    try:
        await asyncio.wait_for(admin.start(), deadline)
        there = set(await admin.list_topics())
        names = [f"{prefix}.{topic}" for topic in TOPICS]
        brokers = len((await admin.describe_cluster())["brokers"])
        replicas = min(REPLICAS, brokers)
        if replicas < REPLICAS:
            log.warning("fewer brokers than a safe installation has", brokers=brokers, wanted=REPLICAS)
        wanted = [(name, partitions) for name in names] + [(f"{prefix}.dead", 1)]
        missing = [
            NewTopic(name, parts, replicas, topic_configs=_settings(replicas))
            for name, parts in wanted
            if name not in there
        ]
        if missing:
            await _create(admin, missing, deadline)
        _verify(await admin.describe_topics([name for name in names if name in there]), partitions)
    finally:
        with suppress(*FAILS):
            await asyncio.wait_for(admin.close(), deadline)


def _verify(found: Iterable[dict[str, Any]], partitions: int) -> None:
    for topic in found:
        parts = len(topic["partitions"])
        if topic["error_code"] == 0 and parts != partitions:
            raise unlike(NAME, str(topic["topic"]), f"{parts} partitions, not {partitions}")


async def _create(admin: AIOKafkaAdminClient, topics: list[NewTopic], deadline: float) -> None:
    """Another process may be doing the same."""
    answer = await admin.create_topics(topics, timeout_ms=int(deadline * 1000))
    for error in answer.topic_errors:
        kind = for_code(error[1])
        if error[1] and kind is not TopicAlreadyExistsError:
            raise kind(f"{error[0]} was not made")


def _settings(replicas: int) -> dict[str, str]:
    return {
        "min.insync.replicas": str(max(1, replicas - 1)),
        "unclean.leader.election.enable": "false",
        "cleanup.policy": "delete",
        "retention.ms": str(RETENTION_MS),
    }


def connection(url: str, context: ssl.SSLContext | None, mechanism: str) -> dict[str, Any]:
    """What every client of one cluster is given."""
    parts = urlsplit(url)
    who, _, hosts = parts.netloc.rpartition("@")
    name, _, password = who.partition(":")
    given: dict[str, Any] = {"bootstrap_servers": hosts.split(","), "client_id": "medmost"}
    if who:
        given |= {"sasl_mechanism": mechanism}
        given |= {"sasl_plain_username": unquote(name), "sasl_plain_password": unquote(password)}
    protocol = ("SASL_" if who else "") + ("SSL" if context is not None else "PLAINTEXT")
    if who and context is None:
        protocol = "SASL_PLAINTEXT"
    return given | {"security_protocol": protocol, "ssl_context": context}


def trouble(error: BaseException) -> Transient:
    if isinstance(error, _ACCESS):
        return shut_out(NAME)
    if type(error).__name__.startswith(_FULL):
        return full(NAME)
    return lost(NAME, type(error).__name__)
