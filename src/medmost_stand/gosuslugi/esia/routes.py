"""The table of ЕСИА's calls."""

from __future__ import annotations

from typing import Any

from medmost_stand.api import Parameter, Route
from medmost_stand.gosuslugi.esia.build import Esia
from medmost_stand.gosuslugi.esia.login import CONSENTS
from medmost_stand.gosuslugi.esia.rest import OPENED_BY

_HTML = "text/html"
_FORM = "application/x-www-form-urlencoded"
_TEXT: dict[str, Any] = {"type": "string"}
_HASH = ("client_certificate_hash", "ГОСТ Р 34.11-2012 (256) от DER сертификата, 64 знака")
_SHARED = (
    ("client_id", "Мнемоника системы"),
    ("client_secret", "Подпись, base64: CMS в v1, 64 байта в v2 и v3"),
    ("scope", "Области доступа через пробел"),
    ("timestamp", "yyyy.MM.dd HH:mm:ss Z"),
    ("state", "UUID"),
)
_ASK = (*_SHARED, ("redirect_uri", "Зарегистрированный адрес возврата"), ("response_type", "code"))
_MAY_ASK = (
    ("scope_org", "Области доступа организации"),
    ("access_type", "online или offline"),
    ("permissions", "Согласия, base64url от JSON"),
    ("code_challenge", "PKCE, S256"),
    ("code_challenge_method", "S256"),
    ("obj_type", "Вид субъекта"),
    ("roles", "Роли"),
    ("person_filter", "Не применяется"),
)
_EXCHANGE = (
    *(name for name, _ in _SHARED),
    *("grant_type", "code", "refresh_token", "redirect_uri", "scope_org", "token_type", "code_verifier"),
)
_OAUTH_ERROR = {
    "type": "object",
    "required": ["error", "error_description", "state"],
    "properties": {"error": _TEXT, "error_description": {"type": "string", "pattern": "^ESIA-"}, "state": _TEXT},
}
_TOKENS = {
    "type": "object",
    "required": ["access_token", "token_type", "expires_in", "state"],
    "properties": {
        "access_token": _TEXT,
        "id_token": _TEXT,
        "refresh_token": _TEXT,
        "token_type": {"const": "Bearer"},
        "expires_in": {"type": "integer"},
        "state": _TEXT,
    },
}
_ACCESS_TOKEN = {
    "type": "object",
    "required": ["accessTkn"],
    "properties": {"accessTkn": _TEXT, "expiresIn": {"type": "integer"}},
}
_PERSON = {
    "type": "object",
    "required": ["stateFacts", "eTag", "trusted", "status"],
    "properties": {"eTag": {"type": "string", "pattern": "^[0-9a-f]{40}$"}, "trusted": {"type": "boolean"}},
}
_COLLECTION = {
    "type": "object",
    "required": ["stateFacts", "size", "eTag", "elements"],
    "properties": {"size": {"type": "integer"}, "elements": {"type": "array"}},
}
_ELEMENT = {"type": "object", "required": ["id", "eTag"]}
_SWITCHES = {
    "type": "object",
    "properties": {
        "skew": {"type": "number"},
        "legacy_rsa": {"type": "boolean"},
        "auto_login": {"type": ["string", "null"]},
        "trouble": {"type": ["string", "null"]},
        "trouble_count": {"type": "integer"},
    },
}
_PAGE = {200: "Страница", 302: "Переход", 400: "Запрос на вход устарел", 401: "Неверный логин или пароль"}


def esia_routes(esia: Esia) -> list[Route]:
    """Tokens of systems and of people, pages, data of a person, switches."""
    signature = Parameter("signature", "query", "base64 CMS-подписи строки ключа API", required=True)
    answers = {200: "Маркер accessTkn", 401: "Ключ или подпись не приняты"}
    path, summary = "/esia-rs/api/public/v1/orgs/ext-app/{api_key}/tkn", "Маркер доступа системы организации"
    token = esia.ext_app.token
    return [
        Route(
            "GET", path, token, summary, "open",
            parameters=(signature,), answers=answers, schemas={200: _ACCESS_TOKEN},
        ),
        *_oauth(esia),
        *_pages(esia),
        *_rest(esia),
        *_admin(esia),
    ]  # fmt: skip


def _oauth(esia: Esia) -> list[Route]:
    first, second = esia.authorization.first, esia.authorization.second
    old, new = esia.token.first, esia.token.third
    return [
        _authorize("/aas/oauth2/ac", first, _ASK, "Авторизационный код, v1"),
        _authorize("/aas/oauth2/v2/ac", second, (*_ASK, _HASH), "Авторизационный код, v2"),
        _exchange("/aas/oauth2/te", old, "Маркеры, v1"),
        _exchange("/aas/oauth2/v2/te", new, "Маркеры, v3 под адресом v2"),
        _exchange("/aas/oauth2/v3/te", new, "Маркеры, v3"),
    ]


