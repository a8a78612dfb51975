"""State databases on PostgreSQL for tests: a fresh one for each who asks (the server: `services.brokers`)."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit, urlunsplit

import psycopg

from medmost.store import schema

FreshDatabase = Callable[[], str]


def databases(server: str) -> Iterator[FreshDatabase]:
    """Makes databases with the present schema, as copies of one; drops them in the end."""
    prefix, numbers, made = f"test_{os.getpid()}", itertools.count(), []
    with psycopg.connect(server, autocommit=True) as connection:

        def create(name: str, template: str = "template1") -> str:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
            made.append(name)
            return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))

        with psycopg.connect(create(prefix), autocommit=True) as migrated:
            schema.upgrade_server(migrated)
        yield lambda: create(f"{prefix}_{next(numbers)}", prefix)
        for name in made if "MEDMOST_POSTGRESQL_URL" in os.environ else ():  # a server of our own goes as a whole
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
