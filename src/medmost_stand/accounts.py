"""Accounts that act for themselves in calls of registration: HTTP Basic over the stand's test accounts."""

from __future__ import annotations

import binascii
import hmac
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import BasicAuth, web

from medmost_stand.refusal import Reason, Refusal


@dataclass(frozen=True, slots=True)
class Account:
    """A test account; `role` says which screens are its own."""

    login: str
    password: str
    name: str
    role: str


STAFF = (
    Account("registrar", "Demo-1", "Регистратор поликлиники", "clerk"),
    Account("integrator", "Demo-1", "Администратор интеграции", "integrator"),
)
"""Who works at EMIAS' own screens. Their password is no secret: the stand has only invented people in it."""


def staff(login: str) -> Account | None:
    """EMIAS' account of this login."""
    return next((one for one in STAFF if one.login == login), None)


def basic(request: web.Request, find: Callable[[str], Account | None], role: str) -> str:
    """The login of an `Authorization: Basic` call; Refusal with 401 for wrong ones, 403 for another role."""
    try:
        given = BasicAuth.decode(request.headers.get("Authorization", ""), "utf-8")
    except (ValueError, binascii.Error):
        raise _unknown("нужен заголовок Authorization: Basic с логином и паролем") from None
    account = find(given.login)
    if account is None or not hmac.compare_digest(account.password.encode(), given.password.encode()):
        raise _unknown("неверный логин или пароль")
    if account.role != role:
        raise Refusal(Reason.NOT_ALLOWED, "Этой учётной записи регистрация систем не разрешена")
    return account.login


def _unknown(why: str) -> Refusal:
    headers = {"WWW-Authenticate": 'Basic realm="registration", charset="UTF-8"'}
    return Refusal(Reason.CREDENTIALS_WRONG, f"Вход не выполнен: {why}", headers=headers)
