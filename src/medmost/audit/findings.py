"""What an audit says: counts per kind, and each difference that nobody knew of."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from medmost.domain.record import Side

What = Literal["missing_at_gosuslugi", "missing_at_emias", "differing", "duplicate", "invalid"]
MISSING_AT: dict[Side, What] = {Side.GOSUSLUGI: "missing_at_gosuslugi", Side.EMIAS: "missing_at_emias"}
MOST_LISTED = 10_000
"""Findings listed one by one per report; all of them are counted."""


class Finding(msgspec.Struct, kw_only=True):
    """A difference in an object named by its references and a masked key; never a value."""

    kind: str
    what: What
    refs: dict[str, str | None]
    key: str = ""
    fields: list[str] = []
    others: list[str] = []  # duplicate: further references at the same side


class KindCounts(msgspec.Struct, kw_only=True):
    """Objects of one kind, each in one account; `gosuslugi`, `emias`, `no_consent`, `expired` count records."""

    gosuslugi: int = 0
    emias: int = 0
    level: int = 0
    rejected: int = 0  # refused by the other system and level where they are (design §6, visit)
    missing_at_gosuslugi: int = 0
    missing_at_emias: int = 0
    differing: int = 0
    duplicate: int = 0
    invalid: int = 0
    foreign: int = 0
    former: int = 0  # records whose place another one took
    moving: int = 0  # changed at every look: life went on, nothing can be said
    no_consent: int = 0
    expired: int = 0
    known: dict[str, int] = {}  # of missing, differing, duplicate and invalid: those a person has on the list already
    findings: int = 0

    def enter(self, account: str, number: int = 1) -> None:
        setattr(self, account, getattr(self, account) + number)

    def enter_known(self, account: str, state: str) -> None:
        self.enter(account)
        self.known = {**self.known, state: self.known.get(state, 0) + 1}


class AuditReport(msgspec.Struct, kw_only=True):
    """Both systems read afresh and compared. Times are UTC, ISO."""

    started: str
    finished: str = ""
    mapping: str = ""  # hash of the mappings it was read by
    kinds: dict[str, KindCounts] = {}
    findings: list[Finding] = []
    foreign: list[Finding] = []  # listed for people, no findings: objects only where they do not belong

    @property
    def healthy(self) -> bool:
        return not any(counts.findings for counts in self.kinds.values())

    @property
    def exit_code(self) -> int:
        return 0 if self.healthy else 1

    def find(self, finding: Finding) -> None:
        """One more difference that nobody knew of."""
        counts = self.kinds[finding.kind]
        counts.enter(finding.what)
        counts.findings += 1
        if len(self.findings) < MOST_LISTED:
            self.findings.append(finding)

    def list_foreign(self, finding: Finding) -> None:
        self.kinds[finding.kind].foreign += 1
        if len(self.foreign) < MOST_LISTED:
            self.foreign.append(finding)

    def as_json(self) -> dict[str, Any]:
        """Plain values: what ``medmost audit --json`` prints and a JSON report holds."""
        told: dict[str, Any] = msgspec.to_builtins(self)
        return {"healthy": self.healthy, **told}
