"""What the console asks of the house: a handful of calls, so that it can be served, and tested, on its own."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict, TypeVar

from medmost.console.gate import Gate
from medmost.domain.record import Side
from medmost.linking.flow import Linking
from medmost.notify.words import Titles

T = TypeVar("T")


class Attention(TypedDict, total=False):
    """Something that waits for a person. No personal data: the key is masked by whoever fills this in."""

    what: str  # conflict, invalid, ambiguous, quarantined, refused, dead, brake, stopped, …
    kind: str  # policy, visit, …
    system: str  # gosuslugi | emias
    key: str  # masked natural key or number of the pair
    code: str  # MM-… or the system's own
    count: int  # how many alike
    since: str  # ISO, UTC


@dataclass(frozen=True, kw_only=True)
class ConsolePorts:
    """`status` answers contracts §4. `hook` takes a webhook (headers in lower case) and answers its HTTP status.

    `ready` answers why medmost cannot do its work now, as sentences; empty: it can. `ready` and `attention` may be
    plain functions or coroutines. `support` is shown to users. `linking` is what the citizen's page does; without it
    the page says how to link otherwise. `gate` lets people in. `operate` runs an operation of the command line by its
    name and arguments (cli/operations/registry) and answers its exit code and result: pages have no second way in.
    `titles` of the kinds' own files name a kind that a deployment adds.
    """

    status: Callable[[], Awaitable[dict[str, Any]]]
    hook: Callable[[Side, Mapping[str, str], bytes], Awaitable[int]]
    metrics: Callable[[], bytes]
    ready: Callable[[], list[str] | Awaitable[list[str]]]
    attention: Callable[[], list[Attention] | Awaitable[list[Attention]]]
    gate: Gate
    operate: Callable[[str, dict[str, Any]], Awaitable[tuple[int, Any]]]
    support: str = ""
    linking: Linking | None = None
    titles: Titles = field(default_factory=dict)


async def told(answer: T | Awaitable[T]) -> T:
    """The answer of a port that may be a coroutine."""
    return await answer if inspect.isawaitable(answer) else answer
