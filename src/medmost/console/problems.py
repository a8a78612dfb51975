"""Errors as problem+json (RFC 9457) with a stable MM- code, in Russian or English; as a page for a browser."""

from __future__ import annotations

from typing import Any, Final

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from medmost.console.rendering import page
from medmost.domain.errors import MedmostError
from medmost.notify.words import Lang

log = structlog.get_logger("medmost.console")
PROBLEM_JSON: Final = "application/problem+json"
_KNOWN: Final[dict[int, tuple[str, str, str]]] = {
    400: ("MM-WEB-REQUEST", "Запрос составлен неверно: сверьтесь с /api/openapi.json.", "The request is malformed."),
    401: ("MM-WEB-SIGNATURE", "Подпись не подошла или устарела.", "The signature is wrong or too old."),
    404: ("MM-WEB-NOT-FOUND", "Такого адреса здесь нет.", "There is nothing at this address."),
    405: ("MM-WEB-METHOD", "Этот адрес отвечает на другой метод.", "This address answers another method."),
    413: ("MM-WEB-TOO-LARGE", "Тело запроса больше 1 МБ.", "The body is larger than 1 MB."),
    500: ("MM-WEB-INTERNAL", "Внутренняя ошибка: подробности в журнале работы.", "Internal error: see the logs."),
    503: ("MM-WEB-NOT-READY", "Сейчас работать нельзя.", "Not able to work now."),
}
_TITLES: Final[dict[Lang, str]] = {"ru": "Запрос не выполнен", "en": "The request was not carried out"}


def asked_language(request: Request[Any, Any, Any]) -> Lang:
    """`?lang=`, else the first of Accept-Language that we speak, else Russian."""
    wish = request.query_params.get("lang")
    if wish in ("ru", "en"):
        return "en" if wish == "en" else "ru"
    for part in request.headers.get("accept-language", "").split(","):
        tongue = part.split(";")[0].strip().lower()[:2]
        if tongue in ("ru", "en"):
            return "en" if tongue == "en" else "ru"
    return "ru"


def problem(
    request: Request[Any, Any, Any], status: int, code: str, detail: str, **more: Any
) -> Response[dict[str, Any]]:
    lang = asked_language(request)
    content = {"type": "about:blank", "title": _TITLES[lang], "status": status, "code": code, "detail": detail, **more}
    return Response(content, status_code=status, media_type=PROBLEM_JSON, headers={"content-language": lang})


def plain_problem(request: Request[Any, Any, Any], status: int, **more: Any) -> Response[dict[str, Any]]:
    """The problem that a status stands for by itself."""
    code, ru, en = _KNOWN.get(status) or _KNOWN[500 if status >= 500 else 400]
    return problem(request, status, code, en if asked_language(request) == "en" else ru, **more)


def _answer(request: Request[Any, Any, Any], status: int) -> Response[Any]:
    browser = "text/html" in request.headers.get("accept", "")
    if not browser or request.url.path.startswith(("/api/", "/hooks/", "/health/")):
        return plain_problem(request, status)
    lang: Lang = "en" if request.query_params.get("lang") == "en" else "ru"
    code, ru, en = _KNOWN.get(status) or _KNOWN[500 if status >= 500 else 400]
    return page("error.html", lang, status_code=status, code=code, detail=en if lang == "en" else ru)


def on_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    return _answer(request, error.status_code)


def on_medmost(request: Request[Any, Any, Any], error: MedmostError) -> Response[Any]:
    """An error that names itself: 503, since it is the house, not the caller, that cannot go on."""
    log.warning("request failed", code=error.code)
    return problem(request, 503, error.code, error.en if asked_language(request) == "en" else error.ru)


def on_other(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    log.error("request failed", code="MM-WEB-INTERNAL", exc_info=error)
    return _answer(request, 500)
