"""How an order comes to be by the API: its meta, a draft with every recorded field, the next row of its history.

Fields: those that both recordings of facts/gosuslugi.md §2.4 have.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

from medmost_stand.clock import Clock
from medmost_stand.dialect import Body
from medmost_stand.effects import Actor
from medmost_stand.gosuslugi.order_rules import Orders, order_time
from medmost_stand.gosuslugi.order_settings import refused
from medmost_stand.gosuslugi.services import Service
from medmost_stand.records import Record
from medmost_stand.refusal import Reason, Refusal
from medmost_stand.system import System
from medmost_stand.tokens import Claims
from medmost_stand.worlds import Population

_FALSE = """hasResult hasChildren hasNewStatus hasTimestamp hasPreviewPdf hasEmpowerment2021 hasActiveInviteToEqueue
hasNoPaidPayment allowToEdit allowToDelete readyToSign readyToPush allFileSign childrenSigned withCustomResult
withDelivery checkQueue gisdo extSystem useAsTemplate testUser draftHidden deprecatedService hubForm online payback
multRegion paymentRequired""".split()
_EMPTY = """orderPayments textMessages infoMessages eQueueEvents orderAttributeEvents paymentStatusEvents steps
orderAttachmentFiles orderResponseFiles""".split()
_OKATO = re.compile(r"\d{2,11}")


def meta_of(given: Body) -> Body:
    """region, serviceCode, targetCode, in lower or upper camel (the specification has both); Refusal bad_request."""
    meta = {name[:1].lower() + name[1:]: value for name, value in given.items()}
    if not isinstance(meta.get("region"), str) or not _OKATO.fullmatch(meta["region"]):
        raise refused("bad_request", "region: код ОКАТО от 2 до 11 цифр", "region")
    for name in ("serviceCode", "targetCode"):
        if not isinstance(meta.get(name), str) or not re.fullmatch(r"-?\d{1,20}", meta[name]):
            raise refused("bad_request", f"{name}: нужен числовой код строкой", name)
    return meta


class Making:
    """Over the orders of the portal and the people of its world."""

    def __init__(self, system: System, orders: Orders, clock: Clock, people: Callable[[], Population]) -> None:
        self._system = system
        self._orders = orders
        self._clock = clock
        self._people = people  # a reset of the stand puts others in their place

    def person(self, claims: Claims) -> dict[str, Any] | None:
        """The citizen of a citizen's token."""
        return None if claims.subject is None else self._people().by_oid(claims.subject)

    def draft(self, meta: Body, service: Service, claims: Claims) -> Record:
        """A draft (status 0) of the bearer; the policy number of a patient is our model's addition."""
        order_id = self._orders.next_id()
        now = order_time(self._clock.now())
        person = self.person(claims)
        number = meta.get("policyNumber") if person is None else person["policy_number"]
        if person is None and number is not None:
            self._check_policy(number)
        order: Body = {
            **dict.fromkeys(_FALSE, False),
            **{name: [] for name in _EMPTY},
            "id": order_id,
            "orderType": "ORDER",
            "orderDate": now,
            "requestDate": now,
            "serviceName": service.name,
            "eserviceId": service.code,
            "serviceTargetId": meta["targetCode"],
            "servicePassportId": service.code[-6:],
            "serviceEpguId": "1",
            "stateOrgId": int(service.code[-6:]),
            "stateOrgCode": service.org_code,
            "stateStructureId": service.org_code,
            "stateStructureName": service.org_name,
            "userId": claims.subject,
            "ownerId": claims.subject,
            "personType": "LEGAL" if person is None else "PERSON",
            "sourceSystem": claims.client,
            "creationMode": "api",
            "formVersion": "1",
            "smevTx": str(uuid.uuid4()),
            "smevMessageId": "WAIT_RESPONSE",
            "userSelectedRegion": meta["region"],
            "location": meta["region"],
            "admLevelCode": "REGIONAL" if service.of_department else "FEDERAL",
            "edsStatus": "EDS_MANDATORY" if service.signed else "EDS_NOT_SUPPORTED",
            "paymentCount": 0,
            "noPaidPaymentCount": -1,
            "unreadMessageCnt": 0,
            "signCnt": 0,
            "qrlink": {"hasAltMimeType": False, "fileSize": 0, "canSentToMFC": False, "hasDigitalSignature": False},
            "orderAttributes": [{"name": "policyNumber", "value": number}] if number else [],
        }
        return self._orders.new_draft(order, Actor(claims.client))

    def source(self, order_id: str) -> str | None:
        """The system that has sent an order, None for one that is not there."""
        record = self._system.shelves["requests"].records.get(order_id)
        return None if record is None or record.deleted else record.fields()["order"].get("sourceSystem")

    def attach(self, order_id: str, rows: list[Body], field: str, actor: Actor) -> Record:
        """The order with these files listed in place of what it listed before."""
        order: dict[str, Any] = self._system.get("requests", order_id).fields()["order"]
        order[field] = rows
        order["hasResult"] = field == "orderResponseFiles" or bool(order.get("hasResult"))
        return self._system.put_whole("requests", order_id, {"order": order}, actor)

    def _check_policy(self, number: object) -> None:
        if not isinstance(number, str) or not self._system.shelves["policies"].named(number):
            text = "Поле «policyNumber»: такого полиса в системе нет"
            raise Refusal(Reason.UNKNOWN_REFERENCE, text, "policyNumber")
