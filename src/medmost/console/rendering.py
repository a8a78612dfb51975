"""Pages from templates: escaped, strict about missing names, in one of two languages."""

from __future__ import annotations

from functools import cache
from typing import Any

import jinja2
from litestar import MediaType, Response

from medmost.console.entry import Asked, page_language, signed_in
from medmost.console.menu import menu
from medmost.console.shown import at
from medmost.console.texts import TEXTS
from medmost.console.view import stage_name
from medmost.notify.words import Lang, kind_name, system_name


@cache
def _templates() -> jinja2.Environment:
    found = jinja2.Environment(
        loader=jinja2.PackageLoader("medmost.console"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals.update(kind_name=kind_name, system_name=system_name, at=at, stage_name=stage_name)
    return found


def rendered(template: str, lang: Lang, **values: Any) -> str:
    """A template sees its values, `lang` and `t`, the texts of that language; `me` is None where nobody is known."""
    return _templates().get_template(template).render(lang=lang, t=TEXTS[lang], **({"me": None} | values))


def page(template: str, lang: Lang, *, status_code: int = 200, **values: Any) -> Response[str]:
    return Response(rendered(template, lang, **values), media_type=MediaType.HTML, status_code=status_code)


def screen(request: Asked, template: str, *, status_code: int = 200, **values: Any) -> Response[str]:
    """A page of the console for whoever is signed in: with the menu of what he may open."""
    lang, me = page_language(request), signed_in(request)
    shown = menu(me, request.url.path, TEXTS[lang]) if me else []
    return page(template, lang, status_code=status_code, me=me, menu=shown, **values)
