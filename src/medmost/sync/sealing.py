"""Whose record it is: the patient is sealed into the pair, and whatever shows another one is an incident (design §8).

Two records of a policy that meet for the first time must be one person's by `domain.identity`; a known record that
shows another patient (a portal's wrong cache, F29) is quarantined: nothing of it is kept, nothing is sent.
"""

from __future__ import annotations

import msgspec

from medmost.domain.identity import Person, person_of, same_person
from medmost.domain.kinds import Kind
from medmost.domain.record import BOTH, Doc, Fields, Side
from medmost.store.pairs import PairRow
from medmost.store.transaction import Transaction
from medmost.sync.desk import Desk
from medmost.sync.holding import withheld
from medmost.sync.house import House, Seen
from medmost.sync.replan import IDENTITY, QUARANTINED, replan

OTHER_PERSON = "MM-OTHER-PERSON"


# ---------------------------------------------------------------- what is seen
def stranger(desk: Desk, row: PairRow, seen: Seen) -> bool:
    """Does this version of a known record show another patient than the pair is sealed for?"""
    kind = desk.house.kind(seen.observation.kind)
    if kind.personal:
        shown = seen.patient_index
        return shown is not None and row.patient_index is not None and not desk.same_patient(row.patient_index, shown)
    if not desk.house.is_person(kind) or seen.vouched or seen.reading is None or seen.reading.problems:
        return False
    known = row.pair.side(seen.observation.side).now
    asked_about = row.pair.hold == IDENTITY  # whose it is, is the question: a mended record answers it
    return known is not None and not asked_about and surely_another(known, seen.reading.fields)


def surely_another(known: Fields, shown: Fields) -> bool:
    """The ref is the same, so a new number is a correction; a new person under it is none."""
    numbers = {str(fields["policy_number"]) for fields in (known, shown) if fields.get("policy_number")}
    return same_person(person_of(known, numbers), person_of(shown, numbers)).answer == "different"


def doubtful(kind_is_person: bool, known: Fields | None, shown: Fields | None, former: str | None = None) -> bool:
    """May two records of a policy that meet for the first time be two people's? Never linked on doubt (F38, F42).

    One attribute that differs while all the others agree is a question about that attribute: a conflict, for a person.
    """
    if not kind_is_person or known is None or shown is None:
        return False
    numbers = {former} if former else ()
    a, b = person_of(known, numbers), person_of(shown, numbers)
    verdict = same_person(a, b)
    if verdict.answer == "ambiguous" and len(verdict.reasons) == 1:
        return not _same_but_for(verdict.reasons[0], a, b)
    return verdict.answer != "same"


def _same_but_for(name: str, a: Person, b: Person) -> bool:
    if name not in ("snils", "sex", "first_name", "birth_date") or None in (getattr(a, name), getattr(b, name)):
        return False
    if name == "birth_date":  # without it both the SNILS and the whole name have to agree
        shared = a.birth_date
        whole = msgspec.structs.replace(a, snils=None), msgspec.structs.replace(b, snils=None, birth_date=shared)
        return a.snils is not None and a.snils == b.snils and same_person(*whole).answer == "same"
    without = (msgspec.structs.replace(one, **{name: None}) for one in (a, b))
    return same_person(*without).answer == "same"


def meets(desk: Desk, row: PairRow, seen: Seen, former: str | None = None) -> None:
    """A record joins a pair whose other side is there: in doubt the pair is held, and nothing crosses."""
    kind = desk.house.kind(row.pair.kind)
    shown = seen.reading.fields if seen.reading is not None and not seen.reading.problems else None
    other = row.pair.side(seen.observation.side.other)
    if other.presence == "here" and doubtful(desk.house.is_person(kind), other.now, shown, former):
        row.pair.hold = IDENTITY
        desk.tell("ambiguous", seen.observation.side.value, kind.name, "MM-IDENTITY")


def settle_doubt(row: PairRow) -> None:
    """A record was mended and now the two agree: the pair goes on by itself."""
    g, e = row.pair.gosuslugi.now, row.pair.emias.now
    if row.pair.hold == IDENTITY and g is not None and e is not None and not doubtful(True, g, e):
        row.pair.hold = None


def answers_about_another(desk: Desk, row: PairRow, side: Side, shown: Fields | None) -> bool:
    """Is the answer to a write of a policy somebody else's record? Judged against what was sent, or was there."""
    sent = row.pair.side(side).sent
    if shown is None or sent is None or not desk.house.is_person(desk.house.kind(row.pair.kind)):
        return False
    return surely_another({**(row.pair.side(side).now or {}), **sent.fields}, shown)


# ---------------------------------------------------------------- what is sent
def sealed(desk: Desk, row: PairRow, kind: Kind, side: Side, doc: Doc | None) -> bool:
    """Checked on the very document about to leave, and on both records as they are known (invariant I3)."""
    house = desk.house
    fields = [row.pair.side(one).now for one in BOTH]
    if doc is not None:  # where its number's place has moved, a record we know by its ref is still its patient's
        reading = withheld(house, (side, kind.name), house.mappings[kind.name].read(side, doc), row)
        fields.append(reading.fields)
    shown = [house.patient_index(kind, one) for one in fields if one is not None]
    if kind.personal:
        patient = row.patient_index
        return all(one is not None and patient is not None and desk.same_patient(patient, one) for one in shown)
    if house.is_person(kind) and doc is not None:
        return shown[-1] in shown[:-1] or (shown[-1] is not None and desk.same_patient(row.patient_index, shown[-1]))
    return True


def quarantine(desk: Desk, row: PairRow, side: Side) -> None:
    """An incident: the pair stands still, a person is called, the journal knows. What is unanswered stays so."""
    if row.pair.hold != QUARANTINED:
        row.pair.hold = QUARANTINED
        desk.tell("quarantined", side.value, row.pair.kind, OTHER_PERSON)
        desk.note("incident", f"{OTHER_PERSON} {side.value}")
    replan(desk, row)


def quarantine_ref(tx: Transaction, house: House, kind: str, side: Side, ref: str) -> bool:
    """A read of `ref` was answered with another record altogether. False where the ref is nobody's."""
    desk = Desk(tx, house, "incident")
    id_, _ = desk.alias(kind, side, ref)
    row = desk.rows.get(id_) if id_ is not None else None
    if row is None or row.pair.closed:
        return False
    quarantine(desk, row, side)
    desk.put_back()
    return True
