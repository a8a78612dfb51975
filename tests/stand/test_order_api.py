"""The order API as a citizen's system uses it: drafts, archives, parts, statuses, files, limits, who sees what."""

import asyncio
import io
import time
import zipfile
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest

from medmost_stand.credentials import ecdsa_pair
from medmost_stand.gosuslugi.esia.permissions import written
from stand.esia_client import System, back, cms
from stand.running import Reply, running_stand
from stand.tiny import ANNA, ORDER

API_ORDER = "http://lk.gosuslugi.ru/api-order"
SCOPE = f"openid {API_ORDER}"
CONSENT: dict[str, Any] = {
    "responsibleObject": "Клиника",
    "sysname": "APIPGU",
    "expire": 525600,
    "actions": [{"sysname": "ALL_ACTIONS_TO_DATA"}],
    "purposes": [{"sysname": "APIPGU"}],
    "scopes": [{"sysname": API_ORDER}],
}
DEPARTMENTAL, OTHER, SIGNED = "10000000109", "90000000001", "90000000002"
TRANSPORT, BUSINESS = "req.xml", "piev_epgu.xml"
XML = b"<?xml version='1.0'?><a><SNILS>112-233-445 95</SNILS></a>"
FILES = {TRANSPORT: XML, BUSINESS: XML, "spravka.pdf": b"%PDF-1.4"}


def meta(code: str = OTHER, **changed: Any) -> dict[str, Any]:
    return {"region": "45000000000", "serviceCode": code, "targetCode": "-" + code} | changed


