"""Everything that runs by itself: polling, delivering, watching both systems, keeping house.

One engine per process; `run` ends when `stop` is set and everything on the wire has been answered for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping

import structlog

from medmost.domain.errors import Fatal, MedmostError, Unusable
from medmost.domain.record import BOTH, Side
from medmost.queue.contract import Queue
from medmost.queue.embedded import Doorbell
from medmost.store import deliveries, ledgers
from medmost.store.database import Database
from medmost.store.transaction import Transaction
from medmost.sync import keeping
from medmost.sync.deliver import Deliverer
from medmost.sync.feed import Feed
from medmost.sync.flight import Outcome
from medmost.sync.freshness import Freshness
from medmost.sync.house import House
from medmost.sync.leading import Leader
from medmost.sync.linked import read_left_over
from medmost.sync.lookout import Lookout
from medmost.sync.outages import is_outage, silent
from medmost.sync.own_clock import OwnClock
from medmost.sync.poll import Leads, Passed, Poller, always
from medmost.sync.relay import Relay
from medmost.sync.roles import ALL
from medmost.sync.schedule import Pace, Schedule
from medmost.sync.stages import open_kinds
from medmost.systems.contract import System

log = structlog.get_logger()
WATCH_SECONDS, CHECKPOINT_SECONDS = 2.0, 60.0
PROBE_SECONDS = 5.0
LEADER_SECONDS = 15.0
"""A poller looks this often whether it may lead."""


class Engine:
    """Holds the loops. `subscribe` asks a system for its webhooks once it can be reached."""

    def __init__(
        self,
        house: House,
        database: Database,
        systems: Mapping[Side, System],
        bell: Doorbell,
        pace: Pace,
        *,
        in_flight: int = 64,
        subscribe: Callable[[System], Awaitable[None]] | None = None,
        told: Callable[[list[Outcome]], None] = lambda _: None,
        lookout: Lookout | None = None,
        alarm: float = 300.0,
        queue: Queue | None = None,
    ) -> None:
        self.house, self.database, self.systems, self.bell, self.pace = house, database, systems, bell, pace
        self.pollers = {side: Poller(house, database, system, bell) for side, system in systems.items()}
        self.deliverers = {
            side: Deliverer(
                house, database, system, bell, in_flight=in_flight, told=told,
                feed=None if queue is None else Feed(house, queue, side, bell),
            )
            for side, system in systems.items()
        }  # fmt: skip
        self.relay = None if queue is None else Relay(house, database, queue, bell)
        self.schedule = Schedule(house, pace)
        self.next_poll = self.schedule.next_poll
        self.freshness = Freshness(house, database, pace, alarm)
        self.reachable: dict[Side, bool] = dict.fromkeys(BOTH, True)
        self.left_over: set[Side] = set()  # where records of linked patients could not be read yet
        self._subscribe = subscribe
        self._subscribed: set[Side] = set()
        self._page_errors: set[tuple[Side, str]] = set()
        self._refused: set[Side] = set()
        self._own_clock = OwnClock(house, database, self.schedule.clock_set_back)
        self._rested: set[Side] = set()
        self._there_since: dict[Side, float] = dict.fromkeys(BOTH, house.clock.now())
        self.running = False
        self._lookout = lookout or Lookout(house, database, systems)

    async def run(self, stop: asyncio.Event, roles: Collection[str] = ALL) -> None:
        """Raises what a loop raised: a wrong program stops loudly, its rows stay."""
        loops = [self._house_loop(stop, keeps="schedule" in roles), self._wake_at(stop)]
        if "deliver" in roles:
            loops += [deliverer.run(stop) for deliverer in self.deliverers.values()]
        if "poll" in roles:
            loops += [loop(side, stop) for side in BOTH for loop in (self._poll_loop, self._watch_loop)]
        if self.relay is not None and "relay" in roles:
            loops.append(self.relay.run(stop))
        self.running = True
        self.schedule.begin()
        await self._lookout.look()  # before anything is sent
        tasks = [asyncio.create_task(loop) for loop in loops]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        stop.set()
        await asyncio.wait(tasks)
        self.running = False
        troubles = [trouble for task in tasks if (trouble := task.exception()) is not None]
        if troubles:  # the others are most often about the same
            raise troubles[0]
        await keeping.checkpoint(self.house, self.database)

    async def _wake_at(self, stop: asyncio.Event) -> None:
        """Loops that sleep until their next turn, a poll's up to a minute, hear of the end at once."""
        await stop.wait()
        self.bell.ring(*(f"{topic}.{side}" for topic in ("deliver", "relay", "poll", "watch") for side in BOTH))

    # ------------------------------------------------------------ single passes
    async def until_quiet(self, patience: float = 60.0) -> None:
        """Without running loops: delivers to both sides until nothing is due; what waits gets `patience` seconds."""
        while True:
            await asyncio.gather(*(deliverer.until_quiet(patience) for deliverer in self.deliverers.values()))
            if not await self.database.read(self._sendable):
                return

    async def quiet(self, patience: float = 60.0) -> bool:
        """With running loops: waits until nothing is due, on the wire or about to be; False when patience ends."""
        deadline = self.house.clock.now() + patience
        while await self.database.read(self._sendable) or await self.database.read(deliveries.next_wake) is not None:
            if self.house.clock.now() > deadline:
                return False
            await self.bell.wait("quiet", 0.1)
        return True

    def _sendable(self, tx: Transaction) -> int:
        kinds = open_kinds(ledgers.stages(tx), self.house.mappings)
        query = "SELECT kind, side, COUNT(*) FROM delivery WHERE state IN ('due', 'in_flight') GROUP BY kind, side"
        resting = {side.value for side in BOTH if self.house.resting(side)}
        return sum(number for kind, side, number in tx.execute(query) if kind in kinds and side not in resting)

    # ------------------------------------------------------------ polling
    async def poll_once(self, kinds: list[str] | None = None) -> dict[tuple[Side, str], Passed]:
        """Both systems, every kind, once; the two sides at the same time."""

        async def one_side(side: Side) -> dict[tuple[Side, str], Passed]:
            return {
                (side, kind): await self._pass(side, kind)
                for kind in self.house.mappings
                if kinds is None or kind in kinds
            }

        await self._lookout.look()
        found: dict[tuple[Side, str], Passed] = {}
        for result in await asyncio.gather(*(one_side(side) for side in BOTH)):
            found |= result
        return found

    async def _pass(self, side: Side, kind: str, leads: Leads = always) -> Passed:
        measured = self.systems[side].health().skew_seconds
        if measured is not None:
            self.house.skews[side] = measured
        try:
            passed = await self.pollers[side].one_pass(kind, leads=leads)
        except Unusable:
            raise
        except Fatal as error:
            passed = Passed(error=error)
        if passed.error is not None:
            log.warning("poll stopped", system=side.value, kind=kind, code=passed.error.code)
            if passed.error.code == "MM-SYS-PAGE":
                self._page_errors.add((side, kind))
                await self.tell("page", side, kind, passed.error.code)
        elif (side, kind) in self._page_errors:
            self._page_errors.discard((side, kind))
            await self.tell("page-ok", side, kind)
        await self._noticed(side, passed.error)
        return passed

    async def _poll_loop(self, side: Side, stop: asyncio.Event) -> None:
        leader = Leader(self.house, self.database, side)
        while not stop.is_set():
            turn = not self.house.resting(side)
            if turn and self.schedule.due(side) and (turn := await leader.leads()):
                stages = await self.database.read(ledgers.stages)
                for kind in self.schedule.due(side):
                    if stop.is_set() or stages.get(kind, ("observe", "", False))[0] == "stopped":
                        self.schedule.postpone(side, kind)
                        continue
                    if not (turn := await leader.leads()):
                        break
                    passed = await self._pass(side, kind, leader.leads)
                    self.schedule.after(side, kind, passed.error, self.systems[side].health().overloaded)
            wait = self.schedule.wait(side) if turn else LEADER_SECONDS
            await self.bell.wait(f"poll.{side}", max(0.05, min(wait, 60.0)))

    def poll_now(self, side: Side, kinds: list[str] | None = None) -> None:
        self.schedule.hurry(side, kinds)
        self.bell.ring(f"poll.{side}")

    # ------------------------------------------------------------ watching
    async def _watch_loop(self, side: Side, stop: asyncio.Event) -> None:
        """Notices an outage though nothing is being sent, and the end of one at once."""
        last_probe = 0.0
        while not stop.is_set():
            await self._own_clock.look()
            now = self.house.clock.now()
            if side in self._rested and not self.house.resting(side):
                await self._after_rest(side)
            if now < last_probe or now - last_probe >= (WATCH_SECONDS if not self.reachable[side] else PROBE_SECONDS):
                last_probe = now
                health = await self.systems[side].probe()
                await self._noticed(side, health.trouble or (None if health.reachable else silent(side)))
            if self._subscribe and side not in self._subscribed and self.reachable[side]:
                await self._try_subscribe(side)
            if side in self.left_over and self.reachable[side]:
                await self._read_left_over(side)
            await self.bell.wait(f"watch.{side}", WATCH_SECONDS)

    async def _try_subscribe(self, side: Side) -> None:
        assert self._subscribe is not None
        try:
            await self._subscribe(self.systems[side])
        except MedmostError as error:
            log.warning("webhooks not subscribed yet", system=side.value, code=error.code)
            return
        self._subscribed.add(side)

    async def _after_rest(self, side: Side) -> None:
        """A maintenance window is over: what waited goes on. A system that is still away is an outage from now on."""
        self._rested.discard(side)
        self.reachable[side], self._there_since[side] = True, self.house.clock.now()
        await self._catch_up(side)

    async def _noticed(self, side: Side, error: MedmostError | None) -> None:
        """An outage begins or ends: one event each, and a catch-up at its end. In a maintenance window none is one."""
        if self.house.resting(side):
            self._rested.add(side)
            return
        up = error is None or not is_outage(error)
        if isinstance(error, Fatal):
            self._refused.add(side)
            await self.tell("token", side, "", error.code)
        elif error is None and side in self._refused:
            self._refused.discard(side)
            await self.tell("token-ok", side)
        if up == self.reachable[side]:
            return
        self.reachable[side] = up
        await self.tell("reachable" if up else "unreachable", side, "", "" if error is None else error.code)
        if up:
            self._there_since[side] = self.house.clock.now()
            await self._catch_up(side)

    async def _catch_up(self, side: Side) -> None:
        self._subscribed.discard(side)
        await self.database.write(lambda tx: deliveries.release_waiting(tx, side.value, "unreachable"))
        self.poll_now(side)
        self.bell.ring(f"deliver.{side}")
        await self._read_left_over(side)

    def _there(self) -> dict[Side, float | None]:
        """Since when each system has been there to be read."""
        away = {side for side in BOTH if not self.reachable[side] or self.house.resting(side) or side in self._rested}
        return {side: None if side in away else self._there_since[side] for side in BOTH}

    async def tell(self, event: str, side: Side, kind: str = "", code: str = "") -> None:
        now = self.house.clock.now()
        await self.database.write(lambda tx: ledgers.tell(tx, now, event, side.value, kind, code))
        self.bell.ring("notify")

    # ------------------------------------------------------------ keeping house
    async def _house_loop(self, stop: asyncio.Event, *, keeps: bool) -> None:
        """Every process looks out for itself; `keeps`: this one keeps house for all."""
        while not stop.is_set():
            await keeping.checkpoint(self.house, self.database)
            if keeps:
                await self.keep_house()
            await self._lookout.look()
            if keeps and await self.freshness.look(self._there()):
                self.bell.ring("notify")
            for side in BOTH if keeps else ():
                await self._read_left_over(side)
            try:
                await asyncio.wait_for(stop.wait(), CHECKPOINT_SECONDS)
            except TimeoutError:
                continue

    async def keep_house(self) -> None:
        """Forgets what has run out: past slots, old webhook ids."""
        await keeping.keep_house(self.house, self.database)

    async def _read_left_over(self, side: Side) -> None:
        """Each side by itself: one that is away does not keep the other's backlog waiting."""
        try:
            await read_left_over(self.house, self.database, {side: self.pollers[side]})
        except Unusable:
            raise
        except MedmostError as error:
            self.left_over.add(side)
            log.warning("records of linked patients not read yet", system=side.value, code=error.code)
        else:
            self.left_over.discard(side)
