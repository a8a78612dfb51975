"""A system's shape changes under way: only the touched field is held, and a patch of the mapping brings all level."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medmost.domain.record import Doc, Side
from medmost.mapping import load_mappings
from medmost.mapping.drift import Finding
from medmost.mapping.patch import propose
from medmost.store import drift, ledgers
from medmost.sync.desk import Desk
from medmost.sync.holding import end, take_down
from medmost.sync.versions import approve, recognise_versions
from town import Town, town

POLICY = {rule.name: rule.example for rule in load_mappings()["policy"].rule.fields}
COUNT = 60


def policies(here: Town, count: int = COUNT) -> list[str]:
    """Policies at EMIAS, which both systems soon have; their refs."""
    mapping = load_mappings()["policy"]
    numbers = [f"77564108341{number:05}" for number in range(count)]
    docs = [mapping.write(Side.EMIAS, {**POLICY, "policy_number": one, "snils": None}, None) for one in numbers]
    return [here.emias.put("policy", doc) for doc in docs]


async def begun(here: Town, count: int = COUNT) -> list[str]:
    await recognise_versions(here.house, here.database)
    refs = policies(here, count)
    await here.settles()
    assert await here.states("policy") == {"level": count}
    return refs


def reshape(here: Town, change: Callable[[Doc], Any], only: list[str] | None = None) -> None:
    """EMIAS ships a new release: records show another shape from their next change on."""
    for ref in here.emias.refs("policy") if only is None else only:
        doc = here.emias.doc("policy", ref)
        change(doc)
        here.emias.put("policy", doc, ref)


def renamed(old: str, new: str) -> Callable[[Doc], None]:
    def change(doc: Doc) -> None:
        doc[new] = doc.pop(old)

    return change


async def held(here: Town) -> list[tuple[str, str, str]]:
    found = await here.database.read(drift.standing)
    return [(one.what, one.field, one.moved_to) for one in found if one.risk == "breaking"]


async def events(here: Town) -> list[tuple[str, str]]:
    found = await here.database.read(lambda tx: ledgers.events_after(tx, 0))
    return [(event, code) for _, _, event, _, _, code in found]


def partner(here: Town, ref: str) -> Doc:
    """What Gosuslugi shows of the policy that EMIAS has under `ref`."""
    doc = here.emias.doc("policy", ref)
    number = next(doc[name] for name in ("policyNumber", "polisNumber", "omsNumber") if name in doc)
    docs = [here.gosuslugi.doc("policy", one) for one in here.gosuslugi.refs("policy")]
    return next(one for one in docs if one["Номер полиса"] == number)


async def test_renamed_key_holds_only_itself(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        refs = await begun(here)
        reshape(
            here, lambda doc: (renamed("policyNumber", "polisNumber")(doc), doc.update(phone="+79990000001")), refs[:1]
        )
        await here.settles()
        assert await held(here) == [("renamed", "policy_number", "polisNumber")]
        assert [one for one in await events(here) if one[0] == "drift"] == [("drift", "MM-DRIFT-RENAMED")]
        assert partner(here, refs[0])["Телефон"] == "+7(999)0000001"
        assert await here.states("policy") == {"level": COUNT}
        (other,) = [
            one for one in here.gosuslugi.refs("policy") if here.gosuslugi.doc("policy", one) == partner(here, refs[0])
        ]
        here.gosuslugi.edit("policy", other, Телефон="+7(999)0000002")
        await here.settles()
        assert here.emias.doc("policy", refs[0])["phone"] == "+79990000002"
        assert "policyNumber" not in here.emias.doc("policy", refs[0])
        assert here.emias.doc("policy", refs[0])["polisNumber"] == "7756410834100000"


@pytest.mark.parametrize("how", ["renamed", "lost"])
async def test_nothing_is_emptied_at_the_other_side(tmp_path: Path, how: str) -> None:
    async with town(tmp_path) as here:
        refs = await begun(here)
        before = [partner(here, ref)["Электронная почта"] for ref in refs]
        sent = len(here.gosuslugi.written())
        reshape(here, renamed("email", "contact") if how == "renamed" else lambda doc: doc.pop("email"))
        await here.settles()
        assert [partner(here, ref)["Электронная почта"] for ref in refs] == before
        assert len(here.gosuslugi.written()) == sent
        assert await held(here) == [(how, "email", "contact" if how == "renamed" else "")]


async def test_one_emptied_field_is_no_drift(tmp_path: Path) -> None:
    """The first that was ever empty waits for a record that shows the field; from then on it may be empty."""
    async with town(tmp_path) as here:
        refs = await begun(here)
        reshape(here, lambda doc: doc.pop("email"), refs[:1])
        await here.settles()
        assert await held(here) == []
        assert partner(here, refs[0])["Электронная почта"]
        reshape(here, lambda doc: doc.update(phone="+79990000001"), refs[1:2])
        await here.settles()
        await here.engine._read_left_over(Side.EMIAS)  # what the house loop does each minute
        await here.settles()
        assert not partner(here, refs[0])["Электронная почта"]
        reshape(here, lambda doc: doc.pop("email"), refs[2:3])
        await here.settles()
        assert not partner(here, refs[2])["Электронная почта"]
        assert await held(here) == []
        assert await here.states("policy") == {"level": COUNT}


@pytest.mark.parametrize("restarts", [False, True])
async def test_single_losses_empty_nothing(tmp_path: Path, restarts: bool) -> None:
    """Without a new name, one record at a time as by webhook, even where medmost is started again between them."""
    async with town(tmp_path) as here:
        refs = await begun(here)
        before = partner(here, refs[0])["Электронная почта"]
        reshape(here, lambda doc: (doc.pop("email"), doc.update(phone="+79990000001")), refs[:1])
        await here.settles()
        assert partner(here, refs[0])["Телефон"] == "+7(999)0000001"
        systems = here.systems
        if not restarts:
            await _lose_two_more(here, refs, before)
    if restarts:
        async with town(tmp_path, systems=systems) as here:
            await recognise_versions(here.house, here.database)
            await _lose_two_more(here, refs, before)


async def _lose_two_more(here: Town, refs: list[str], before: str) -> None:
    for ref in refs[1:3]:
        assert await held(here) == []
        reshape(here, lambda doc: doc.pop("email"), [ref])
        await here.settles()
        assert [partner(here, one)["Электронная почта"] for one in refs[:3]] == [before] * 3
    assert await held(here) == [("lost", "email", "")]
    assert [one for one in await events(here) if one[0] == "drift"] == [("drift", "MM-DRIFT-LOST")]
    reshape(here, lambda doc: doc.update(email=doc.get("email", before)))
    await here.settles()
    assert await held(here) == []
    assert [partner(here, one)["Электронная почта"] for one in refs] == [before] * COUNT
    assert await here.states("policy") == {"level": COUNT}


async def test_our_own_emptying_is_no_doubt(tmp_path: Path) -> None:
    """A value emptied at Gosuslugi is carried to EMIAS, and nobody doubts what EMIAS shows then."""
    async with town(tmp_path) as here:
        refs = await begun(here)
        other, next_, *_ = here.gosuslugi.refs("policy")
        here.gosuslugi.edit("policy", other, **{"Электронная почта": None})
        await here.settles()
        here.gosuslugi.edit("policy", next_, Телефон="+7(999)0000002")
        await here.settles()
        await here.engine._read_left_over(Side.GOSUSLUGI)
        await here.settles()
        empty = [ref for ref in refs if not here.emias.doc("policy", ref).get("email")]
        assert len(empty) == 1
        assert not here.gosuslugi.doc("policy", other).get("Электронная почта")
        here.emias.edit("policy", empty[0], phone="+79990000003")
        await here.settles()
        assert not here.gosuslugi.doc("policy", other).get("Электронная почта")
        assert await here.states("policy") == {"level": COUNT}


async def test_new_records_without_optional_field(tmp_path: Path) -> None:
    """A whole page of new records leaves out what is not required: no drift, and nothing of it is held."""
    async with town(tmp_path) as here:
        await begun(here)
        mapping = here.house.mappings["policy"]
        for number in range(20):
            fields = {**POLICY, "policy_number": f"77564108342{number:05}", "snils": None, "email": None}
            here.emias.put("policy", mapping.write(Side.EMIAS, fields, None))
        await here.settles()
        assert await held(here) == []
        assert await here.states("policy") == {"level": COUNT + 20}
        assert len(here.gosuslugi.refs("policy")) == COUNT + 20


async def test_new_field_is_safe_and_untouched(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        refs = await begun(here)
        reshape(here, lambda doc: doc.update(eHealthScore=7))
        await here.settles()
        assert await held(here) == []
        (found,) = await here.database.read(drift.standing)
        assert (found.what, found.risk, found.at) == ("new", "safe", "eHealthScore")
        assert here.emias.doc("policy", refs[0])["eHealthScore"] == 7
        assert not [one for one in await events(here) if one[0] == "drift"]


async def test_other_date_format_proposes_one_that_reads(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        await begun(here)
        reshape(here, lambda doc: doc.update(birthDate="15.03.1985"))
        await here.settles()
        assert await held(here) == [("format", "birth_date", "")]
        assert await here.states("policy") == {"level": COUNT}
        (found,) = await here.database.read(drift.standing)
        one = Finding(
            what="format", risk="breaking", field="birth_date", at=found.at, formats=(found.formats.split(",")[0],)
        )
        patch = propose(here.house.mappings["policy"].rule, [(Side.EMIAS, one)]) or ""
        assert "as: date DD.MM.YYYY" in patch


async def test_retyped_field_is_held_at_once(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        refs = await begun(here)
        reshape(here, lambda doc: doc.update(phone=["+79990000000"], email="new@example.ru"), refs[:1])
        await here.settles()
        assert await held(here) == [("retyped", "phone", "")]
        assert partner(here, refs[0])["Электронная почта"] == "new@example.ru"
        assert partner(here, refs[0])["Телефон"] == "+7(910)2206415"


async def test_field_that_went_deeper_is_held(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        refs = await begun(here)
        reshape(here, lambda doc: doc.update(phone={"number": doc["phone"]}, email="new@example.ru"), refs[:5])
        await here.settles()
        assert [one[:2] for one in await held(here)] in ([("renamed", "phone")], [("format", "phone")])
        assert [partner(here, ref)["Электронная почта"] for ref in refs[:5]] == ["new@example.ru"] * 5
        assert [partner(here, ref)["Телефон"] for ref in refs[:5]] == ["+7(910)2206415"] * 5


async def test_unknown_codes_are_listed(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        refs = await begun(here)
        reshape(here, lambda doc: doc.update(policyType="9"), refs[:2])
        await here.settles()
        assert await here.states("policy") == {"level": COUNT - 2, "invalid": 2}
        (code,) = await here.database.read(drift.unknown_codes)
        assert (code["field"], code["code"]) == ("policy_type", "9")
        reshape(here, lambda doc: doc.update(policyType="9"), refs[2:10])
        await here.settles()
        assert await held(here) == [("code", "policy_type", "")]
        assert await here.states("policy") == {"level": COUNT}


async def test_known_other_name_is_held_after_a_few(tmp_path: Path) -> None:
    """`omsNumber` is read as it is; but what medmost creates would bear the former name."""
    async with town(tmp_path) as here:
        refs = await begun(here)
        reshape(here, renamed("policyNumber", "omsNumber"), refs[:2])
        await here.settles()
        assert await held(here) == []
        reshape(here, renamed("policyNumber", "omsNumber"), refs[2:8])
        await here.settles()
        assert await held(here) == [("renamed", "policy_number", "omsNumber")]
        assert await here.states("policy") == {"level": COUNT}


async def test_creates_wait_for_the_patch(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        refs = await begun(here)
        reshape(here, renamed("policyNumber", "polisNumber"), refs[:1])
        await here.settles()
        fields = {**POLICY, "policy_number": "7756410834199999", "snils": None}
        here.gosuslugi.put("policy", here.house.mappings["policy"].write(Side.GOSUSLUGI, fields, None))
        await here.settles()
        assert len(here.emias.refs("policy")) == COUNT
        assert await here.states("policy") == {"level": COUNT, "behind": 1}


async def test_patch_brings_all_level(tmp_path: Path) -> None:
    """The rename, the hold, the proposal, the restart with it, a person's word: everything level, nothing lost."""
    async with town(tmp_path) as here:
        refs = await begun(here)
        reshape(here, renamed("policyNumber", "polisNumber"))
        reshape(here, lambda doc: doc.update(phone="+79990000001"), refs[:3])
        await here.settles()
        fields = {**POLICY, "policy_number": "7756410834199999", "snils": None}
        here.gosuslugi.put("policy", here.house.mappings["policy"].write(Side.GOSUSLUGI, fields, None))
        await here.settles()
        (found,) = [one for one in await here.database.read(drift.standing) if one.risk == "breaking"]
        one = Finding(what="renamed", risk="breaking", field=found.field, at=found.at, to=found.moved_to)
        overlay = tmp_path / "kinds"
        overlay.mkdir()
        patch = propose(here.house.mappings["policy"].rule, [(Side.EMIAS, one)])
        assert patch is not None
        (overlay / "policy.yaml").write_text(patch)
        systems = here.systems
    async with town(tmp_path, overlay=overlay, systems=systems) as here:
        assert await recognise_versions(here.house, here.database) == ["policy"]
        assert await held(here) == []
        assert ("drift-ok", "MM-DRIFT-RENAMED") in await events(here)
        await here.database.write(lambda tx: approve(tx, here.house, ["policy"], "ivanov"))
        await here.database.write(lambda tx: tx.execute("UPDATE delivery SET not_before = 0"))
        await here.settles()
        assert await here.states("policy") == {"level": COUNT + 1}
        made = here.emias.doc("policy", here.emias.refs("policy")[-1])
        assert (made["polisNumber"], "policyNumber" in made) == ("7756410834199999", False)
        reshape(here, lambda doc: doc.update(phone="+79990000003"), refs[:1])
        await here.settles()
        assert partner(here, refs[0])["Телефон"] == "+7(999)0000003"


