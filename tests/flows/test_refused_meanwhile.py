"""A refusal that comes when the person has already moved on says nothing about what is there now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from systems_records import TickingClock
from town import town

NUMBER = "7756410834123459"
POLICY: dict[str, Any] = {
    "policyNumber": NUMBER, "policyType": "3", "lastName": "Воробьёва", "firstName": "Алёна",
    "birthDate": "1985-03-15", "sex": "F", "snils": "11223344595", "status": "ACTIVE",
}  # fmt: skip
VISIT: dict[str, Any] = {
    "Номер полиса": NUMBER, "OID организации": "1.2.643.5.1.13.13.12.2.77.10425", "СНИЛС врача": "087-654-303 00",
    "Начало приёма": "23.12.2026 10:00", "Окончание приёма": "23.12.2026 10:12", "Статус записи": "Записан",
    "Кем записан": "Пациент",
}  # fmt: skip


async def test_a_visit_cancelled_meanwhile_is_not_rejected(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        for system in here.systems.values():
            system.now = TickingClock()
        here.emias.put("policy", POLICY)
        await here.settles()
        await here.links(NUMBER)
        ref = here.gosuslugi.put("visit", VISIT)
        here.emias.refuses("visit", "SIM_SLOT_TAKEN", "Это время уже занято", lambda doc: doc["status"] == "BOOKED")

        send = here.emias.write

        async def write(asked: Any) -> Any:
            """The person cancels, and medmost hears of it, while the request is on its way."""
            here.emias.write = send
            here.gosuslugi.edit("visit", ref, **{"Статус записи": "Отменена", "Причина отмены": "Заболела"})
            await here.engine.pollers[here.gosuslugi.side].one_pass("visit")
            return await send(asked)

        here.emias.write = write
        here.gosuslugi.refuses("visit", "status_backward", when=lambda doc: doc["Статус записи"] == "Отклонена")
        await here.settles(6)
        (there,) = [here.emias.doc("visit", one) for one in here.emias.refs("visit")]
        assert there["status"] == "CANCELLED"
        assert here.gosuslugi.doc("visit", ref)["Статус записи"] == "Отменена"
        assert await here.states("visit") == {"level": 1}
