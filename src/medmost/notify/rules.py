"""When an event becomes a notice. Values in, values out: no clock, no sending.

A trouble that lasts is a *spell*: it opens with the first event, is announced once and ends when its counterpart has
held for the quiet time. Whatever happens in between, flapping included, makes no further notice.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import msgspec

from medmost.notify.book import Digest, Event, Notice, NoticeBook, Spell
from medmost.notify.texts import write_notice
from medmost.notify.words import Lang, Titles

DIGEST_EVERY: Final = timedelta(hours=1)
_OPENS: Final = {
    "unreachable": "outage", "token": "token", "brake": "brake", "page": "page", "drift": "drift", "stale": "stale",
    "certificate": "certificate", "disk": "disk",
}  # fmt: skip
_ENDS: Final = {"reachable": "outage"} | {
    f"{name}-ok": name for name in ("token", "brake", "page", "drift", "stale", "certificate", "disk")
}
_AT_ONCE: Final = ("token", "brake", "drift", "stale", "certificate", "disk")
_CRITICAL: Final = ("outage", "token", "brake", "disk")
_URGENT_CODES: Final = ("MM-CERTIFICATE-WEEK", "MM-CERTIFICATE-DAY")
_CLEAR: Final = {"outage": "clear", "stale": "fresh"}
"""The other groups wait for the quiet time first: a short silence or one bad page is repaired by the next try."""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """`quiet`: how long a system is silent before an outage is announced, and answers before it counts as over."""

    quiet: timedelta
    lang: Lang = "ru"
    titles: Titles = {}

    def event(self, book: NoticeBook, event: Event) -> tuple[NoticeBook, list[Notice]]:
        if event.kind == "refused":
            return self._count(book, event), []
        group = _OPENS.get(event.kind) or _ENDS[event.kind]
        name = _name(group, event)
        spell = book.spells.get(name)
        if event.kind in _ENDS:
            after, notices = self._end(group, spell, event.at)
        else:
            after, notices = self._begin(group, spell, event)
        return (book if after is spell else _with_spell(book, name, after)), notices

    def tick(self, book: NoticeBook, now: datetime) -> tuple[NoticeBook, list[Notice]]:
        """What the passing of time alone brings about."""
        notices: list[Notice] = []
        for name, spell in book.spells.items():
            after, said = self._look(name.partition("|")[0], spell, now)
            notices += said
            if after is not spell:
                book = _with_spell(book, name, after)
        for name, digest in book.digests.items():
            later, said = self._tell(digest, now)
            notices += said
            if later is not digest:
                book = _with_digest(book, name, later)
        return book, notices

    def _begin(self, group: str, spell: Spell | None, event: Event) -> tuple[Spell | None, list[Notice]]:
        said: list[Notice] = []
        if spell is not None:  # a spell that was over for long enough ends before the next one begins
            spell, said = self._look(group, spell, event.at)
        if spell is None:
            spell = Spell(event=event)
            if group in _AT_ONCE:
                return self._announce(group, spell, event.at, said)
        elif spell.calm_since is not None:
            spell = msgspec.structs.replace(spell, calm_since=None)
        return spell, said

    def _end(self, group: str, spell: Spell | None, at: datetime) -> tuple[Spell | None, list[Notice]]:
        if spell is None or spell.calm_since is not None:
            return spell, []
        after, said = self._look(group, spell, at)  # long enough to be announced, though nobody looked meanwhile
        if after is None or not after.announced:
            return None, said
        return msgspec.structs.replace(after, calm_since=at), said

    def _look(self, group: str, spell: Spell, now: datetime) -> tuple[Spell | None, list[Notice]]:
        if spell.calm_since is not None:
            if now - spell.calm_since < self.quiet:
                return spell, []
            clear = _CLEAR.get(group)
            return None, [self._notice(clear, group, spell.event, spell.calm_since, over=True)] if clear else []
        if not spell.announced and now - spell.event.at >= self.quiet:
            return self._announce(group, spell, now, [])
        return spell, []

    def _announce(
        self, group: str, spell: Spell, at: datetime, said: list[Notice]
    ) -> tuple[Spell | None, list[Notice]]:
        notice = self._notice(group, group, spell.event, at)
        return msgspec.structs.replace(spell, announced=True), [*said, notice]

    def _count(self, book: NoticeBook, event: Event) -> NoticeBook:
        name = _name("refused", event)
        digest = book.digests.get(name)
        if digest is None or digest.count == 0:
            sent = digest.sent if digest else None
            digest = Digest(event=event, since=event.at, sent=sent)
        return _with_digest(book, name, msgspec.structs.replace(digest, count=digest.count + 1))

    def _tell(self, digest: Digest, now: datetime) -> tuple[Digest | None, list[Notice]]:
        """The first refusal is told of soon, further ones together once an hour."""
        if digest.count == 0:
            over = digest.sent is None or now - digest.sent >= DIGEST_EVERY
            return (None if over else digest), []
        due = now - digest.since >= self.quiet if digest.sent is None else now - digest.sent >= DIGEST_EVERY
        if not due:
            return digest, []
        notice = self._notice("refused", "refused", digest.event, now, digest.count)
        return msgspec.structs.replace(digest, count=0, sent=now), [notice]

    def _notice(
        self, text: str, group: str, event: Event, at: datetime, count: int = 1, *, over: bool = False
    ) -> Notice:
        written = write_notice(text, group, event, at=at, lang=self.lang, count=count, titles=self.titles)
        return msgspec.structs.replace(
            written,
            system=event.system,
            kind=event.object_kind or "",
            critical=group in _CRITICAL or event.code in _URGENT_CODES,
            incident=_name(group, event),
            over=over,
        )


def resumed(book: NoticeBook) -> NoticeBook:
    """The book after a restart: a spell nobody was told of begins anew, since nobody knows how it went on."""
    return msgspec.structs.replace(book, spells={name: s for name, s in book.spells.items() if s.announced})


def acknowledged(book: NoticeBook) -> tuple[NoticeBook, list[str]]:
    """Somebody has the open troubles in hand: whoever waited to be called is not. The names of what was open."""
    open_now = [name for name, spell in book.spells.items() if spell.announced and not spell.acknowledged]
    spells = {name: msgspec.structs.replace(spell, acknowledged=spell.announced) for name, spell in book.spells.items()}
    waiting = [one.notice.incident for one in book.outbox if one.waits]
    outbox = tuple(one for one in book.outbox if not one.waits)
    return msgspec.structs.replace(book, spells=spells, outbox=outbox), list(dict.fromkeys([*open_now, *waiting]))


def _name(group: str, event: Event) -> str:
    if group == "refused":
        return f"refused|{event.system}|{event.object_kind}|{event.code}"
    whole = group in ("outage", "token")
    name = f"{group}|{event.system}" if whole else f"{group}|{event.system}|{event.object_kind}"
    return f"{name}|{event.code}" if group in ("brake", "drift", "certificate") else name  # each reason calls by itself


def _with_spell(book: NoticeBook, name: str, spell: Spell | None) -> NoticeBook:
    spells = {**book.spells, name: spell} if spell else {n: s for n, s in book.spells.items() if n != name}
    return msgspec.structs.replace(book, spells=spells)


def _with_digest(book: NoticeBook, name: str, digest: Digest | None) -> NoticeBook:
    digests = {**book.digests, name: digest} if digest else {n: d for n, d in book.digests.items() if n != name}
    return msgspec.structs.replace(book, digests=digests)
