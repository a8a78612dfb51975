"""One delivery under way: what was claimed, the request itself, and what came of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec

from medmost.domain.errors import Fatal, Refused, Stale, Transient
from medmost.domain.record import Doc, Observation, Side
from medmost.systems.contract import Accepted, System, Write
from medmost.systems.limits import calling_for

FATAL_PAUSE = 15.0


class Flight(msgspec.Struct, kw_only=True):
    """A claimed delivery row with the write worked out for it at that moment."""

    pair: int
    side: Side
    kind: str
    token: int
    lease_until: float
    op: Literal["create", "put", "delete"]
    ref: str | None
    doc: Doc | None
    base: Doc | None
    expected: int
    key: str
    origin: str | None
    natural: Doc | None  # the natural key in the target's wire form, for the look before a create
    again: bool  # an earlier try has no answer: look first
    only_look: bool  # and nothing may be sent any more
    repeat: bool  # a request for this row has reached the system before: it counts against the retry budget
    ended: bool  # the earlier try's own deadline has passed
    correlation: str
    first_at: float  # UTC seconds: when the side fell behind


class Outcome(msgspec.Struct, kw_only=True):
    """What came of a flight."""

    flight: Flight
    what: Literal["ok", "seen", "nothing", "twin", "accepted", "refused", "wait", "late", "other"]
    seen: Observation | None = None
    error: Transient | Refused | None = None


Kinship = Literal["ours", "twin", "stranger"]
Related = Callable[[Flight, Observation], Awaitable[Kinship]]
"""What a found record is to the flight's pair. One that is bound to another pair is never adopted [bound]; as long as
it holds the natural key that our create would take, it is a twin."""


async def fly(flight: Flight, system: System, related: Related, now: Callable[[], float]) -> Outcome:
    """Sends one request, looking first where an earlier one may have arrived (design §2a.5–8)."""
    if now() >= flight.lease_until:
        return Outcome(flight=flight, what="late")  # a lease outlives every request made under it
    try:
        with calling_for("retry" if flight.repeat else "sync"):
            if flight.op == "create":
                return await _create(flight, system, related, now)
            return await _change(flight, system)
    except Transient as error:
        return Outcome(flight=flight, what="wait", error=error)
    except Fatal as error:  # credentials that nobody takes any more: wait until a person has mended them
        waiting = Transient(error.code, error.ru, error.en, retry_after=FATAL_PAUSE, arrived=False)
        return Outcome(flight=flight, what="wait", error=waiting)
    except Refused as error:
        return await _after_refusal(flight, system, related, error)


async def _create(flight: Flight, system: System, related: Related, now: Callable[[], float]) -> Outcome:
    found = await _look(flight, system, related)
    if found is not None:
        return found
    if flight.only_look:
        return Outcome(flight=flight, what="nothing")
    if now() >= flight.lease_until:
        return Outcome(flight=flight, what="late")  # the look took too long: another may have taken over
    return await _send(flight, system)


async def _look(flight: Flight, system: System, related: Related) -> Outcome | None:
    """By our origin id where one may have left before, then by natural key."""
    if flight.again and flight.origin:
        for found in await system.find(flight.kind, origin=flight.origin):
            if await related(flight, found) == "ours":
                return Outcome(flight=flight, what="seen", seen=found)
    twin = False
    if flight.natural is not None:
        for found in await system.find(flight.kind, natural=flight.natural):
            kinship = "stranger" if found.gone else await related(flight, found)
            if kinship == "ours":
                return Outcome(flight=flight, what="seen", seen=found)
            twin = twin or kinship == "twin"
    return Outcome(flight=flight, what="twin") if twin else None


async def _change(flight: Flight, system: System) -> Outcome:
    assert flight.ref is not None
    if flight.again:
        return _about(flight, "seen", await system.read(flight.kind, flight.ref))
    try:
        if flight.op == "delete":
            return _about(flight, "ok", await system.delete(flight.kind, flight.ref, flight.expected, flight.key))
        return await _send(flight, system)
    except Stale:
        return _about(flight, "seen", await system.read(flight.kind, flight.ref))


def _about(flight: Flight, what: Literal["ok", "seen"], seen: Observation | None) -> Outcome:
    """An answer with another record than the one asked for says nothing about ours (F29)."""
    other = seen is not None and seen.ref != flight.ref
    return Outcome(flight=flight, what="other") if other else Outcome(flight=flight, what=what, seen=seen)


async def _send(flight: Flight, system: System) -> Outcome:
    assert flight.doc is not None
    answer = await system.write(
        Write(
            kind=flight.kind,
            ref=flight.ref,
            doc=flight.doc,
            base=flight.base,
            expected=flight.expected,
            key=flight.key,
            origin=flight.origin,
        )
    )
    if isinstance(answer, Accepted):
        return Outcome(flight=flight, what="accepted")
    if flight.ref is not None:
        return _about(flight, "ok", answer)
    if answer.origin not in (None, flight.origin):  # somebody else's record: ours is still to be looked for
        return Outcome(flight=flight, what="other")
    return Outcome(flight=flight, what="ok", seen=answer)


async def _after_refusal(flight: Flight, system: System, related: Related, error: Refused) -> Outcome:
    """A refused create looks once more: what it met may be our own copy [look_refused]."""
    if flight.op == "create":
        try:
            found = await _look(msgspec.structs.replace(flight, again=True), system, related)
        except (Transient, Refused) as failed:
            return Outcome(flight=flight, what="wait" if isinstance(failed, Transient) else "refused", error=failed)
        if found is not None:
            return found
    return Outcome(flight=flight, what="refused", error=error)
