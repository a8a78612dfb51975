"""ЕСИА's refusals: every code of facts/gosuslugi.md §1.7 with its OAuth error and its meaning.

The English sentences of 007014 are recorded ones; the others say the meaning in the words of RFC 6749.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Meaning:
    """`error` as in the answer, `english` for error_description, `russian` for the page a person sees."""

    error: str
    english: str
    russian: str


def _invalid(english: str, russian: str) -> Meaning:
    return Meaning("invalid_request", english, russian)


MEANINGS: dict[str, Meaning] = {
    "ESIA-007002": Meaning(
        "unauthorized_client",
        "The certificate does not belong to the client system or the system has no certificate",
        "Несоответствие сертификата и мнемоники информационной системы, или у системы нет сертификата в ЕСИА",
    ),
    "ESIA-007003": _invalid(
        "The request is missing a parameter, has an invalid parameter value or a parameter more than once",
        "В запросе нет обязательного параметра, у параметра неверное значение или он повторён",
    ),
    "ESIA-007004": Meaning(
        "access_denied",
        "The resource owner or authorization server denied the request",
        "Владелец ресурса или сервис авторизации отклонил запрос",
    ),
    "ESIA-007005": Meaning(
        "unauthorized_client",
        "The client is not authorized to request an access token using this method",
        "Система-клиент не имеет права запрашивать маркер таким методом",
    ),
    "ESIA-007006": Meaning(
        "invalid_scope",
        "The requested scope is invalid, unknown or malformed",
        "Запрошенная область доступа неверна, неизвестна или сформирована некорректно",
    ),
    "ESIA-007007": Meaning(
        "server_error",
        "The authorization server encountered an unexpected error",
        "Неожиданная ошибка сервиса авторизации",
    ),
    "ESIA-007008": Meaning(
        "temporarily_unavailable",
        "The authorization server is overloaded or under maintenance",
        "Сервис авторизации перегружен или на обслуживании",
    ),
    "ESIA-007009": Meaning(
        "unsupported_response_type",
        "Obtaining an authorization code using this method is not supported",
        "Метод получения авторизационного кода не поддерживается",
    ),
    "ESIA-007011": Meaning(
        "invalid_grant",
        "The code or refresh token is invalid, expired, revoked, was issued for another redirection URI or client",
        "Код или маркер обновления недействителен, просрочен, отозван, выдан для другого адреса или другой системы",
    ),
    "ESIA-007012": Meaning(
        "unsupported_grant_type",
        "The authorization grant type is not supported",
        "Тип авторизационного кода не поддерживается",
    ),
    "ESIA-007013": Meaning("invalid_scope", "The request does not contain scope", "В запросе нет области доступа"),
    "ESIA-007014": _invalid(
        "The request doesn't contain the mandatory parameter", "В запросе нет обязательного параметра"
    ),
    "ESIA-007015": _invalid("The time of the request is wrong", "Неверное время запроса"),
    "ESIA-007019": Meaning(
        "access_denied", "There is no permission for the access", "Отсутствует разрешение на доступ"
    ),
    "ESIA-007023": _invalid(
        "The redirect_uri is absent among the allowed ones", "Адрес возврата отсутствует среди разрешённых"
    ),
    "ESIA-007038": _invalid("The parameters cannot be read", "Ошибка получения параметров"),
    "ESIA-007039": _invalid("No code_challenge was given", "Не был указан code_challenge"),
    "ESIA-007040": _invalid("The code_verifier does not match", "Не сошёлся code_verifier"),
    "ESIA-007046": _invalid("A one-time password is impossible", "Одноразовый пароль невозможен"),
    "ESIA-007053": Meaning(
        "access_denied",
        "OAuthErrorEnum.clientSecretWrong",
        "Подпись запроса сформирована некорректно, не соответствует системе или её сертификат не активен",
    ),
    "ESIA-007055": Meaning("access_denied", "The account is not confirmed", "Вход с неподтверждённой учётной записью"),
    "ESIA-007060": _invalid("The parameter roles is wrong", "Неверный параметр roles"),
    "ESIA-007061": _invalid("The parameter obj_type is wrong", "Неверный параметр obj_type"),
    "ESIA-007062": _invalid("The type or the role is wrong", "Неверный тип или роль"),
    "ESIA-007194": Meaning(
        "invalid_scope",
        "A scope of an organisation the person is not employed by",
        "Запрошена область доступа организации, сотрудником которой пользователь не является",
    ),
    "ESIA-008010": Meaning(
        "unauthorized_client",
        "The client system cannot be authenticated",
        "Не удалось аутентифицировать систему-клиента",
    ),
    "ESIA-036700": _invalid("Permissions: no sysname", "Согласие: нет мнемоники типа согласия"),
    "ESIA-036701": _invalid("Permissions: unknown sysname", "Согласие: тип согласия не найден"),
    "ESIA-036702": _invalid("Permissions: a mandatory scope is missing", "Согласие: нет обязательной области доступа"),
    "ESIA-036703": _invalid(
        "Permissions: scopes beyond the allowed ones", "Согласие: области доступа вне разрешённых этому типу"
    ),
    "ESIA-036704": _invalid("Permissions: forbidden scopes", "Согласие: области доступа запрещены этому типу"),
    "ESIA-036705": _invalid("Permissions: no action", "Согласие: нет действия"),
    "ESIA-036706": _invalid("Permissions: unknown action", "Согласие: действие не существует"),
    "ESIA-036707": _invalid("Permissions: no purpose", "Согласие: нет цели"),
    "ESIA-036716": _invalid("Permissions: wrong expire", "Согласие: неверный срок"),
    "ESIA-036726": _invalid("Permissions: unknown purpose", "Согласие: цель не существует"),
    "ESIA-036727": _invalid("Permissions: one purpose is needed", "Согласие: нужна ровно одна цель"),
}


class EsiaRefusal(Exception):
    """A request refused with one of the codes; `detail` names the parameter, never its value."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.meaning = MEANINGS[code]
        self.detail = detail

    @property
    def description(self) -> str:
        """`ESIA-007014: … [client_certificate_hash].` as error_description carries it."""
        return f"{self.code}: {self.meaning.english}" + (f" [{self.detail}]." if self.detail else ".")


def missing(name: str) -> EsiaRefusal:
    """A mandatory parameter is absent or empty."""
    return EsiaRefusal("ESIA-007014", name)
