"""What a check says: findings with stable codes, each a sentence in Russian and in English."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from medmost.domain.errors import MedmostError
from medmost.domain.record import Side
from medmost.launch.advice import ADVICE

Severity = Literal["ok", "warning", "problem"]
NAMES_RU = {Side.GOSUSLUGI: "Госуслуги", Side.EMIAS: "ЕМИАС"}
NAMES_EN = {Side.GOSUSLUGI: "Gosuslugi", Side.EMIAS: "EMIAS"}


class CheckFinding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing looked at. `red` asks for red whatever the severity; `fields`: which do not fit, and why;
    `todo_ru`, `todo_en`: what to do about a warning or a problem, empty where all is well."""

    code: str
    severity: Severity
    system: str
    ru: str
    en: str
    kind: str | None = None
    fields: dict[str, int] = {}
    red: bool = False
    todo_ru: str = ""
    todo_en: str = ""


class CheckReport(msgspec.Struct, kw_only=True):
    findings: list[CheckFinding] = []

    @property
    def healthy(self) -> bool:
        return not any(one.severity == "problem" for one in self.findings)

    @property
    def exit_code(self) -> int:
        return 0 if self.healthy else 1

    def as_json(self) -> dict[str, Any]:
        told: dict[str, Any] = msgspec.to_builtins(self)
        return {"healthy": self.healthy, **told}


class Told:
    """Findings of one system, in the order of looking."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.findings: list[CheckFinding] = []

    def say(
        self,
        code: str,
        severity: Severity,
        ru: str,
        en: str,
        *,
        kind: str | None = None,
        fields: dict[str, int] | None = None,
        red: bool = False,
    ) -> None:
        """`code` without its MM-CHECK-; the sentences without the system's name."""
        todo_ru, todo_en = ("", "") if severity == "ok" else ADVICE.get(code, ("", ""))
        self.findings.append(
            CheckFinding(
                code=f"MM-CHECK-{code}",
                severity=severity,
                system=self.side.value,
                ru=f"{NAMES_RU[self.side]}: {ru}",
                en=f"{NAMES_EN[self.side]}: {en}",
                kind=kind,
                fields=fields or {},
                red=red or severity == "problem",
                todo_ru=todo_ru,
                todo_en=todo_en,
            )
        )

    def met(self, code: str, error: MedmostError, ru: str, en: str, *, kind: str | None = None) -> None:
        """A problem in the words of the error behind it, with its own code."""
        self.say(code, "problem", f"{ru} ({error.code}: {error.ru})", f"{en} ({error.code}: {error.en})", kind=kind)
