"""A real mail server on a free port, and what it took."""

from __future__ import annotations

import email
import email.policy
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiosmtpd.controller import Controller


class Letters:
    """What a mail server took: the handler of aiosmtpd."""

    def __init__(self) -> None:
        self.taken: list[email.message.EmailMessage] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 (aiosmtpd's name)
        self.taken.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 OK"


@contextmanager
def mail_server(letters: Letters) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(letters, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def mailbox(port: int) -> str:
    """The address of a contact who reads there."""
    return f"mailto://127.0.0.1:{port}?from=medmost@example.org&to=duty@example.org&mode=insecure"