async def test_hold_survives_a_restart(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        refs = await begun(here)
        reshape(here, renamed("email", "contact"), refs[:1])
        await here.settles()
        systems = here.systems
    async with town(tmp_path, systems=systems) as here:
        await recognise_versions(here.house, here.database)
        reshape(here, renamed("email", "contact"), refs[1:5])
        await here.settles()
        assert all(partner(here, ref)["Электронная почта"] for ref in refs)


async def test_a_finding_taken_back_is_found_again(tmp_path: Path) -> None:
    """The unit of work that found it was rolled back after the field was held in memory."""
    async with town(tmp_path) as here:
        await begun(here, 2)
        finding = Finding(what="missing", risk="breaking", field="phone", at="phone")

        def find(tx: Any, then: Exception | None = None) -> None:
            desk = Desk(tx, here.house, "test")
            take_down(desk, (Side.EMIAS, "policy"), finding)
            desk.put_back()
            if then is not None:
                raise then

        with pytest.raises(RuntimeError):
            await here.database.write(lambda tx: find(tx, RuntimeError("the disk")))
        await here.database.write(find)
        await here.database.write(find)
        assert await held(here) == [("missing", "phone", "")]
        assert [event for event, _ in await events(here)].count("drift") == 1


async def test_field_that_returns_is_let_go(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        refs = await begun(here)
        reshape(here, renamed("email", "contact"), refs[:3])
        await here.settles()
        reshape(here, renamed("contact", "email"), refs[:3])
        await here.settles()
        assert await held(here) == []
        reshape(here, lambda doc: doc.update(email="new@example.ru"), refs[:1])
        await here.settles()
        assert await here.states("policy") == {"level": COUNT}
        assert partner(here, refs[0])["Электронная почта"] == "new@example.ru"


async def test_person_can_end_a_hold(tmp_path: Path) -> None:
    """What was met during the hold is read afresh before anything is sent."""
    async with town(tmp_path) as here:
        refs = await begun(here)
        reshape(here, renamed("email", "contact"), refs[:1])
        await here.settles()
        doc = here.emias.doc("policy", refs[0])
        doc["email"] = doc.pop("contact")
        here.emias._of("policy")[refs[0]].doc = doc  # the release is rolled back: no new version

        def close(tx: Any) -> None:
            desk = Desk(tx, here.house, "drift.end")
            end(desk, [one for one in drift.standing(tx) if one.risk == "breaking"], "ivanov")
            desk.put_back()

        await here.database.write(close)
        assert await here.states("policy") == {"level": COUNT - 1, "behind": 1}
        await here.engine._read_left_over(Side.EMIAS)  # what the house loop does each minute
        await here.settles()
        assert await here.states("policy") == {"level": COUNT}
        assert partner(here, refs[0])["Электронная почта"]
