"""The steps of a registration: which are done, what the others wait for, and from whom."""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec

from medmost.launch.installation import KEPT, Installation


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """`todo` says what to do and whom to ask while the step is not done; `asks` which answers it takes."""

    code: str
    done: bool
    ru: str
    en: str
    todo_ru: str
    todo_en: str
    asks: tuple[str, ...] = ()


def console_url(place: Installation) -> str:
    """The address that both systems send their notices to."""
    public = place.value("medmost.toml", "console", "public_url")
    host, port = (place.value("medmost.toml", "console", key) for key in ("host", "port"))
    return (public or f"http://{host or '127.0.0.1'}:{port or 8800}").rstrip("/")


def steps(place: Installation) -> list[Step]:
    """All of them, in the order in which they are best done."""
    return [*_signature(place), *_gosuslugi(place), *_emias(place), _webhooks(place)]


def _signature(place: Installation) -> list[Step]:
    organization = [place.value(KEPT, "organization", field) for field in ("name", "ogrn", "inn")]
    own_means = place.value("systems.toml", "gosuslugi", "signer") == "command"
    key = own_means or bool(place.secret("gosuslugi.key.pem"))
    request = own_means or bool(place.paper("gosuslugi.request.pem"))
    return [
        _step("ORGANIZATION", all(organization), "Организация: название, ОГРН, ИНН",
              "The organization: name, OGRN, INN", "впишите реквизиты организации",
              "enter the organization's details", "organization.name", "organization.ogrn", "organization.inn"),
        _step("KEY", key, "Ключ электронной подписи", "The signing key",
              "ключ создаётся сам, как только названа организация",
              "the key is made as soon as the organization is named"),
        _step("REQUEST", request, "Запрос на сертификат: access/gosuslugi.request.pem",
              "The certificate request: access/gosuslugi.request.pem",
              "запрос создаётся вместе с ключом", "the request is made together with the key"),
        _step("CERTIFICATE", bool(place.secret("gosuslugi.cert.pem")), "Сертификат подписи организации",
              "The organization's signing certificate",
              "отправьте access/gosuslugi.request.pem в удостоверяющий центр (на стенде — в кабинет разработчика); "
              "полученный файл: medmost access --set gosuslugi.certificate=file:ПУТЬ",
              "send access/gosuslugi.request.pem to a certification centre (at the stand: to the developer's cabinet); "
              "then: medmost access --set gosuslugi.certificate=file:PATH", "gosuslugi.certificate"),
    ]  # fmt: skip


def _gosuslugi(place: Installation) -> list[Step]:
    address = place.value("systems.toml", "gosuslugi", "base_url")
    mnemonic = place.value("systems.toml", "gosuslugi", "client")
    return [
        _step("GOSUSLUGI-ADDRESS", _real(address), "Адрес Госуслуг", "Gosuslugi's address",
              "адрес стоит в вашем соглашении с оператором Госуслуг",
              "it stands in your agreement with Gosuslugi's operator", "gosuslugi.base_url"),
        _step("GOSUSLUGI-SYSTEM", bool(mnemonic), "Информационная система на Госуслугах",
              "The information system at Gosuslugi",
              "зарегистрируйте систему в кабинете разработчика Госуслуг: access/gosuslugi.txt говорит, что вписать",
              "register the system in Gosuslugi's developer's cabinet: access/gosuslugi.txt says what to enter",
              "gosuslugi.client"),
        _step("GOSUSLUGI-KEY", bool(place.secret("gosuslugi.api-key")), "Ключ API Госуслуг", "Gosuslugi's API key",
              "создайте ключ API в кабинете разработчика, он показывается один раз",
              "make an API key in the developer's cabinet, it is shown once", "gosuslugi.api_key"),
    ]  # fmt: skip


def _emias(place: Installation) -> list[Step]:
    address = place.value("systems.toml", "emias", "base_url")
    client = place.value("systems.toml", "emias", "client_id")
    return [
        _step("EMIAS-ADDRESS", _real(address), "Адрес ЕМИАС", "EMIAS' address",
              "адрес стоит в вашем соглашении с оператором ЕМИАС",
              "it stands in your agreement with EMIAS' operator", "emias.base_url"),
        _step("EMIAS-POINT", bool(client and place.secret("emias.client-secret")), "Точка интеграции ЕМИАС",
              "EMIAS' integration point",
              "попросите оператора ЕМИАС завести точку интеграции: access/emias.txt говорит, что ему отправить",
              "ask EMIAS' operator for an integration point: access/emias.txt says what to send",
              "emias.client_id", "emias.client_secret"),
        _step("EMIAS-KEY", bool(place.secret("emias.api-key")), "Ключ API ЕМИАС", "EMIAS' API key",
              "ключ API выдают вместе с точкой интеграции", "the API key comes with the integration point",
              "emias.api_key"),
    ]  # fmt: skip


def _webhooks(place: Installation) -> Step:
    secrets = [place.secret(f"{side}.webhook") for side in ("gosuslugi", "emias")]
    address = f"{console_url(place)}/hooks/"
    return _step("WEBHOOKS", all(secrets), f"Уведомления: {address}gosuslugi и {address}emias",
                 f"Webhooks: {address}gosuslugi and {address}emias",
                 "секреты уведомлений создаются сами", "the secrets of webhooks are made by themselves")  # fmt: skip


def _real(address: str) -> bool:
    """`medmost init` writes addresses that lead nowhere (RFC 2606)."""
    host = urlsplit(address).hostname or ""
    return bool(host) and not host.endswith(".invalid")


def _step(code: str, done: bool, ru: str, en: str, todo_ru: str, todo_en: str, *asks: str) -> Step:
    return Step(code=code, done=done, ru=ru, en=en, todo_ru=todo_ru, todo_en=todo_en, asks=asks)
