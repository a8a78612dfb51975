"""The table of Gosuslugi's calls: it registers the handlers and is what /openapi.json describes."""

from __future__ import annotations

from collections.abc import Iterable

from medmost_stand.api import Parameter, Route
from medmost_stand.gosuslugi.batch import LARGEST_BATCH, GosuslugiBatch
from medmost_stand.gosuslugi.exchange import LARGEST_PAGE, GosuslugiExchange
from medmost_stand.gosuslugi.requests import RequestCalls

_SIZE_SCHEMA = {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE}
_PAGE = (
    Parameter("changedAfter", "query", "Изменённые в эту секунду и позже, московское время ДД.ММ.ГГГГ ЧЧ:ММ:СС"),
    Parameter("page", "query", "Номер страницы с 0", schema={"type": "integer", "minimum": 0}),
    Parameter("size", "query", "Записей на странице", schema=_SIZE_SCHEMA),
    Parameter("origin", "query", "Только записи, созданные с этим внешним идентификатором"),
)
_REQUEST_ID = Parameter("X-Request-Id", "header", "Идентификатор запроса, помнится 24 часа")
_MATCH = Parameter("If-Match", "header", 'Редакция записи, например "17"', required=True)
_MATCH_IF_SENT = Parameter("If-Match", "header", 'Редакция записи, например "17"')
_RECORD = {"type": "object"}
_WRONG = {400: "Неверный запрос, поле или ссылка"}
_ABSENT = {204: "Нет такой записи"}
_STATUS_ROW = {
    "type": "object",
    "required": ["statusId", "title", "at"],
    "properties": {
        "statusId": {"type": "integer"},
        "title": {"type": "string"},
        "comment": {"type": "string"},
        "at": {"type": "string"},
        "originRowId": {"type": "string"},
    },
}


def exchange_routes(
    exchange: GosuslugiExchange, batch: GosuslugiBatch, requests: RequestCalls, collections: Iterable[str]
) -> list[Route]:
    """The exchange over every collection (our model)."""
    routes: list[Route] = []
    for name in collections:
        routes += _requests(requests) if name == "requests" else _of_collection(name, exchange, batch)
    return routes


def _of_collection(name: str, exchange: GosuslugiExchange, batch: GosuslugiBatch) -> list[Route]:
    base, one = f"/api/exchange/v1/{name}", f"/api/exchange/v1/{name}/{{id}}"
    conflict = {409: "Другая редакция или правило не позволяет"}
    created = {201: "Запись", **_WRONG, 409: "Правило не позволяет"}
    changed = {200: "Запись", **_ABSENT, **_WRONG, **conflict}
    replaced = {**changed, 428: "Нет If-Match"}
    listing = {200: "Страница", **_WRONG}
    batch_body = {"type": "object", "properties": {"operations": {"type": "array", "maxItems": LARGEST_BATCH}}}
    return [
        Route("GET", base, exchange.list_records, "Список изменённых", "token", name, _PAGE, None, listing),
        Route("POST", base, exchange.create, "Создание", "token", name, (_REQUEST_ID,), _RECORD, created),
        Route("GET", one, exchange.read, "Запись", "token", name, (), None, {200: "Запись", **_ABSENT}),
        Route("PUT", one, exchange.replace, "Замена целиком", "token", name, (_MATCH,), _RECORD, replaced),
        Route("DELETE", one, exchange.delete, "Удаление", "token", name, (_MATCH_IF_SENT,), None, changed),
        Route("POST", base + "/search", exchange.search, "Поиск по ключу", "token", name, (), _RECORD, listing),
        Route(
            "POST", base + "/batch", batch.run, f"До {LARGEST_BATCH} операций", "token", name, (), batch_body, listing
        ),
    ]


def _requests(requests: RequestCalls) -> list[Route]:
    name, base, one = "requests", "/api/exchange/v1/requests", "/api/exchange/v1/requests/{id}"
    status = {200: "Строка заявления", **_ABSENT, **_WRONG, 403: "Чужое заявление", 409: "Другая редакция"}
    read = {200: "Строка заявления", **_ABSENT, 403: "Чужое заявление"}
    listing = {200: "Страница", **_WRONG}
    return [
        Route("GET", base, requests.list_records, "Изменённые заявления", "token", name, _PAGE, None, listing),
        Route("GET", one, requests.read, "Заявление", "token", name, (), None, read),
        Route("PUT", one, requests.add_status, "Новый статус", "token", name, (_MATCH_IF_SENT,), _STATUS_ROW, status),
        Route("POST", base + "/search", requests.search, "Поиск по orderId", "token", name, (), _RECORD, listing),
    ]
