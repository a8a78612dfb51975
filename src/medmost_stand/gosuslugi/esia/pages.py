"""ЕСИА's own pages: login, consent, consents given, and what went wrong. Plain, Russian, readable on a phone."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, select_autoescape

from medmost_stand.gosuslugi.esia.refusals import EsiaRefusal

_HTML = Path(__file__).with_name("html")


class Pages:
    """Renders; decides nothing."""

    def __init__(self) -> None:
        self._templates = Environment(loader=FileSystemLoader(_HTML), autoescape=select_autoescape())

    def shown(self, page: str, status: int = 200, **values: object) -> web.Response:
        """A page that nobody keeps or frames."""
        headers = {
            "Cache-Control": "no-store",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; frame-ancestors 'none'",
        }
        text = self._templates.get_template(page).render(**values)
        return web.Response(text=text, status=status, content_type="text/html", headers=headers)

    def refused(self, refusal: EsiaRefusal) -> web.Response:
        """A refusal that must not travel to an address nobody has registered."""
        detail = refusal.detail
        return self.shown("refused.html", 400, code=refusal.code, text=refusal.meaning.russian, detail=detail)

    def said(self, title: str, text: str, status: int = 200) -> web.Response:
        """One sentence."""
        return self.shown("said.html", status, title=title, text=text)


@cache
def style() -> str:
    """The one style sheet of these pages."""
    return (_HTML / "style.css").read_text(encoding="utf-8")
