"""The citizen's cabinet: plain pages over the portal's own records (the stand's model of the portal).

What a citizen does here goes through the same desk and rules as every other write; a refusal is told in its words.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from medmost_stand.api import Call
from medmost_stand.desk import PersonDesk
from medmost_stand.dialect import Body
from medmost_stand.end import EndState
from medmost_stand.gosuslugi.booking import Booking, doctor_of
from medmost_stand.gosuslugi.health import health_of, orders_of, policies_of
from medmost_stand.refusal import Reason, Refusal
from medmost_stand.screens import Form, Screens, moved
from medmost_stand.world.acts import CANCEL_REASONS
from medmost_stand.world.orders import SERVICES

PAGES = Path(__file__).with_name("pages")
HOME = "/cabinet"


class Cabinet:
    """Pages of one logged-in citizen; `call.client` is the login. Nothing personal stands in an address."""

    def __init__(self, state: EndState, desk: PersonDesk, screens: Screens, console_url: str) -> None:
        self._state = state
        self._desk = desk
        self._screens = screens
        self._console_url = console_url.rstrip("/")
        self._booking = Booking(state.system)

    # ------------------------------------------------------------ pages
    async def policies(self, call: Call) -> web.Response:
        """«Мои полисы» with the way to medmost's linking page."""
        citizen = self._own(call)
        records = policies_of(self._state.system, citizen["policy_number"])
        link = f"{self._console_url}/link?" + urlencode({"return": self._state.address + HOME})
        return self._screens.shown(call, "policies.html", citizen=citizen, policies=records, link=link)

    async def health(self, call: Call) -> web.Response:
        """«Моё здоровье»: visits, analyses with values, vaccinations, orders with their history."""
        citizen = self._own(call)
        health = health_of(self._state.system, citizen["policy_number"])
        orders = orders_of(self._state.system, citizen["policy_number"])
        values: dict[str, Any] = {"health": health, "orders": orders, "reasons": CANCEL_REASONS}
        return self._screens.shown(call, "health.html", citizen=citizen, **values)

    async def orders(self, call: Call) -> web.Response:
        """Orders with their history, and the form of a new one."""
        citizen = self._own(call)
        orders = orders_of(self._state.system, citizen["policy_number"])
        return self._screens.shown(call, "orders.html", citizen=citizen, orders=orders, services=SERVICES)

    async def clinics(self, call: Call) -> web.Response:
        """Where to be received."""
        citizen = self._own(call)
        records = self._state.system.shelves["policies"].equal({"Номер полиса": citizen["policy_number"]})
        attached = records[0].fields().get("Поликлиника прикрепления", "") if records else ""
        choices = self._booking.clinics(attached)
        return self._screens.shown(call, "booking.html", citizen=citizen, step="clinic", choices=choices)

    async def doctors(self, call: Call) -> web.Response:
        """By whom."""
        citizen, oid = self._own(call), call.request.match_info["oid"]
        values: dict[str, Any] = {"oid": oid, "clinic": self._booking.clinic(oid), "step": "speciality"}
        return self._screens.shown(call, "booking.html", citizen=citizen, choices=self._booking.doctors(oid), **values)

    async def times(self, call: Call) -> web.Response:
        """When."""
        return self._times(call)

    def _times(self, call: Call, status: int = 200, problem: str | None = None, comment: str = "") -> web.Response:
        citizen, oid = self._own(call), call.request.match_info["oid"]
        schedule = self._booking.schedule(oid, call.id)
        return self._screens.shown(
            call,
            "booking.html",
            status,
            citizen=citizen,
            step="time",
            oid=oid,
            clinic=self._booking.clinic(oid),
            schedule=call.id,
            speciality=schedule.get("Специальность") or "Врач",
            doctor=doctor_of(schedule),
            choices=self._booking.days(call.id),
            comment=comment,
            problem=problem,
        )

    # ------------------------------------------------------------ acts
    async def book(self, call: Call) -> web.Response:
        """Books the chosen time; a refusal leaves the citizen on the page of times."""
        citizen, fields = self._own(call), {}
        try:
            fields = await self._screens.form(call)
            schedule = self._booking.schedule(call.request.match_info["oid"], call.id)
            visit = self._booking.visit(
                citizen["policy_number"], schedule, fields.get("starts", ""), fields.get("comment", "")
            )
            await self._do("POST", "visits", None, visit)
        except Refusal as refusal:
            return self._times(call, 409, refusal.text, fields.get("comment", ""))
        text = (
            f"Вы записаны: {visit['Начало приёма']}, {visit['Врач']}, {self._booking.clinic(visit['OID организации'])}"
        )
        return self._screens.done(call, f"{HOME}/health", text)

    async def cancel(self, call: Call, fields: Form) -> web.Response:
        """Calls off the citizen's own coming visit."""
        visit = self._mine(call, "visits")
        reason = fields.get("reason") or CANCEL_REASONS[0]
        await self._do("PUT", "visits", call.id, visit | {"Статус записи": "Отменена", "Причина отмены": reason})
        return self._screens.done(call, f"{HOME}/health", f"Запись отменена: {visit.get('Начало приёма', '')}")

    async def contacts(self, call: Call, fields: Form) -> web.Response:
        """Another phone number or e-mail address on the citizen's own policy."""
        policy = self._mine(call, "policies")
        changed = {"Телефон": fields.get("phone", ""), "Электронная почта": fields.get("email", "")}
        kept = {name: value for name, value in (policy | changed).items() if value != ""}
        await self._do("PUT", "policies", call.id, kept)
        return self._screens.done(call, HOME, "Контакты сохранены")

    async def submit(self, call: Call, fields: Form) -> web.Response:
        """A new order under the citizen's policy."""
        citizen, services = self._own(call), dict(SERVICES)
        code = fields.get("service", "")
        if code not in services:
            raise Refusal(Reason.INVALID_FIELD, "Выберите услугу из списка")
        order = {"serviceCode": code, "serviceName": services[code], "policyNumber": citizen["policy_number"]}
        if fields.get("comment"):
            order["comment"] = fields["comment"][:500]
        await self._do("POST", "requests", None, order)
        return self._screens.done(call, f"{HOME}/orders", f"Заявление подано: {services[code]}")

    async def withdraw(self, call: Call, _: Form) -> web.Response:
        """Withdraws the citizen's own order, while its status allows it."""
        own = orders_of(self._state.system, self._own(call)["policy_number"])
        if call.id not in {str(order["id"]) for order in own}:
            raise Refusal(Reason.NOT_FOUND, "Такого заявления у вас нет")
        await self._do("PUT", "requests", call.id, {"cancel": True})
        return self._screens.done(call, f"{HOME}/orders", "Заявление отозвано")

    async def front(self, _: Call) -> web.Response:
        """The portal's address leads to the cabinet."""
        return moved(HOME)

    # ------------------------------------------------------------ helpers
    async def _do(self, method: str, collection: str, record_id: str | None, body: Body) -> None:
        self._desk.do(method, collection, record_id, body, None)
        await self._state.system.storage.committed()

    def _mine(self, call: Call, collection: str) -> Body:
        """A record of the citizen's own policy; Refusal NOT_FOUND for anybody else's."""
        record = self._state.system.shelves[collection].records.get(call.id)
        body = {} if record is None or record.deleted else record.fields()
        if body.get("Номер полиса") != self._own(call)["policy_number"]:
            raise Refusal(Reason.NOT_FOUND, "Такой записи у вас нет")
        return body

    def _own(self, call: Call) -> dict[str, Any]:
        citizen = self._state.population.by_login(call.client)
        if citizen is None:
            raise Refusal(Reason.NOT_ALLOWED, "Учётная запись не найдена")
        return citizen
