"""Scopes of ЕСИА: which there are, what a person reads of them on the consent page (facts/gosuslugi.md §1.9)."""

from __future__ import annotations

import re

from medmost_stand.gosuslugi.esia.refusals import EsiaRefusal

API_ORDER, API_GEPS = "http://lk.gosuslugi.ru/api-order", "http://lk.gosuslugi.ru/api-geps"
CHANGED_CONSENT = "prm_chg"  # asked for with client_credentials: a token after the person changed the consent

PERSONAL: dict[str, str] = {
    "openid": "Вход на сайт с учётной записью Госуслуг",
    "fullname": "Фамилия, имя, отчество",
    "birthdate": "Дата рождения",
    "birthplace": "Место рождения",
    "gender": "Пол",
    "citizenship": "Гражданство",
    "snils": "СНИЛС",
    "inn": "ИНН",
    "id_doc": "Документ, удостоверяющий личность",
    "email": "Адрес электронной почты",
    "mobile": "Номер мобильного телефона",
    "contacts": "Контакты",
    "addresses": "Адреса",
    "vehicles": "Транспортные средства",
    "medical_doc": "Полис ОМС",
    "military_doc": "Военный билет",
    "foreign_passport_doc": "Заграничный паспорт",
    "drivers_licence_doc": "Водительское удостоверение",
    "birth_cert_doc": "Свидетельство о рождении",
    "residence_doc": "Вид на жительство",
    "temporary_residence_doc": "Разрешение на временное проживание",
    "usr_org": "Организации, в которых вы работаете",
    "usr_avt": "Фотография",
    "self_employed": "Статус самозанятого",
    "categories": "Льготные категории",
    "kid_fullname": "Фамилия, имя, отчество ребёнка",
    "kid_birthdate": "Дата рождения ребёнка",
    "kid_gender": "Пол ребёнка",
    "kid_snils": "СНИЛС ребёнка",
    "kid_inn": "ИНН ребёнка",
    "kid_birth_cert_doc": "Свидетельство о рождении ребёнка",
    "kid_medical_doc": "Полис ОМС ребёнка",
    "remd_medical_doc": "Электронные медицинские документы",
    "health_ext": "Состояние здоровья",
    API_ORDER: "Отправка заявлений от вашего имени",
    API_GEPS: "Государственная электронная почта",
}
ORGANISATIONAL = frozenset(
    """org_shortname org_fullname org_type org_ogrn org_inn org_leg org_kpp org_agencyterrange org_agencytype
    org_oktmo org_ctts org_addrs org_vhls org_grps org_emps org_brhs org_brhs_ctts org_brhs_addrs org_rcs org_stms
    org_invts""".split()
)
_ORGANISATIONAL = re.compile(r"(?:http://esia\.gosuslugi\.ru/)?(\w+)(?:\?org_oid=(\d+))?")
_CHANGED = re.compile(rf"{CHANGED_CONSENT}\?oid=(\d+)")


def personal(scope: str, allowed: tuple[str, ...] | None) -> tuple[str, ...]:
    """The names of a scope parameter, each once, as asked; an `?oid=…` behind a name is taken off.

    Raises EsiaRefusal ESIA-007013 for none and ESIA-007006 for an unknown one or one the system may not ask for.
    """
    names = tuple(dict.fromkeys(name.partition("?oid=")[0] for name in scope.split()))
    if not names:
        raise EsiaRefusal("ESIA-007013")
    for name in names:
        if name not in PERSONAL or (allowed is not None and name not in allowed):
            raise EsiaRefusal("ESIA-007006", name if name in PERSONAL else "scope")
    return names


def organisational(scope: str) -> tuple[str, ...]:
    """The oids of the organisations a scope_org parameter names, "" where it names none of them.

    Raises EsiaRefusal ESIA-007006 for an unknown name.
    """
    oids = []
    for name in scope.split():
        found = _ORGANISATIONAL.fullmatch(name)
        if found is None or found[1] not in ORGANISATIONAL:
            raise EsiaRefusal("ESIA-007006", "scope_org")
        oids.append(found[2] or "")
    return tuple(oids)


def changed_consent_of(scope: str) -> int | None:
    """The person's oid of `prm_chg?oid=…`; None for any other scope."""
    found = _CHANGED.fullmatch(scope.strip())
    return int(found[1]) if found else None
