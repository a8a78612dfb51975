"""Whose record it is: what shows another patient stands still, and nothing of it crosses (design §8, invariant I3)."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from medmost.cli.operations.holds import release_pair
from medmost.domain.record import BOTH, Fields, Side
from medmost.mapping import load_mappings
from medmost.store import conflicts, ledgers, links, pairs, patients
from medmost.sync import sealing
from medmost.sync.absorb import absorb_page
from medmost.sync.linked import close_link
from medmost.sync.receive import Receiver
from town import Town, town

G, E = Side.GOSUSLUGI, Side.EMIAS
MAPPINGS = load_mappings()
ANNA, BORIS, CLARA = "7756410834123459", "7752410895000045", "7748410896000058"
PEOPLE: dict[str, Fields] = {
    ANNA: {"last_name": "Воробьёва", "first_name": "Алёна", "birth_date": "1985-03-15", "snils": "11223344595"},
    BORIS: {
        "last_name": "Чайкин", "first_name": "Борис", "patronymic": "Ильич", "birth_date": "1990-07-01",
        "snils": "08765430300", "sex": "male",
    },
}  # fmt: skip


def example(kind: str, **changes: Any) -> Fields:
    return {rule.name: rule.example for rule in MAPPINGS[kind].rule.fields} | changes


def policy(side: Side, number: str, **changes: Any) -> dict[str, Any]:
    return MAPPINGS["policy"].write(side, example("policy", policy_number=number, **PEOPLE[number], **changes), None)


def result(number: str, document: str) -> dict[str, Any]:
    return MAPPINGS["result"].write(E, example("result", policy_number=number, document_id=document), None)


async def people(here: Town, *numbers: str) -> dict[str, dict[Side, str]]:
    """Policies at both sides, linked: number -> side -> ref."""
    refs = {
        number: {side: here.systems[side].put("policy", policy(side, number)) for side in BOTH} for number in numbers
    }
    await here.settles()
    await here.links(*numbers)
    return refs


async def told(here: Town) -> list[str]:
    return [f"{row[2]} {row[5]}" for row in await here.database.read(lambda tx: ledgers.events_after(tx, 0))]


def app_of(here: Town) -> Any:
    """What the operation asks of an app."""
    return SimpleNamespace(
        house=here.house, database=here.database, systems=here.systems, engine=here.engine, bell=here.engine.bell
    )


async def let_go(here: Town, kind: str, key: str) -> tuple[int, Any]:
    return await release_pair(app_of(here), {"kind": kind, "key": key}, lambda *_: None)


def bodies(here: Town, side: Side, kind: str) -> str:
    return str([here.systems[side].doc(kind, ref) for ref in here.systems[side].refs(kind)])


# ---------------------------------------------------------------- somebody else's record
async def test_another_patient_in_a_page_is_quarantined(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        await people(here, ANNA, BORIS)
        annas, boriss = here.emias.put("result", result(ANNA, "d-1")), here.emias.put("result", result(BORIS, "d-2"))
        await here.settles()
        before = len(here.gosuslugi.written())
        here.emias.edit("result", annas, conclusion="новое")
        here.emias.mixes_up("result", annas, boriss)
        await here.settles()
        assert await here.states("result") == {"quarantined": 1, "level": 1}
        assert "quarantined MM-OTHER-PERSON" in await told(here)
        assert len(here.gosuslugi.written()) == before
        here.emias.sorts_itself_out()
        here.emias.edit("result", annas, conclusion="ещё новее")
        await here.settles()
        assert len(here.gosuslugi.written()) == before
        assert (await let_go(here, "result", "d-1"))[0] == 0
        assert await here.states("result") == {"level": 2}
        assert "ещё новее" in bodies(here, G, "result")


async def test_a_mix_up_that_lasts_holds_again(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        await people(here, ANNA, BORIS)
        annas, boriss = here.emias.put("result", result(ANNA, "d-1")), here.emias.put("result", result(BORIS, "d-2"))
        await here.settles()
        here.emias.edit("result", annas, conclusion="новое")
        here.emias.mixes_up("result", annas, boriss)
        await here.settles()
        assert (await let_go(here, "result", "d-1"))[0] == 1
        assert await here.states("result") == {"quarantined": 1, "level": 1}


@pytest.mark.parametrize("keep_id", [True, False])
async def test_another_patient_in_an_answer_is_quarantined(tmp_path: Path, keep_id: bool) -> None:
    async with town(tmp_path) as here:
        refs = await people(here, ANNA, BORIS)
        here.emias.edit("policy", refs[ANNA][E], insurer={"code": "77008", "name": "Страхование"})
        await here.engine.poll_once()
        here.gosuslugi.mixes_up("policy", refs[ANNA][G], refs[BORIS][G], keep_id=keep_id)
        await here.engine.deliverers[G].until_quiet(0.1)
        assert await here.states("policy") == {"quarantined": 1, "level": 1}
        here.gosuslugi.sorts_itself_out()
        assert (await let_go(here, "policy", ANNA))[0] == 0
        await here.engine.deliverers[G].until_quiet(100)
        assert await here.states("policy") == {"level": 2}
        assert "Страхование" not in str(here.gosuslugi.doc("policy", refs[BORIS][G]))
        assert "Страхование" in str(here.gosuslugi.doc("policy", refs[ANNA][G]))


async def test_another_record_for_a_notice_is_quarantined(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        refs = await people(here, ANNA, BORIS)
        here.emias.mixes_up("policy", refs[ANNA][E], refs[BORIS][E], keep_id=False)
        receiver = Receiver(here.house, here.database, here.emias, here.engine.bell, "whsec_" + "AAAA" * 8)
        verdict = await receiver._absorb("m-1", "policy", {"id": refs[ANNA][E]})
        assert verdict == "later"
        assert await here.states("policy") == {"quarantined": 1, "level": 1}


async def test_a_sealed_pair_never_sends_for_another(tmp_path: Path) -> None:
    """The last look: whatever went wrong before it, a document about somebody else does not leave."""
    async with town(tmp_path) as here:
        await people(here, ANNA, BORIS)
        here.emias.put("result", result(ANNA, "d-1"))
        await here.engine.poll_once()

        def corrupt(tx: Any) -> None:
            (id_,) = [row[0] for row in tx.execute("SELECT id FROM pair WHERE kind = 'result'")]
            row = pairs.by_ids(tx, here.house.cipher, [id_])[id_]
            row.pair.emias.now = {**(row.pair.emias.now or {}), "policy_number": BORIS}
            pairs.save(tx, here.house.cipher, [row])

        await here.database.write(corrupt)
        before = len(here.gosuslugi.written())
        await here.engine.deliverers[G].until_quiet(0.1)
        assert await here.states("result") == {"quarantined": 1}
        assert len(here.gosuslugi.written()) == before


# ---------------------------------------------------------------- first meetings of policies
@pytest.mark.parametrize(
    "other",
    [
        {"first_name": "Милана", "snils": None},  # a twin, under the wrong number
        {"birth_date": "1960-01-02", "snils": None},  # a mother of the same name
        {"first_name": "Игорь", "birth_date": "2015-05-05", "snils": "08765430300", "sex": "male"},  # a child
        {"last_name": "Синицына", "snils": None},  # nothing but number and birthday agree
    ],
)
async def test_two_people_under_one_number_wait(tmp_path: Path, other: Fields) -> None:
    async with town(tmp_path) as here:
        mine, theirs = example("policy", policy_number=ANNA, **PEOPLE[ANNA]), PEOPLE[ANNA] | other
        here.emias.put("policy", MAPPINGS["policy"].write(E, mine, None))
        ref = here.gosuslugi.put("policy", MAPPINGS["policy"].write(G, mine | theirs | {"phone": "+79160000001"}, None))
        await here.settles()
        assert await here.states("policy") == {"ambiguous": 1}
        assert (here.gosuslugi.written(), here.emias.written()) == ([], [])
        here.gosuslugi.put("policy", policy(G, ANNA), ref)
        await here.settles()
        assert await here.states("policy") == {"level": 1}


@pytest.mark.parametrize("name", ["birth_date", "snils", "first_name", "last_name"])
async def test_one_doubtful_field_is_a_conflict(tmp_path: Path, name: str) -> None:
    """All else agrees: a question about that field, not about the person."""
    other = {"birth_date": "1985-03-16", "snils": "08765430300", "first_name": "Елена", "last_name": "Орлова"}[name]
    async with town(tmp_path) as here:
        here.emias.put("policy", policy(E, ANNA))
        here.gosuslugi.put(
            "policy", MAPPINGS["policy"].write(G, example("policy", **PEOPLE[ANNA]) | {name: other}, None)
        )
        await here.settles()
        assert await here.states("policy") == {"conflict": 1}
        (one,) = await here.database.read(lambda tx: conflicts.listed(tx, here.house.cipher))
        assert one.field == name


async def test_a_person_vouches_for_doubtful_policies(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        here.emias.put("policy", policy(E, ANNA))
        married = PEOPLE[ANNA] | {"last_name": "Орлова", "snils": None}
        here.gosuslugi.put("policy", MAPPINGS["policy"].write(G, example("policy") | married, None))
        await here.settles()
        assert await here.states("policy") == {"ambiguous": 1}
        assert (await let_go(here, "policy", ANNA))[0] == 0
        await here.settles()
        assert await here.states("policy") == {"conflict": 1}


# ---------------------------------------------------------------- numbers that change
async def test_a_new_number_keeps_its_person(tmp_path: Path) -> None:
    """EMIAS corrects the ENP: link, results and erasure follow it, by the former number and by the new one."""
    async with town(tmp_path) as here:
        refs = await people(here, ANNA)
        first = here.emias.put("result", result(ANNA, "d-1"))
        await here.settles()
        here.emias.edit("policy", refs[ANNA][E], policyNumber=CLARA)
        await here.settles()
        assert await here.states("policy") == {"level": 1}
        here.emias.put("result", result(CLARA, "d-2"))
        here.emias.edit("result", first, policyNumber=CLARA)
        await here.settles()
        assert await here.states("result") == {"level": 2}
        assert bodies(here, G, "result").count(CLARA) == 2
        (link,) = await here.database.read(lambda tx: links.listed(tx, here.house.cipher))
        assert await here.database.write(lambda tx: close_link(tx, here.house, link.id, "anna"))
        assert await here.states("result") == {"no_consent": 2}


async def test_a_former_number_still_finds_its_policy(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        refs = await people(here, ANNA)
        here.emias.edit("policy", refs[ANNA][E], policyNumber=CLARA)
        await here.engine.poll_once()
        here.gosuslugi.remove("policy", refs[ANNA][G])
        here.gosuslugi.put("policy", policy(G, ANNA))
        await here.settles()
        assert sum((await here.states("policy")).values()) == 1


async def test_a_number_of_two_people_leads_to_neither(tmp_path: Path) -> None:
    """A merger undone: the former number is a policy of its own again, and is no alias of the other's any more."""
    async with town(tmp_path) as here:
        refs = await people(here, ANNA)
        here.emias.edit("policy", refs[ANNA][E], policyNumber=CLARA)
        await here.settles()
        index = {number: links.patient_index(here.house.cipher, number) for number in (ANNA, CLARA)}
        assert await here.database.read(lambda tx: patients.group(tx, index[ANNA])) == frozenset(index.values())
        here.emias.put("policy", policy(E, ANNA))
        await here.settles()
        assert await here.states("policy") == {"level": 1, "ambiguous": 1}
        assert await here.database.read(lambda tx: patients.group(tx, index[ANNA])) == {index[ANNA]}
        assert await here.database.read(lambda tx: patients.group(tx, index[CLARA])) == {index[CLARA]}


async def test_a_correction_of_one_field_is_no_incident(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        refs = await people(here, ANNA)
        here.emias.edit("policy", refs[ANNA][E], birthDate="1985-03-16")
        await here.settles()
        assert await here.states("policy") == {"level": 1}
        assert "16.03.1985" in bodies(here, G, "policy")


def test_doubt_needs_two_records() -> None:
    assert not sealing.doubtful(True, None, PEOPLE[ANNA])
    assert not sealing.doubtful(False, PEOPLE[ANNA], PEOPLE[BORIS])


async def test_unlinked_records_are_sealed_too(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        ref = here.emias.put("result", result(ANNA, "d-1"))
        other = here.emias.put("result", result(BORIS, "d-2"))
        await here.settles()
        assert await here.states("result") == {"no_consent": 2}
        here.emias.edit("result", ref, conclusion="новое")
        here.emias.mixes_up("result", ref, other)
        seen = [here.house.understand(here.emias.seen("result", ref))]
        await here.database.write(lambda tx: absorb_page(tx, here.house, seen, act="test"))
        assert await here.states("result") == {"no_consent": 1, "quarantined": 1}
