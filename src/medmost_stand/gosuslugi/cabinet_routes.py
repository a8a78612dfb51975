"""The pages of the citizen's cabinet."""

from __future__ import annotations

from medmost_stand.api import Route
from medmost_stand.gosuslugi.cabinet import Cabinet


def cabinet_routes(cabinet: Cabinet) -> list[Route]:
    """Pages behind a session cookie; without one they answer 401 with the login page."""
    page = {200: "Страница"}
    return [
        Route("GET", "/", cabinet.front, "Переход в личный кабинет", "open", answers={303: "Переход"}),
        Route("GET", "/cabinet", cabinet.policies, "Мои полисы", "session", answers=page),
        Route("GET", "/cabinet/health", cabinet.health, "Моё здоровье", "session", answers=page),
        Route("GET", "/cabinet/login", cabinet.login_page, "Вход", "open", answers=page),
        Route("POST", "/cabinet/login", cabinet.login, "Вход", "open", answers={303: "Вошли", 401: "Нет такого"}),
        Route("POST", "/cabinet/logout", cabinet.logout, "Выход", "open", answers={303: "Вышли"}),
        Route("GET", "/cabinet/style.css", cabinet.style, "Оформление", "open", answers=page),
    ]
