"""What of the order API can be set while the stand runs (`PUT /stand/orders`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from medmost_stand.refusal import Reason, Refusal

# code -> HTTP status and message; the specification tabulates no statuses (facts/gosuslugi.md §2.9), these are ours
CODES: dict[str, tuple[int, str]] = {
    "access_denied_person_permissions": (
        403,
        "Пользователь не дал согласие Вашей системе на выполнение данной операции",
    ),
    "access_denied_personal_data": (403, "Доступ к файлам запрещен, так как в них имеются персональные данные"),
    "access_denied_service": (403, "Доступ ВИС к запрашиваемой услуге запрещен"),
    "access_denied_system": (403, "Доступ запрещен для системы"),
    "access_denied_user": (403, "Доступ запрещен для данного типа пользователя"),
    "access_denied_user_legal": (403, "Доступ запрещен: организация не является владельцем системы"),
    "bad_delegation": (403, "Нет полномочий на выполнение данной операции"),
    "config_delegation": (403, "Полномочие не существует"),
    "bad_request": (400, "Ошибка в параметрах запроса"),
    "cancel_not_allowed": (409, "Отмена заявления в текущем статусе невозможна"),
    "internal_error": (500, "Внутренняя ошибка"),
    "limitation_exception": (429, "Превышено количество запросов"),
    "not_found": (404, "Объект не найден"),
    "order_access": (403, "У пользователя нет прав для работы с текущим заявлением"),
    "push_denied": (403, "Отправка заявления в текущем статусе невозможна"),
    "service_not_found": (400, "Услуга не найдена"),
}
OUTCOMES = (3, 4, 24)
DELAY_MOST = 3600.0


@dataclass(slots=True)
class OrderSettings:
    """`delay` is seconds between two steps of an order's course; `outcome` how orders of other departments end.

    `calls_a_minute` and `per_service` (applications for one service by one user in ten minutes) are the documented
    limits, `chunk_least` and `chunk_seconds` those of a push in parts. `trouble` refuses the next
    `trouble_count` calls.
    """

    delay: float = 0.0
    outcome: int = 3
    calls_a_minute: int = 2_000
    per_service: int = 20
    chunk_least: int = 5_000_000
    chunk_seconds: float = 300.0
    trouble: str | None = None
    trouble_count: int = 0

    def raise_trouble(self) -> None:
        """Refusal while a trouble is set and not used up."""
        if self.trouble is not None and self.trouble_count > 0:
            self.trouble_count -= 1
            raise refused(self.trouble)

    def change(self, body: dict[str, Any]) -> None:
        """Takes over what is given; Refusal BAD_REQUEST changes nothing."""
        numbers = {"calls_a_minute": 1, "per_service": 1, "chunk_least": 1, "trouble_count": 0}
        for name, value in body.items():
            number = not isinstance(value, bool) and isinstance(value, int | float)
            right = {
                **{one: number and isinstance(value, int) and value >= least for one, least in numbers.items()},
                "delay": number and 0 <= value <= DELAY_MOST,
                "chunk_seconds": number and 0 < value <= DELAY_MOST,
                "outcome": number and value in OUTCOMES,
                "trouble": value is None or (isinstance(value, str) and value in CODES),
            }
            if name not in right:
                raise Refusal(Reason.BAD_REQUEST, f"Есть переключатели: {', '.join(sorted(right))}", name)
            if not right[name]:
                raise Refusal(Reason.BAD_REQUEST, f"Переключатель «{name}»: неверное значение", name)
        for name, value in body.items():
            setattr(self, name, value)
        if "trouble" in body and "trouble_count" not in body:
            self.trouble_count = 1


def refused(code: str, text: str | None = None, field: str | None = None) -> Refusal:
    """A refusal with one of the codes, in its documented words unless told otherwise."""
    status, words = CODES[code]
    headers = {"Retry-After": "60"} if status == 429 else None
    return Refusal(Reason.NOT_ALLOWED, text or words, field, status=status, headers=headers, code=code)
