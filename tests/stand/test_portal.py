"""The portal dialects of EMIAS: what clients of both generations and of the record were seen to do (facts/emias §1)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from stand.running import Body, Client, running_stand

RPC = "/api/emc/appointment-eip/v1/"
BACK = "http://127.0.0.1:1/back"


class Portal:
    """A patient's program over one client of the stand."""

    def __init__(self, client: Client, person: Body) -> None:
        self.client, self.person = client, person
        self.who = {"omsNumber": person["policy_number"], "birthDate": person["birth_date"]}
        self.token = ""

    async def rpc(self, method: str, **params: Any) -> Any:
        body = {"jsonrpc": "2.0", "id": "V1StGXR8_Z5jdHi6B-myT", "method": method, "params": {**self.who, **params}}
        reply = await self.client.call("POST", f"{RPC}?{method}", body, {})
        assert reply.status == 200
        assert reply.json["id"] == body["id"]
        return reply.json

    async def done(self, method: str, **params: Any) -> Any:
        told = await self.rpc(method, **params)
        assert "error" not in told, told
        return told["result"]

    async def logs_in(self, client: str = "emias.info.web") -> Body:
        asked = {"client_id": client, "redirect_uri": BACK, "response_type": "code", "state": "s"}
        async with self.client.session.post(
            self.client.address + "/sps/oauth/ae", params=asked, allow_redirects=False,
            data={"login": self.person["login"], "password": self.person["password"]},
        ) as response:  # fmt: skip
            assert response.status == 302
            code = parse_qs(urlsplit(response.headers["Location"]).query)["code"][0]
        granted: Body = (
            await self.client.call("POST", "/web-api/getTokens/", {"code": code, "redirectUrl": BACK}, {})
        ).json
        self.token = granted["access_token"]
        return granted

    async def rest(self, version: int, method: str, **params: Any) -> tuple[int, Body]:
        path = f"/api-eip/v{version}/saOrchestrator/{method}"
        reply = await self.client.call("POST", path, {**self.who, **params}, {"EI-Token": self.token})
        return reply.status, reply.json

    async def somewhere_free(self) -> tuple[Body, Body]:
        """A doctor with free slots that need no referral, and the first of them."""
        for one in await self.done("getSpecialitiesInfo"):
            if one.get("onlyByRefferal"):
                continue
            for doctor in await self.done("getDoctorsInfo", specialityId=one["code"]) or []:
                if doctor["complexResource"][0].get("room"):
                    place = {
                        "availableResourceId": doctor["id"],
                        "complexResourceId": doctor["complexResource"][0]["id"],
                    }
                    days = await self.done("getAvailableResourceScheduleInfo", **place)
                    return place, days["scheduleOfDay"][0]["scheduleBySlot"][0]["slot"][0]
        raise AssertionError("nowhere is a free slot")


@pytest.fixture
async def portal() -> AsyncIterator[Portal]:
    async with running_stand(world=None, people=40, seed=5, only="emias") as running:
        client = running["emias"]
        here = {
            one["policyNumber"]: one
            for one in (await client.call("GET", "/stand/export/policies")).lines
            if "policyNumber" in one
        }
        visited = {
            one.get("policyNumber")
            for one in (await client.call("GET", "/stand/export/visits")).lines
            if one.get("status") == "BOOKED"
        }
        people = client.stand.ends["emias"].state.population.citizens
        person = next(
            one for one in people
            if one["policy_number"] not in visited and here.get(one["policy_number"], {}).get("status") == "ACTIVE"
            and here[one["policy_number"]]["birthDate"] == one["birth_date"] and one.get("password")
        )  # fmt: skip
        yield Portal(client, person)


