"""On the real stand: a kind that medmost does not bring along, and a field that EMIAS renames at run time."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from flows.running import STAMPS, Body, Systems, command, link_everyone, stand

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs" / "examples"


async def told(systems: Systems, *words: str) -> Any:
    return (await command(systems, *words, "--json", within=120)).json()


async def by_number(systems: Systems, system: str) -> dict[str, Body]:
    name = {"emias": "prescriptionNumber", "gosuslugi": "Номер рецепта"}[system]
    return {one[name]: one for one in (await systems.export(system, "prescriptions")).values() if name in one}


async def test_ninth_kind_syncs_both_ways(tmp_path: Path) -> None:
    """Only `kinds/` and the stand's file of the collection know of it."""
    kinds = tmp_path / "medmost" / "kinds"
    kinds.mkdir(parents=True)
    shutil.copyfile(EXAMPLES / "kinds" / "prescription.yaml", kinds / "prescription.yaml")
    code = [path for path in (ROOT / "src" / "medmost").rglob("*.*") if path.suffix in (".py", ".yaml", ".html")]
    assert not [path for path in code if re.search(r"\bprescription", path.read_text(encoding="utf-8").lower())]
    async with stand(tmp_path, people=40, seed=5, arguments=("--collections", str(EXAMPLES))) as systems:
        await link_everyone(systems)
        first = (await told(systems, "migrate"))["status"]["kinds"]["prescription"]
        assert first["stage"] == "full"
        assert (first["level"] > 5, first["behind"]) == (True, 0)
        there, here = await by_number(systems, "emias"), await by_number(systems, "gosuslugi")
        number = next(one for one in there if one in here and there[one]["status"] == "ACTIVE")
        await systems.change("gosuslugi", "prescriptions", here[number]["id"], **{"Комментарий пациента": "Получу сам"})
        await systems.change(
            "emias", "prescriptions", there[number]["id"], dosageInstruction="по схеме", status="COMPLETED"
        )
        fresh = {name: value for name, value in there[number].items() if name not in STAMPS}
        made = fresh | {"prescriptionNumber": "77Р-9999999", "status": "ACTIVE"}
        await systems.act("emias", "POST", "prescriptions", made)
        await told(systems, "sync")
        there, here = await by_number(systems, "emias"), await by_number(systems, "gosuslugi")
        assert there[number]["patientComment"] == "Получу сам"
        assert (here[number]["Способ применения"], here[number]["Статус"]) == ("по схеме", "Отпущен")
        assert here["77Р-9999999"]["Препарат"] == there["77Р-9999999"]["medication"]["name"]
        audited = await told(systems, "audit", "--kind", "prescription")
        assert audited["healthy"], audited["findings"]


@pytest.mark.full
async def test_field_renamed_at_run_time(tmp_path: Path) -> None:
    """The fault of the issue: `policyNumber` becomes `omsNumber` at EMIAS; held, proposed, applied, level."""
    async with stand(tmp_path, people=90, seed=6) as systems:
        await told(systems, "migrate", "--kind", "policy")
        fault = {"effect": "field-renamed", "collection": "policies", "count": 1_000_000}
        await systems.faults("emias", fault | {"field": "policyNumber", "to": "omsNumber"})
        before = await told(systems, "status")
        assert before["drift"] == []
        there = [one for one in (await systems.export("emias", "policies")).values() if "phone" in one]
        changed = {one["policyNumber"]: f"+7999000{place:04}" for place, one in enumerate(there[:6])}
        for one in there[:6]:
            await systems.change("emias", "policies", one["id"], phone=changed[one["policyNumber"]])
        after = (await told(systems, "sync"))["status"]
        (held,) = after["drift"]
        assert (held["field"], held["at"], held["moved_to"]) == ("policy_number", "policyNumber", "omsNumber")
        assert not after["healthy"]
        shown = {one.get("Номер полиса"): one for one in (await systems.export("gosuslugi", "policies")).values()}
        digits = {
            number: "".join(filter(str.isdigit, shown[number]["Телефон"])) for number in changed if number in shown
        }
        assert len(digits) >= 5
        assert all(digits[number] == changed[number].lstrip("+") for number in digits)
        proposed = await command(systems, "mapping", "drift", "--patch", str(systems.folder / "kinds"), "--json")
        assert proposed.code == 1
        assert "at: omsNumber" in proposed.json()["patches"]["policy"]
        assert (await command(systems, "mapping", "check")).code == 0
        (waiting,) = await told(systems, "mapping", "diff")
        assert waiting["kind"] == "policy"
        standing = await told(systems, "status")
        assert standing["drift"] == []
        assert standing["kinds"]["policy"]["brake"]
        checked = await told(systems, "check")
        assert "MM-CHECK-MAPPING" in {one["code"] for one in checked["findings"]}
        assert (await command(systems, "mapping", "apply")).code == 0
        end = (await told(systems, "sync"))["status"]
        assert (end["kinds"]["policy"]["behind"], end["kinds"]["policy"]["brake"], end["drift"]) == (0, "", [])
        assert end["kinds"]["policy"]["level"] >= before["kinds"]["policy"]["level"]
