"""Errors as problem+json (RFC 9457) with a stable MM- code, in Russian or English; as a page for a browser."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

import structlog
from litestar import Response
from litestar.exceptions import HTTPException
from litestar.response import Redirect

from medmost.console.entry import Asked, page_language
from medmost.console.rendering import screen
from medmost.domain.errors import MedmostError
from medmost.notify.words import Lang

log = structlog.get_logger("medmost.console")
PROBLEM_JSON: Final = "application/problem+json"
_KNOWN: Final[dict[int, tuple[str, str, str]]] = {
    400: ("MM-WEB-REQUEST", "Запрос составлен неверно: сверьтесь с /api/openapi.json.", "The request is malformed."),
    401: ("MM-WEB-SIGNATURE", "Подпись не подошла или устарела.", "The signature is wrong or too old."),
    403: ("MM-WEB-FORBIDDEN", "Вашей роли это не разрешено.", "Your role may not do this."),
    404: ("MM-WEB-NOT-FOUND", "Такого адреса здесь нет.", "There is nothing at this address."),
    405: ("MM-WEB-METHOD", "Этот адрес отвечает на другой метод.", "This address answers another method."),
    413: ("MM-WEB-TOO-LARGE", "Тело запроса больше 1 МБ.", "The body is larger than 1 MB."),
    500: ("MM-WEB-INTERNAL", "Внутренняя ошибка: подробности в журнале работы.", "Internal error: see the logs."),
    503: ("MM-WEB-NOT-READY", "Сейчас работать нельзя.", "Not able to work now."),
}
_SIGN_IN: Final = ("MM-WEB-SIGN-IN", "Сначала войдите: /sign-in.", "Sign in first: /sign-in.")
_STATUS: Final = {
    "MM-WEB-CSRF": 403,
    "MM-USER-LOCKED": 429,
    "MM-CONFLICT-GONE": 409,
    "MM-CONFLICT-STALE": 409,
    "MM-USER-TAKEN": 409,
    "MM-USER-NONE": 404,
    "MM-CLI-NOPAIR": 404,
    "MM-CLI-NOCONFLICT": 404,
    "MM-CLI-DEAD": 404,
    "MM-CLI-BRAKE": 404,
    "MM-LINK-NONE": 404,
}
_ASKED_WRONG: Final = ("MM-CLI", "MM-USER", "MM-STAGE", "MM-CONFLICT", "MM-MAP", "MM-DRIFT", "MM-WEB")
_TITLES: Final[dict[Lang, str]] = {"ru": "Запрос не выполнен", "en": "The request was not carried out"}


def asked_language(request: Asked) -> Lang:
    """`?lang=`, else the first of Accept-Language that we speak, else Russian."""
    wish = request.query_params.get("lang")
    if wish in ("ru", "en"):
        return "en" if wish == "en" else "ru"
    for part in request.headers.get("accept-language", "").split(","):
        tongue = part.split(";")[0].strip().lower()[:2]
        if tongue in ("ru", "en"):
            return "en" if tongue == "en" else "ru"
    return "ru"


def problem(request: Asked, status: int, code: str, detail: str, **more: Any) -> Response[dict[str, Any]]:
    lang = asked_language(request)
    content = {"type": "about:blank", "title": _TITLES[lang], "status": status, "code": code, "detail": detail, **more}
    return Response(content, status_code=status, media_type=PROBLEM_JSON, headers={"content-language": lang})


def plain_problem(request: Asked, status: int, **more: Any) -> Response[dict[str, Any]]:
    """The problem that a status stands for by itself."""
    code, ru, en = _words(request, status)
    return problem(request, status, code, en if asked_language(request) == "en" else ru, **more)


def _words(request: Asked, status: int) -> tuple[str, str, str]:
    if status == 401 and not request.url.path.startswith("/hooks/"):
        return _SIGN_IN
    return _KNOWN.get(status) or _KNOWN[500 if status >= 500 else 400]


def _by_browser(request: Asked) -> bool:
    """A person looks; else a program asks."""
    program = request.url.path.startswith(("/api/", "/hooks/", "/health/"))
    return "text/html" in request.headers.get("accept", "") and not program


def _answer(request: Asked, status: int) -> Response[Any]:
    if not _by_browser(request):
        return plain_problem(request, status)
    if status == 401 and request.method == "GET":
        where = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return Redirect(f"/sign-in?{urlencode({'next': where})}", status_code=303)
    code, ru, en = _words(request, status)
    lang = page_language(request)
    return screen(request, "error.html", status_code=status, code=code, detail=en if lang == "en" else ru)


def status_of(error: MedmostError) -> int:
    """The HTTP status of an error that names itself: who asked wrongly is told so, else the house cannot go on."""
    return _STATUS.get(error.code) or (400 if error.code.startswith(_ASKED_WRONG) else 503)


def on_http(request: Asked, error: HTTPException) -> Response[Any]:
    return _answer(request, error.status_code)


def on_medmost(request: Asked, error: MedmostError) -> Response[Any]:
    status = status_of(error)
    log.warning("request failed", code=error.code)
    if _by_browser(request):
        detail = error.en if page_language(request) == "en" else error.ru
        return screen(request, "error.html", status_code=status, code=error.code, detail=detail)
    return problem(request, status, error.code, error.en if asked_language(request) == "en" else error.ru)


def on_other(request: Asked, error: Exception) -> Response[Any]:
    log.error("request failed", code="MM-WEB-INTERNAL", exc_info=error)
    return _answer(request, 500)
