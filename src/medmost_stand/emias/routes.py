"""The table of EMIAS' calls: it registers the handlers and is what /openapi.json describes."""

from __future__ import annotations

from collections.abc import Iterable

from medmost_stand.api import Parameter, Route
from medmost_stand.emias.auth import EmiasAuth
from medmost_stand.emias.batch import LARGEST_BATCH, EmiasBatch
from medmost_stand.emias.exchange import EmiasExchange
from medmost_stand.emias.pages import LARGEST_PAGE
from medmost_stand.subscription_calls import SubscriptionCalls

_SINCE = Parameter("updatedSince", "query", "Изменённые в этот момент и позже, ISO со смещением")
_TOKEN = Parameter("pageToken", "query", "Продолжение списка из nextPageToken")
_SIZE = Parameter(
    "pageSize", "query", "Записей на странице", schema={"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE}
)
_ORIGIN = Parameter("origin", "query", "Только записи, созданные с этим originId")
_KEY = Parameter("Idempotency-Key", "header", "Ключ идемпотентности, помнится 24 часа")
_MATCH = Parameter("If-Match", "header", 'Версия записи, например "3"', required=True)
_MATCH_IF_SENT = Parameter("If-Match", "header", 'Версия записи, например "3"')
_RECORD = {"type": "object"}
_REFUSED = {409: "Правило системы не позволяет", 422: "Неверное поле или ссылка"}


def auth_routes(auth: EmiasAuth) -> list[Route]:
    """The token call."""
    body = {
        "type": "object",
        "required": ["grant_type", "client_id", "client_secret"],
        "properties": {
            "grant_type": {"const": "client_credentials"},
            "client_id": {"type": "string"},
            "client_secret": {"type": "string"},
        },
    }
    answers = {200: "Маркер", 400: "Неверный запрос", 401: "Неверные учётные данные"}
    summary = "Маркер доступа по client_credentials (форма, JSON или Basic)"
    error = {"type": "object", "required": ["error"], "properties": {"error": {"type": ["string", "object"]}}}
    schemas = dict.fromkeys((400, 401), error)  # RFC 6749 §5.2; what is no JSON at all gets the system's own object
    return [Route("POST", "/oauth/token", auth.token, summary, "open", body=body, answers=answers, schemas=schemas)]


def exchange_routes(exchange: EmiasExchange, batch: EmiasBatch, collections: Iterable[str]) -> list[Route]:
    """The calls of every collection and the moving of visits."""
    routes: list[Route] = []
    for name in collections:
        routes += _of_collection(name, exchange, batch)
    routes.append(
        Route(
            "POST",
            "/api/v1/visits/{id}:move",
            exchange.move,
            "Перенос записи на приём: новая запись с movedFrom",
            collection="visits",
            parameters=(_KEY, _MATCH_IF_SENT),
            body=_RECORD,
            answers={201: "Новая запись", 404: "Нет такой записи", 412: "Версия другая", **_REFUSED},
        )
    )
    return routes


def _of_collection(name: str, exchange: EmiasExchange, batch: EmiasBatch) -> list[Route]:
    base, one = f"/api/v1/{name}", f"/api/v1/{name}/{{id}}"
    missing = {404: "Нет такой записи"}
    changed = {200: "Запись", **missing, 410: "Запись удалена", 412: "Версия другая"}
    listing = {200: "Страница", 400: "Неизвестный pageToken", 422: "Неверный параметр"}
    created = {201: "Запись", 400: "Неверный JSON", **_REFUSED}
    batched = {207: "Ответ на каждую операцию", 413: f"Больше {LARGEST_BATCH} операций", 422: "Неверный пакет"}
    page = (_SINCE, _TOKEN, _SIZE, _ORIGIN)
    replaced = {**changed, **_REFUSED, 428: "Нет If-Match"}
    return [
        Route(
            "GET", base, exchange.list_records, "Список изменённых", collection=name, parameters=page, answers=listing
        ),
        Route("POST", base, exchange.create, "Создание", "token", name, (_KEY,), _RECORD, created),
        Route("GET", one, exchange.read, "Запись", collection=name, answers={200: "Запись", **missing}),
        Route("PUT", one, exchange.replace, "Замена целиком", "token", name, (_MATCH,), _RECORD, replaced),
        Route("DELETE", one, exchange.delete, "Удаление", "token", name, (_MATCH_IF_SENT,), None, changed),
        Route(
            "POST",
            base + ":search",
            exchange.search,
            "Поиск по естественному ключу",
            collection=name,
            body=_RECORD,
            answers={200: "Найденное", 422: "Неполный ключ"},
        ),
        Route(
            "POST",
            base + ":batch",
            batch.run,
            f"До {LARGEST_BATCH} операций",
            collection=name,
            body={"type": "object", "properties": {"items": {"type": "array", "maxItems": LARGEST_BATCH}}},
            answers=batched,
        ),
    ]


def subscription_routes(calls: SubscriptionCalls) -> list[Route]:
    """Webhook subscriptions."""
    return calls.routes("/api/v1/subscriptions")
