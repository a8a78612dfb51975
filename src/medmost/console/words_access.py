"""Words of sign-in, the menu and people: Russian and English side by side."""

from __future__ import annotations

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "skip": ("К содержанию", "To the content"),
    "menu": ("Разделы", "Sections"),
    "menu_overview": ("Обзор", "Overview"),
    "sign_in": ("Войти", "Sign in"),
    "sign_out": ("Выйти", "Sign out"),
    "sign_in_title": ("Вход в пульт", "Sign in to the console"),
    "sign_in_wrong": ("Имя или пароль не подходят.", "The name or the password does not fit."),
    "sign_in_hint": (
        "Учётную запись заводит администратор: medmost user add.",
        "Accounts are made by an administrator: medmost user add.",
    ),
    "name": ("Имя", "Name"),
    "password": ("Пароль", "Password"),
    "open_again": ("Открыть снова", "Open again"),
    "role_viewer": ("наблюдатель", "viewer"),
    "role_operator": ("оператор", "operator"),
    "role_clerk": ("регистратор", "clerk"),
    "role_senior": ("старший", "senior"),
    "role_link-officer": ("сотрудник привязки", "link officer"),
    "role_admin": ("администратор", "administrator"),
    "role_security": ("безопасность", "security"),
    "role_auditor": ("аудитор", "auditor"),
}