def _authorize(path: str, handler: Any, needed: tuple[tuple[str, str], ...], summary: str) -> Route:
    parameters = tuple(Parameter(name, "query", text, required=True) for name, text in needed)
    parameters += tuple(Parameter(name, "query", text) for name, text in _MAY_ASK)
    answers = {302: "К странице входа или обратно к системе", 400: "Страница с кодом ошибки"}
    return Route("GET", path, handler, summary, "open", parameters=parameters, answers=answers, answer_type=_HTML)


def _exchange(path: str, handler: Any, summary: str) -> Route:
    form = {
        "type": "object",
        "required": [name for name, _ in _SHARED] + ["grant_type"],
        "properties": dict.fromkeys((*_EXCHANGE, _HASH[0]), _TEXT),
    }
    answers = {200: "Маркеры", 400: "Код ЕСИА в error_description", 500: "ESIA-007007", 503: "ESIA-007008"}
    schemas: dict[int, dict[str, Any]] = {200: _TOKENS, 400: _OAUTH_ERROR, 500: _OAUTH_ERROR, 503: _OAUTH_ERROR}
    return Route("POST", path, handler, summary, "open", "", (), form, answers, _FORM, schemas=schemas)


def _pages(esia: Esia) -> list[Route]:
    login = esia.login
    named = (Parameter("request", "query", "Запрос на вход"),)
    out = (Parameter("client_id", "query", "Мнемоника"), Parameter("redirect_url", "query", "Куда вернуться"))
    ended = {200: "Страница", 302: "Возврат к системе"}
    form: dict[str, Any] = {"type": "object", "properties": {"request": _TEXT}}
    pages: list[tuple[str, str, Any, str]] = [
        ("GET", "/idp/login", login.login_page, "Страница входа"),
        ("POST", "/idp/login", login.login, "Вход"),
        ("GET", "/idp/consent", login.consent_page, "Страница согласия"),
        ("POST", "/idp/consent", login.consent, "Согласие или отказ"),
        ("GET", CONSENTS, login.consents_page, "Действующие согласия"),
        ("POST", CONSENTS, login.withdraw, "Отзыв согласия"),
    ]
    return [
        *(
            Route(
                method, path, handler, summary, "open",
                parameters=named if method == "GET" else (), body=form if method == "POST" else None,
                answers=_PAGE, body_type=_FORM, answer_type=_HTML,
            )
            for method, path, handler, summary in pages
        ),
        Route("GET", "/idp/ext/Logout", login.logout, "Выход", "open", "", out, None, ended, answer_type=_HTML),
        Route("GET", "/idp/style.css", login.style, "Оформление", "open", answer_type="text/css"),
        Route("GET", "/public/esia.zip", esia.public_keys, "Сертификаты ключей", "open", answer_type="application/zip"),
    ]  # fmt: skip


def _rest(esia: Esia) -> list[Route]:
    rest = esia.rest
    embed = (Parameter("embed", "query", "(elements) или (documents.elements,…)"),)
    base = "/rs/prns/{oid}"
    wrong = {400: "Неверный embed", 404: "Такого раздела или записи нет", 403: "Область доступа не разрешена"}
    names = "|".join(OPENED_BY)

    def row(path: str, handler: Any, summary: str, schema: dict[str, Any]) -> Route:
        return Route(
            "GET", path, handler, summary, "token",
            parameters=embed, answers={200: summary, **wrong}, schemas={200: schema}, gate=rest.gate,
        )  # fmt: skip

    return [
        row(base, rest.person, "Физическое лицо", _PERSON),
        row(base + f"/{{collection:{names}}}", rest.collection, "Раздел", _COLLECTION),
        row(base + f"//{{collection:{names}}}", rest.collection, "Раздел, с двойной чертой", _COLLECTION),
        row(base + f"/{{collection:{names}}}/{{element}}", rest.element, "Запись раздела", _ELEMENT),
    ]


def _admin(esia: Esia) -> list[Route]:
    admin, record = esia.admin, {"type": "object"}
    return [
        Route("GET", "/stand/esia", admin.show, "Переключатели ЕСИА", "loopback"),
        Route(
            "PUT",
            "/stand/esia",
            admin.change,
            "Задать переключатели ЕСИА",
            "loopback",
            body=_SWITCHES,
            answers={200: "Теперь так", 400: "Такого переключателя нет"},
        ),
        Route("GET", "/stand/esia/systems", admin.systems, "Реестр систем", "loopback"),
        Route(
            "PUT",
            "/stand/esia/systems/{mnemonic}",
            admin.register,
            "Внести систему",
            "loopback",
            body=record,
            answers={200: "Изменена", 201: "Внесена", 400: "Неверное поле"},
        ),
    ]
