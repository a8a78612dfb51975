"""The table of calls under /stand/, the same at both systems."""

from __future__ import annotations

from medmost_stand.admin import Admin
from medmost_stand.api import Parameter, Route

_RECORD = {"type": "object"}
_ACTED = {
    200: "Готово", 201: "Создано", 204: "Такой записи нет", 400: "Неверный запрос", 404: "Такой записи нет",
    405: "Так нельзя", 409: "Правило системы не позволяет", 410: "Запись удалена", 412: "Другая версия",
    422: "Неверное поле или ссылка",
}  # fmt: skip
_AFTER = Parameter("after", "query", "Номер последнего известного действия", schema={"type": "integer"})


def admin_routes(admin: Admin) -> list[Route]:
    """Every call of the admin surface."""
    routes = [
        Route(
            "GET",
            "/stand/effects",
            admin.effects,
            "Принятые записи",
            "loopback",
            parameters=(_AFTER,),
            answers={200: "Строки NDJSON", 400: "Неверный номер"},
        ),
        Route("GET", "/stand/people", admin.people, "Тестовые граждане", "loopback"),
        Route("GET", "/stand/planted", admin.planted, "Что посеяно", "loopback"),
        Route("GET", "/stand/life", admin.show_life, "Жизнь", "loopback"),
        Route("PUT", "/stand/life", admin.set_life, "Темп жизни", "loopback", body=_RECORD),
        Route("GET", "/stand/faults", admin.show_faults, "Сбои", "loopback"),
        Route("PUT", "/stand/faults", admin.put_faults, "Задать сбои", "loopback", body=_RECORD),
        Route("DELETE", "/stand/faults", admin.delete_faults, "Убрать сбои", "loopback"),
        Route("POST", "/stand/reset", admin.reset, "Новый мир", "loopback", body=_RECORD),
        Route("POST", "/stand/clock", admin.set_clock, "Сдвиг часов", "loopback", body=_RECORD),
        Route("GET", "/stand/tokens", admin.show_tokens, "Когда выданы маркеры", "loopback"),
        Route("PUT", "/stand/tokens", admin.put_tokens, "Срок маркеров", "loopback", body=_RECORD),
        Route("POST", "/stand/tokens", admin.make_token, "Маркер для проверки", "loopback", body=_RECORD),
        Route("GET", "/stand/calls", admin.calls, "Счётчики обращений", "loopback"),
    ]
    for name in admin.collections:
        routes += _of_collection(name, admin)
    move = "/stand/act/visits/{id}:move"
    routes.append(Route("POST", move, admin.act, "Перенос записи", "loopback", "visits", body=_RECORD, answers=_ACTED))
    return routes


def _of_collection(name: str, admin: Admin) -> list[Route]:
    acts, one = f"/stand/act/{name}", f"/stand/act/{name}/{{id}}"
    return [
        Route("GET", f"/stand/export/{name}", admin.export, "Выгрузка", "loopback", name),
        Route("POST", acts, admin.act, "Создание человеком", "loopback", name, body=_RECORD, answers=_ACTED),
        Route("PUT", one, admin.act, "Изменение человеком", "loopback", name, body=_RECORD, answers=_ACTED),
        Route("DELETE", one, admin.act, "Удаление человеком", "loopback", name, answers=_ACTED),
    ]