def archive(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        for name, data in files.items():
            opened.writestr(name, data)
    return made.getvalue()


class Applicant:
    """A citizen's system with the citizen's token."""

    def __init__(self, system: System, token: str) -> None:
        self.system = system
        self.client = system.client
        self.headers = {"Authorization": f"Bearer {token}"}

    async def call(self, method: str, path: str, body: Any = None, **query: Any) -> Reply:
        return await self.client.call(method, path, body, self.headers, **query)

    async def order(self, order_id: int) -> dict[str, Any]:
        reply = await self.call("POST", f"/api/gusmev/order/{order_id}")
        order: dict[str, Any] = orjson.loads(reply.json["order"])
        return order

    async def draft(self, code: str = OTHER) -> int:
        reply = await self.call("POST", "/api/gusmev/order", meta(code))
        assert reply.status == 200, reply.raw.decode()
        return int(reply.json["orderId"])

    async def push(self, files: dict[str, bytes] | bytes, code: str = OTHER, **fields: str) -> Reply:
        data = files if isinstance(files, bytes) else archive(files)
        form = aiohttp.FormData()
        if code:
            form.add_field("meta", orjson.dumps(meta(code)).decode(), content_type="application/json")
        form.add_field("file", data, filename="piev_epgu.zip", content_type="application/zip")
        for name, value in fields.items():
            form.add_field(name, value)
        path = "/api/gusmev/push" + ("/chunked" if "orderId" in fields else "")
        url = self.client.address + path
        async with self.client.session.post(url, data=form, headers=self.headers) as reply:
            return Reply(reply.status, reply.headers, await reply.read())

    async def switch(self, **switches: Any) -> None:
        assert (await self.client.call("PUT", "/stand/orders", switches)).status == 200


async def applicant(system: System, login: str = "anna", scope: str = SCOPE, *, consent: bool = True) -> Applicant:
    await system.client.call("PUT", "/stand/esia", {"auto_login": login})
    asked = system.question(scope=scope, permissions=written([CONSENT]) if consent else "")
    found = back(await system.ask(asked))
    tokens = (await system.token(system.exchange(found["code"], scope=scope))).json
    return Applicant(system, tokens["access_token"])


@pytest.fixture
async def system() -> AsyncIterator[System]:
    async with (
        running_stand(only="gosuslugi") as running,
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser,
    ):
        system = System(running["gosuslugi"], browser, ecdsa_pair(), False, 2)
        await system.register()
        yield system


@pytest.fixture
async def anna(system: System) -> Applicant:
    return await applicant(system)


async def test_pushed_order_reaches_its_end(anna: Applicant) -> None:
    order_id = await anna.draft()
    assert [row["statusId"] for row in (await anna.order(order_id))["statuses"]] == [0]
    reply = await anna.push(FILES, orderId=str(order_id), chunk="0", chunks="1")
    assert (reply.status, reply.json) == (200, {"orderId": order_id})
    order = await anna.order(order_id)
    assert [row["statusId"] for row in order["statuses"]] == [0, 17, 21, 2, 1, 3]
    assert (order["orderStatusId"], order["closed"], order["hasResult"]) == (3, True, True)
    assert (order["ownerId"], order["sourceSystem"], order["creationMode"]) == (1000300000, "CLINIC", "api")
    assert {row["fileName"]: row["type"] for row in order["orderAttachmentFiles"]} == {
        TRANSPORT: "REQUEST",
        BUSINESS: "ATTACHMENT",
        "spravka.pdf": "ATTACHMENT",
    }


@pytest.mark.parametrize(("outcome", "chain"), [(4, [1, 4]), (24, [24])])
async def test_other_ends_of_an_order(anna: Applicant, outcome: int, chain: list[int]) -> None:
    await anna.switch(outcome=outcome)
    order = await anna.order((await anna.push(FILES)).json["orderId"])
    assert [row["statusId"] for row in order["statuses"]] == [0, 17, 21, 2, *chain]


async def test_course_takes_its_time(anna: Applicant) -> None:
    await anna.switch(delay=0.2)
    order_id = (await anna.push(FILES)).json["orderId"]
    first = (await anna.call("POST", f"/api/gusmev/order/{order_id}")).json
    assert (first["code"], first["order"]) == ("NEW", None)
    seen, deadline = ["NEW"], time.monotonic() + 30
    while seen[-1] != "OK":
        assert time.monotonic() < deadline, seen
        code = (await anna.call("POST", f"/api/gusmev/order/{order_id}")).json["code"]
        seen += [code] if code != seen[-1] else []
        await asyncio.sleep(0.02)
    assert seen == ["NEW", "FILES_VERIFICATION", "FILES_VERIFICATION_SUCCESS", "OK"]


async def test_course_goes_on_after_a_restart(tmp_path: Any) -> None:
    pair, order_id, token = ecdsa_pair(), 0, {}
    for turn in range(2):
        async with (
            running_stand(only="gosuslugi", state=tmp_path) as running,
            aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser,
        ):
            system = System(running["gosuslugi"], browser, pair, False, 2)
            await system.register()
            anna = await applicant(system)
            if turn == 0:
                await anna.switch(delay=1.0)
                order_id, token = (await anna.push(FILES)).json["orderId"], anna.headers
                continue
            anna.headers, deadline = token, time.monotonic() + 30
            while (await anna.call("POST", f"/api/gusmev/order/{order_id}")).json["code"] != "OK":
                assert time.monotonic() < deadline
                await asyncio.sleep(0.05)


async def test_departmental_order_waits_for_its_department(anna: Applicant) -> None:
    department = anna.client
    order_id = await anna.draft(DEPARTMENTAL)
    assert (await department.get("requests", str(order_id))).status == 204
    assert order_id not in [row["orderId"] for row in (await department.list("requests")).json["content"]]
    await anna.push(FILES, DEPARTMENTAL, orderId=str(order_id))
    row = (await department.get("requests", str(order_id))).json
    assert (row["orderId"], row["Номер полиса"]) == (order_id, ANNA)
    assert order_id in [row["orderId"] for row in (await department.list("requests")).json["content"]]
    assert (await anna.order(order_id))["orderStatusId"] == 2


async def test_nobody_sees_a_stranger_s_order(system: System, anna: Applicant) -> None:
    order_id = (await anna.push(FILES)).json["orderId"]
    boris = await applicant(system, "boris")
    for path in (f"/api/gusmev/order/{order_id}", f"/api/gusmev/order/{order_id}/cancel"):
        reply = await boris.call("POST", path)
        assert (reply.status, reply.json["code"]) == (403, "order_access")
    found = await boris.call("GET", "/api/gusmev/order/getOrdersStatus", orderIds=str(order_id))
    assert found.json["content"] == [{"orderId": order_id, "orderSearchStatus": "NOT_FOUND", "status": None}]
    updated = "/api/gusmev/order/getUpdatedAfter"
    assert (await boris.call("GET", updated, updatedAfter="2020-01-01T00:00:00.000")).json["totalCount"] == 0
    seen = await anna.call("GET", updated + "/", updatedAfter="2026-11-02T00:00:00.000")
    assert [row["orderId"] for row in seen.json["content"]] == [order_id]


async def test_cancel_needs_a_status_that_allows_it(anna: Applicant) -> None:
    order_id = await anna.draft(DEPARTMENTAL)
    early = await anna.call("POST", f"/api/gusmev/order/{order_id}/cancel")
    assert (early.status, early.json["code"]) == (405, "cancel_not_allowed")
    await anna.push(FILES, DEPARTMENTAL, orderId=str(order_id))
    done = await anna.call("POST", f"/api/gusmev/order/{order_id}/cancel")
    assert (done.status, done.raw) == (200, b"")
    assert (await anna.order(order_id))["orderStatusId"] == 4
    assert (await anna.call("POST", "/api/gusmev/order/1/cancel")).status == 204


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"folder/req.xml": XML, BUSINESS: XML}, "INVALID_FILES_STRUCTURE"),
        (b"not a zip", "INVALID_FILES_STRUCTURE"),
        ({f"{place}.txt": b"" for place in range(101)}, "LIMITATION_EXCEPTION"),
        ({TRANSPORT: b"<a>", BUSINESS: XML}, "VALIDATION_ERROR"),
        ({TRANSPORT: b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", BUSINESS: XML}, "VALIDATION_ERROR"),
        ({BUSINESS: XML}, "REQ_NOT_FOUND"),
        ({TRANSPORT: XML}, "MPC_NOT_FOUND"),
        ({TRANSPORT: b"<a><snils>00000000001</snils></a>", BUSINESS: b"<a/>"}, "REQ_VERIFY_FAILED"),
        ({TRANSPORT: XML, BUSINESS: XML, BUSINESS + ".sig": b"no"}, "FILES_VERIFICATION_FAILED"),
    ],
)
async def test_wrong_archive_ends_in_its_code(anna: Applicant, files: Any, code: str) -> None:
    reply = await anna.push(files)
    details = (await anna.call("POST", f"/api/gusmev/order/{reply.json['orderId']}")).json
    assert (reply.status, details["code"]) == (200, code)
    assert details["message"]
    assert [row["statusId"] for row in orjson.loads(details["order"])["statuses"]] == [0, 17, 5]


