"""Another patient's record for a read, over real sockets: held, told, let go by a person; nothing has crossed."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.running import command, link_everyone, stand


@pytest.mark.full
async def test_another_patient_for_a_read_is_an_incident(tmp_path: Path) -> None:
    async with stand(tmp_path, people=10, seed=3) as systems:
        await link_everyone(systems)
        await command(systems, "migrate")
        planted = await systems.planted("emias")
        rows = await systems.export("emias", "policies")
        marked = {ref for refs in planted["policies"].values() if isinstance(refs, list) for ref in refs}
        ref, row = next((ref, row) for ref, row in rows.items() if ref not in marked and row.get("status") == "ACTIVE")
        await systems.faults(  # our write arrives and is not answered; the look for it is shown somebody else
            "gosuslugi",
            {"effect": "answer-lost", "method": "PUT", "collection": "policies", "count": 1},
            {"effect": "other-person", "method": "GET", "path": "/api/exchange/v1/policies/*", "keep_id": True},
        )
        await systems.change("emias", "policies", ref, validFrom="2020-02-03")
        await command(systems, "sync")
        await systems.faults("gosuslugi")
        told = (await command(systems, "status", "--json")).json()
        assert told["kinds"]["policy"]["quarantined"] == 1
        ran = await command(systems, "pairs", "release", "policy", row["policyNumber"])
        assert ran.code == 0, str(ran)
        await command(systems, "sync")
        told = (await command(systems, "status", "--json")).json()
        assert told["kinds"]["policy"]["quarantined"] == 0
        shown = (await systems.export("gosuslugi", "policies")).values()
        assert [one["Номер полиса"] for one in shown if one.get("Дата выдачи") == "03.02.2020"] == [row["policyNumber"]]
