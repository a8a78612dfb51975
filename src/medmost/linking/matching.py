"""Is the person of a Gosuslugi account the one whose policy EMIAS shows (design §8)?

Policy number, birth date and one more identifier have to agree, by the same rules as everywhere (`domain.identity`).
The reasons are for nobody outside: which one failed would help to guess the next.
"""

from __future__ import annotations

from medmost.domain.identity import Person, Verdict, person_of, same_person
from medmost.domain.record import Fields, Side
from medmost.store import links, pairs, patients
from medmost.store.database import Database
from medmost.store.transaction import Transaction
from medmost.sync.house import House
from medmost.systems.contract import System
from medmost.systems.gosuslugi.holders import Holder

POLICY = "policy"


async def policy_at(house: House, database: Database, system: System, number: str) -> Fields | None:
    """What a system says of the policy now, by this number or by the one it has become; None for none or for several.

    Raises what a `System` raises.
    """
    mapping = house.mappings[POLICY]
    natural = mapping.write(system.side, {"policy_number": number}, None)
    found = [one for one in await system.find(POLICY, natural=natural) if not one.gone]
    if not found:
        for ref in await database.read(lambda tx: _known_refs(tx, house, system.side, number)):
            seen = await system.read(POLICY, ref)
            found += [seen] if seen is not None and not seen.gone else []
    docs = [one.doc for one in found if one.doc is not None]
    return mapping.read(system.side, docs[0]).fields if len(docs) == 1 else None


def person_of_holder(holder: Holder, number: str) -> Person:
    return Person(
        policy_number=number,
        birth_date=holder.birth_date,
        snils=holder.snils,
        last_name=holder.last_name,
        first_name=holder.first_name,
        patronymic=holder.patronymic,
        sex=holder.sex,
    )


def matches(shown: Fields | None, holder: Person) -> Verdict:
    """`same` only where the system's policy is this person's beyond doubt; a changed number is the former one."""
    if shown is None or holder.policy_number is None:
        return Verdict("ambiguous", ("policy",))
    return same_person(person_of(shown, former=(holder.policy_number,)), holder)


def _known_refs(tx: Transaction, house: House, side: Side, number: str) -> list[str]:
    """The refs of the policy that this number led to once."""
    group = patients.group(tx, links.patient_index(house.cipher, number))
    ids = [id_ for one in sorted(group) for id_ in pairs.ids_of_patient(tx, one, (POLICY,))]
    rows = pairs.by_ids(tx, house.cipher, ids).values()
    return [ref for row in rows if row.state != "closed" and (ref := row.pair.side(side).ref)]