async def test_signed_service_checks_the_signature(system: System, anna: Applicant) -> None:
    signature = cms(system.pair, XML.decode(), gost=False)
    for files, code in (
        (FILES, "FILES_VERIFICATION_FAILED"),
        (FILES | {BUSINESS + ".sig": signature}, "OK"),
        (FILES | {BUSINESS: XML + b" ", BUSINESS + ".sig": signature}, "FILES_VERIFICATION_FAILED"),
    ):
        order_id = (await anna.push(files, SIGNED)).json["orderId"]
        assert (await anna.call("POST", f"/api/gusmev/order/{order_id}")).json["code"] == code


async def test_unconfirmed_account_cannot_send(system: System) -> None:
    boris = await applicant(system, "boris")
    order_id = (await boris.push({TRANSPORT: b"<a/>", BUSINESS: b"<a/>"})).json["orderId"]
    assert (await boris.call("POST", f"/api/gusmev/order/{order_id}")).json["code"] == "CREATE_ORDER_FORBIDDEN"


async def test_failed_order_is_sent_again(anna: Applicant) -> None:
    order_id = (await anna.push({TRANSPORT: XML})).json["orderId"]
    assert (await anna.push(FILES, orderId=str(order_id))).status == 200
    assert (await anna.order(order_id))["orderStatusId"] == 3
    late = await anna.push(FILES, orderId=str(order_id))
    assert (late.status, late.json["code"]) == (403, "push_denied")


