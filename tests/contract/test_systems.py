"""One contract for both dialects, against the stand over real sockets."""

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest

from contract.system_ends import NUMBER, OWN_FIELD, PHONE, VERSION, End, phone, read_all, running
from medmost.domain.errors import Fatal, Refused, Stale, Transient
from medmost.domain.record import Observation, Side
from medmost.systems.contract import Write

OTHER_KINDS = {
    "organization": "organizations",
    "schedule": "schedules",
    "slot": "slots",
    "visit": "visits",
    "result": "results",
    "vaccination": "vaccinations",
    "request": "requests",
}


@pytest.fixture(params=list(Side))
async def end(request: pytest.FixtureRequest) -> AsyncIterator[End]:
    async with running(request.param) as one:
        yield one


def change(end: End, policy: Observation, digits: int, *, key: str = "k1", expected: int | None = None) -> Write:
    assert policy.doc is not None
    return Write(
        kind="policy",
        ref=policy.ref,
        doc={**policy.doc, PHONE[end.side]: phone(end.side, digits)},
        base=policy.doc,
        expected=policy.version if expected is None else expected,
        key=key,
        origin=None,
    )


def creation(end: End, policy: Observation, number: int, *, key: str = "c1") -> Write:
    doc = end.copy_of(policy, number)
    return Write(kind="policy", ref=None, doc=doc, base=None, expected=-1, key=key, origin=f"mm-{number}")


async def test_pages_under_inserts_miss_nothing(end: End) -> None:
    policy, system = await end.some_policy(), end.adapter(page_size=7)
    known, made = [ref for ref in await end.export() if ref != policy.ref], 0
    seen: dict[str, int] = {}
    cursor = None
    async for page in system.changes("policy", None):
        seen |= {one.ref: one.version for one in page.observations}
        cursor = page.cursor
        made += 1
        await end.person("POST", "policies", body=end.copy_of(policy, made))
        for ref in known[made * 3 : made * 3 + 2]:
            await end.person("DELETE", "policies", ref)
    assert cursor is not None
    later, _ = await read_all(system.changes("policy", cursor))
    expected = {ref: row[VERSION[end.side]] for ref, row in (await end.export()).items()}
    assert {ref: max(seen.get(ref, -1), later.get(ref, -1)) for ref in expected} == expected


async def test_pass_goes_on_from_a_kept_cursor(end: End) -> None:
    seen: set[str] = set()
    cursor = None
    async for page in end.adapter(page_size=7).changes("policy", None):
        seen |= {one.ref for one in page.observations}
        cursor = orjson.loads(orjson.dumps(page.cursor))
        if len(seen) > 14:
            break
    rest, _ = await read_all(end.adapter(page_size=7).changes("policy", cursor))
    assert seen | set(rest) == set(await end.export())
    assert len(rest) < len(await end.export())


async def test_quiet_poll_costs_one_call(end: End) -> None:
    system = end.adapter()
    for kind in ("policy", *OTHER_KINDS):
        _, last = await read_all(system.changes(kind, None))
        before = await end.calls()
        await read_all(system.changes(kind, last.cursor))
        assert await end.calls() - before == 1


async def test_next_pass_brings_what_changed(end: End) -> None:
    policy, system = await end.some_policy(), end.adapter()
    _, last = await read_all(system.changes("policy", None))
    changed = await system.write(change(end, policy, 1234567))
    seen, _ = await read_all(system.changes("policy", last.cursor))
    assert seen == {policy.ref: changed.version}


async def test_every_kind_is_read_whole(end: End) -> None:
    system = end.adapter(page_size=50)
    for kind, collection in (("policy", "policies"), *OTHER_KINDS.items()):
        seen, _ = await read_all(system.everything(kind))
        expected = {ref: row[VERSION[end.side]] for ref, row in (await end.export(collection)).items()}
        assert seen == expected


async def test_odd_cursor_starts_at_the_beginning(end: End) -> None:
    for cursor in ({"after": "yesterday"}, {"since": 5}, {"from": "x"}, {"what": None}):
        seen, _ = await read_all(end.adapter().changes("policy", cursor))
        assert set(seen) == set(await end.export())


async def test_server_clock_set_back_loses_nothing(end: End) -> None:
    policy, system = await end.some_policy(), end.adapter(overlap=1)
    _, last = await read_all(system.changes("policy", None))
    await end.shift_clock(-3600)
    changed = await system.write(change(end, policy, 1234567))
    seen, _ = await read_all(system.changes("policy", last.cursor))
    assert seen.get(policy.ref) == changed.version


async def test_write_lands_on_the_present_version(end: End) -> None:
    policy, system = await end.some_policy(), end.adapter()
    answer = await system.write(change(end, policy, 7654321))
    again = await system.read("policy", policy.ref)
    assert answer == again
    assert (answer.ref, answer.version) == (policy.ref, policy.version + 1)
    assert answer.doc[PHONE[end.side]] == phone(end.side, 7654321)
    assert answer.doc.get(OWN_FIELD[end.side]) == policy.doc.get(OWN_FIELD[end.side])
    effects = await end.effects()
    assert [(one["method"], one["id"], one["key"]) for one in effects] == [("PUT", policy.ref, "k1")]


