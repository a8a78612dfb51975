"""A second look at what was not level: life goes on while an audit reads.

A difference counts only if both records, read again, still differ and neither has moved since it was last looked at.
What medmost is just delivering, or has not yet heard of, is given a little time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar, cast, get_args

import msgspec

from medmost.audit.digest import Digester, alone, expired
from medmost.audit.findings import MISSING_AT, Finding, What
from medmost.audit.standing import Place, Standing, belongs_nowhere, excuse, is_former, standings
from medmost.domain.errors import Transient
from medmost.domain.record import BOTH, Fields, Observation, Side
from medmost.store import links
from medmost.store.database import Database
from medmost.store.transaction import Transaction
from medmost.sync.house import House, Seen
from medmost.systems.contract import System

_T = TypeVar("_T")
PAUSES = (0.0, 2.0, 5.0)
"""Seconds before each round of looks."""
YOUNG = 900.0
"""Seconds within which a change may still be on its way to us: the longest pause between two polls."""
AT_ONCE = 16


class Suspect(msgspec.Struct, kw_only=True):
    """An object that is not level and not known to anybody."""

    kind: str
    what: str
    refs: dict[Side, str | None]
    versions: dict[Side, int | None]
    others: tuple[str, ...] = ()  # duplicate: further references at the same side
    fields: list[str] = []

    @property
    def places(self) -> list[Place]:
        twins = [(side, ref) for side in BOTH for ref in self.others if self.refs.get(side)]
        return [(side, ref) for side in BOTH if (ref := self.refs.get(side))] + twins


class Verdict(msgspec.Struct, kw_only=True):
    """What a look ended with: an account of the report, the open state that accounts for it, or a finding."""

    account: str
    state: str | None = None
    finding: Finding | None = None


class _Look(msgspec.Struct, kw_only=True):
    what: str  # a What, or an account that ends the matter: level, gone, rejected, foreign, former, no_consent, expired
    refs: dict[Side, str | None]
    versions: dict[Side, int | None]
    fields: list[str] = []
    key: str = ""
    young: bool = False
    standing: Standing | None = None


class Rechecker:
    def __init__(
        self,
        house: House,
        database: Database,
        systems: Mapping[Side, System],
        digesters: Mapping[str, Digester],
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        self._house, self._database, self._systems = house, database, systems
        self._digesters, self._pauses = digesters, pauses
        self._at_once = asyncio.Semaphore(AT_ONCE)

    async def settle(self, suspects: Sequence[Suspect]) -> list[tuple[Suspect, Verdict]]:
        """A verdict for each suspect. Raises what the systems raise."""
        settled: list[tuple[Suspect, Verdict]] = []
        left = list(suspects)
        for number, pause in enumerate(self._pauses, 1):
            if not left:
                break
            await asyncio.sleep(pause)
            looks = await self._looks(left)
            again: list[Suspect] = []
            for suspect, look in zip(left, looks, strict=True):
                verdict = self._judge(suspect, look, last=number == len(self._pauses))
                if verdict is not None:
                    settled.append((suspect, verdict))
                else:
                    again.append(_renewed(suspect, look))
            left = again
        return settled

    def _judge(self, suspect: Suspect, look: _Look, *, last: bool) -> Verdict | None:
        """None: look again."""
        kind = self._house.kind(suspect.kind)
        if look.what not in get_args(What):
            return Verdict(account=look.what, finding=_finding(suspect, look) if look.what == "foreign" else None)
        state, fields = excuse(kind, look.what, look.fields, look.standing)
        if state is not None:
            return Verdict(account=look.what, state=state)
        look.fields = fields
        still = look.what == suspect.what and look.versions == suspect.versions
        if still and (last or not _under_way(look)):
            return Verdict(account=look.what, finding=_finding(suspect, look))
        return Verdict(account="moving") if last else None

    # ------------------------------------------------------------ looking
    async def _looks(self, suspects: Sequence[Suspect]) -> list[_Look]:
        places: dict[str, list[Place]] = {}
        for suspect in suspects:
            places.setdefault(suspect.kind, []).extend(suspect.places)

        def look(tx: Transaction) -> dict[str, dict[Place, Standing]]:
            return {kind: standings(tx, kind, where) for kind, where in places.items()}

        known = await self._database.read(look)
        return list(await asyncio.gather(*(self._look(suspect, known[suspect.kind]) for suspect in suspects)))

    async def _look(self, suspect: Suspect, known: Mapping[Place, Standing]) -> _Look:
        if suspect.what == "duplicate" and suspect.others:
            return await self._look_at_twins(suspect, known)
        standing = next((known[place] for place in suspect.places if place in known), None)
        refs = dict(suspect.refs)
        if standing is not None:
            refs = {side: refs.get(side) or standing.refs[side] for side in BOTH}
        seen = {side: await self._read(suspect.kind, side, ref) for side, ref in refs.items()}
        return await self._compared(suspect, standing, seen, refs)

    async def _compared(
        self, suspect: Suspect, standing: Standing | None, seen: dict[Side, Seen | None], refs: dict[Side, str | None]
    ) -> _Look:
        for side in BOTH:
            there = seen.get(side.other)
            if seen.get(side) is None and there is not None and not refs.get(side):
                seen[side] = await self._found(suspect.kind, side, there)
        present = {side: one for side, one in seen.items() if one is not None}
        versions = {side: one.observation.version if (one := seen.get(side)) else None for side in BOTH}
        shown = {side: one.observation.ref if (one := seen.get(side)) else None for side in BOTH}
        look = _Look(what="gone", refs=shown, versions=versions, standing=standing)
        if present:
            one = next(iter(present.values()))
            look.key = self._house.kind(suspect.kind).masked_key(_fields(one))
            look.young = any(self._is_young(one.observation) for one in present.values())
            look.what, look.fields = await self._judged(suspect.kind, present, standing)
        return look

    async def _judged(
        self, kind_name: str, present: dict[Side, Seen], standing: Standing | None
    ) -> tuple[str, list[str]]:
        kind, digester = self._house.kind(kind_name), self._digesters[kind_name]
        first = next(iter(present.values()))
        if kind.personal and first.patient_index is not None and not await self._is_linked(first.patient_index):
            return "no_consent", []
        if all(expired(kind, _fields(one), self._house.clock.now()) for one in present.values()):
            return "expired", []
        bad = [problem.field for one in present.values() if one.reading for problem in one.reading.problems]
        if bad:
            return "invalid", list(dict.fromkeys(bad))
        if len(present) == 2:
            digests = [digester.digests(_fields(present[side])) for side in BOTH]
            differing = digester.differing(*digests)
            return ("differing", differing) if differing else ("level", [])
        (side, only), *_ = present.items()
        if alone(kind, _fields(only)):
            return "rejected", []
        if is_former(kind, side, only.observation.ref, standing):
            return "former", []
        unknown = standing is None or standing.state == "foreign"
        if unknown and belongs_nowhere(kind, side.other):
            return "foreign", []
        return MISSING_AT[side.other], []

    async def _look_at_twins(self, suspect: Suspect, known: Mapping[Place, Standing]) -> _Look:
        """Records of one side with one key: twins only as long as two of them hold it."""
        kind = self._house.kind(suspect.kind)
        side = next(side for side in BOTH if suspect.refs.get(side))
        places = [place for place in suspect.places if place[0] is side]
        seen = [one for _, ref in places if (one := await self._read(kind.name, side, ref)) is not None]
        holding = [one for one in seen if not kind.key_released(_fields(one))]
        owners = [known.get(place) for place in places]
        key = kind.masked_key(_fields(seen[0])) if seen else ""
        if len({kind.key_of(_fields(one)) for one in holding}) < len(holding):
            standing = next((owner for owner in owners if owner is not None and owner.state == "ambiguous"), None)
            young = any(self._is_young(one.observation) for one in holding)
            return _Look(what="duplicate", refs=suspect.refs, versions={}, key=key, young=young, standing=standing)
        left = holding[0].observation.ref if holding else (seen[0].observation.ref if seen else None)
        return await self._look(
            msgspec.structs.replace(suspect, what="", others=(), refs={side: left, side.other: None}), known
        )

    async def _read(self, kind: str, side: Side, ref: str | None) -> Seen | None:
        """The record as it is now; None where there is none, or not any more."""
        if ref is None:
            return None
        async with self._at_once:
            shown = await _patiently(partial(self._systems[side].read, kind, ref))
        return None if shown is None or shown.gone else self._house.understand(shown)

    async def _found(self, kind_name: str, side: Side, there: Seen) -> Seen | None:
        """A record made meanwhile that the state does not tie to this one yet: looked for by natural key."""
        mapping = self._house.mappings[kind_name]
        fields = _fields(there)
        if mapping.kind.key_of(fields) is None or mapping.kind.key_released(fields):
            return None
        natural = mapping.write(side, {name: fields.get(name) for name in mapping.kind.key}, None)
        async with self._at_once:
            found = await _patiently(partial(self._systems[side].find, kind_name, natural=natural))
        live = [self._house.understand(one) for one in found if not one.gone]
        return next((one for one in live if not mapping.kind.key_released(_fields(one))), None)

    async def _is_linked(self, patient: bytes) -> bool:
        return bool(await self._database.read(partial(links.linked, patients=[patient])))

    def _is_young(self, shown: Observation) -> bool:
        return shown.stamp is not None and abs(self._house.clock.now() - shown.stamp.timestamp()) < YOUNG


def _under_way(look: _Look) -> bool:
    """Is medmost delivering it, or has it hardly had the time to hear of it?"""
    standing = look.standing
    if standing is not None and standing.delivering:
        return True
    heard = standing is not None and all(
        version is None or standing.versions[side] >= version for side, version in look.versions.items()
    )
    return look.young and not heard


def _renewed(suspect: Suspect, look: _Look) -> Suspect:
    if look.what == "duplicate":
        return suspect
    return Suspect(kind=suspect.kind, what=look.what, refs=look.refs, versions=look.versions, fields=look.fields)


def _finding(suspect: Suspect, look: _Look) -> Finding:
    what = cast(What, suspect.what if look.what == "foreign" else look.what)
    refs = {side.value: look.refs.get(side) for side in BOTH}
    others = list(suspect.others) if look.what == "duplicate" else []
    return Finding(kind=suspect.kind, what=what, refs=refs, key=look.key, fields=look.fields, others=others)


def _fields(seen: Seen) -> Fields:
    return seen.reading.fields if seen.reading is not None else {}


async def _patiently(call: Callable[[], Awaitable[_T]]) -> _T:
    """Repeats a look that met a short outage."""
    for pause in (0.5, 2.0):
        try:
            return await call()
        except Transient as error:
            await asyncio.sleep(min(error.retry_after or pause, 10.0))
    return await call()
