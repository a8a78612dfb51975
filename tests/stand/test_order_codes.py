"""Every code of the order API that the fact sheet names (§2.9) is provoked, or is said to be none of a client's."""

from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest

from medmost_stand.credentials import ecdsa_pair
from medmost_stand.gosuslugi.order_settings import CODES
from stand.esia_client import System
from stand.running import Reply, running_stand
from stand.test_order_api import DEPARTMENTAL, FILES, OTHER, Applicant, applicant, meta

SHEET = set(
    """access_denied_person_permissions access_denied_personal_data access_denied_service access_denied_system
    access_denied_user access_denied_user_legal bad_delegation config_delegation bad_request cancel_not_allowed
    internal_error limitation_exception not_found order_access push_denied service_not_found""".split()
)
NOT_BY_A_CLIENT = {
    "access_denied_user_legal": "the stand gives an API key to the owner of the system only",
    "bad_delegation": "no parameter for a delegation is documented",
    "config_delegation": "no parameter for a delegation is documented",
    "internal_error": "the server's own",
}
Provocation = Callable[[System], Awaitable[Reply]]


async def new(one: Applicant, code: str) -> Reply:
    return await one.call("POST", "/api/gusmev/order", meta(code))


async def without_consent(system: System) -> Reply:
    return await new(await applicant(system, consent=False), OTHER)


async def closed_service(system: System) -> Reply:
    return await new(await applicant(system), "90000000003")


async def service_closed_to_the_system(system: System) -> Reply:
    await system.register(closed_services=[OTHER])
    return await new(await applicant(system), OTHER)


async def foreign_system(system: System) -> Reply:
    token = (await system.client.call("POST", "/stand/tokens", {"kind": "foreign"})).json["access_token"]
    return await system.client.call("POST", "/api/gusmev/order", meta(), {"Authorization": f"Bearer {token}"})


async def service_of_organisations(system: System) -> Reply:
    return await new(await applicant(system), "60078836")


async def unknown_service(system: System) -> Reply:
    return await new(await applicant(system), "1")


async def region_in_words(system: System) -> Reply:
    return await (await applicant(system)).call("POST", "/api/gusmev/order", meta(region="Москва"))


async def push_without_an_archive(system: System) -> Reply:
    anna = await applicant(system)
    async with anna.client.session.post(
        anna.client.address + "/api/gusmev/push", data=aiohttp.FormData({"meta": "{}"}), headers=anna.headers
    ) as reply:
        return Reply(reply.status, reply.headers, await reply.read())


async def page_of_nothing(system: System) -> Reply:
    path = "/api/gusmev/order/getOrdersStatus"
    return await (await applicant(system)).call("GET", path, orderIds="1", pageSize="0")


async def cancel_of_a_draft(system: System) -> Reply:
    anna = await applicant(system)
    return await anna.call("POST", f"/api/gusmev/order/{await anna.draft()}/cancel")


async def one_application_too_many(system: System) -> Reply:
    anna = await applicant(system)
    await anna.switch(per_service=1)
    replies = [await new(anna, OTHER) for _ in range(3)]
    return next(reply for reply in replies if reply.status != 200)


async def file_that_is_not_there(system: System) -> Reply:
    anna = await applicant(system)
    return await anna.call("GET", f"/api/gusmev/files/download/{await anna.draft()}/2", mnemonic="a.pdf")


async def order_of_another(system: System) -> Reply:
    order_id = await (await applicant(system)).draft()
    return await (await applicant(system, "boris")).call("POST", f"/api/gusmev/order/{order_id}")


async def order_sent_already(system: System) -> Reply:
    anna = await applicant(system)
    order_id = (await anna.push(FILES)).json["orderId"]
    return await anna.push(FILES, orderId=str(order_id))


async def personal_file(system: System) -> Reply:
    order_id = (await (await applicant(system)).push(FILES, DEPARTMENTAL)).json["orderId"]
    return await system.client.call("GET", f"/api/gusmev/files/download/{order_id}/2", mnemonic="req.xml")


PROVOKED: list[tuple[str, int, Provocation]] = [
    ("access_denied_person_permissions", 403, without_consent),
    ("access_denied_service", 403, closed_service),
    ("access_denied_service", 403, service_closed_to_the_system),
    ("access_denied_system", 403, foreign_system),
    ("access_denied_user", 403, service_of_organisations),
    ("service_not_found", 400, unknown_service),
    ("bad_request", 400, region_in_words),
    ("bad_request", 400, push_without_an_archive),
    ("bad_request", 400, page_of_nothing),
    ("cancel_not_allowed", 405, cancel_of_a_draft),
    ("limitation_exception", 429, one_application_too_many),
    ("not_found", 404, file_that_is_not_there),
    ("order_access", 403, order_of_another),
    ("push_denied", 403, order_sent_already),
    ("access_denied_personal_data", 403, personal_file),
]


@pytest.fixture
async def system() -> AsyncIterator[System]:
    async with (
        running_stand(only="gosuslugi") as running,
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser,
    ):
        system = System(running["gosuslugi"], browser, ecdsa_pair(), False, 2)
        await system.register()
        yield system


@pytest.mark.parametrize(("code", "status", "provocation"), PROVOKED, ids=[one[2].__name__ for one in PROVOKED])
async def test_wrong_call_gets_its_code(system: System, code: str, status: int, provocation: Provocation) -> None:
    reply = await provocation(system)
    assert (reply.status, reply.json["code"]) == (status, code)
    assert reply.json["message"]


def test_every_code_of_the_sheet_is_known() -> None:
    assert set(CODES) == SHEET
    assert {code for code, _, _ in PROVOKED} | set(NOT_BY_A_CLIENT) == SHEET


async def test_any_code_can_be_switched_on(system: System) -> None:
    anna = await applicant(system)
    for code, (status, message) in CODES.items():
        await anna.switch(trouble=code)
        reply = await anna.call("POST", "/api/gusmev/order/1")
        assert (reply.status, reply.json) == (status, {"code": code, "message": message})
        assert (await anna.call("POST", "/api/gusmev/order/1")).status == 204


@pytest.mark.parametrize("wrong", [{"delay": -1}, {"outcome": 7}, {"trouble": "x"}, {"nothing": 1}, {"per_service": 0}])
async def test_wrong_switch_changes_nothing(system: System, wrong: dict[str, object]) -> None:
    before = (await system.client.call("GET", "/stand/orders")).json
    assert (await system.client.call("PUT", "/stand/orders", {"outcome": 4} | wrong)).status == 400
    assert (await system.client.call("GET", "/stand/orders")).json == before


@pytest.mark.parametrize("path", ["/api/gusmev/push", "/aas/oauth2/v3/te", "/idp/login"])
@pytest.mark.parametrize(
    "body", [b"--x\r\n-8--x--\r\n", b'--x\r\nContent-Disposition: form-data; name="\x01"\r\n\r\n', b""]
)
async def test_broken_form_is_a_wrong_request(system: System, path: str, body: bytes) -> None:
    headers = system.client.headers | {"Content-Type": "multipart/form-data; boundary=x"}
    async with system.client.session.post(system.client.address + path, data=body, headers=headers) as reply:
        assert 400 <= reply.status < 500
