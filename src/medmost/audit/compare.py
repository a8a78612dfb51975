"""The audit: reads both systems whole and afresh, compares them by digests, and reports what nobody knew of.

Its own code path (design §11): neither the merge nor the settled states are asked whether two records agree. The state
is asked only whether a difference that was seen is already on a person's list, and which released records belong
together. Nothing is written anywhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

from medmost.audit.digest import Digester
from medmost.audit.findings import MISSING_AT, AuditReport, Finding, KindCounts
from medmost.audit.reading import Reader
from medmost.audit.recheck import PAUSES, Rechecker, Suspect, Verdict
from medmost.audit.standing import Place, Standing, belongs_nowhere, excuse, is_former, standings
from medmost.audit.table import Comparison, Judged
from medmost.domain.kinds import Kind
from medmost.domain.record import BOTH, Side
from medmost.store.database import Database
from medmost.sync.house import House
from medmost.systems.contract import System

Progress = Callable[[str, int, int | None], None]
"""Kind, records read so far, and how many there are in all where the systems say so."""
MOST_LOOKED_AT = 2_000
"""Objects that get a second look; with more than that nobody needs one to know that the systems are apart."""


async def audit(
    house: House,
    database: Database,
    systems: Mapping[Side, System],
    kinds: Sequence[str],
    progress: Progress,
    *,
    mapping: str = "",
    pauses: Sequence[float] = PAUSES,
    memory: str = "512MB",
) -> AuditReport:
    """Compares both systems, kind by kind. `mapping`: hash to be kept with the report; `memory`: of DuckDB.

    Raises what the systems raise when one of them stays silent: half an audit says nothing.
    """
    task = _Audit(house, database, systems, progress, memory)
    task.report = AuditReport(started=_now(house), mapping=mapping)
    for kind in kinds:
        await task.compare(house.kind(kind))
    rechecker = Rechecker(house, database, systems, task.digesters, pauses)
    for suspect, verdict in await rechecker.settle(task.suspects):
        task.enter(suspect, verdict)
    task.report.finished = _now(house)
    return task.report


def _now(house: House) -> str:
    return datetime.fromtimestamp(house.clock.now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class _Audit:
    report: AuditReport

    def __init__(
        self,
        house: House,
        database: Database,
        systems: Mapping[Side, System],
        progress: Progress,
        memory: str,
    ) -> None:
        self._house, self._database, self._systems = house, database, systems
        self._progress, self._memory = progress, memory
        self.digesters: dict[str, Digester] = {}
        self.suspects: list[Suspect] = []

    async def compare(self, kind: Kind) -> None:
        """One kind, whole."""
        digester = self.digesters[kind.name] = Digester(kind)
        reader = Reader(self._house, self._database, self._systems, partial(self._progress, kind.name))
        with Comparison(self._memory) as comparison:
            await reader.fill(comparison, digester)
            await asyncio.to_thread(comparison.judge)
            counts = self.report.kinds[kind.name] = _counts(comparison)
            batches = comparison.unsettled()
            while (batch := await asyncio.to_thread(next, batches, None)) is not None:
                places = [place for judged in batch for place in _places(judged)]
                known = await self._database.read(partial(standings, kind=kind.name, places=places))
                for judged in batch:
                    self._sort(kind, counts, judged, known)

    def _sort(self, kind: Kind, counts: KindCounts, judged: Judged, known: Mapping[Place, Standing]) -> None:
        """Known to a person, nothing at all, or a suspect that gets another look."""
        owners = [known[place] for place in _places(judged) if place in known]
        standing = owners[0] if owners else None
        fields = self.digesters[kind.name].differing(*judged.digests) if judged.digests else []
        if judged.what == "duplicate":
            standing = next((owner for owner in owners if owner.state == "ambiguous"), None)
        side = next(side for side in BOTH if judged.refs[side])
        missing = judged.what == MISSING_AT[side.other]
        if missing and is_former(kind, side, judged.refs[side] or "", standing):
            counts.former += 1
            return
        foreign = missing and belongs_nowhere(kind, side.other) and (standing is None or standing.state == "foreign")
        state, left = excuse(kind, judged.what, fields, standing)
        if state is not None and not foreign:
            counts.enter_known(judged.what, state)
            return
        suspect = Suspect(
            kind=kind.name,
            what=judged.what,
            refs=judged.refs,
            versions=judged.versions,
            others=judged.others,
            fields=left,
        )
        if len(self.suspects) < MOST_LOOKED_AT:
            self.suspects.append(suspect)
        else:
            self.enter(suspect, _unlooked(suspect, foreign))

    def enter(self, suspect: Suspect, verdict: Verdict) -> None:
        """Puts a verdict into the report's accounts."""
        counts = self.report.kinds[suspect.kind]
        if verdict.account == "foreign" and verdict.finding is not None:
            self.report.list_foreign(verdict.finding)
        elif verdict.finding is not None:
            self.report.find(verdict.finding)
        elif verdict.state is not None:
            counts.enter_known(verdict.account, verdict.state)
        elif verdict.account != "gone":
            counts.enter(verdict.account)


def _unlooked(suspect: Suspect, foreign: bool) -> Verdict:
    finding = Finding(
        kind=suspect.kind,
        what=suspect.what,  # type: ignore[arg-type]  # what the table judges and is not level is always a What
        refs={side.value: suspect.refs.get(side) for side in BOTH},
        fields=suspect.fields,
        others=list(suspect.others),
    )
    return Verdict(account="foreign" if foreign else suspect.what, finding=finding)


def _places(judged: Judged) -> list[Place]:
    held = [(side, ref) for side in BOTH if (ref := judged.refs.get(side))]
    return held + [(held[0][0], ref) for ref in judged.others]


def _counts(comparison: Comparison) -> KindCounts:
    """What can be told without a second look."""
    records, counts = comparison.records(), KindCounts()
    for (side, account), number in records.items():
        if account != "gone":
            counts.enter(side.value, number)
        if account in ("no_consent", "expired"):
            counts.enter(account, number)
    for account, number in comparison.settled().items():
        counts.enter(account, number)
    return counts
