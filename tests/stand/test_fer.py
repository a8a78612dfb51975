"""КУ ФЭР: a МИС or a portal books by SOAP, with the names that are known of it (facts/gosuslugi §3.3)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from lxml import etree

from stand.running import Body, Client, running_stand

V1, V2 = "http://www.rt-eu.ru/med/er/", "http://www.rt-eu.ru/med/er/v2_0"
SESSION = "3f1c6c0e-93a1-4f3f-8f9f-3a8d3f1f0a11"


class Fer:
    """A caller of the service for one patient."""

    def __init__(self, client: Client, person: Body, policy: Body) -> None:
        self.client, self.person, self.policy = client, person, policy

    async def raw(self, body: str, action: str = "") -> tuple[int, etree._Element]:
        headers = {"Content-Type": "text/xml", "SOAPAction": action}
        async with self.client.session.post(
            self.client.address + "/fer/ErWebService", data=body.encode(), headers=headers
        ) as response:
            return response.status, etree.fromstring(await response.read())

    async def call(self, method: str, fields: str = "", namespace: str = V2) -> etree._Element:
        status, root = await self.raw(
            f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:a="http://www.w3.org/2005/08/addressing">'
            f"<s:Header><a:MessageID>m-1</a:MessageID></s:Header><s:Body>"
            f'<{method}Request xmlns="{namespace}"><Session_ID>{SESSION}</Session_ID>{fields}</{method}Request>'
            f"</s:Body></s:Envelope>",
            method,
        )
        assert status == 200
        assert root.findtext(".//{*}RelatesTo") == "m-1"
        assert root.find(f".//{{{namespace}}}{method}Response") is not None
        return root

    async def begins(self, **other: str) -> etree._Element:
        given = {
            "OMS_Number": self.person["policy_number"],
            "SNILS": self.policy.get("СНИЛС", ""),
            "First_Name": self.policy["Имя"].upper(),
            "Last_Name": self.policy["Фамилия"],
            "Birth_Date": self.person["birth_date"],
            "Sex": "M",
            **other,
        }
        data = "".join(f"<{name}>{value}</{name}>" for name, value in given.items())
        return await self.call("GetPatientInfo", f"<Patient_Data>{data}</Patient_Data><Pass_referral>0</Pass_referral>")


def error(root: etree._Element) -> str:
    return str(root.findtext(".//{*}errorCode"))


@pytest.fixture
async def fer() -> AsyncIterator[Fer]:
    async with running_stand(world=None, people=40, seed=5, only="gosuslugi") as running:
        client = running["gosuslugi"]
        lines = (await client.call("GET", "/stand/export/policies")).lines
        policies = {one["Номер полиса"]: one for one in lines if one.get("Номер полиса")}
        people: Any = client.stand.ends["gosuslugi"].state.population.citizens
        day = {
            number: ".".join(reversed(str(one["birth_date"]).split("-")))
            for one in people
            if (number := one["policy_number"])
        }
        person = next(
            one for one in people
            if policies.get(one["policy_number"], {}).get("Дата рождения") == day[one["policy_number"]]
            and policies[one["policy_number"]].get("Имя")
        )  # fmt: skip
        yield Fer(client, person, policies[person["policy_number"]])


async def free_slot(fer: Fer) -> str:
    """Walks the steps of a booking to the first free time; its Slot_Id."""
    clinics = (await fer.call("GetMOInfoExtended", "<Booking_Type>APPOINTMENT</Booking_Type>")).findall(".//{*}MO_OID")
    for clinic in clinics:
        posts = [
            one.text
            for one in (await fer.call("GetServicePostSpecsInfo", f"<MO_Id>{clinic.text}</MO_Id>")).iter("{*}Post_Id")
        ]
        wanted = "".join(f"<Post><Post_Id>{one}</Post_Id></Post>" for one in posts)
        asked = f"<Service_Posts>{wanted}</Service_Posts><MO_OID_List><MO_OID>{clinic.text}</MO_OID></MO_OID_List>"
        for resource in (await fer.call("GetMOResourceInfo", asked)).iter("{*}Resource"):
            if resource.find(".//{*}Available_Date") is None:
                assert resource.findtext(".//{*}No_Schedule_Reason_Code") == "NO_FREE_SLOTS"
                continue
            snils = resource.findtext(".//{*}SNILS")
            found = await fer.call(
                "GetScheduleInfo", f"<Specialist_SNILS>{snils}</Specialist_SNILS><MO_OID>{clinic.text}</MO_OID>"
            )
            return str(found.findtext(".//{*}Slot_Id"))
    raise AssertionError("nowhere is a free time")


async def test_a_patient_books_and_cancels(fer: Fer) -> None:
    assert (await fer.begins()).findtext(".//{*}Patient_Id")
    slot = await free_slot(fer)
    booked = await fer.call("CreateAppointment", f"<Slot_Id>{slot}</Slot_Id>")
    assert booked.findtext(".//{*}Status_Code") == "SUCCESS"
    book = booked.findtext(".//{*}Book_Id_Mis")
    visits = {one["id"]: one for one in (await fer.client.call("GET", "/stand/export/visits")).lines}
    assert visits[book]["Номер полиса"] == fer.person["policy_number"]
    assert error(await fer.call("CreateAppointment", f"<Slot_Id>{slot}</Slot_Id>")) == "SIM_SLOT_TAKEN"
    cancelled = await fer.call("CancelAppointment", f"<Book_Id_Mis>{book}</Book_Id_Mis>")
    assert cancelled.findtext(".//{*}Status_Code") == "SUCCESS"
    visits = {one["id"]: one for one in (await fer.client.call("GET", "/stand/export/visits")).lines}
    assert visits[book]["Статус записи"] == "Отменена"


async def test_a_clinic_tells_what_became_of_a_visit(fer: Fer) -> None:
    await fer.begins()
    booked = await fer.call("CreateAppointment", f"<Slot_Id>{await free_slot(fer)}</Slot_Id>")
    book = f"<Book_Id_Mis>{booked.findtext('.//{*}Book_Id_Mis')}</Book_Id_Mis>"
    assert error(await fer.call("UpdateAppointmentStatus", f"{book}<Status>GONE</Status>")) == "SIM_UNKNOWN_STATUS"
    told = await fer.call("UpdateAppointmentStatus", f"{book}<Status>ARRIVED</Status>")
    assert told.findtext(".//{*}Status_Code") == "SUCCESS"
    assert error(await fer.call("UpdateAppointmentStatus", f"{book}<Status>CANCELLED</Status>")).startswith("SIM_")


async def test_nothing_is_told_without_the_right_patient(fer: Fer) -> None:
    assert error(await fer.call("GetMOInfoExtended")) == "ERROR_SESSION_TIMED_OUT"
    assert error(await fer.begins(Last_Name="Другая")) == "ERROR_NO_DATA_FOUND"
    assert error(await fer.begins(Birth_Date="1900-01-01")) == "ERROR_NO_DATA_FOUND"
    await fer.begins()
    await fer.client.call("POST", "/stand/clock", {"shift_seconds": 3600})
    assert error(await fer.call("GetMOInfoExtended")) == "ERROR_SESSION_TIMED_OUT"


async def test_the_older_namespace_has_its_own_names(fer: Fer) -> None:
    await fer.begins()
    clinics = await fer.call("GetMOInfoExtended", namespace=V1)
    assert clinics.findtext(".//{*}Organization_Name")
    assert clinics.find(".//{*}MO_OID") is None


async def test_what_is_no_call_gets_a_fault(fer: Fer) -> None:
    status, root = await fer.raw("<nonsense")
    assert (status, root.findtext(".//faultcode")) == (400, "soap:Client")
    entity = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>'
    body = f'<s:Body><None xmlns="{V2}">&e;</None></s:Body>'
    status, root = await fer.raw(
        f'{entity}<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">{body}</s:Envelope>'
    )
    assert status == 400
    assert "GetPatientInfo" in str(root.findtext(".//faultstring"))  # says what there is


async def test_the_wsdl_names_every_method(fer: Fer) -> None:
    async with fer.client.session.get(fer.client.address + "/fer/ErWebService?wsdl") as response:
        wsdl = etree.fromstring(await response.read())
    assert len(wsdl.findall(".//{*}portType/{*}operation")) == 11
