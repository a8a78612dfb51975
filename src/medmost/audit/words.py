"""The words of an audit report, in Russian and in English."""

from __future__ import annotations

from typing import Final, Literal

Lang = Literal["ru", "en"]

WORDS: Final[dict[str, tuple[str, str]]] = {
    "title": ("Сверка Госуслуг и ЕМИАС", "Audit of Gosuslugi and EMIAS"),
    "healthy": ("Системы сходятся: неизвестных расхождений нет", "The systems agree: no unknown differences"),
    "unhealthy": ("Найдены расхождения, о которых никто не знал", "Differences were found that nobody knew of"),
    "started": ("Начата", "Started"),
    "finished": ("Закончена", "Finished"),
    "mapping": ("Сопоставление полей", "Field mapping"),
    "objects": ("Объекты по видам", "Objects by kind"),
    "listed": ("Расхождения", "Differences"),
    "known": ("Уже в списке у оператора", "On an operator's list already"),
    "foreign_list": (
        "Посторонние записи (есть только там, где их не заводят; не расхождения)",
        "Foreign records (only where none is made; no differences)",
    ),
    "kind": ("Вид", "Kind"),
    "what": ("Что", "What"),
    "key": ("Ключ (скрыт)", "Key (masked)"),
    "fields": ("Поля", "Fields"),
    "ref_gosuslugi": ("Запись Госуслуг", "Gosuslugi record"),
    "ref_emias": ("Запись ЕМИАС", "EMIAS record"),
    "state": ("Состояние", "State"),
    "number": ("Число", "Number"),
    "none": ("Нет", "None"),
    "more": ("Показаны не все: см. число в таблице", "Not all are listed: see the number in the table"),
    # accounts of a kind
    "gosuslugi": ("Записей Госуслуг", "Gosuslugi records"),
    "emias": ("Записей ЕМИАС", "EMIAS records"),
    "level": ("Сходятся", "Level"),
    "rejected": ("Отклонены и верны", "Rejected, level alone"),
    "missing_at_gosuslugi": ("Нет в Госуслугах", "Missing at Gosuslugi"),
    "missing_at_emias": ("Нет в ЕМИАС", "Missing at EMIAS"),
    "differing": ("Различаются", "Differing"),
    "duplicate": ("Двойники", "Duplicates"),
    "invalid": ("Не по сопоставлению", "Do not fit the mapping"),
    "foreign": ("Посторонние", "Foreign"),
    "former": ("Прежние", "Former"),
    "moving": ("Менялись при сверке", "Kept changing"),
    "no_consent": ("Без согласия", "Without consent"),
    "expired": ("Время прошло", "Time has passed"),
    "findings": ("Неизвестных", "Unknown"),
    # open states that account for a difference
    "conflict": ("спор значений", "conflict"),
    "refused": ("отказ системы", "refused"),
    "ambiguous": ("неоднозначно", "ambiguous"),
    "quarantined": ("карантин", "quarantined"),
}


def word(name: str, lang: Lang) -> str:
    ru, en = WORDS[name]
    return ru if lang == "ru" else en
