"""A simulation has its own clock and its own ears for logs: the tests after it get the real ones back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog
from standardwebhooks import webhooks


@pytest.fixture(autouse=True)
def _the_real_world_afterwards() -> Iterator[None]:
    clock, logs = webhooks.datetime, structlog.get_config()
    yield
    webhooks.datetime = clock  # type: ignore[misc]  # the library has no seam for its clock
    structlog.configure(**logs)