async def test_moved_record_is_stale_and_untouched(end: End) -> None:
    policy, system = await end.some_policy(), end.adapter()
    await system.write(change(end, policy, 1111111))
    with pytest.raises(Stale):
        await system.write(change(end, policy, 2222222, key="k2"))
    with pytest.raises(Stale):
        await system.delete("policy", policy.ref, policy.version, "k3")
    assert len(await end.effects()) == 1


async def test_refusal_keeps_the_systems_words(end: End) -> None:
    policy, system = await end.some_policy(), end.adapter()
    with pytest.raises(Refused) as caught:
        await system.write(
            Write(
                kind="policy",
                ref=policy.ref,
                doc={**policy.doc, PHONE[end.side]: "позвоните маме"},
                base=policy.doc,
                expected=policy.version,
                key="k1",
                origin=None,
            )
        )
    assert caught.value.said in ("invalid_field", "SIM_INVALID_FIELD")
    assert PHONE[end.side] in caught.value.reason
    assert await end.effects() == []


async def test_repeated_create_makes_one_record(end: End) -> None:
    policy, system = await end.some_policy(), end.adapter()
    first = await system.write(creation(end, policy, 500))
    second = await system.write(creation(end, policy, 500))
    assert first == second
    assert first.origin == "mm-500"
    assert len(await end.effects()) == 1


async def test_second_policy_with_a_number_is_refused(end: End) -> None:
    policy, system = await end.some_policy(), end.adapter()
    await system.write(creation(end, policy, 500))
    with pytest.raises(Refused) as caught:
        await system.write(creation(end, policy, 500, key="c2"))
    assert caught.value.said in ("duplicate", "SIM_DUPLICATE")


async def test_key_reused_for_other_body_is_refused(end: End) -> None:
    policy, system = await end.some_policy(), end.adapter()
    await system.write(creation(end, policy, 500))
    with pytest.raises(Refused):
        await system.write(creation(end, policy, 501))


async def test_lost_answer_of_a_create_is_found_by_origin(end: End) -> None:
    policy, system = await end.some_policy(), end.adapter()
    await end.faults({"method": "POST", "collection": "policies", "effect": "answer-lost", "count": 1})
    with pytest.raises(Transient) as caught:
        await system.write(creation(end, policy, 600))
    assert caught.value.arrived
    (found,) = await system.find("policy", origin="mm-600")
    assert found == await system.write(creation(end, policy, 600))
    assert len(await end.effects()) == 1


async def test_lost_answer_of_a_put_is_one_effect(end: End) -> None:
    policy, system = await end.some_policy(), end.adapter()
    await end.faults({"method": "PUT", "effect": "answer-lost"})
    with pytest.raises(Transient) as caught:
        await system.write(change(end, policy, 3333333))
    assert caught.value.arrived
    assert len(await end.effects()) == 1


async def test_lost_request_has_no_effect(end: End) -> None:
    policy, system = await end.some_policy(), end.adapter()
    await end.faults({"method": "PUT", "effect": "request-lost", "count": 1})
    with pytest.raises(Transient):
        await system.write(change(end, policy, 3333333))
    assert await end.effects() == []
    assert (await system.write(change(end, policy, 3333333))).version == policy.version + 1


async def test_slow_answer_ends_at_the_deadline(end: End) -> None:
    policy, system = await end.some_policy(), end.adapter(deadline=0.3)
    await system.read("policy", policy.ref)
    await end.faults({"method": "PUT", "effect": "latency", "ms": 5000})
    started = asyncio.get_running_loop().time()
    with pytest.raises(Transient) as caught:
        await system.write(change(end, policy, 3333333))
    assert caught.value.arrived
    assert asyncio.get_running_loop().time() - started < 2


async def test_token_revoked_in_mid_batch_is_renewed_once(end: End) -> None:
    policy, system = await end.some_policy(), end.adapter()
    await system.read("policy", policy.ref)
    before = len(await end.tokens())
    await end.faults({"path": "/api/*", "effect": "token-expired", "count": 1})
    reads = [system.read("policy", policy.ref) for _ in range(40)]
    assert {one.version for one in await asyncio.gather(*reads)} == {policy.version}
    assert len(await end.tokens()) - before == 1


async def test_short_token_life_fails_no_call(end: End) -> None:
    policy = await end.some_policy()
    await end.tokens(life=2)
    end.vault.secrets.clear()
    system, loop = end.adapter(), asyncio.get_running_loop()
    already, begun, reads = len(await end.tokens()), loop.time(), 0
    while loop.time() - begun < 5:
        await asyncio.gather(*(system.read("policy", policy.ref) for _ in range(4)))
        reads += 4
    assert 4 <= len(await end.tokens()) - already <= 7
    assert reads > 100
    assert system.health().token_seconds in (0, 1)


