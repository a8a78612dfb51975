"""The pages of the portal for people: the citizen's cabinet and its login."""

from __future__ import annotations

from medmost_stand.api import Route
from medmost_stand.gosuslugi.cabinet import HOME, Cabinet
from medmost_stand.gosuslugi.door import BACK, BYE, LOGIN, Door
from medmost_stand.screens import HTML, PAGE, Screens, style_route


def cabinet_routes(cabinet: Cabinet, door: Door, screens: Screens) -> list[Route]:
    """Pages behind a session cookie; without one they lead to the login."""
    health, orders = f"{HOME}/health", f"{HOME}/orders"
    page, act = screens.page_route, screens.act_route
    return [
        Route("GET", "/", cabinet.front, "Переход в личный кабинет", "open", answers={303: "Переход"}),
        style_route(),
        Route("GET", LOGIN, door.login, "Вход через ЕСИА", "open", answers={303: "К ЕСИА"}),
        Route("GET", BACK, door.back, "Возврат из ЕСИА", "open", answers=PAGE | {303: "Вошли"}, answer_type=HTML),
        Route("GET", BYE, door.bye, "После выхода", "open", answers=PAGE, answer_type=HTML),
        act(f"{HOME}/logout", door.logout, lambda _: HOME, "Выход"),
        page(HOME, cabinet.policies, "Мои полисы"),
        act(f"{HOME}/policies/{{id}}/contacts", cabinet.contacts, lambda _: HOME, "Телефон и почта"),
        page(health, cabinet.health, "Моё здоровье"),
        act(f"{HOME}/visits/{{id}}/cancel", cabinet.cancel, lambda _: health, "Отмена записи"),
        page(orders, cabinet.orders, "Заявления"),
        act(orders, cabinet.submit, lambda _: orders, "Новое заявление"),
        act(f"{orders}/{{id}}/cancel", cabinet.withdraw, lambda _: orders, "Отзыв заявления"),
        page(f"{HOME}/booking", cabinet.clinics, "Запись к врачу: поликлиника"),
        page(f"{HOME}/booking/{{oid}}", cabinet.doctors, "Запись к врачу: врач"),
        page(f"{HOME}/booking/{{oid}}/{{id}}", cabinet.times, "Запись к врачу: время"),
        screens.form_route(f"{HOME}/booking/{{oid}}/{{id}}", cabinet.book, "Запись к врачу"),
    ]
