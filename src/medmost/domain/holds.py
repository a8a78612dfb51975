"""Why nothing may be written until a person has looked: the brakes by name (fact sheet *reliability* F30–F37).

What trips one is arithmetic elsewhere; here is what it is called and what is said of it. None of the words is about a
record: a hold is shown in notices and metrics.
"""

from __future__ import annotations

from typing import Final

import msgspec


class Reason(msgspec.Struct, frozen=True):
    """What has happened, and what a person does about it, in Russian and English."""

    ru: str
    en: str
    do_ru: str
    do_en: str

    def text(self, lang: str = "ru") -> str:
        return self.ru if lang == "ru" else self.en

    def advice(self, lang: str = "ru") -> str:
        return self.do_ru if lang == "ru" else self.do_en


_REAL_RU: Final = "Спросите в той системе, так ли это задумано; затем medmost brakes release"
_REAL_EN: Final = "Ask in that system whether this was meant; then medmost brakes release"

REASONS: Final[dict[str, Reason]] = {  # by code
    "MM-BRAKE-DELETES": Reason(
        "слишком много удалений за проход", "too many deletes in one pass", _REAL_RU, _REAL_EN
    ),
    "MM-BRAKE-CHANGES": Reason(
        "за проход изменилась большая часть записей", "most records changed in one pass",
        _REAL_RU, _REAL_EN,
    ),
    "MM-BRAKE-EMPTY": Reason(
        "система показывает пустой список вместо своих записей",
        "the system shows an empty list in place of its records", _REAL_RU, _REAL_EN,
    ),
    "MM-BRAKE-VERSIONS": Reason(
        "номера версий пошли назад: система восстановлена из копии",
        "versions went back: the system was restored from a backup",
        "Спросите, с какого времени копия; сверьте medmost audit; затем medmost brakes release",
        "Ask how old the backup was; compare with medmost audit; then medmost brakes release",
    ),
    "MM-BRAKE-CANARY": Reason(
        "контрольная запись пропала или изменилась", "the canary record is gone or has changed",
        "Проверьте, та ли это система; верните контрольную запись или medmost brakes release",
        "See whether this is the right system; bring the canary record back, or medmost brakes release",
    ),
    "MM-BRAKE-ENVIRONMENT": Reason(
        "система называет другую среду, чем в настройках",
        "the system names another environment than the settings do",
        "Исправьте base_url или environment; затем medmost brakes release",
        "Mend base_url or environment; then medmost brakes release",
    ),
    "MM-BRAKE-RULES": Reason(
        "адрес или учётная запись системы в настройках другие, чем были",
        "the settings name another address or account of a system than before",
        "Убедитесь, что это та же система (medmost check, medmost audit); затем medmost brakes release",
        "Make sure that it is the same system (medmost check, medmost audit); then medmost brakes release",
    ),
    "MM-BRAKE-MAPPING": Reason(
        "таблица полей вида изменилась", "the kind's mapping has changed",
        "Посмотрите, что изменится у записей: medmost mapping diff; затем medmost mapping apply",
        "See what becomes of the records: medmost mapping diff; then medmost mapping apply",
    ),
}  # fmt: skip

DRIFTS: Final[dict[str, tuple[str, str]]] = {
    "MM-DRIFT-RENAMED": ("поле называется иначе", "a field has another name"),
    "MM-DRIFT-LOST": ("поле больше не показывается", "a field is shown no more"),
    "MM-DRIFT-RETYPED": ("значения поля другого типа", "a field's values are of another type"),
    "MM-DRIFT-FORMAT": ("значения поля в другом формате", "a field's values have another format"),
    "MM-DRIFT-CODE": ("в поле новые коды", "a field has new codes"),
}
"""What a changed shape is called in Russian and English, by code: a field of a kind is held (reliability F28)."""