@pytest.mark.parametrize("base", [0, 1])
async def test_parts_make_one_archive(anna: Applicant, base: int) -> None:
    await anna.switch(chunk_least=10)
    order_id, whole = await anna.draft(), archive(FILES)
    third = len(whole) // 3
    parts = [whole[:third], whole[third : 2 * third], whole[2 * third :]]
    for place, part in enumerate(parts):
        code = OTHER if base else ""  # one client sends no meta with a part
        reply = await anna.push(part, code, orderId=str(order_id), chunk=str(place + base), chunks="3")
        assert (reply.status, reply.json["orderId"]) == (206 if place < 2 else 200, order_id)
    assert (await anna.order(order_id))["orderStatusId"] == 3


async def test_part_out_of_its_turn_is_refused(anna: Applicant) -> None:
    await anna.switch(chunk_least=10)
    order_id = str(await anna.draft())

    async def part(chunk: str, data: bytes = b"x" * 20, chunks: str = "3") -> tuple[int, str]:
        reply = await anna.push(data, orderId=order_id, chunk=chunk, chunks=chunks)
        return reply.status, reply.json.get("code", "")

    assert await part("2") == (400, "bad_request")
    assert await part("0") == (206, "")
    assert await part("2") == (400, "bad_request")
    assert await part("1", b"x") == (400, "bad_request")
    assert await part("7") == (400, "bad_request")
    assert await part("1", chunks="4") == (400, "bad_request")
    assert await part("x") == (400, "bad_request")


async def test_parts_have_five_minutes(anna: Applicant) -> None:
    await anna.switch(chunk_least=10)
    order_id = str(await anna.draft())
    assert (await anna.push(b"x" * 20, orderId=order_id, chunk="0", chunks="2")).status == 206
    await anna.client.call("POST", "/stand/clock", {"shift_seconds": 301})
    late = await anna.push(b"x" * 20, orderId=order_id, chunk="1", chunks="2")
    assert (late.status, late.json["code"]) == (400, "bad_request")
    assert "истекло" in late.json["message"]


async def test_files_come_back_as_sent(system: System, anna: Applicant) -> None:
    order_id = (await anna.push(FILES)).json["orderId"]
    order = await anna.order(order_id)
    paths = (
        f"/api/gusmev/files/download/{order['currentStatusHistoryId']}/2",
        f"/api/gusmev/files/download/{order_id}/2",
        f"/api/storage/v2/files/{order_id}/2/download",
    )
    for path in paths:
        reply = await anna.call("GET", path, mnemonic="spravka.pdf", eserviceCode=OTHER)
        assert (reply.status, reply.raw) == (200, b"%PDF-1.4")
    (result,) = order["orderResponseFiles"]
    assert result["link"] == f"terrabyte://00/{order_id}/result.xml/3"
    read = await anna.call("GET", f"/api/gusmev/files/download/{order_id}/3", mnemonic="result.xml")
    assert len(read.raw) == result["fileSize"]
    assert (await anna.call("GET", paths[1], mnemonic="other.pdf")).json["code"] == "not_found"
    assert (await (await applicant(system, "boris")).call("GET", paths[1], mnemonic="spravka.pdf")).status == 403


async def test_department_gets_no_personal_files(anna: Applicant) -> None:
    order_id = (await anna.push(FILES, DEPARTMENTAL)).json["orderId"]
    path = f"/api/gusmev/files/download/{order_id}/2"
    reply = await anna.client.call("GET", path, mnemonic="spravka.pdf")
    assert (reply.status, reply.json["code"]) == (403, "access_denied_personal_data")
    assert (await anna.client.call("POST", f"/api/gusmev/order/{order_id}")).status == 200
    denied = await anna.client.call("POST", f"/api/gusmev/order/{order_id}/cancel")
    assert (denied.status, denied.json["code"]) == (403, "order_access")