async def test_first_calls_share_one_renewal(end: End) -> None:
    policy = await end.some_policy()
    end.vault.secrets.clear()
    already, system = len(await end.tokens()), end.adapter()
    await asyncio.gather(*(system.read("policy", policy.ref) for _ in range(30)))
    assert len(await end.tokens()) - already == 1


async def test_kept_token_serves_the_next_process(end: End) -> None:
    policy = await end.some_policy()
    already = len(await end.tokens())
    await end.adapter().read("policy", policy.ref)
    assert len(await end.tokens()) == already


@pytest.mark.parametrize("effect", ["html-200", "truncated"])
async def test_spoilt_page_leaves_the_cursor(end: End, effect: str) -> None:
    pages = end.adapter(page_size=7).changes("policy", None)
    first = await anext(pages)
    await end.faults({"method": "GET", "collection": "policies", "effect": effect})
    with pytest.raises(Transient) as caught:
        await anext(pages)
    assert caught.value.code == ("MM-SYS-PAGE" if effect == "html-200" else "MM-SYS-LOST")
    await end.faults()
    rest, _ = await read_all(end.adapter(page_size=7).changes("policy", first.cursor))
    assert {one.ref for one in first.observations} | set(rest) == set(await end.export())


async def test_too_many_calls_carry_the_wait(end: End) -> None:
    policy, system = await end.some_policy(), end.adapter()
    await end.faults({"method": "GET", "effect": "status", "code": 429, "retry_after": 2, "count": 1})
    with pytest.raises(Transient) as caught:
        await system.read("policy", policy.ref)
    assert (caught.value.retry_after, caught.value.arrived) == (2, False)


async def test_failing_system_is_an_outage(end: End) -> None:
    policy, system = await end.some_policy(), end.adapter()
    await end.faults({"effect": "status", "code": 503})
    with pytest.raises(Transient):
        await system.read("policy", policy.ref)
    assert not (await system.probe()).reachable
    await end.faults()
    assert (await system.probe()).reachable


async def test_unknown_ref_is_none_and_no_delete(end: End) -> None:
    system = end.adapter()
    assert await system.read("policy", "no-such/../id?&") is None
    with pytest.raises(Refused):
        await system.delete("policy", "no-such-id", 1, "k1")


async def test_deleted_record_leaves_a_tombstone(end: End) -> None:
    policy, system = await end.some_policy(), end.adapter()
    _, last = await read_all(system.changes("policy", None))
    made = await system.write(creation(end, policy, 700))
    gone = await system.delete("policy", made.ref, made.version, "d1")
    assert gone.gone
    assert gone.version == made.version + 1
    assert await system.read("policy", made.ref) == gone
    assert [one.gone for one in await system.find("policy", origin="mm-700")] == [True]
    listed = [one async for page in system.changes("policy", last.cursor) for one in page.observations]
    assert gone in listed


async def test_record_is_found_by_origin_and_key(end: End) -> None:
    policy, system = await end.some_policy(), end.adapter()
    made = await system.write(creation(end, policy, 800))
    number = NUMBER[end.side]
    assert await system.find("policy", origin="mm-800") == [made]
    assert await system.find("policy", natural={number: made.doc[number]}) == [made]
    assert await system.find("policy", origin="mm-nobody") == []
    assert await system.find("policy", natural={number: "7700000000000000"}) == []


async def test_refused_connection_did_not_arrive(end: End) -> None:
    policy, system = await end.some_policy(), end.adapter()
    await end.stand.ends[end.side.value]._runner.cleanup()
    with pytest.raises(Transient) as caught:
        await end.adapter().write(change(end, policy, 1))
    assert not caught.value.arrived
    health = await system.probe()
    assert (health.reachable, health.trouble is not None) == (False, True)


async def test_wrong_credentials_are_fatal(end: End) -> None:
    wrong = {Side.GOSUSLUGI: {"api_key": "11111111-1111-4111-8111-111111111111"}, Side.EMIAS: {"client_secret": "no"}}
    with pytest.raises(Fatal, match="MM-SYS-CREDENTIALS"):
        await read_all(end.adapter(**wrong[end.side]).changes("policy", None))


async def test_probe_tells_health(end: End) -> None:
    health = await end.adapter().probe()
    assert health.reachable
    assert health.breaker == "closed"
    assert health.token_seconds is not None
    assert health.token_seconds > 3000
    assert health.skew_seconds is not None
    assert abs(health.skew_seconds) < 3
    assert health.calls_per_minute == 2
    assert health.last_ok is not None
    if end.side is Side.GOSUSLUGI:
        assert health.certificate_days is not None
        assert health.certificate_days > 300


async def test_subscribing_twice_is_harmless(end: End) -> None:
    system = end.adapter()
    secret = "whsec_" + "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"
    for _ in range(2):
        await system.subscribe("http://127.0.0.1:1/hooks/x", secret, ["policies", "visits"])


async def test_webhook_record_is_an_observation(end: End) -> None:
    policy, system = await end.some_policy(), end.adapter()
    assert system.told("policy", policy.doc) == policy
    for odd in (None, [], {}, {"id": 5}, "x"):
        assert system.told("policy", odd) is None
