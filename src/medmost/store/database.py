"""The state database as the rest of the house sees it: units of work, each of them one transaction.

Work is given as plain functions over a `Transaction`: the caller's coroutine waits, the loop goes on. An engine with
several writers (`store.postgresql`) may run a function again when its transaction met another one: all that it changes
must lie in the database or in what it returns.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from medmost.store.transaction import Transaction

T = TypeVar("T")
Work = Callable[[Transaction], T]


class Database(ABC):
    """The port. `shared`: other processes may write to the same state at the same time.

    `writer` names this process while it has the state open: its chain in the journal, what it holds a lease under.
    """

    shared = False
    writer = "main"

    @abstractmethod
    async def write(self, work: Work[T]) -> T:
        """One transaction: commits when `work` returns, rolls back when it raises.

        Raises:
            Unusable: the database takes nothing, or can no longer be trusted.
        """

    @abstractmethod
    async def read(self, work: Work[T]) -> T:
        """A consistent look that never waits for a writer. Raises Unusable as `write` does."""

    @abstractmethod
    async def backup(self, target: Path) -> None:
        """A consistent copy while work goes on. Raises Fatal where none can be made."""

    @abstractmethod
    async def close(self) -> None:
        """Ends every connection; work under way ends first."""