async def test_organisation_applies_for_a_patient(anna: Applicant) -> None:
    department = anna.client
    body = meta(DEPARTMENTAL, policyNumber=ANNA)
    order_id = (await department.call("POST", "/api/gusmev/order", body)).json["orderId"]
    details = (await department.call("POST", f"/api/gusmev/order/{order_id}")).json
    order = orjson.loads(details["order"])
    assert (order["personType"], order["orderAttributes"]) == ("LEGAL", [{"name": "policyNumber", "value": ANNA}])
    wrong = await department.call("POST", "/api/gusmev/order", meta(DEPARTMENTAL, policyNumber="1"))
    assert (wrong.status, wrong.json["code"]) == (400, "unknown_reference")


async def test_ten_minutes_allow_twenty_applications(anna: Applicant) -> None:
    await anna.switch(per_service=2)
    replies = [await anna.call("POST", "/api/gusmev/order", meta()) for _ in range(5)]
    over = [reply for reply in replies if reply.status == 429]
    assert over
    assert over[-1].json["code"] == "limitation_exception"
    assert (await anna.call("POST", "/api/gusmev/order", meta(DEPARTMENTAL))).status == 200


async def test_each_system_has_its_own_minute(anna: Applicant) -> None:
    await anna.switch(calls_a_minute=2)
    path = "/api/gusmev/order/getOrdersStatus"
    statuses = [(await anna.call("GET", path, orderIds="1")).status for _ in range(7)]
    assert 429 in statuses
    assert (await anna.client.call("GET", path, orderIds=str(ORDER))).status == 200


async def test_dictionary_shows_a_tree(anna: Applicant) -> None:
    path = "/api/nsi/v1/dictionary/MEDMOST_OKATO"

    async def values(**asked: Any) -> list[str]:
        reply = await anna.client.call("POST", path, asked, {})
        return [item["value"] for item in reply.json["items"]]

    moscow = "45000000000"
    assert await values(treeFiltering="ONELEVEL") == [moscow, "40000000000"]
    beneath = await values(treeFiltering="ONELEVEL", parentRefItemValue=moscow)
    assert len(beneath) == 4
    assert await values(treeFiltering="SUBTREE", parentRefItemValue=moscow) == beneath
    assert len(await values(treeFiltering="SUBTREE")) == len(await values()) == 6
    clinics = (await anna.client.call("POST", "/api/nsi/v1/dictionary/mzrf_lpu_equeue_smev3", {}, {})).json["items"]
    assert clinics[1]["attributeValues"]["Organization_Name"] == "Филиал № 1"
    assert clinics[1]["parentValue"] == clinics[0]["value"]


async def test_department_hears_of_sent_orders_only(anna: Applicant) -> None:
    heard: list[Any] = []

    async def receive(request: aiohttp.web.Request) -> aiohttp.web.Response:
        heard.append(await request.json())
        return aiohttp.web.Response()

    app = aiohttp.web.Application()
    app.router.add_post("/hook", receive)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    site = aiohttp.web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        secret = "whsec_" + "QUJD" * 8
        body = {"url": url, "secret": secret, "collections": ["requests"]}
        assert (await anna.client.call("POST", "/api/exchange/v1/subscriptions", body)).status == 201
        draft, other = await anna.draft(DEPARTMENTAL), (await anna.push(FILES)).json["orderId"]
        sent = (await anna.push(FILES, DEPARTMENTAL)).json["orderId"]
        deadline = time.monotonic() + 30
        while str(sent) not in {one["id"] for one in heard}:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        assert {str(draft), str(other)} & {one["id"] for one in heard} == set()
    finally:
        await runner.cleanup()
