"""The pages of EMIAS for people: login, registry, integration points."""

from __future__ import annotations

from medmost_stand.api import Route
from medmost_stand.emias.integration import IntegrationPage
from medmost_stand.emias.registry import Registry
from medmost_stand.emias.registry_acts import RegistryActs, patient
from medmost_stand.emias.staff_door import INTEGRATION, LOGIN, REGISTRY, StaffDoor
from medmost_stand.screens import FIELDS, FORM, HTML, PAGE, Screens, style_route

_ENTERED = {303: "Вошли", 401: "Неверный логин или пароль", 403: "Чужая форма"}


def door_routes(door: StaffDoor, screens: Screens) -> list[Route]:
    """Coming in and going out."""
    return [
        style_route(),
        Route("GET", LOGIN, door.login_page, "Вход", "open", answers=PAGE, answer_type=HTML),
        Route("POST", LOGIN, door.login, "Вход", "open", "", (), FIELDS, _ENTERED, FORM, HTML),
        screens.act_route("/staff/logout", door.logout, lambda _: LOGIN, "Выход"),
    ]


def registry_routes(registry: Registry, acts: RegistryActs, screens: Screens) -> list[Route]:
    """The clerk's screens."""
    page, act = screens.page_route, screens.act_route
    one, visit = f"{REGISTRY}/policies/{{id}}", f"{REGISTRY}/visits/{{id}}"
    times = f"{one}/booking/{{schedule}}"
    return [
        page(REGISTRY, registry.home, "Поиск пациента"),
        screens.form_route(REGISTRY, registry.search, "Найденные пациенты"),
        page(one, registry.policy, "Пациент"),
        act(f"{one}/contacts", acts.contacts, lambda call: patient(call.id), "Телефон и почта"),
        page(f"{one}/booking", registry.booking, "Запись: врач"),
        page(times, registry.times, "Запись: время"),
        act(times, acts.book, lambda call: call.request.path, "Запись на приём"),
        page(f"{one}/results/new", registry.new_result, "Новый анализ"),
        screens.form_route(f"{one}/results/new", acts.result, "Новый анализ"),
        page(f"{one}/vaccinations/new", registry.new_vaccination, "Новая прививка"),
        screens.form_route(f"{one}/vaccinations/new", acts.vaccination, "Новая прививка"),
        act(f"{visit}/status", acts.status, acts.of_visit, "Приём: пришёл, принят, отменён"),
        page(f"{visit}/move", registry.move, "Перенос: время"),
        act(f"{visit}/move", acts.move, lambda call: call.request.path, "Перенос"),
        page(f"{REGISTRY}/schedules", registry.schedules, "Расписания"),
        page(f"{REGISTRY}/schedules/{{id}}", registry.schedule, "Расписание"),
        act(f"{REGISTRY}/slots/{{id}}", acts.slot, acts.of_slot, "Закрыть или открыть время"),
    ]


def integration_routes(points: IntegrationPage, screens: Screens) -> list[Route]:
    """The administrator's page."""
    one = f"{INTEGRATION}/points/{{id}}"
    return [
        screens.page_route(INTEGRATION, points.page, "Точки интеграции"),
        screens.form_route(f"{INTEGRATION}/points", points.register, "Новая точка интеграции"),
        screens.form_route(f"{one}/secret", points.secret, "Новый секрет"),
        screens.form_route(f"{one}/keys", points.key, "Новый ключ API"),
        screens.act_route(f"{one}/keys/drop", points.drop_key, lambda _: INTEGRATION, "Отзыв ключа"),
        screens.act_route(f"{one}/webhooks", points.hook, lambda _: INTEGRATION, "Уведомления"),
        screens.act_route(f"{one}/webhooks/drop", points.drop_hook, lambda _: INTEGRATION, "Отписка"),
    ]
