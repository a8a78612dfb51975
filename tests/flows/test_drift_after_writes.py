"""What a system leaves out after a write of ours, and what a hold kept back, once it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from flows.test_drift import POLICY, begun, held, partner, reshape
from medmost.audit.compare import audit
from medmost.audit.repair import repair
from medmost.domain.record import Doc, Observation, Side
from medmost.mapping import load_mappings
from medmost.store import conflicts, drift
from medmost.sync.desk import Desk
from medmost.sync.holding import end
from systems_in_memory import MemorySystem
from town import Town, town


@contextmanager
def shows(system: MemorySystem, change: Callable[[Doc], Any]) -> Iterator[None]:
    """The system shows records otherwise than it keeps them, for a while."""
    usual = system._shown

    def shown(kind: str, stored: Any) -> Observation:
        told = usual(kind, stored)
        if told.doc is not None:
            change(told.doc)
        return told

    system._shown = shown  # type: ignore[method-assign]  # the release of a day
    yield
    system._shown = usual  # type: ignore[method-assign]  # and it is taken back


def hides(field: str) -> Callable[[Doc], Any]:
    return lambda doc: doc.pop(field, None)


def newcomer(here: Town, number: str) -> str:
    """A further policy at EMIAS; its ref."""
    doc = load_mappings()["policy"].write(Side.EMIAS, {**POLICY, "policy_number": number, "snils": None}, None)
    return here.emias.put("policy", doc)


def one_without_email(here: Town) -> None:
    """The field is left out at times, so that one record without it is usually one that somebody emptied."""
    ref = newcomer(here, "7756410834190001")
    doc = here.emias.doc("policy", ref)
    del doc["email"]
    here.emias._of("policy")[ref].doc = doc


async def ended(here: Town) -> None:
    """A person says that all of it is over, and what has to be read again is read."""

    def close(tx: Any) -> None:
        desk = Desk(tx, here.house, "drift.end")
        end(desk, [one for one in drift.standing(tx) if one.risk == "breaking"], "ivanov")
        desk.put_back()

    await here.database.write(close)
    for side in Side:
        await here.engine._read_left_over(side)  # what the house loop does each minute
    await here.settles()


def of(here: Town, ref: str) -> str:
    """The ref at Gosuslugi of the policy that EMIAS has under `ref`."""
    return next(one for one in here.gosuslugi.refs("policy") if here.gosuslugi.doc("policy", one) == partner(here, ref))


async def test_field_hidden_after_our_write_empties_nothing(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        refs = await begun(here)
        one_without_email(here)
        await here.settles()
        before = [partner(here, ref)["Электронная почта"] for ref in refs]
        with shows(here.emias, hides("email")):
            for ref in refs[:2]:
                here.gosuslugi.edit("policy", of(here, ref), Телефон="+7(999)0000001")
                await here.settles()
            assert [partner(here, ref)["Электронная почта"] for ref in refs] == before
            assert await held(here) == []
            here.gosuslugi.edit("policy", of(here, refs[2]), Телефон="+7(999)0000001")
            await here.settles()
            assert await held(here) == [("lost", "email", "")]
        await ended(here)
        here.gosuslugi.edit("policy", of(here, refs[0]), Телефон="+7(999)0000002")
        await here.settles()
        assert here.emias.doc("policy", refs[0])["email"], "written upon a body that lacked it"
        assert [partner(here, ref)["Электронная почта"] for ref in refs] == before


async def test_both_holds_end_and_carry(tmp_path: Path) -> None:
    """A person changes at Gosuslugi what EMIAS does not show just then, and then Gosuslugi shows it no more either."""
    async with town(tmp_path) as here:
        refs = await begun(here)
        reshape(here, hides("phone"), refs[1:4])
        await here.settles()
        here.gosuslugi.edit("policy", of(here, refs[0]), Телефон="+7(999)0000001")
        await here.settles()
        for ref in refs[4:7]:
            here.gosuslugi.edit("policy", of(here, ref), Телефон=None)
        await here.settles()
        assert [one[:2] for one in await held(here)] == [("lost", "phone"), ("lost", "phone")]
        assert here.emias.doc("policy", refs[0])["phone"] != "+79990000001"
        await ended(here)
        assert here.emias.doc("policy", refs[0])["phone"] == "+79990000001"


@pytest.mark.parametrize(("shown", "kept", "decided"), [("phone", "Телефон", True), ("secondName", "Отчество", False)])
async def test_what_came_back_empty_is_met_anew(tmp_path: Path, shown: str, kept: str, decided: bool) -> None:
    """Gosuslugi owns phones, so EMIAS gets its own back; a patronymic is a person's to decide."""
    async with town(tmp_path) as here:
        refs = await begun(here)
        before = partner(here, refs[0])[kept]
        reshape(here, lambda doc: doc.update({"was": doc.pop(shown)}), refs[:3])
        await here.settles()
        assert len(await held(here)) == 1
        await ended(here)
        found = await here.database.read(lambda tx: conflicts.listed(tx, here.house.cipher, "open"))
        assert [partner(here, ref)[kept] for ref in refs[:3]] == [before] * 3
        assert (shown in here.emias.doc("policy", refs[0])) is decided
        assert bool(found) is not decided


async def test_repair_learns_what_was_not_shown(tmp_path: Path) -> None:
    """A record that was new while EMIAS did not show the field: its version stays, so only an audit sees it."""
    async with town(tmp_path) as here:
        await begun(here)
        one_without_email(here)
        await here.settles()
        with shows(here.emias, hides("email")):
            ref = newcomer(here, "7756410834190002")
            await here.settles()
        assert not partner(here, ref).get("Электронная почта")
        report = await audit(here.house, here.database, here.systems, ["policy"], lambda *_: None)
        assert [one.fields for one in report.findings] == [["email"]]
        await repair(here.house, here.database, here.systems, report.findings)
        await here.settles()
        assert partner(here, ref)["Электронная почта"] == here.emias.doc("policy", ref)["email"]
