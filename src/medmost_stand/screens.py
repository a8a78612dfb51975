"""Pages of a system: its own templates over the shared ones, one style sheet, no script, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from urllib.parse import quote, urlsplit

from aiohttp import web
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined, select_autoescape

from medmost_stand.api import Call, Handler, Route
from medmost_stand.refusal import Reason, Refusal
from medmost_stand.sessions import Sessions

_SHARED = Path(__file__).with_name("templates")
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
}
PAGE = {200: "Страница"}
DONE = {303: "Сделано, дальше на страницу"}
MISSING = {400: "Страница с тем, что не так", 403: "Не ваша страница", 404: "Такой записи нет"}
HTML, FORM = "text/html", "application/x-www-form-urlencoded"
FIELDS = {"type": "object", "additionalProperties": {"type": "string"}}
Form = dict[str, str]


class Screens:
    """Renders pages and reads forms for one system."""

    def __init__(self, folder: Path, sessions: Sessions) -> None:
        self.sessions = sessions
        loader = ChoiceLoader([FileSystemLoader(folder), FileSystemLoader(_SHARED)])
        self._templates = Environment(
            loader=loader,
            autoescape=select_autoescape(),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def shown(self, call: Call, page: str, status: int = 200, **values: object) -> web.Response:
        """A page; `problem` among the values is shown above it."""
        words = self.sessions.said(call.request)
        values = {"problem": None, "citizen": None, "person": None} | values
        if words is not None and values["problem"] is None and words[1]:
            values["problem"] = words[0]
        text = self._templates.get_template(page).render(
            mark=self.sessions.mark(call.request),
            said=words[0] if words is not None and not words[1] else None,
            path=call.request.path,
            **values,
        )
        return web.Response(text=text, status=status, content_type="text/html", headers=_HEADERS)

    async def form(self, call: Call) -> Form:
        """The fields of a form of this session; Refusal NOT_ALLOWED for anybody else's, BAD_REQUEST for no form."""
        fields = await posted(call)
        self.sessions.check_form(call.request, fields.pop("mark", ""))
        return fields

    def page_route(self, path: str, read: Handler, summary: str) -> Route:
        """A page behind a session."""
        return Route("GET", path, self.reading(read), summary, "session", answers=PAGE | MISSING, answer_type=HTML)

    def form_route(self, path: str, handler: Handler, summary: str) -> Route:
        """A form that answers with a page: filled in again with what is wrong, or with what was made."""
        answers = DONE | PAGE | MISSING | {409: "Форма ещё раз: уже занято", 422: "Форма ещё раз, с тем, что не так"}
        told = self.reading(handler)
        return Route("POST", path, told, summary, "session", "", (), FIELDS, answers, FORM, HTML)

    def act_route(
        self,
        path: str,
        act: Callable[[Call, Form], Awaitable[web.Response]],
        back: Callable[[Call], str],
        summary: str,
    ) -> Route:
        """A form of such a page; `back` says where a refusal is told."""
        answers = DONE | PAGE | MISSING
        return Route("POST", path, self.acting(act, back), summary, "session", "", (), FIELDS, answers, FORM, HTML)

    def acting(self, act: Callable[[Call, Form], Awaitable[web.Response]], back: Callable[[Call], str]) -> Handler:
        """A handler of a form with buttons only: a refusal is told on the page it came from."""

        async def handle(call: Call) -> web.StreamResponse:
            try:
                return await act(call, await self.form(call))
            except Refusal as refusal:
                problem = refusal
            try:
                where = back(call)
            except Refusal:  # what it came from is gone as well
                return self.shown(call, "refused.html", problem.status or 400, problem=problem.text)
            self.sessions.say(call.request, problem.text, bad=True)
            return moved(where)

        return handle

    def reading(self, read: Handler) -> Handler:
        """A handler of a page: a refusal is told on a page, not as the JSON of a call."""

        async def handle(call: Call) -> web.StreamResponse:
            try:
                return await read(call)
            except Refusal as refusal:
                return self.shown(call, "refused.html", refusal.status or 400, problem=refusal.text)

        return handle

    def done(self, call: Call, where: str, text: str) -> web.Response:
        """Back to a page, with a word on what was done."""
        self.sessions.say(call.request, text)
        return moved(where)


async def posted(call: Call) -> Form:
    """The text fields of a posted form; Refusal where another site's page sent it."""
    origin = call.request.headers.get("Origin")
    if origin not in (None, "null") and urlsplit(origin).netloc != call.request.host:
        raise Refusal(Reason.NOT_ALLOWED, "Форма отправлена с чужой страницы")
    fields = await call.request.post()
    return {name: value.strip() for name, value in fields.items() if isinstance(value, str)}


def moved(where: str) -> web.Response:
    """303 to a page of this system; an address may hold whatever somebody has sent as a record's id."""
    location = quote(where, safe="/?&=%#:;,+~")
    return web.Response(status=303, headers={"Location": location, "Cache-Control": "no-store"})


def style_route() -> Route:
    """The one style sheet."""

    async def style(_: Call) -> web.Response:
        return web.Response(text=_style(), content_type="text/css", headers={"Cache-Control": "max-age=3600"})

    return Route(
        "GET",
        "/screens.css",
        style,
        "Оформление страниц",
        "open",
        answers={200: "Таблица стилей"},
        answer_type="text/css",
    )


@cache
def _style() -> str:
    return (_SHARED / "screens.css").read_text(encoding="utf-8")
