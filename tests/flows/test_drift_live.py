"""A field is renamed under a running medmost: people get a letter, the commands work over its control socket."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from flows.letters import Letters, mail_server, mailbox
from flows.running import Body, Running, Systems, answered, ask, command, medmost, stand, until
from flows.test_outage import add_contact, personal_values

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")]
PATIENCE = 120.0  # seconds, on a machine that does much else
SETTINGS = {"MEDMOST_NOTICES__QUIET": "0"}
CHANGED = 6


async def level_policies(running: Running) -> Body:
    """Waits until every policy that can be level is; the status of the kind then."""

    async def level() -> Body | None:
        told = (await running.status())["kinds"]["policy"]
        return told if told["level"] > 50 and not told["behind"] and not told["brake"] else None

    told = await until(level, "policies level", PATIENCE)
    await running.quiet(PATIENCE)
    return told


async def rename_policy_number(systems: Systems) -> dict[str, str]:
    """EMIAS ships another name for the key, and people change phones there; policy number -> digits of its phone."""
    fault = {"effect": "field-renamed", "collection": "policies", "count": 1_000_000}
    shown = {one.get("Номер полиса") for one in (await systems.export("gosuslugi", "policies")).values()}
    there = (await systems.export("emias", "policies")).values()
    chosen = [one for one in there if one.get("phone") and one.get("policyNumber") in shown][:CHANGED]
    await systems.faults("emias", fault | {"field": "policyNumber", "to": "omsNumber"})
    for place, one in enumerate(chosen):
        await systems.change("emias", "policies", one["id"], phone=f"+7999000{place:04}")
    return {one["policyNumber"]: f"7999000{place:04}" for place, one in enumerate(chosen)}


async def phones_at_gosuslugi(systems: Systems, wanted: dict[str, str]) -> dict[str, str]:
    docs = (await systems.export("gosuslugi", "policies")).values()
    return {
        one["Номер полиса"]: "".join(filter(str.isdigit, one["Телефон"]))
        for one in docs
        if one.get("Номер полиса") in wanted
    }


async def held_field(running: Running) -> Body:
    async def held() -> Any:
        return (await running.status())["drift"] or None

    (found,) = await until(held, "a held field", PATIENCE)
    return dict(found)


def about_drift(letters: Letters) -> list[str]:
    """Subject and text of the letters about EMIAS' changed records."""
    texts = [f"{one['Subject']}\n{one.get_content()}" for one in letters.taken]
    return [text for text in texts if "изменилась форма записей" in text and "MM-DRIFT-RENAMED" in text]


@pytest.mark.full
async def test_renamed_field_is_told_and_mended(tmp_path: Path) -> None:
    letters = Letters()
    async with AsyncExitStack() as stack:
        port = stack.enter_context(mail_server(letters))
        systems = await stack.enter_async_context(stand(tmp_path, people=90, seed=6))
        add_contact(systems, mailbox(port))
        async with medmost(systems, poll=(1, 5), **SETTINGS) as running:
            before = await level_policies(running)
            wanted = await rename_policy_number(systems)
            held = await held_field(running)
            assert (held["field"], held["at"], held["moved_to"]) == ("policy_number", "policyNumber", "omsNumber")

            async def told() -> list[str] | None:
                return about_drift(letters) or None

            (letter,) = await until(told, "a letter about the renamed field", PATIENCE)
            assert "Полисы" in letter
            assert "medmost mapping drift" in letter
            assert not [value for value in await personal_values(systems) if value in letter]

            async def carried() -> bool:
                return await phones_at_gosuslugi(systems, wanted) == wanted

            await until(carried, "every other field is carried", PATIENCE)
            proposed = await command(systems, "mapping", "drift", "--patch", str(systems.folder / "kinds"), "--json")
            assert proposed.code == 1, str(proposed)
            assert "at: omsNumber" in proposed.json()["patches"]["policy"]
            breaking = [one["id"] for one in proposed.json()["findings"] if one["risk"] == "breaking"]
            assert breaking == [held["id"]]
        async with medmost(systems, poll=(1, 5), name="again", **SETTINGS) as running:
            code, (waiting,) = await answered(systems, "mapping.diff")
            assert (code, waiting["kind"]) == (1, "policy")
            assert (await running.status())["kinds"]["policy"]["brake"]
            applied = await command(systems, "mapping", "apply", "policy")
            assert applied.code == 0, str(applied)
            assert "policy" in applied.out
            after = await level_policies(running)
            assert after["level"] >= before["level"]
            assert (await ask(systems, "mapping.drift"))["patches"] == {}
            assert (await running.status())["drift"] == []
            assert len(about_drift(letters)) == 1
    assert not asyncio.all_tasks() - {asyncio.current_task()}