async def test_a_patient_books_moves_and_cancels(portal: Portal) -> None:
    place, slot = await portal.somewhere_free()
    booked = await portal.done("createAppointment", **place, receptionTypeId="1863", **slot)
    assert len(str(booked["appointmentId"])) == 12
    [seen] = await portal.done("getAppointmentReceptionsByPatient")
    assert seen["id"] == booked["appointmentId"]
    assert seen["startTime"] == slot["startTime"][:19]  # naive here, with a zone in slots
    days = await portal.done("getAvailableResourceScheduleInfo", **place)
    left = [one for day in days["scheduleOfDay"] for cabinet in day["scheduleBySlot"] for one in cabinet["slot"]]
    assert slot not in left
    moved = await portal.done("shiftAppointment", **place, appointmentId=booked["appointmentId"], **left[0])
    assert moved["appointmentId"] != booked["appointmentId"]
    assert await portal.done("cancelAppointment", appointmentId=moved["appointmentId"]) == "Запись отменена"
    assert await portal.done("getAppointmentReceptionsByPatient") == []
    visits = (await portal.client.call("GET", "/stand/export/visits")).lines
    ours = [
        one for one in visits if one.get("policyNumber") == portal.who["omsNumber"] and one.get("source") == "PORTAL"
    ]
    assert [one["status"] for one in ours if one.get("movedFrom")] == ["CANCELLED"]


async def test_what_the_portal_refuses_has_a_code(portal: Portal) -> None:
    place, slot = await portal.somewhere_free()
    await portal.done("createAppointment", **place, receptionTypeId="1863", **slot)

    async def code(method: str, **params: Any) -> str:
        return str((await portal.rpc(method, **params))["error"]["data"]["code"])

    assert await code("createAppointment", **place, **slot) == "SIM_ALREADY_BOOKED"
    assert await code("cancelAppointment", appointmentId=1) == "SIM_NOT_FOUND"
    assert await code("getDoctorsInfo", specialityId="нет") == "SIM_INVALID_FIELD"
    assert await code("getDoctorsInfo", referralId=1) == "SIM_NOT_FOUND"
    assert await code("getSpecialitiesInfo", birthDate="1900-01-01") == "SIM_PATIENT_NOT_FOUND"
    assert await code("getAvailableResourceScheduleInfo", availableResourceId="x") == "SIM_NOT_FOUND"
    assert await code("getNothing") == "SIM_NO_SUCH_METHOD"
    assert await portal.done("getDoctorsInfo", specialityId="99999") == {}  # not an empty list


async def test_a_referral_opens_what_is_closed(portal: Portal) -> None:
    place, slot = await portal.somewhere_free()
    doctor = (await portal.done("getAvailableResourceScheduleInfo", **place))["availableResource"]
    for one in (await portal.client.call("GET", "/stand/export/schedules")).lines:
        if one.get("arSpecialityId") == doctor["arSpecialityId"]:
            body = {
                name: value for name, value in one.items() if name not in ("id", "version", "updatedAt", "originId")
            }
            await portal.client.act("PUT", f"schedules/{one['id']}", {**body, "selfBooking": False})
    told = await portal.rpc("createAppointment", **place, **slot)
    assert told["error"]["data"]["code"] == "SIM_REFERRAL_REQUIRED"
    referrals = {one["toDoctor"]["specialityId"]: one["id"] for one in await portal.done("getReferralsInfo")}
    mine = referrals[doctor["arSpecialityId"]]
    assert doctor["id"] in {one["id"] for one in await portal.done("getDoctorsInfo", referralId=mine)}
    assert "appointmentId" in await portal.done("createAppointment", **place, **slot, referralId=mine)


async def test_the_rest_generation_wants_its_token(portal: Portal) -> None:
    status, told = await portal.rest(7, "getSpecialitiesInfo")
    assert (status, told["error"]["code"]) == (401, "SIM_TOKEN_EXPIRED")
    granted = await portal.logs_in()
    assert granted["expires_in"] == 3600
    status, told = await portal.rest(7, "getSpecialitiesInfo")
    assert status == 200
    codes = {one["specialityCode"] for group in told["payload"] for one in group["specialities"]}
    assert "200" in codes  # the local doctor, who is 602 in schedules
    portal.who = {**portal.who, "omsNumber": "0" * 16}
    assert (await portal.rest(7, "getSpecialitiesInfo"))[1]["error"]["code"] == "SIM_POLICY_FOREIGN"


