"""What only Gosuslugi has: stamps of a second, orders with their details, the organisation's signature."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime

import pytest

from contract.system_ends import TODAY, End, read_all, running
from medmost.domain.errors import Refused, Stale, Transient
from medmost.domain.record import Observation, Side
from medmost.systems.contract import Write
from medmost.systems.gosuslugi.wire import MOSCOW
from medmost_stand.world import World, build_world

ONE_SECOND = datetime(2026, 11, 20, 12, 0, 30, tzinfo=MOSCOW)


@pytest.fixture
async def end() -> AsyncIterator[End]:
    async with running(Side.GOSUSLUGI) as one:
        yield one


def bulk_world() -> World:
    """All policies but five were changed in the same second, as a bulk load leaves them."""
    world = build_world(60, 7, TODAY)
    world.gosuslugi["policies"][5:] = [replace(seed, changed_at=ONE_SECOND) for seed in world.gosuslugi["policies"][5:]]
    return world


async def test_second_fuller_than_a_page_is_read_whole() -> None:
    async with running(Side.GOSUSLUGI, bulk_world) as end:
        everything = await end.export()
        seen, last = await read_all(end.adapter(page_size=6).changes("policy", None))
        assert set(seen) == set(everything)
        assert (await read_all(end.adapter(page_size=6).changes("policy", last.cursor)))[0] == {}


async def test_full_second_that_shifts_loses_nothing() -> None:
    async with running(Side.GOSUSLUGI, bulk_world) as end:
        system, seen, cursor = end.adapter(page_size=6), {}, None
        known = sorted(await end.export())
        async for page in system.changes("policy", None):
            seen |= {one.ref: one.version for one in page.observations}
            cursor = page.cursor
            for ref in known[:3]:
                await end.person("DELETE", "policies", ref)
            known = known[3:]
        later, _ = await read_all(system.changes("policy", cursor))
        expected = {ref: row["редакция"] for ref, row in (await end.export()).items()}
        assert {ref: max(seen.get(ref, -1), later.get(ref, -1)) for ref in expected} == expected


async def test_first_page_tells_how_many_there_are(end: End) -> None:
    totals = {page.total async for page in end.adapter(page_size=7).everything("policy")}
    assert totals == {len(await end.export())}


async def a_request(end: End) -> Observation:
    """An order a person can read whole, whose history has no end yet."""
    async for page in end.adapter().everything("request"):
        for one in page.observations:
            order = (one.doc or {}).get("order")
            if isinstance(order, dict) and not order.get("closed") and len(order.get("statuses", [])) > 1:
                return one
    pytest.fail("the world has no open request")


def with_rows(request: Observation, *rows: tuple[int, str, str]) -> Write:
    assert request.doc is not None
    order = dict(request.doc["order"])
    order["statuses"] = [
        *order["statuses"],
        *(
            {"statusId": status, "title": f"Статус {status}", "date": at, "comment": "", "originRowId": origin}
            for status, at, origin in rows
        ),
    ]
    return Write(
        kind="request",
        ref=request.ref,
        doc={**request.doc, "order": order},
        base=request.doc,
        expected=request.version,
        key="r1",
        origin=None,
    )


LATE, LATER = "2026-11-29T10:00:00.000+0300", "2026-11-30T10:00:00.000+0300"


async def test_requests_come_with_their_orders(end: End) -> None:
    exported = await end.export("requests")
    async for page in end.adapter().changes("request", None):
        for one in page.observations:
            if not one.gone:
                assert one.doc["order"] == exported[one.ref]["order"]
                assert one.doc["Номер полиса"] == exported[one.ref]["Номер полиса"]


async def test_status_rows_are_written_oldest_first(end: End) -> None:
    request, system = await a_request(end), end.adapter()
    answer = await system.write(with_rows(request, (4, LATER, "e-2"), (2, LATE, "e-1")))
    rows = answer.doc["order"]["statuses"]
    assert [row.get("originRowId") for row in rows[-2:]] == ["e-1", "e-2"]
    assert rows[:-2] == request.doc["order"]["statuses"]
    assert answer.doc["order"]["orderStatusId"] == 4
    assert answer.version == request.version + 2
    assert [one["key"] for one in await end.effects()] == ["r1/e-1", "r1/e-2"]
    assert await system.read("request", request.ref) == answer


async def test_repeated_rows_are_written_once(end: End) -> None:
    request, system = await a_request(end), end.adapter()
    write = with_rows(request, (2, LATE, "e-1"), (4, LATER, "e-2"))
    await end.faults({"method": "POST", "path": "/api/gusmev/order/*", "effect": "answer-lost", "count": 1})
    with pytest.raises(Transient):
        await system.write(write)
    answer = await system.write(write)
    assert len(answer.doc["order"]["statuses"]) == len(request.doc["order"]["statuses"]) + 2
    assert len(await end.effects()) == 2


async def test_row_onto_a_moved_request_is_stale(end: End) -> None:
    request, system = await a_request(end), end.adapter()
    await system.write(with_rows(request, (2, LATE, "e-1")))
    with pytest.raises(Stale):
        await system.write(with_rows(request, (4, LATER, "e-2")))
    assert len(await end.effects()) == 1


async def test_request_is_never_created_or_deleted(end: End) -> None:
    request, system = await a_request(end), end.adapter()
    create = Write(kind="request", ref=None, doc=request.doc, base=None, expected=-1, key="k", origin="o")
    with pytest.raises(Refused):
        await system.write(create)
    with pytest.raises(Refused):
        await system.delete("request", request.ref, request.version, "k")
    assert await end.effects() == []


async def test_request_is_found_by_its_order_id(end: End) -> None:
    request, system = await a_request(end), end.adapter()
    assert await system.find("request", natural={"order": {"id": request.doc["order"]["id"]}}) == [request]
    assert await system.find("request", natural={"order": {"id": 1}}) == []
    assert await system.find("request", natural={}) == []


async def test_absorbed_details_are_not_read_again(end: End) -> None:
    policy, system = await end.some_policy(), end.adapter()
    _, before = await read_all(system.changes("request", None))
    body = {"serviceCode": "10000000109", "serviceName": "Справка", "policyNumber": policy.doc["Номер полиса"]}
    made = await end.person("POST", "requests", body=body)
    fresh, after = await read_all(system.changes("request", before.cursor))
    assert set(fresh) == {made["id"]}
    calls = await end.calls()
    await read_all(system.changes("request", after.cursor))
    assert await end.calls() - calls == 1
    kept, _ = await read_all(system.changes("request", before.cursor))
    assert set(kept) == {made["id"]}, "a page that was not absorbed comes again"


async def test_webhook_row_of_a_request_is_not_whole(end: End) -> None:
    request, system = await a_request(end), end.adapter()
    row = {name: value for name, value in request.doc.items() if name != "order"}
    assert system.told("request", row) is None


async def test_details_stay_within_their_bulkhead(end: End) -> None:
    await end.faults({"path": "/api/gusmev/order/*", "effect": "latency", "ms": 30})
    requests = len(await end.export("requests"))
    begun = datetime.now(MOSCOW)
    await read_all(end.adapter(orders_in_flight=2).changes("request", None))
    assert (datetime.now(MOSCOW) - begun).total_seconds() >= requests / 2 * 0.03


async def test_signature_of_another_key_is_refused(end: End) -> None:
    async with running(Side.GOSUSLUGI) as other:
        keys = other.stand.credentials
        wrong = end.adapter(key=keys.gosuslugi_key, certificate=keys.gosuslugi_certificate)
        health = await wrong.probe()
    assert health.trouble is not None
    assert health.trouble.code == "MM-SYS-CREDENTIALS"
