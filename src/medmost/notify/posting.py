"""Who hears of a notice, and when: duty, delay, night, and what need not be told any more. Values in, values out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from medmost.config.settings import Person
from medmost.domain.windows import parse
from medmost.notify.book import Notice, NoticeBook, Pending

STEP: Final = timedelta(minutes=5)
"""How finely the end of a night is looked for: its notices go out within this time after it."""
LONGEST_NIGHT: Final = timedelta(days=1)


def post(book: NoticeBook, notice: Notice, people: Sequence[Person], night: str) -> NoticeBook:
    """The book with the notice laid out for everybody whom it concerns."""
    told = book.told.get(notice.incident, ())
    heard = [number for number in range(len(people)) if _hears(people[number], number, notice, told)]
    pending = [
        Pending(
            notice=notice,
            to=(number, at),
            not_before=_when(people[number], notice, night),
            waits=bool(people[number].after) and not notice.over,
        )
        for number in heard
        for at in range(len(people[number].urls))
    ]
    known = {name: who for name, who in book.told.items() if name != notice.incident}
    if notice.incident and not notice.over:  # those who wait are entered when they are called
        known[notice.incident] = tuple({*told, *(n for n in heard if not people[n].after)})
    return msgspec.structs.replace(book, outbox=(*book.outbox, *pending), told=known)


def called(book: NoticeBook, pending: Pending) -> NoticeBook:
    """The book once this person has been told."""
    incident = pending.notice.incident
    if not pending.waits or incident not in book.told:
        return book
    who = tuple({*book.told[incident], pending.to[0]})
    return msgspec.structs.replace(book, told={**book.told, incident: who})


def still_due(book: NoticeBook) -> NoticeBook:
    """Without what waited for an acknowledgement of a trouble that is over or in hand, and without who heard of it."""
    outbox = tuple(one for one in book.outbox if not one.waits or _open(book, one.notice.incident))
    told = {name: who for name, who in book.told.items() if name in book.spells or name in book.digests}
    same = len(outbox) == len(book.outbox) and len(told) == len(book.told)
    return book if same else msgspec.structs.replace(book, outbox=outbox, told=told)


def _open(book: NoticeBook, incident: str) -> bool:
    spell = book.spells.get(incident)
    return incident in book.digests if spell is None else not spell.acknowledged and spell.calm_since is None


def _hears(person: Person, number: int, notice: Notice, told: tuple[int, ...]) -> bool:
    if notice.over:  # whoever heard of the trouble hears of its end, on duty or not
        return number in told
    wants = person.wants(notice.group, notice.system, notice.kind, critical=notice.critical)
    return wants and person.on_duty((notice.at + timedelta(minutes=person.after)).timestamp())


def _when(person: Person, notice: Notice, night: str) -> datetime:
    at = notice.at if notice.over else notice.at + timedelta(minutes=person.after)
    window = parse(night) if night and not notice.critical else None
    if window is None:
        return at
    morning = at
    while window.holds(morning.timestamp()) and morning - at < LONGEST_NIGHT:
        morning += STEP
    return morning
