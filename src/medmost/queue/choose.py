"""The broker that an address names."""

from __future__ import annotations

import ssl
from pathlib import Path

from medmost.domain.errors import Fatal
from medmost.queue.contract import Queue


def queue_at(url: str, *, prefix: str, ca: str = "", sasl: str = "SCRAM-SHA-512") -> Queue | None:
    """None for the embedded queue, which is the delivery table itself. Clients are loaded where they are used.

    Raises:
        Fatal: the file of certificates cannot be used.
    """
    scheme = url.partition(":")[0]
    context = _context(ca) if scheme in ("amqps", "kafkas") else None
    if scheme in ("amqp", "amqps"):
        from medmost.queue.rabbitmq import RabbitMQ

        return RabbitMQ(url, prefix=prefix, context=context)
    if scheme in ("kafka", "kafkas"):
        from medmost.queue.kafka import Kafka

        return Kafka(url, prefix=prefix, context=context, mechanism=sasl)
    return None


def _context(ca: str) -> ssl.SSLContext:
    """Certificates are always checked; `ca` is a file, else the machine's own authorities are believed."""
    try:
        return ssl.create_default_context(cafile=ca or None)
    except (OSError, ssl.SSLError) as error:
        raise Fatal(
            "MM-QUEUE-CA",
            f"queue.ca: файл {Path(ca)} не содержит сертификатов",
            f"queue.ca: the file {Path(ca)} holds no certificates",
        ) from error
