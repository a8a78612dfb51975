"""The table of the order API's calls (facts/gosuslugi.md §2.3)."""

from __future__ import annotations

from typing import Any

from medmost_stand.api import Handler, Parameter, Route
from medmost_stand.gosuslugi.order_build import OrderApi

_BASE, _NAME = "/api/gusmev/order", "requests"
_TEXT: dict[str, Any] = {"type": "string"}
_NUMBER: dict[str, Any] = {"type": "integer"}
_META = {
    "type": "object",
    "required": ["region", "serviceCode", "targetCode"],
    "properties": {
        "region": {"type": "string", "pattern": r"^\d{2,11}$"},
        "serviceCode": _TEXT,
        "targetCode": _TEXT,
        "policyNumber": {"type": "string", "description": "Наша модель: полис пациента в заявлении организации"},
    },
}
_FILE = {"type": "string", "format": "binary"}
_PUSH = {"type": "object", "required": ["meta", "file"], "properties": {"meta": _META, "file": _FILE}}
_CHUNK = {
    "type": "object",
    "required": ["orderId", "file"],
    "properties": {"meta": _META, "orderId": _TEXT, "file": _FILE, "chunk": _TEXT, "chunks": _TEXT},
}
_MADE = {"type": "object", "required": ["orderId"], "properties": {"orderId": _NUMBER}}
_DETAILS = {
    "type": "object",
    "required": ["code", "message", "messageId", "order"],
    "properties": {
        "code": _TEXT,
        "message": {"type": ["string", "null"]},
        "messageId": _TEXT,
        "order": {"type": ["string", "null"], "description": "Объект JSON строкой"},
    },
}
_STATUS = {
    "type": "object",
    "required": ["orderId", "orderSearchStatus", "status"],
    "properties": {
        "orderId": _NUMBER,
        "orderSearchStatus": {"enum": ["FOUND", "NOT_FOUND"]},
        "status": {
            "type": ["object", "null"],
            "required": ["statusId", "statusName", "updated"],
            "properties": {"statusId": _NUMBER, "statusName": _TEXT, "updated": _TEXT},
        },
    },
}
_PAGE = {
    "type": "object",
    "required": ["count", "totalCount", "content"],
    "properties": {"count": _NUMBER, "totalCount": _NUMBER, "content": {"type": "array", "items": _STATUS}},
}
_ASKED = {
    "type": "object",
    "properties": {
        "treeFiltering": {"enum": ["ONELEVEL", "SUBTREE"]},
        "parentRefItemValue": {"type": ["string", "null"]},
        "pageNum": {"type": "integer", "minimum": 1},
        "pageSize": {"type": "integer", "minimum": 1},
    },
}
_DICTIONARY = {
    "type": "object",
    "required": ["error", "fieldErrors", "total", "items"],
    "properties": {
        "error": {"type": "object", "required": ["code", "message"]},
        "total": _NUMBER,
        "items": {"type": "array", "items": {"type": "object", "required": ["value", "title"]}},
    },
}
_WRONG = {400: "Неверный запрос", 403: "Нет доступа", 500: "Внутренняя ошибка"}
_ABSENT = {204: "Нет такого заявления", **_WRONG}


def order_routes(orders: OrderApi) -> list[Route]:
    """Orders, their files, dictionaries, switches."""
    calls, admin, record = orders.calls, orders.admin, {"type": "object"}
    paging = tuple(Parameter(name, "query", "Страница с 0", schema=_NUMBER) for name in ("pageNum", "pageSize"))
    ids = (*paging, Parameter("orderIds", "query", "Номера через запятую"))
    after = (*paging, Parameter("updatedAfter", "query", "Московское время без зоны", required=True))
    named = (
        Parameter("mnemonic", "query", "Имя файла", required=True),
        Parameter("eserviceCode", "query", "Код услуги"),
    )
    history = (Parameter("embed", "query", "STATUS_HISTORY: история есть в ответе и без этого"),)
    page = {200: _PAGE}
    one, cancelled = _BASE + "/{id}", {200: "Отменено", **_ABSENT, 405: "Отмена невозможна"}
    rows = [
        _row(orders, "GET", _BASE + "/getOrdersStatus", calls.statuses, "Статусы", ids, schemas=page),
        _row(orders, "GET", _BASE + "/getOrdersStatus/", calls.statuses, "Статусы, с чертой", ids, schemas=page),
        _row(orders, "GET", _BASE + "/getUpdatedAfter", calls.updated_after, "Изменённые", after, schemas=page),
        _row(orders, "GET", _BASE + "/getUpdatedAfter/", calls.updated_after, "Изменённые", after, schemas=page),
        _row(orders, "POST", _BASE, calls.create, "Черновик", (), _META, schemas={200: _MADE}),
        _row(orders, "POST", one, calls.details, "Детали", history, None, {200: "Детали", **_ABSENT}, {200: _DETAILS}),
        _row(orders, "POST", one + "/cancel", calls.cancel, "Отмена", (), None, cancelled),
        _push(orders, "/api/gusmev/push", orders.pushes.push, _PUSH, {200: "Отправлено", **_WRONG}),
        _push(
            orders, "/api/gusmev/push/chunked", orders.pushes.push_chunked, _CHUNK,
            {200: "Отправлено", 206: "Часть принята", **_ABSENT},
        ),
        _file(orders, "/api/gusmev/files/download/{object_id}/{object_type}", named),
        _file(orders, "/api/storage/v2/files/{object_id}/{object_type}/download", named),
    ]  # fmt: skip
    return [
        *rows,
        Route(
            "POST", "/api/nsi/v1/dictionary/{code}", orders.dictionaries.page, "Справочник", "open",
            body=_ASKED, answers={200: "Страница", 400: "Неверный запрос", 429: "Слишком часто"},
            schemas={200: _DICTIONARY},
        ),
        Route("GET", "/stand/orders", admin.show, "Переключатели заявлений", "loopback"),
        Route(
            "PUT", "/stand/orders", admin.change, "Задать переключатели заявлений", "loopback",
            body=record, answers={200: "Готово", 400: "Неверный переключатель"},
        ),
    ]  # fmt: skip


def _row(
    orders: OrderApi,
    method: str,
    path: str,
    handler: Handler,
    summary: str,
    parameters: tuple[Parameter, ...] = (),
    body: dict[str, Any] | None = None,
    answers: dict[int, str] | None = None,
    schemas: dict[int, dict[str, Any]] | None = None,
) -> Route:
    return Route(
        method, path, handler, summary, "token", _NAME, parameters, body, answers or {200: "Готово", **_WRONG},
        schemas=schemas or {}, gate=orders.access.gate,
    )  # fmt: skip


def _push(orders: OrderApi, path: str, handler: Handler, form: dict[str, Any], answers: dict[int, str]) -> Route:
    schemas = {status: _MADE for status in answers if status in (200, 206)}
    return Route(
        "POST", path, handler, "Отправка архива", "token", _NAME, (), form, answers,
        body_type="multipart/form-data", schemas=schemas, gate=orders.access.gate,
    )  # fmt: skip


def _file(orders: OrderApi, path: str, parameters: tuple[Parameter, ...]) -> Route:
    answers = {200: "Файл", **_ABSENT, 404: "Такого файла нет"}
    return _row(orders, "GET", path, orders.calls.download, "Файл заявления", parameters, None, answers)
