"""The fields Gosuslugi checks, by the names of design.md §6 (column G); other fields are kept unchecked."""

from __future__ import annotations

from medmost_stand import formats as f
from medmost_stand.dialect import Field, Form, VisitWords

_SNILS = f.pattern(r"\d{3}-\d{3}-\d{3} \d{2}", "СНИЛС вида 112-233-445 95")
_PHONE = f.pattern(r"\+7\(\d{3}\)\d{7}", "телефон вида +7(910)2206415")
_YES_NO = f.codes("Да", "Нет")
_STATUSES = ("Записан", "Прибыл", "Завершён", "Не явился", "Отменена", "Отклонена")

_POLICIES = Form(
    "policies",
    (
        Field("Номер полиса", f.POLICY, required=True),
        Field("Вид полиса", f.TEXT, required=True),
        Field("Фамилия", f.TEXT, required=True),
        Field("Имя", f.TEXT, required=True),
        Field("Отчество", f.TEXT),
        Field("Дата рождения", f.RU_DATE, required=True),
        Field("Пол", f.codes("Мужской", "Женский"), required=True),
        Field("СНИЛС", _SNILS),
        Field("Телефон", _PHONE),
        Field("Электронная почта", f.EMAIL),
        Field("Дата выдачи", f.RU_DATE),
        Field("Действует до", f.RU_DATE),
        Field("Поликлиника прикрепления", f.OID),
        Field("Статус", f.codes("Действует", "Погашен"), required=True),
    ),
    key=("Номер полиса",),
    unique=True,
)
_ORGANIZATIONS = Form(
    "organizations",
    (
        Field("OID", f.OID, required=True),
        Field("Полное наименование", f.TEXT, required=True),
        Field("Краткое наименование", f.TEXT),
        Field("Головная организация", f.OID),
        Field("ИНН", f.INN),
        Field("ОГРН", f.OGRN),
        Field("КПП", f.KPP),
        Field("Широта", f.COMMA_NUMBER),
        Field("Долгота", f.COMMA_NUMBER),
        Field("Действует", _YES_NO),
    ),
    key=("OID",),
    unique=True,
)
_SCHEDULES = Form(
    "schedules",
    (
        Field("Расписание", f.IDENTIFIER, required=True),
        Field("СНИЛС врача", _SNILS, required=True),
        Field("Фамилия врача", f.TEXT, required=True),
        Field("Имя врача", f.TEXT, required=True),
        Field("Отчество врача", f.TEXT),
        Field("Код специальности", f.IDENTIFIER),
        Field("Специальность", f.TEXT),
        Field("OID организации", f.OID, required=True, refers="organizations"),
        Field("Кабинет", f.IDENTIFIER),
        Field("Период с", f.RU_DATE),
        Field("Период по", f.RU_DATE),
        Field("Самозапись", _YES_NO),
    ),
    key=("Расписание",),
    unique=True,
)
_SLOTS = Form(
    "slots",
    (
        Field("Расписание", f.IDENTIFIER, required=True, refers="schedules"),
        Field("Начало", f.RU_TIME, required=True),
        Field("Окончание", f.RU_TIME),
        Field("Состояние", f.codes("Свободно", "Занято", "Закрыто"), required=True),
    ),
    key=("Расписание", "Начало"),
    unique=True,
)
_VISITS = Form(
    "visits",
    (
        Field("Номер полиса", f.POLICY, required=True, refers="policies"),
        Field("OID организации", f.OID, required=True, refers="organizations"),
        Field("СНИЛС врача", _SNILS, required=True),
        Field("Начало приёма", f.RU_TIME, required=True),
        Field("Окончание приёма", f.RU_TIME),
        Field("Расписание", f.IDENTIFIER),
        Field("Статус записи", f.codes(*_STATUSES), required=True),
        Field("Кем записан", f.codes("Пациент", "Регистратура", "Врач")),
    ),
    key=("Номер полиса", "OID организации", "СНИЛС врача", "Начало приёма"),
    unique=False,
)
_RESULTS = Form(
    "results",
    (
        Field("Номер документа", f.IDENTIFIER, required=True),
        Field("Номер полиса", f.POLICY, required=True, refers="policies"),
        Field("Категория", f.codes("Лабораторное", "Диагностическое"), required=True),
        Field("Наименование", f.TEXT, required=True),
        Field("Статус", f.codes("Готов", "Предварительный", "Отменён"), required=True),
        Field("Дата взятия", f.RU_DATE_OR_TIME),
        Field("Дата выдачи", f.RU_DATE_OR_TIME),
        Field("OID организации", f.OID, refers="organizations"),
        Field("Показатели", f.ITEMS),
    ),
    key=("Номер документа",),
    unique=True,
)
_VACCINATIONS = Form(
    "vaccinations",
    (
        Field("Номер полиса", f.POLICY, required=True, refers="policies"),
        Field("Инфекция", f.TEXT, required=True),
        Field("Дата вакцинации", f.RU_DATE, required=True),
        Field("Доза", f.IDENTIFIER, required=True),
        Field("OID организации", f.OID, refers="organizations"),
    ),
    key=("Номер полиса", "Инфекция", "Дата вакцинации", "Доза"),
    unique=False,
)
_REQUESTS = Form("requests", (Field("order.id", f.IDENTIFIER, required=True),), key=("order.id",), unique=True)

FORMS = {
    form.collection: form
    for form in (
        _POLICIES,
        _ORGANIZATIONS,
        _SCHEDULES,
        _SLOTS,
        _VISITS,
        _RESULTS,
        _VACCINATIONS,
        _REQUESTS,
    )
}

VISIT = VisitWords(
    status="Статус записи",
    booked="Записан",
    live=frozenset({"Записан", "Прибыл"}),
    onward={
        "Записан": frozenset({"Прибыл", "Завершён", "Не явился", "Отменена", "Отклонена"}),
        "Прибыл": frozenset({"Завершён", "Не явился"}),
        "Завершён": frozenset(),
        "Не явился": frozenset(),
        "Отменена": frozenset(),
        "Отклонена": frozenset(),
    },
    schedule="Расписание",
    start="Начало приёма",
    slot_schedule="Расписание",
    slot_start="Начало",
    slot_status="Состояние",
    free="Свободно",
    busy="Занято",
    cancelled="Отменена",
    rejected="Отклонена",
    cancel_reason="Причина отмены",
    period_from="Период с",
    period_to="Период по",
    keeps_grid=False,
)
