"""Who may do what with orders: the door of /api/gusmev, its limits, and who sees which order (facts §2.1, §2.9).

A citizen's token opens the citizen's own orders; a system's token those of the department (our assumption, the real
channel of a department is СМЭВ) and the ones that the system itself has sent.
"""

from __future__ import annotations

from collections import Counter

from aiohttp import web

from medmost_stand.api import Call
from medmost_stand.clock import Clock
from medmost_stand.dialect import Body
from medmost_stand.gosuslugi.order_settings import OrderSettings, refused
from medmost_stand.gosuslugi.partners import InformationSystem, Partners
from medmost_stand.gosuslugi.services import DEPARTMENT, Service, service_of
from medmost_stand.limits import CallLimit
from medmost_stand.records import Record
from medmost_stand.refusal import Reason, Refusal
from medmost_stand.tokens import Claims, Tokens, bearer

CONSENT = "APIPGU"
_TEN_MINUTES = 600
_LONGER = {3600: 120_000, 86_400: 2_880_000}  # seconds of a calendar window -> calls of one system (Appendix 3)


class OrderAccess:
    """`gate` stands before every call of the order API."""

    def __init__(self, partners: Partners, tokens: Tokens, settings: OrderSettings, clock: Clock) -> None:
        self._partners = partners
        self._tokens = tokens
        self._settings = settings
        self._clock = clock
        self._minutes: dict[str, CallLimit] = {}
        self._windows: dict[int, tuple[int, Counter[str]]] = {}
        self._applied: tuple[int, Counter[tuple[str, str]]] = (0, Counter())

    def gate(self, request: web.Request) -> str:
        """The client of a call; Refusal for the token, the consent, the system or the limit."""
        claims = self._tokens.claims(bearer(request.headers.get("Authorization")))
        self.count(claims.client)
        self._settings.raise_trouble()
        system = self._partners.by_mnemonic(claims.client)
        if system is None or not system.allowed:
            raise refused("access_denied_system")
        if claims.subject is not None and CONSENT not in claims.permissions:
            raise refused("access_denied_person_permissions")
        return claims.client

    def count(self, client: str) -> None:
        """One call of a system; Refusal limitation_exception with Retry-After."""
        limit = self._minutes.setdefault(client, CallLimit(self._settings.calls_a_minute, self._clock))
        limit.calls_a_minute = self._settings.calls_a_minute
        limit.take()
        now = self._clock.seconds()
        for seconds, most in _LONGER.items():
            window, counted = self._windows.get(seconds, (-1, Counter()))
            if window != int(now // seconds):
                window, counted = int(now // seconds), Counter()
            counted[client] += 1
            self._windows[seconds] = (window, counted)
            if counted[client] > most:
                raise refused("limitation_exception")

    def claims(self, call: Call) -> Claims:
        """What the token of a call says; the gate has let it in."""
        return self._tokens.claims(bearer(call.request.headers.get("Authorization")))

    def service(self, meta: Body, claims: Claims) -> Service:
        """The service applied for; Refusal for an unknown one or one this applicant or system may not apply for."""
        code = str(meta["serviceCode"])
        service = service_of(code)
        if service is None:
            raise refused("service_not_found", field="serviceCode")
        system = self._partners.by_mnemonic(claims.client)
        if not service.open or code in (system.closed_services if isinstance(system, InformationSystem) else ()):
            raise refused("access_denied_service")
        if not (service.organizations if claims.subject is None else service.people):
            raise refused("access_denied_user")
        return service

    def count_application(self, service: Service, claims: Claims) -> None:
        """One application of a user for a service; Refusal limitation_exception beyond the limit."""
        window = int(self._clock.seconds() // _TEN_MINUTES)
        if self._applied[0] != window:
            self._applied = (window, Counter())
        who = (str(claims.subject or claims.client), service.code)
        if self._applied[1][who] >= self._settings.per_service:
            text = f"Не больше {self._settings.per_service} заявлений на услугу за 10 минут"
            raise refused("limitation_exception", text)
        self._applied[1][who] += 1


def sees(claims: Claims, record: Record) -> bool:
    """Whether the bearer may see the order."""
    order = record.fields().get("order", {})
    if claims.subject is not None:
        return bool(order.get("ownerId") == claims.subject)
    return to_department(record) or order.get("sourceSystem") == claims.client


def check_sees(claims: Claims, record: Record) -> None:
    """Refusal order_access for somebody else's order, NOT_FOUND for a deleted one."""
    if record.deleted:
        raise Refusal(Reason.NOT_FOUND, "Заявление удалено")
    if not sees(claims, record):
        raise refused("order_access")


def check_applicant(claims: Claims, record: Record) -> None:
    """Refusal order_access unless the bearer or the bearer's system has made the order."""
    check_sees(claims, record)
    order = record.fields()["order"]
    if claims.subject is None and order.get("sourceSystem") != claims.client:
        raise refused("order_access")


def to_department(record: Record) -> bool:
    """Whether the order is the department's: of one of its services, and sent (a draft is the applicant's alone)."""
    if record.deleted:
        return True
    order = record.fields()["order"]
    drafted = [row.get("statusId") for row in order.get("statuses", ())] == [0]
    return order.get("stateOrgCode", DEPARTMENT) == DEPARTMENT and not drafted
