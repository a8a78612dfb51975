"""A browser without a screen: keeps cookies, follows redirects, sends the forms that a page really has."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

import aiohttp


@dataclass
class Shown:
    """A page: its status, where the visitor ended, its text, links and forms."""

    status: int
    path: str
    html: str
    text: str = ""
    links: list[str] = field(default_factory=list)
    forms: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def form(self, action: str) -> dict[str, str]:
        """The fields of the first form whose address contains this, as the page filled them in."""
        return next(dict(fields) for where, fields in self.forms if action in where)

    def action(self, part: str) -> str:
        return next(where for where, _ in self.forms if part in where)


class _Reader(HTMLParser):
    def __init__(self, shown: Shown) -> None:
        super().__init__()
        self.shown, self.words = shown, list[str]()
        self._select = ""

    def handle_data(self, data: str) -> None:
        self.words += data.split()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.shown.links += [given[name] for name in ("href", "src", "action") if name in given]
        if tag == "form":
            self.shown.forms.append((given.get("action", ""), {}))
        elif tag == "select":
            self._select = given["name"]
        elif given.get("type") == "checkbox" and "checked" not in given:
            return  # a browser leaves it out
        elif self.shown.forms and tag == "input" and "name" in given:
            self.shown.forms[-1][1].setdefault(given["name"], given.get("value", ""))
        elif self.shown.forms and tag == "textarea":
            self.shown.forms[-1][1].setdefault(given["name"], "")
        elif self.shown.forms and tag == "option" and self._select and ("value" in given or "selected" in given):
            fields = self.shown.forms[-1][1]
            if "selected" in given or self._select not in fields:
                fields[self._select] = given.get("value", "")


@dataclass
class Visitor:
    base: str
    session: aiohttp.ClientSession

    async def open(self, path: str) -> Shown:
        async with self.session.get(self.base + path) as reply:
            return _read(reply.status, reply.url.path, await reply.text())

    async def send(self, page: Shown, action: str, **fields: str) -> Shown:
        """The form of the page whose address contains `action`, with some fields filled in otherwise."""
        return await self.post(page.action(action), page.form(action) | fields)

    async def enter(self, login: str, wanted: str = "/cabinet") -> Shown:
        """Through ЕСИА as a person of its list; gives a consent where one is asked for."""
        shown = await self.open(wanted)
        if shown.path == "/idp/login":
            shown = await self.send(shown, "/idp/login", person=login)
        if shown.path == "/idp/consent":
            shown = await self.send(shown, "/idp/consent", answer="allow")
        return shown

    async def post(self, path: str, fields: dict[str, str], **headers: str) -> Shown:
        async with self.session.post(self.base + path, data=fields, headers=headers) as reply:
            return _read(reply.status, reply.url.path, await reply.text())


def _read(status: int, path: str, html: str) -> Shown:
    shown = Shown(status, path, html)
    reader = _Reader(shown)
    reader.feed(html)
    shown.text = " ".join(reader.words)
    return shown


def new_session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