async def test_the_rest_generation_books_the_same_visits(portal: Portal) -> None:
    await portal.logs_in()
    place, slot = await portal.somewhere_free()
    far = {"period": {"dateFrom": "2099-01-01", "dateTo": "2099-01-07"}}
    assert (await portal.rest(4, "getAvailableResourceScheduleInfo", **place, **far))[1]["error"][
        "code"
    ] == "SA_REFERRAL_FOR_FUTURE"
    status, told = await portal.rest(4, "createAppointment", **place, **slot)
    assert status == 200
    [seen] = await portal.done("getAppointmentReceptionsByPatient")
    assert seen["id"] == told["payload"]["appointmentId"]
    status, listed = await portal.rest(10, "getAppointmentReceptionsByPatient")
    assert [one["id"] for one in listed["payload"]["appointment"]] == [seen["id"]]


async def test_tokens_are_renewed_once(portal: Portal) -> None:
    granted = await portal.logs_in()
    body = {"refreshToken": granted["refresh_token"]}
    assert (await portal.client.call("POST", "/web-api/refreshTokens/", body, {})).status == 200
    again = await portal.client.call("POST", "/web-api/refreshTokens/", body, {})
    assert (again.status, again.json) == (400, {"error": "invalid_grant"})
    bearer = {"Authorization": f"Bearer {portal.token}"}
    asked = {"jsonrpc": "2.0", "id": "1", "method": "oms_list", "params": {}}
    [own] = (await portal.client.call("POST", "/api/vault/v3/", asked, bearer)).json["result"]
    assert own["omsNumber"] == portal.who["omsNumber"]
    assert (await portal.client.call("GET", "/api/v1/policies", None, bearer)).status == 401  # opens nothing else


async def test_a_patient_reads_the_record(portal: Portal) -> None:
    granted = await portal.logs_in("lk.emias.mos.ru")
    assert granted["expires_in"] == 300
    jwt = {"X-Access-JWT": granted["access_token"]}
    ehr = (await portal.client.call("GET", "/api/1/profile", None, jwt)).json["ehrId"]
    shown: dict[str, Body] = {}
    for path in ("analyzes", "research", "inspections", "epicrisis"):
        reply = await portal.client.call(
            "GET", f"/api/1/documents/{path}", None, jwt, ehrId=ehr, shortDateFilter="all_time"
        )
        assert reply.status == 200
        shown[path] = reply.json
    exported = (await portal.client.call("GET", "/stand/export/results")).lines
    own = {one["documentId"] for one in exported if one.get("policyNumber") == portal.who["omsNumber"]}
    assert {one["documentId"] for path in ("analyzes", "research") for one in shown[path]["documents"]} == own
    for one in own:
        first, second = [
            (await portal.client.call("GET", "/api/2/document", None, jwt, ehrId=ehr, documentId=one)).json
            for _ in range(2)
        ]
        assert "documentHtml" not in first  # as clients have met it: they ask again
        assert "<h1>" in second["documentHtml"]
    assert (await portal.client.call("GET", "/api/3/vaccinations", None, jwt, ehrId="another")).status == 403


async def test_an_old_client_begins_anonymously(portal: Portal) -> None:
    page = (await portal.client.call("GET", "/", None, {})).raw.decode()
    assert 'name="csrf-token-value"' in page
    asked = {"jsonrpc": "2.0", "id": "", "method": "create_anonymous_jwt", "params": {}}
    told = (await portal.client.call("POST", "/api/passport/v2/?create_anonymous_jwt", asked, {})).json
    assert told["result"].count(".") == 2
