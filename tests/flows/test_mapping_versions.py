"""A changed mapping: taken note of, tried on the stored records, held until a person agrees (reliability F37)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from medmost.domain.record import Side
from medmost.mapping import load_mappings
from medmost.store import brakes, ledgers
from medmost.sync.difference import rule_differences, weigh
from medmost.sync.versions import CODE, approve, recognise_versions
from town import Town, town

POLICY = {rule.name: rule.example for rule in load_mappings()["policy"].rule.fields}
MORE = """\
extends: policy
fields:
  - name: blood_group
    title: {ru: Группа крови, en: Blood group}
    owner: emias
    gosuslugi: {at: Группа крови, as: text}
    emias: {at: bloodGroup, as: text}
"""


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    folder = tmp_path / "kinds"
    folder.mkdir()
    return folder


async def settle_policies(here: Town, count: int = 3) -> list[str]:
    """Level policies, each with a blood group that no rule names yet; their refs at EMIAS."""
    mapping = load_mappings()["policy"]
    refs = []
    for number in range(count):
        fields = {**POLICY, "policy_number": f"775641083412345{number}", "snils": None}
        refs.append(here.emias.put("policy", {**mapping.write(Side.EMIAS, fields, None), "bloodGroup": "0(I)"}))
    await recognise_versions(here.house, here.database)
    await here.settles()
    assert await here.states("policy") == {"level": count}
    return refs


async def told(here: Town, act: str) -> list[dict[str, Any]]:
    rows = await here.database.read(lambda tx: tx.execute("SELECT entry FROM journal").fetchall())
    return [one for one in (json.loads(row[0]) for row in rows) if one["act"] == act]


async def test_first_start_records_silently(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        assert await recognise_versions(here.house, here.database) == []
        (entry,) = await told(here, "mapping.first")
        assert set(entry["versions"]) == set(here.house.mappings)
        assert await recognise_versions(here.house, here.database) == []
        assert len(await told(here, "mapping.first")) == 1
        assert await here.database.read(brakes.standing) == []


async def test_changed_mapping_waits_for_a_person(tmp_path: Path, overlay: Path) -> None:
    async with town(tmp_path) as here:
        await settle_policies(here)
        systems = here.systems
    (overlay / "policy.yaml").write_text(MORE)
    async with town(tmp_path, overlay=overlay, systems=systems) as here:
        sent = len(here.gosuslugi.written())
        assert await recognise_versions(here.house, here.database) == ["policy"]
        assert await recognise_versions(here.house, here.database) == ["policy"]
        (brake,) = await here.database.read(brakes.standing)
        assert (brake.code, brake.kind) == (CODE, "policy")
        assert len(await told(here, "mapping.changed")) == 1
        assert await here.states("policy") == {"behind": 3}
        await here.settles()
        assert len(here.gosuslugi.written()) == sent
        agreed = await here.database.write(lambda tx: approve(tx, here.house, ["policy", "visit"], "ivanov"))
        assert agreed == ["policy"]
        await here.settles()
        assert await here.states("policy") == {"level": 3}
        shown = [here.gosuslugi.doc("policy", ref)["Группа крови"] for ref in here.gosuslugi.refs("policy")]
        assert shown == ["0(I)"] * 3
        assert await here.database.read(brakes.standing) == []
        assert (await told(here, "mapping.apply"))[0]["actor"] == "ivanov"
        assert await recognise_versions(here.house, here.database) == []


async def test_other_kinds_go_on_meanwhile(tmp_path: Path, overlay: Path) -> None:
    async with town(tmp_path) as here:
        await settle_policies(here)
        systems = here.systems
    (overlay / "policy.yaml").write_text(MORE)
    async with town(tmp_path, overlay=overlay, systems=systems) as here:
        await recognise_versions(here.house, here.database)
        mapping = here.house.mappings["organization"]
        fields = {rule.name: rule.example for rule in mapping.rule.fields} | {"parent_oid": None}
        here.emias.put("organization", mapping.write(Side.EMIAS, fields, None))
        await here.settles()
        assert await here.states("organization") == {"level": 1}


async def test_returned_mapping_needs_no_word(tmp_path: Path, overlay: Path) -> None:
    async with town(tmp_path) as here:
        await settle_policies(here)
        systems = here.systems
    (overlay / "policy.yaml").write_text(MORE)
    async with town(tmp_path, overlay=overlay, systems=systems) as here:
        await recognise_versions(here.house, here.database)
    (overlay / "policy.yaml").unlink()
    async with town(tmp_path, overlay=overlay, systems=systems) as here:
        sent = len(here.gosuslugi.written()) + len(here.emias.written())
        assert await recognise_versions(here.house, here.database) == []
        assert await here.database.read(brakes.standing) == []
        await here.settles()
        assert await here.states("policy") == {"level": 3}
        assert len(here.gosuslugi.written()) + len(here.emias.written()) == sent


async def test_change_before_the_new_version_survives(tmp_path: Path, overlay: Path) -> None:
    """A phone changed at Gosuslugi and not carried yet is still Gosuslugi's change after the reading again."""
    async with town(tmp_path) as here:
        await settle_policies(here, 1)
        await here.database.write(lambda tx: ledgers.set_paused(tx, "policy", True))
        (ref,) = here.gosuslugi.refs("policy")
        here.gosuslugi.edit("policy", ref, Телефон="+7(999)1112233")
        await here.settles()
        systems = here.systems
    (overlay / "policy.yaml").write_text(MORE)
    async with town(tmp_path, overlay=overlay, systems=systems) as here:
        await here.database.write(lambda tx: ledgers.set_paused(tx, "policy", False))
        await recognise_versions(here.house, here.database)
        await here.database.write(lambda tx: approve(tx, here.house, ["policy"], "ivanov"))
        await here.settles()
        assert await here.states("policy") == {"level": 1}
        assert here.emias.doc("policy", here.emias.refs("policy")[0])["phone"] == "+79991112233"


