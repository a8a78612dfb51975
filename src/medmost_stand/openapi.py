"""/openapi.json of a system, made from the same route table that registers its handlers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from medmost_stand.api import Route

_IN_PATH = re.compile(r"\{(\w+)(?::[^}]*)?\}")
_BEARER = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
_API_KEY = {"type": "apiKey", "in": "header", "name": "X-API-Key"}
_SESSION = {"type": "apiKey", "in": "cookie", "name": "citizen"}
_STAFF = {"type": "apiKey", "in": "cookie", "name": "staff"}
_ACCOUNT = {"type": "http", "scheme": "basic", "description": "Учётная запись того, кто регистрирует систему"}
_EMIAS_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "description", "type", "origin", "field"],
            "properties": {
                "code": {"type": "string", "pattern": "^SIM_"},
                "description": {"type": "string"},
                "type": {"type": "string"},
                "origin": {"type": "string"},
                "field": {"type": ["string", "null"]},
            },
        }
    },
}
_GOSUSLUGI_ERROR = {
    "type": "object",
    "required": ["code", "message"],
    "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
}
_REFUSED = {401: "Нет маркера доступа или ключа, маркер истёк или неизвестен", 403: "Маркер или ключ другой системы"}
TITLES = {"emias": "ЕМИАС (стенд)", "gosuslugi": "Госуслуги (стенд)"}
_NOTES = {
    "emias": "Наша модель по увиденным образцам. Коды ошибок SIM_… придуманы стендом.",
    "gosuslugi": (
        "Обмен /api/exchange/v1/… — наша модель: открытого описания такого обмена не существует. "
        "Маркер ext-app и API заявлений /api/gusmev/… повторяют опубликованные спецификации."
    ),
}


def openapi(system: str, routes: Sequence[Route], address: str) -> dict[str, Any]:
    """An OpenAPI 3.1 document of every call of a system; `system` is "emias" or "gosuslugi"."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        path = _IN_PATH.sub(r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(system, route)
    schemes = {"token": _BEARER, "session": _SESSION, "account": _ACCOUNT}
    if system == "emias":
        schemes |= {"session": _STAFF, "apiKey": _API_KEY}
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLES[system], "version": "1.0.0", "description": _NOTES[system]},
        "servers": [{"url": address}],
        "paths": paths,
        "components": {
            "securitySchemes": schemes,
            "schemas": {"Error": _EMIAS_ERROR if system == "emias" else _GOSUSLUGI_ERROR},
        },
    }


def _operation(system: str, route: Route) -> dict[str, Any]:
    named = re.sub(r"\W+", "_", f"{route.method.lower()}_{route.path}").strip("_")
    operation: dict[str, Any] = {
        "operationId": named,
        "summary": route.summary,
        "security": _security(system, route),
        "parameters": _parameters(route),
        "responses": _responses(route),
    }
    if route.collection:
        operation["tags"] = [route.collection]
    if route.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {route.body_type: {"schema": route.body}},
        }
    return operation


def _security(system: str, route: Route) -> list[dict[str, list[str]]]:
    if route.security == "token":
        return [{"token": [], "apiKey": []}] if system == "emias" else [{"token": []}]
    return [{route.security: []}] if route.security in ("session", "account") else []


def _parameters(route: Route) -> list[dict[str, Any]]:
    found = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _IN_PATH.findall(route.path)
    ]
    found += [
        {
            "name": parameter.name,
            "in": parameter.where,
            "required": parameter.required,
            "description": parameter.description,
            "schema": parameter.schema,
        }
        for parameter in route.parameters
    ]
    return found


def _responses(route: Route) -> dict[str, Any]:
    answers = dict(route.answers) or {200: "Готово"}
    if route.security == "token":
        answers = answers | {status: answers.get(status, text) for status, text in _REFUSED.items()}
        answers.setdefault(429, "Превышен предел запросов в минуту")
    if route.security == "session":
        answers.setdefault(303, "Нужен вход")
    if route.security == "account":
        answers.setdefault(401, "Неверный логин или пароль")
        answers.setdefault(403, "Учётной записи это не разрешено")
    if route.security == "loopback":
        answers.setdefault(403, "Только с этой машины")
    return {str(status): _response(status, text, route) for status, text in sorted(answers.items())}


def _response(status: int, text: str, route: Route) -> dict[str, Any]:
    if status == 204 or 300 <= status < 400:
        return {"description": text}
    if route.answer_type != "application/json":
        return {"description": text, "content": {route.answer_type: {}}}
    schema = route.schemas.get(status)
    if schema is None and status >= 400:
        schema = {"$ref": "#/components/schemas/Error"}
    return {"description": text} | ({} if schema is None else {"content": {"application/json": {"schema": schema}}})
