"""The admin surface under /stand/: what there is, what people do, what goes wrong (contracts.md §2).

Loopback only and never used by medmost.
"""

from __future__ import annotations

import asyncio

import orjson
from aiohttp import web

from medmost_stand.api import Call, json_response
from medmost_stand.desk import PersonDesk
from medmost_stand.end import EndState
from medmost_stand.faults import parse_rules
from medmost_stand.refusal import Reason, Refusal
from medmost_stand.world import build_world
from medmost_stand.worlds import settle


def ndjson(lines: list[bytes]) -> web.Response:
    """One JSON object a line."""
    body = b"".join(line + b"\n" for line in lines)
    return web.Response(body=body, content_type="application/x-ndjson")


class Admin:
    """Handlers over one system."""

    def __init__(self, state: EndState, desk: PersonDesk) -> None:
        self._state = state
        self._desk = desk
        self.collections = state.system.dialect.collections

    async def export(self, call: Call) -> web.Response:
        """Everything of a collection in the order of change, tombstones as in lists."""
        dialect = self._state.system.dialect
        return ndjson([dialect.exported(record) for record in self._state.system.shelves[call.collection]])

    async def effects(self, call: Call) -> web.Response:
        """Accepted writes that follow `?after=`."""
        after = call.request.query.get("after", "0")
        if not after.isascii() or not after.isdigit():
            raise _wrong("after: нужно число от 0", "after")
        return ndjson(self._state.system.effects.after(int(after)))

    async def people(self, _: Call) -> web.Response:
        """The test citizens, without their passwords' owners' papers."""
        names = ("oid", "policy_number", "login", "password", "trusted", "planted")
        citizens = self._state.population.citizens
        return ndjson([orjson.dumps({name: citizen[name] for name in names}) for citizen in citizens])

    async def planted(self, _: Call) -> web.Response:
        """What a right medmost must end with, per collection, as ids of this system."""
        return json_response(orjson.dumps(self._state.population.planted))

    async def show_life(self, _: Call) -> web.Response:
        """The rate and what life has done so far."""
        living = self._state.living
        shown = {"rate": living.rate, "acts": living.acts, "failed": living.failed}
        return json_response(orjson.dumps(shown))

    async def set_life(self, call: Call) -> web.Response:
        """`{"rate":5}`: acts of people a second; 0 stops."""
        rate = (await call.json()).get("rate")
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1000:
            raise _wrong("rate: нужно число от 0 до 1000", "rate")
        await self._state.living.set(float(rate))
        return await self.show_life(call)

    async def act(self, call: Call) -> web.Response:
        """A person's POST, PUT, DELETE or move at this system's own screen."""
        move = call.request.path.endswith(":move")
        method = "MOVE" if move else call.request.method
        body = await call.json() if call.request.can_read_body else {}
        record = self._desk.do(method, call.collection, call.request.match_info.get("id"), body, None)
        await self._state.system.storage.committed()
        status = 201 if method in ("POST", "MOVE") else 200
        return json_response(self._state.system.dialect.exported(record), status, {"ETag": f'"{record.version}"'})

    async def show_faults(self, _: Call) -> web.Response:
        """The rules and how often each has fired."""
        return json_response(orjson.dumps({"rules": [rule.shown() for rule in self._state.faults.rules]}))

    async def put_faults(self, call: Call) -> web.Response:
        """Replaces all rules."""
        self._state.faults.rules = parse_rules(await call.json())
        return await self.show_faults(call)

    async def delete_faults(self, call: Call) -> web.Response:
        """No faults."""
        self._state.faults.rules = []
        return await self.show_faults(call)

    async def reset(self, call: Call) -> web.Response:
        """`{"people","seed","ambiguous"}`: a new world; effects, remembered answers and unsent messages are dropped."""
        body = await call.json()
        people = body.get("people", self._state.population.people)
        seed = body.get("seed", self._state.population.seed)
        if not isinstance(people, int) or not isinstance(seed, int) or not 10 <= people <= 1_000_000:
            raise _wrong("people: число от 10, seed: целое число", "people")
        ambiguous = body.get("ambiguous", False)
        if not isinstance(ambiguous, bool):
            raise _wrong("ambiguous: нужно true или false", "ambiguous")
        state = self._state
        await state.living.stop()
        state.faults.rules = []
        state.clock.shift = 0.0
        world = await asyncio.to_thread(
            build_world, people, seed, state.clock.now().date(), state.added, ambiguous=ambiguous
        )
        state.webhooks.clear()
        state.population = settle(state.system, world, people, seed)
        return json_response(orjson.dumps({"people": people, "seed": seed}))

    async def set_clock(self, call: Call) -> web.Response:
        """`{"shift_seconds"}`: this system's clock beside the machine's."""
        shift = (await call.json()).get("shift_seconds")
        if isinstance(shift, bool) or not isinstance(shift, int | float) or abs(shift) > 10 * 366 * 86400:
            raise _wrong("shift_seconds: нужно число секунд", "shift_seconds")
        self._state.clock.shift = float(shift)
        now = self._state.clock.now().isoformat(timespec="milliseconds")
        return json_response(orjson.dumps({"shift_seconds": shift, "now": now}))

    async def show_tokens(self, _: Call) -> web.Response:
        """When tokens were issued to whom (not the tokens)."""
        tokens = self._state.tokens
        return json_response(orjson.dumps({"life_seconds": tokens.life, "issued": tokens.issued}))

    async def put_tokens(self, call: Call) -> web.Response:
        """`{"life_seconds":5}`: the life of tokens issued from now on."""
        life = (await call.json()).get("life_seconds")
        if isinstance(life, bool) or not isinstance(life, int) or not 1 <= life <= 86400:
            raise _wrong("life_seconds: нужно число от 1 до 86400", "life_seconds")
        self._state.tokens.life = life
        return await self.show_tokens(call)

    async def make_token(self, call: Call) -> web.Response:
        """A token for a test: `{"kind":"valid"|"expired"|"foreign"}`, foreign being another registered client's."""
        kind = (await call.json()).get("kind")
        if kind not in ("valid", "expired", "foreign"):
            raise _wrong("kind: valid, expired или foreign", "kind")
        client = self._state.foreign_client if kind == "foreign" else self._state.client
        token, life = self._state.tokens.issue(client, -60 if kind == "expired" else None)
        return json_response(orjson.dumps({"access_token": token, "expires_in": life, "client": client}))

    async def calls(self, _: Call) -> web.Response:
        """How many calls of each route were answered with which status."""
        rows = [
            {"method": method, "path": path, "status": status, "count": count}
            for (method, path, status), count in sorted(self._state.calls.items())
        ]
        return json_response(orjson.dumps({"calls": rows}))


def _wrong(text: str, field: str) -> Refusal:
    return Refusal(Reason.BAD_REQUEST, text, field, status=400)
