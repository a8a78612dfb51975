"""Calls to one system: authorised, within limits and deadlines, each failure turned into an error of recovery."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from typing import Any

import msgspec
import orjson
import structlog

from medmost.domain.errors import MedmostError, Transient
from medmost.domain.pacing import Breaker
from medmost.domain.record import Side
from medmost.systems import failures
from medmost.systems.clock import Clock
from medmost.systems.failures import Complaint
from medmost.systems.limits import Gate, Operation
from medmost.systems.tokens import TokenKeeper
from medmost.systems.transport import HttpRequest, HttpResponse, NoAnswer, Transport

log = structlog.get_logger("medmost.systems")

ENVIRONMENT = "X-Environment"
"""The header by which a system says whether it is a stand; real ones need not."""

Complain = Callable[[int, Any], Complaint]
"""A dialect's reading of a refusal: status and the decoded body (None where it is not JSON)."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request. `route` is the template for logs; `path` is quoted and may carry a query; `until` is monotonic."""

    operation: Operation
    method: str
    route: str
    path: str
    until: float
    headers: dict[str, str] = {}
    body: bytes | None = None
    content_type: str = "application/json"
    ok: tuple[int, ...] = (200,)  # statuses the caller understands


class Answer(msgspec.Struct, frozen=True):
    side: Side
    status: int
    headers: Mapping[str, str]
    body: bytes

    def object(self) -> dict[str, Any]:
        """The JSON object it must be. Raises Transient MM-SYS-PAGE for anything else (design §10)."""
        kind = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind != "application/json" and not kind.endswith("+json"):
            raise failures.page_error(self.side, "the answer is not JSON", "ответ не в формате JSON")
        data = _decoded(self.body)
        if not isinstance(data, dict):
            raise failures.page_error(self.side, "the answer is broken JSON", "ответ повреждён")
        return data


class Http:
    """One system's HTTP: what every call of both dialects has in common."""

    def __init__(
        self,
        side: Side,
        base_url: str,
        transport: Transport,
        gate: Gate,
        clock: Clock,
        complain: Complain,
        headers: Mapping[str, str] | None = None,
        environment: str | None = None,
    ) -> None:
        """`environment`: what the settings call this end. A system that calls itself something else is not called."""
        self.side = side
        self.gate = gate
        self.clock = clock
        self.last_ok: datetime | None = None
        self.reachable = False
        self.environment: str | None = None  # what the system says it is
        self._expected = environment
        self._base = base_url.rstrip("/")
        self._transport = transport
        self._complain = complain
        self._headers = {"Accept": "application/json", "User-Agent": "medmost", **(headers or {})}
        self._tokens: TokenKeeper | None = None

    def authorise(self, tokens: TokenKeeper) -> None:
        """Every call but those of class "auth" carries a token of this keeper from now on."""
        self._tokens = tokens

    async def call(self, call: Call) -> Answer:
        """An answer with one of `call.ok`; raises Transient, Stale, Refused or Fatal for every other end.

        A rejected token is renewed once and the call repeated once: a 401 says that nothing was done.
        """
        if call.operation == "auth" or self._tokens is None:
            return self._judged(call, await self._sent(call, None))
        token = self._tokens.ready() or await self._token(self._tokens.token(), call.until)
        answer = await self._sent(call, token)
        if answer.status == 401:
            fresh = await self._token(self._tokens.replace(token), call.until)
            answer = await self._sent(call, fresh)
        return self._judged(call, answer)

    async def _token(self, coming: Coroutine[Any, Any, str], until: float) -> str:
        try:
            async with asyncio.timeout(max(until - self.clock.monotonic(), 0.05)):
                return await coming
        except TimeoutError:
            raise failures.crowded(self.side) from None
        except Transient as error:
            error.arrived = False  # the token request may have arrived; the call it was for has not been sent
            raise

    async def close(self) -> None:
        await self._transport.close()

    async def _sent(self, call: Call, token: str | None) -> Answer:
        async with self.gate.passing(call.operation, call.until) as breaker:
            started = self.clock.monotonic()
            try:
                response = await self._transport(self._request(call, token, call.until - started))
            except NoAnswer as none:
                self._ended(call, breaker, started, None)
                raise (failures.lost if none.arrived else failures.unreachable)(self.side, str(none)) from None
            except BaseException:
                breaker.forget()
                raise
            self._ended(call, breaker, started, response)
            self._recognise(response)
            return Answer(self.side, response.status, response.headers, response.body)

    def _request(self, call: Call, token: str | None, seconds: float) -> HttpRequest:
        headers = {**self._headers, **call.headers}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if call.body is not None:
            headers["Content-Type"] = call.content_type
        return HttpRequest(
            method=call.method,
            url=self._base + call.path,
            headers=headers,
            body=call.body,
            timeout=max(seconds, 0.05),
        )

    def _ended(self, call: Call, breaker: Breaker, started: float, response: HttpResponse | None) -> None:
        now = self.clock.monotonic()
        well = response is not None and response.status < 500
        was_closed = breaker.state(now) == "closed"
        breaker.record(well, now)
        taken = now - started if response is not None else None
        self.gate.ended(call.operation, response is not None and well and response.status != 429, taken)
        if well and not was_closed:
            self.gate.recovered()
        self.reachable = well
        if response is not None and response.status < 300:
            self.last_ok = self.clock.now()
        log.debug(
            "system call",
            system=self.side.value,
            method=call.method,
            route=call.route,
            status=response.status if response is not None else None,
            ms=round((now - started) * 1000, 1),
        )

    def _recognise(self, response: HttpResponse) -> None:
        """Raises Fatal where the system says that it is of another environment than the settings have it (F30)."""
        shown = response.headers.get(ENVIRONMENT)
        if shown is not None:
            self.environment = shown
            if self._expected is not None and shown != self._expected:
                raise failures.elsewhere(self.side, shown[:20], self._expected)

    def _judged(self, call: Call, answer: Answer) -> Answer:
        if answer.status in call.ok:
            return answer
        raise self._failure(call, answer)

    def _failure(self, call: Call, answer: Answer) -> MedmostError:
        told = answer.headers
        wait = failures.retry_after(told.get("Retry-After"), self.clock.now(), told.get("Date"))
        complaint = self._complain(answer.status, _decoded(answer.body))
        if call.operation == "auth" and answer.status in (400, 401, 403):
            return failures.credentials_refused(self.side, complaint)
        error = failures.failure(self.side, answer.status, complaint, wait)
        if answer.status == 429 and isinstance(error, Transient):
            self.gate.put_off(call.operation, wait)
        return error


def encoded(value: Any) -> bytes:
    """JSON as it is sent."""
    return orjson.dumps(value)


def _decoded(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
