"""Takes events, keeps the book, sends what is due. A notice leaves the book only when its address took it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

import msgspec
import structlog

from medmost.config import Contacts
from medmost.notify.book import Event, Notice, NoticeBook, Pending
from medmost.notify.channels import apprise_send
from medmost.notify.posting import called, post, still_due
from medmost.notify.rules import Rules, acknowledged, resumed
from medmost.notify.texts import write_trial
from medmost.notify.words import Lang, Titles

log = structlog.get_logger("medmost.notify")
Send = Callable[[str, str, str], Awaitable[bool]]
"""(address, title, body) -> taken."""
FIRST_RETRY: Final = timedelta(seconds=30)
LONGEST_RETRY: Final = timedelta(minutes=15)
GIVE_UP: Final = timedelta(hours=72)  # as long as a delivery is tried


class Notifier:
    """`load` and `save` keep the book (None at first); `clock` tells aware times. Call `tick` about once a second."""

    def __init__(
        self,
        contacts: Contacts,
        clock: Callable[[], datetime],
        load: Callable[[], Awaitable[NoticeBook | None]],
        save: Callable[[NoticeBook], Awaitable[None]],
        send: Send = apprise_send,
        *,
        quiet: float = 15,
        lang: Lang = "ru",
        titles: Titles = MappingProxyType({}),
        night: str = "",
    ) -> None:
        self._contacts, self._night, self._lang = contacts, night, lang
        self._clock = clock
        self._load = load
        self._save = save
        self._send = send
        self._rules = Rules(quiet=timedelta(seconds=quiet), lang=lang, titles=dict(titles))
        self._book: NoticeBook | None = None
        self._kept: NoticeBook | None = None  # what `save` was last given
        self._changing = asyncio.Lock()
        self._sending = asyncio.Lock()

    async def event(self, event: Event) -> None:
        """Notes an event. Returns at once: sending is left to `tick`."""
        async with self._changing:
            book, notices = self._rules.event(await self._present(), event)
            self._book = self._posted(book, notices)
            if event.kind != "refused":  # thousands may come at once; the next tick keeps their count
                await self._keep()

    async def tick(self) -> None:
        """Lets time pass: announces what has lasted long enough, sends what is due, keeps the book."""
        async with self._changing:
            book, notices = self._rules.tick(await self._present(), self._clock())
            self._book = self._posted(book, notices)
            await self._keep()
        async with self._sending:
            addresses = {pending.to for pending in self._book.outbox}
            await asyncio.gather(*(self._serve(to) for to in sorted(addresses)))

    async def acknowledge(self) -> list[str]:
        """A person has what is open in hand: nobody else is called for it. The names of what was open."""
        async with self._changing:
            self._book, found = acknowledged(await self._present())
            await self._keep()
        return found

    async def open_troubles(self) -> list[dict[str, object]]:
        """What has been announced and is not over, oldest first; names from closed lists and codes only."""
        async with self._changing:
            book = await self._present()
        spells = sorted((s for s in book.spells.values() if s.announced), key=lambda s: s.event.at)
        told = [(s.event, s.acknowledged) for s in spells]
        return [
            {"event": e.kind, "system": e.system, "kind": e.object_kind, "code": e.code, "since": e.at.isoformat()}
            | {"acknowledged": seen}
            for e, seen in told
        ]

    async def trial(self) -> list[dict[str, object]]:
        """One test notice to every address at once; which of them took it. Addresses are told by their scheme only."""
        notice = write_trial(self._clock(), self._lang)
        found: list[dict[str, object]] = []
        for number, person in enumerate(self._contacts.people):
            for at, url in enumerate(person.urls):
                taken = await self._try(Pending(notice=notice, to=(number, at), not_before=notice.at))
                found.append({"name": person.name, "channel": url.partition("://")[0], "taken": taken})
        return found

    async def _present(self) -> NoticeBook:
        if self._book is None:
            self._book = self._kept = resumed(await self._load() or NoticeBook())
        return self._book

    async def _keep(self) -> None:
        if self._book is not None and self._book is not self._kept:
            await self._save(self._book)
            self._kept = self._book

    def _posted(self, book: NoticeBook, notices: list[Notice]) -> NoticeBook:
        for notice in notices:
            log.warning("notice", code=notice.code, title=notice.title)
            book = post(book, notice, self._contacts.people, self._night)
        return still_due(book)

    async def _serve(self, to: tuple[int, int]) -> None:
        """Sends what one address waits for, in order: an all-clear never overtakes its outage.

        What waits for the morning, or for nobody to acknowledge it, holds up only what is about the same trouble.
        """
        book, held = await self._present(), set[str]()
        for pending in [p for p in book.outbox if p.to == to]:
            if pending.not_before > self._clock():
                if pending.attempts:
                    return  # the address is out of order
                held.add(pending.notice.incident)
            if pending.notice.incident in held:
                continue
            taken = await self._try(pending)
            later = None if taken else self._later(pending)
            async with self._changing:
                book = await self._present()
                outbox = [later if p is pending else p for p in book.outbox]
                book = msgspec.structs.replace(book, outbox=tuple(p for p in outbox if p is not None))
                self._book = called(book, pending) if taken else book
                await self._keep()
            if later is not None:
                return

    async def _try(self, pending: Pending) -> bool:
        number, at = pending.to
        people = self._contacts.people
        if number >= len(people) or at >= len(people[number].urls):
            log.warning("notice dropped: its address is no longer configured", code=pending.notice.code)
            return True
        url = people[number].urls[at]
        body = pending.notice.body
        if self._contacts.support:
            body += f"\n\n{self._contacts.support}"
        try:
            if await self._send(url, pending.notice.title, body):
                return True
            why = "not taken"
        except Exception as error:  # a channel is foreign code: whatever it raises, the notice waits for the next try
            why = type(error).__name__
        channel, tries = url.partition("://")[0], pending.attempts + 1
        log.warning("notice not delivered", code=pending.notice.code, channel=channel, tries=tries, why=why)
        return False

    def _later(self, pending: Pending) -> Pending | None:
        now = self._clock()
        if now - pending.notice.at >= GIVE_UP:
            log.error("notice given up", code=pending.notice.code, title=pending.notice.title)
            return None
        wait = min(FIRST_RETRY * 2 ** min(pending.attempts, 10), LONGEST_RETRY)
        return msgspec.structs.replace(pending, attempts=pending.attempts + 1, not_before=now + wait)
