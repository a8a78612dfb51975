"""Its presence lets every test import the fakes that lie in this folder (`systems_in_memory`)."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from services import brokers
from state_databases import FreshDatabase, databases


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests begin first: one that began last would keep one process busy while the other rests."""
    if not os.environ.get("MEDMOST_FULL"):
        for item in items:
            if item.get_closest_marker("full"):
                item.add_marker(pytest.mark.skip(reason="long: MEDMOST_FULL=1 plays it"))
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_configure(config: pytest.Config) -> None:
    """Servers that a test asks for serve the whole run: the first process names their folder, and ends them."""
    brokers.announce()


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput"):
        brokers.end()


@pytest.fixture(scope="session")
def postgresql_url() -> str:
    return brokers.broker("postgresql")


@pytest.fixture(scope="session")
def fresh_postgresql(postgresql_url: str) -> Iterator[FreshDatabase]:
    """Makes a fresh state database on it with each call."""
    yield from databases(postgresql_url)