async def test_plan_counts_what_would_change(tmp_path: Path, overlay: Path) -> None:
    async with town(tmp_path) as here:
        refs = await settle_policies(here)
        here.emias.edit("policy", refs[0], bloodGroup=None)
        await here.settles()
        (overlay / "policy.yaml").write_text(MORE)
        new = load_mappings(overlay)
        (one,) = rule_differences(here.house.mappings, new)
        before = await here.database.read(lambda tx: tx.execute("SELECT total_changes()").fetchone())
        await here.database.read(
            lambda tx: weigh(tx, here.house.cipher, here.house.mappings["policy"], new["policy"], one)
        )
        assert await here.database.read(lambda tx: tx.execute("SELECT total_changes()").fetchone()) == before
        assert {change.field for change in one.rules} == {"blood_group"}
        assert (one.pairs, one.changed) == (3, 2)  # of the third no blood group is known
        assert one.outcomes["carry gosuslugi blood_group"] == 2
        assert one.outcomes["put gosuslugi"] == 2
        assert all("775641083412345" not in example["key"] for example in one.examples)
        assert await here.states("policy") == {"level": 3}


async def test_plan_names_what_becomes_unreadable(tmp_path: Path, overlay: Path) -> None:
    async with town(tmp_path) as here:
        for ref in await settle_policies(here):
            here.emias.edit("policy", ref, policyType="2")
        await here.settles()
        (overlay / "policy.yaml").write_text(
            "extends: policy\nfields:\n  - name: policy_type\n    codes:\n      temporary: {emias: '9'}\n"
        )
        new = load_mappings(overlay)
        (one,) = rule_differences(here.house.mappings, new)
        await here.database.read(
            lambda tx: weigh(tx, here.house.cipher, here.house.mappings["policy"], new["policy"], one)
        )
        assert one.outcomes == {"unreadable emias policy_type": 3}
