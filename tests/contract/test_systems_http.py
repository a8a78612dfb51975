"""What each end of a call means for what happens next, for both dialects, over a scripted transport."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp.web
import orjson
import pytest
import structlog
from aiohttp.test_utils import unused_port

from medmost.domain.errors import Fatal, MedmostError, Refused, Stale, Transient
from medmost.domain.pacing import BreakerRules
from medmost.domain.record import Side
from medmost.systems import failures
from medmost.systems.emias.wire import complain as emias_complain
from medmost.systems.gosuslugi.wire import complain as gosuslugi_complain
from medmost.systems.http import Answer, Call, Http
from medmost.systems.limits import Gate, calling_for
from medmost.systems.tokens import Grant, TokenKeeper
from medmost.systems.transport import AiohttpTransport, HttpRequest, HttpResponse, NoAnswer

COMPLAIN = {Side.GOSUSLUGI: gosuslugi_complain, Side.EMIAS: emias_complain}


class HandClock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime(2026, 11, 23, 7, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class Script:
    """A transport that answers by a list, then by its last line; keeps what it was asked."""

    def __init__(self, *lines: HttpResponse | NoAnswer | Callable[[HttpRequest], HttpResponse]) -> None:
        self.lines = list(lines)
        self.asked: list[HttpRequest] = []

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        self.asked.append(request)
        line = self.lines.pop(0) if len(self.lines) > 1 else self.lines[0]
        await asyncio.sleep(0)
        if isinstance(line, NoAnswer):
            raise line
        return line(request) if callable(line) else line

    async def close(self) -> None:
        return None


def answer(status: int = 200, body: Any = None, **headers: str) -> HttpResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpResponse(status, {"Content-Type": "application/json", **named}, orjson.dumps(body or {}))


def said(side: Side, code: str) -> Any:
    if side is Side.EMIAS:
        return {"error": {"code": code, "description": "Время занято", "field": "startTime"}}
    return {"code": code, "message": "Время занято"}


def system(side: Side, script: Script, clock: HandClock | None = None, **limits: Any) -> Http:
    clock = clock or HandClock()
    gate = Gate(side, clock, **({"per_minute": 1000, "in_flight": 4} | limits))
    return Http(side, "http://127.0.0.1:1", script, gate, clock, COMPLAIN[side])


def call(**changes: Any) -> Call:
    given = {"operation": "write", "method": "PUT", "route": "/x/{id}", "path": "/x/7", "until": 20.0}
    return Call(**(given | changes))


async def error_of(http: Http, **changes: Any) -> MedmostError:
    with pytest.raises(MedmostError) as caught:
        await http.call(call(**changes))
    return caught.value


@pytest.fixture(params=list(Side))
def side(request: pytest.FixtureRequest) -> Side:
    return request.param


@pytest.mark.parametrize(
    ("side", "status", "code", "kind"),
    [
        (Side.GOSUSLUGI, 409, "version_mismatch", Stale),
        (Side.GOSUSLUGI, 409, "deleted", Stale),
        (Side.GOSUSLUGI, 409, "slot_taken", Refused),
        (Side.GOSUSLUGI, 400, "invalid_field", Refused),
        (Side.GOSUSLUGI, 403, "order_access", Refused),
        (Side.GOSUSLUGI, 403, "access_denied_system", Fatal),
        (Side.EMIAS, 412, "SIM_VERSION_MISMATCH", Stale),
        (Side.EMIAS, 410, "SIM_GONE", Stale),
        (Side.EMIAS, 409, "SIM_SLOT_TAKEN", Refused),
        (Side.EMIAS, 422, "SIM_INVALID_FIELD", Refused),
        (Side.EMIAS, 404, "SIM_NOT_FOUND", Refused),
        (Side.EMIAS, 403, "SIM_API_KEY_FOREIGN", Fatal),
    ],
)
async def test_refusal_is_read_in_its_dialect(side, status, code, kind) -> None:
    error = await error_of(system(side, Script(answer(status, said(side, code)))))
    assert type(error) is kind
    if isinstance(error, Refused):
        assert (error.said, error.reason) == (code, "Время занято")
        assert error.field == ("startTime" if side is Side.EMIAS else None)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
async def test_failing_system_is_waited_for(side, status) -> None:
    error = await error_of(system(side, Script(answer(status, Retry_After="7"))))
    assert isinstance(error, Transient)
    assert (error.code, error.retry_after, error.arrived) == ("MM-SYS-DOWN", 7, True)


async def test_too_many_calls_put_the_next_off(side) -> None:
    clock, script = HandClock(), Script(answer(429, Retry_After="30"), answer())
    http = system(side, script, clock)
    error = await error_of(http)
    assert isinstance(error, Transient)
    assert (error.code, error.retry_after, error.arrived) == ("MM-SYS-LIMIT", 30, False)
    clock.seconds = 10
    assert (await error_of(http, until=99.0)).retry_after == 20  # type: ignore[attr-defined]  # Transient, as above
    assert len(script.asked) == 1
    clock.seconds = 31
    assert (await http.call(call(until=99.0))).status == 200


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("Mon, 23 Nov 2026 07:01:00 GMT", 60),
        ("Mon, 23 Nov 2026 06:00:00 GMT", 0),
        ("soon", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header, seconds) -> None:
    assert failures.retry_after(header, HandClock().now()) == seconds


def test_a_wrong_clock_prolongs_no_wish() -> None:
    told = "Mon, 23 Nov 2026 09:00:30 GMT"
    assert failures.retry_after(told, HandClock().now(), "Mon, 23 Nov 2026 09:00:00 GMT") == 30
    assert failures.retry_after(told, HandClock().now(), "no date") == failures.LONGEST_WISH


@pytest.mark.parametrize(
    ("none", "code", "arrived"),
    [(NoAnswer("x", arrived=False), "MM-SYS-UNREACHABLE", False), (NoAnswer("x", arrived=True), "MM-SYS-LOST", True)],
)
async def test_missing_answer_says_whether_it_arrived(side, none, code, arrived) -> None:
    http = system(side, Script(none))
    error = await error_of(http)
    assert isinstance(error, Transient)
    assert (error.code, error.arrived) == (code, arrived)
    assert not http.reachable


@pytest.mark.parametrize(
    "response",
    [
        HttpResponse(200, {"Content-Type": "text/html"}, b"<!DOCTYPE html><p>maintenance"),
        HttpResponse(200, {"Content-Type": "application/json"}, b'{"items":[{"id"'),
        HttpResponse(200, {"Content-Type": "application/json"}, b"[1]"),
        HttpResponse(200, {}, b"{}"),
        HttpResponse(200, {"Content-Type": "application/json"}, b""),
    ],
)
async def test_answer_that_is_no_object_is_a_page_error(side, response) -> None:
    got = await system(side, Script(response)).call(call())
    with pytest.raises(Transient, match="MM-SYS-PAGE"):
        got.object()


async def test_redirect_is_not_followed(side) -> None:
    script = Script(answer(302, Location="http://169.254.169.254/"))
    assert (await error_of(system(side, script))).code == "MM-SYS-PAGE"
    assert len(script.asked) == 1


class Tokens:
    def __init__(self, clock: HandClock) -> None:
        self.issued = 0
        self.keeper = TokenKeeper(self.obtain, self.load, self.save, clock)

    async def obtain(self) -> Grant:
        self.issued += 1
        return Grant(f"t{self.issued}", 3600)

    async def load(self) -> bytes | None:
        return None

    async def save(self, secret: bytes | None) -> None:
        return None


def bearer(request: HttpRequest) -> str:
    return request.headers["Authorization"].removeprefix("Bearer ")


async def test_rejected_token_is_renewed_and_repeated_once(side) -> None:
    script = Script(answer(401), answer(200, {"ok": 1}))
    http = system(side, script)
    tokens = Tokens(HandClock())
    http.authorise(tokens.keeper)
    assert (await http.call(call())).object() == {"ok": 1}
    assert [bearer(request) for request in script.asked] == ["t1", "t2"]


async def test_second_rejection_waits_and_did_not_arrive(side) -> None:
    script = Script(answer(401))
    http = system(side, script)
    tokens = Tokens(HandClock())
    http.authorise(tokens.keeper)
    error = await error_of(http)
    assert isinstance(error, Transient)
    assert (error.code, error.arrived, len(script.asked), tokens.issued) == ("MM-SYS-TOKEN", False, 2, 2)


async def test_rejected_batch_renews_one_time(side) -> None:
    script = Script(lambda request: answer(401 if bearer(request) == "t1" else 200))
    http = system(side, script, in_flight=32)
    tokens = Tokens(HandClock())
    http.authorise(tokens.keeper)
    answers = await asyncio.gather(*(http.call(call()) for _ in range(30)))
    assert {one.status for one in answers} == {200}
    assert tokens.issued == 2


async def test_lost_token_answer_is_not_a_lost_write(side) -> None:
    http = system(side, Script(answer()))

    async def lost() -> Grant:
        raise failures.lost(side, "x")

    async def nothing(*_: bytes | None) -> None:
        return None

    http.authorise(TokenKeeper(lost, nothing, nothing, HandClock()))
    error = await error_of(http)
    assert isinstance(error, Transient)
    assert not error.arrived


async def test_breaker_pauses_a_dead_system(side) -> None:
    clock, script = HandClock(), Script(NoAnswer("x", arrived=False))
    http = system(side, script, clock, rules=BreakerRules())
    for _ in range(10):
        assert (await error_of(http)).code == "MM-SYS-UNREACHABLE"
    error = await error_of(http)
    assert isinstance(error, Transient)
    assert (error.code, error.arrived, error.retry_after) == ("MM-SYS-BREAKER", False, 5)
    assert len(script.asked) == 10
    assert http.gate.state() == "open"


async def test_recovered_reading_lets_writing_probe_at_once(side) -> None:
    clock, script = HandClock(), Script(NoAnswer("x", arrived=False))
    http = system(side, script, clock)
    for operation in ("read", "write"):
        for _ in range(10):
            await error_of(http, operation=operation)
        clock.seconds += 4
    script.lines = [answer()]
    clock.seconds = 6
    assert (await error_of(http, operation="write")).code == "MM-SYS-BREAKER"
    await http.call(call(operation="read", until=99))
    await http.call(call(operation="write", until=99))
    assert http.gate.state() == "closed"


async def test_refusals_leave_the_breaker_closed(side) -> None:
    script = Script(answer(422, said(side, "SIM_INVALID_FIELD")))
    http = system(side, script)
    for _ in range(50):
        assert isinstance(await error_of(http), Refused)
    assert http.gate.state() == "closed"


async def test_limit_waits_within_the_deadline(side) -> None:
    clock, script = HandClock(), Script(answer())
    http = system(side, script, clock, per_minute=4)
    for _ in range(3):  # the fourth is kept for people
        await http.call(call())
    error = await error_of(http, until=clock.seconds + 20)
    assert isinstance(error, Transient)
    assert (error.code, error.arrived) == ("MM-SYS-BUSY", False)
    await http.call(call(until=clock.seconds + 90))
    assert 60 <= clock.seconds <= 62


async def test_a_person_is_let_in_beside_a_full_exchange(side) -> None:
    http = system(side, Script(answer()), HandClock(), per_minute=4)
    for _ in range(3):
        await http.call(call())
    assert isinstance(await error_of(http, until=20), Transient)
    with calling_for("interactive"):
        await http.call(call())


async def test_repeats_keep_to_their_budget_in_trouble(side) -> None:
    clock, script = HandClock(), Script(*[answer(500), answer(), answer()] * 200)
    http = system(side, script, clock, per_minute=60_000)
    sent = {"sync": 0, "retry": 0}
    for _ in range(300):
        clock.seconds += 0.05
        for purpose in ("sync", "retry"):
            with calling_for(purpose):
                before = len(script.asked)
                with contextlib.suppress(Transient):  # failed there or held back here: what was sent shows which
                    await http.call(call(until=clock.seconds + 1))
                sent[purpose] += len(script.asked) - before
    assert sent["retry"] <= 0.1 * sum(sent.values()) + 10
    assert sent["sync"] > 200
    assert http.gate.traffic.held_back > 0


async def test_limits_without_a_time_double_the_pause(side) -> None:
    clock = HandClock()
    http = system(side, Script(answer(429), answer(429), answer(429), answer(), answer(429), answer()), clock)
    pauses = []
    for _ in range(4):
        if len(pauses) == 3:
            await http.call(call(until=clock.seconds + 30))
        assert await error_of(http, until=clock.seconds + 30)
        waiting = await error_of(http, until=clock.seconds + 30)
        assert isinstance(waiting, Transient)
        pauses.append(waiting.retry_after)
        clock.seconds += waiting.retry_after or 0
    assert pauses == [1.0, 2.0, 4.0, 1.0]


@pytest.mark.parametrize(
    ("told", "seconds"),
    [("30", 30), ("0", 0), ("999999999999", 3600), ("Fri, 01 Jan 2100 00:00:00 GMT", 3600),
     ("Mon, 01 Jan 2001 00:00:00 GMT", 0), ("soon", None), ("-5", None)],
)  # fmt: skip
async def test_retry_after_is_taken_with_sense(side, told: str, seconds: float | None) -> None:
    error = await error_of(system(side, Script(answer(503, Retry_After=told))))
    assert isinstance(error, Transient)
    assert error.retry_after == seconds


async def test_logs_hold_the_route_and_nothing_else(side) -> None:
    with structlog.testing.capture_logs() as logs:
        await system(side, Script(answer(200, {"x": "secret"}))).call(
            call(path="/x/secret?origin=secret", body=b'{"x":"secret"}', headers={"X-Key": "secret"})
        )
    assert len(logs) == 1
    assert set(logs[0]) == {"event", "log_level", "system", "method", "route", "status", "ms"}
    assert "secret" not in str(logs)


async def test_refused_connection_did_not_arrive() -> None:
    transport = AiohttpTransport(connections=2, connect=3)
    request = HttpRequest(method="PUT", url=f"http://127.0.0.1:{unused_port()}/x", headers={}, body=b"{}", timeout=5)
    with pytest.raises(NoAnswer) as caught:
        await transport(request)
    await transport.close()
    assert not caught.value.arrived


async def test_dropped_kept_connection_is_not_repeated() -> None:
    """aiohttp by itself sends a PUT twice when a kept connection drops before the answer."""
    seen: list[str] = []

    async def serve(request: aiohttp.web.Request) -> aiohttp.web.Response:
        seen.append(request.method)
        if request.method == "PUT":
            assert request.transport is not None
            request.transport.abort()
        return aiohttp.web.Response(text="{}")

    app = aiohttp.web.Application()
    app.router.add_route("*", "/x", serve)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    port = unused_port()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", port).start()
    transport = AiohttpTransport(connections=1, connect=3)
    asked = [
        HttpRequest(method=m, url=f"http://127.0.0.1:{port}/x", headers={}, body=None, timeout=5)
        for m in ("GET", "PUT")
    ]
    await transport(asked[0])
    with pytest.raises(NoAnswer) as caught:
        await transport(asked[1])
    await transport.close()
    await runner.cleanup()
    assert caught.value.arrived
    assert seen == ["GET", "PUT"]


def test_answer_object_needs_json() -> None:
    ok = Answer(Side.EMIAS, 200, {"Content-Type": "application/problem+json; charset=utf-8"}, b'{"a":1}')
    assert ok.object() == {"a": 1}
