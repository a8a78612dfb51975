"""Which kinds may write, and for which share of patients or objects (contracts §5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from medmost.domain.errors import Fatal

PLAIN = ("stopped", "observe", "shadow", "double-entry", "full")
SHARES = (1, 5, 25, 100)


def share_of(stage: str) -> int:
    """Per cent of the kind's records that medmost may write at this stage."""
    if stage == "full":
        return 100
    return int(stage.partition(":")[2]) if stage.startswith("roll-out:") else 0


def check_stage(stage: str) -> str:
    """Raises Fatal for a word that is no stage."""
    if stage in PLAIN or stage in {f"roll-out:{share}" for share in SHARES}:
        return stage
    allowed = ", ".join((*PLAIN, *(f"roll-out:{share}" for share in SHARES)))
    raise Fatal(
        "MM-STAGE", f"Нет такой стадии: {stage}; есть {allowed}", f"no such stage: {stage}; there are {allowed}"
    )


def open_kinds(stages: Mapping[str, tuple[str, str, bool]], kinds: Iterable[str]) -> dict[str, int]:
    """kind -> share, for kinds that may write now: neither braked nor paused."""
    found = {}
    for kind in kinds:
        stage, brake, paused = stages.get(kind, ("observe", "", False))
        if share_of(stage) and not brake and not paused:
            found[kind] = share_of(stage)
    return found


def within_share(bucket: int, share: int) -> bool:
    return bucket < share * 100
