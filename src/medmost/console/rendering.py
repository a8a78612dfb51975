"""Pages from templates: escaped, strict about missing names, in one of two languages."""

from __future__ import annotations

from functools import cache
from typing import Any

import jinja2
from litestar import MediaType, Response

from medmost.console.texts import TEXTS
from medmost.notify.words import Lang


@cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("medmost.console"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page(template: str, lang: Lang, *, status_code: int = 200, **values: Any) -> Response[str]:
    """The template sees its values, `lang` and `t`, the texts of that language."""
    html = _templates().get_template(template).render(lang=lang, t=TEXTS[lang], **values)
    return Response(html, media_type=MediaType.HTML, status_code=status_code)
