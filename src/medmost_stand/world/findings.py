"""How the two systems differ on what clinics found and did, which flows from EMIAS alone: results, vaccinations."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from random import Random

from medmost_stand.world import care, laboratory
from medmost_stand.world.cast import Cast
from medmost_stand.world.clinics import Desk
from medmost_stand.world.identifiers import opaque_id
from medmost_stand.world.model import Body, Citizen, Record, Twin
from medmost_stand.world.spelling import iso_time
from medmost_stand.world.twins import Maker, Stale, handful, share

IMPOSSIBLE: dict[str, tuple[Body, ...]] = {
    "results": ({"status": "DRAFT"}, {"collectedAt": "2026-02-31T10:00:00+03:00"}),
    "vaccinations": ({"dateVaccination": "2025-02-31"}, {"dateVaccination": "2025-13-01"}),
}


def stale_result(rng: Random, record: Record) -> Record:
    """Before the laboratory corrected a value, finished the document or wrote its conclusion."""
    sort = rng.randrange(3)
    if sort == 0:
        first, *rest = record["observations"]
        value = first["value"] + Decimal("1.5")
        corrected = {**first, "value": value, "flag": laboratory.flag(value, first["low"], first["high"])}
        return {**record, "observations": [corrected, *rest]}
    if sort == 1 and record["status"] == "final":
        return {**record, "status": "preliminary"}
    return {**record, "conclusion": "Заключение уточняется."}


def stale_vaccination(rng: Random, record: Record) -> Record:
    """Before the series or the reaction was corrected."""
    if rng.random() < 0.5:
        return {**record, "series": f"{record['series']}-1"}
    return {**record, "reaction": "наблюдение не закончено"}


def personal(make: Maker, records: list[Record], cast: Cast, stale: Stale) -> list[Twin]:
    """Twins of results or vaccinations: patients' by shares, newcomers' and unlinked people's at EMIAS only."""
    parts = _parts(cast)
    ours = [record for record in records if parts[record["policy_number"]] == "patients"]
    twins = make.one_way(ours, stale)
    for record in records:
        if (part := parts[record["policy_number"]]) != "patients":
            twins.append(make.only("emias", record, "unlinked" if part == "unlinked" else "one_sided"))
    return twins


def _parts(cast: Cast) -> dict[str, str]:
    return {
        citizen.policy_number: part for part in ("patients", "newcomers", "unlinked") for citizen in getattr(cast, part)
    }


def results(
    make: Maker, who: list[Citizen], cast: Cast, desks: list[Desk], today: date, name: tuple[int, int]
) -> list[Twin]:
    """One document for each of `who`, beside the foreign and invalid ones; `name` is (people, seed)."""
    rng, people = make.rng, name[0]

    def document(citizen: Citizen, number: int) -> Record:
        document_id = opaque_id("emias", "document", *name, number)
        taken_at = care.past_moment(rng, today, 5, 400)
        issued_at = taken_at + timedelta(days=rng.randrange(0, 4), minutes=rng.randrange(20, 50))
        return care.result(rng, document_id, citizen.policy_number, rng.choice(desks), taken_at, issued_at)

    twins = personal(make, [document(citizen, place) for place, citizen in enumerate(who)], cast, stale_result)
    level = [twin for twin in twins if twin.mark == "level"]
    for twin in level[: share(len(level), 0.01)]:  # the same instant, `+0300` without its colon
        twin.overlay["emias"] = {"issuedAt": (iso_time(twin.record["issued_at"]) or "").replace("+03:00", "+0300")}
    for ordinal in range(handful(people, 4)):
        record = document(rng.choice(cast.patients), len(who) + ordinal)
        twins.append(make.only("gosuslugi", record, "foreign"))
    for ordinal, overlay in enumerate(IMPOSSIBLE["results"][: handful(people, 2)]):
        record = document(rng.choice(cast.patients), len(who) + 100 + ordinal)
        twins.append(make.only("emias", record, "invalid", overlay))
    return twins


def vaccinations(
    make: Maker, who: list[Citizen], cast: Cast, desks: list[Desk], today: date, people: int
) -> list[Twin]:
    """One vaccination for each of `who`, beside the foreign and invalid ones; keys never meet."""
    rng = make.rng
    yesterday = today - timedelta(days=1)
    taken: set[tuple[object, ...]] = set()

    def vaccination(citizen: Citizen) -> Record:
        while True:
            record = care.vaccination(rng, citizen.policy_number, citizen.birth_date, rng.choice(desks), yesterday)
            key = (citizen.policy_number, record["infection"], record["date"], record["dose"])
            if key not in taken:
                taken.add(key)
                return record

    twins = personal(make, [vaccination(citizen) for citizen in who], cast, stale_vaccination)
    for _ in range(handful(people, 4)):
        twins.append(make.only("gosuslugi", vaccination(rng.choice(cast.patients)), "foreign"))
    for overlay in IMPOSSIBLE["vaccinations"][: handful(people, 2)]:
        twins.append(make.only("emias", vaccination(rng.choice(cast.patients)), "invalid", overlay))
    return twins
