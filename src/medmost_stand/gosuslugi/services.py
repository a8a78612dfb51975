"""The catalogue of services that can be applied for by the order API.

The department's own are the world's. The others are the stand's examples of what the specification tells apart:
who may apply, whether the documents must be signed, whether a system may send them (facts/gosuslugi.md §0, §2.9).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from medmost_stand.world.orders import SERVICES

DEPARTMENT = "dzm"  # stateOrgCode of the department whose orders EMIAS serves
DEPARTMENT_NAME = "Департамент здравоохранения города Москвы"


@dataclass(frozen=True, slots=True)
class Service:
    """One service: its form's code, who answers for it, who may apply, whether its documents are signed."""

    code: str
    name: str
    org_code: str
    org_name: str
    people: bool = True
    organizations: bool = True
    signed: bool = False
    open: bool = True  # whether systems may send it at all

    @property
    def of_department(self) -> bool:
        """Whether medmost's department answers it; the stand answers the others by itself."""
        return self.org_code == DEPARTMENT


_OTHERS = (
    Service("90000000001", "Пример: сведения о страховом стаже", "sfr", "Социальный фонд России (стенд)"),
    Service("90000000002", "Пример: заявление с подписью", "fns", "Налоговая служба (стенд)", signed=True),
    Service("90000000003", "Пример: закрытая для систем услуга", "mvd", "МВД (стенд)", open=False),
    Service(
        "60078836",
        "Уведомления медицинских организаций о регистрации граждан",
        "mvd",
        "МВД (стенд)",
        people=False,
    ),
)
CATALOGUE: dict[str, Service] = {
    **{code: Service(code, name, DEPARTMENT, DEPARTMENT_NAME) for code, name in SERVICES},
    **{service.code: service for service in _OTHERS},
}
_REAL = re.compile(r"100000\d{5}|6\d{7}")  # the codes of published services look so (facts/gosuslugi.md §0, §2.3)


def service_of(code: str) -> Service | None:
    """The service with this code; one that only looks like a published service is some other department's."""
    known = CATALOGUE.get(code)
    if known is None and _REAL.fullmatch(code):
        return Service(code, f"Услуга {code}", "other", "Другое ведомство (стенд)")
    return known
