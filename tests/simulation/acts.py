"""What people do at the screens of both systems, each in that system's own form and under its own rules."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from simulation.log import OWN, rows
from simulation.model import Doc, Portal
from simulation.papers import (
    BOTH,
    CLINIC,
    DOCTORS,
    NEXT,
    OTHER,
    PERSONAL,
    REASON,
    RULER,
    STATES,
    STATUS,
    TOLD,
    fresh,
    get,
    hours,
    meant,
    natural,
    patient_of,
    put,
    status_of,
)  # fmt: skip

if TYPE_CHECKING:
    from simulation.town import Town

WEIGHTS = {
    "edit": 100, "enter": 10, "status": 8, "row": 8, "remove": 3, "both_edit": 0, "entered_twice": 0, "rekey": 0,
    "move": 0, "spoil": 0, "touch": 0, "own_member": 0, "delete_against_edit": 0, "delete_both": 0, "taken_hour": 0,
    "odd_text": 0, "unlink": 0, "relink": 0,
}  # fmt: skip
FAULTY = {
    "both edit one field": ("both_edit", 12), "deleted against an edit": ("delete_against_edit", 4),
    "deleted at both": ("delete_both", 2), "entered twice": ("entered_twice", 6), "key changed": ("rekey", 3),
    "moved": ("move", 5), "spoilt": ("spoil", 3), "saved without a change": ("touch", 8),
    "unmapped member": ("own_member", 6), "taken hour": ("taken_hour", 3), "odd text": ("odd_text", 6),
    "unlinked": ("unlink", 1), "relinked": ("relink", 2),
}  # fmt: skip
NEEDS = {"status": "visits", "move": "visits", "taken_hour": "visits", "rekey": "visits", "row": "requests"}
"""Acts that concern one kind of record: in a busy run nobody tries them where there is none."""
ODD = (
    "ё и е",
    "тире\u2011неразрывное",
    "  края  ",
    "ПРОПИСНЫЕ",
    "кавычки «ёлочки» \"и\" 'апостроф'",
    "й\u0306",
    "😀",
    "a\u00a0b",
)


class People:
    """Everybody at once; `rng` draws who does what."""

    def __init__(self, town: Town, rng: random.Random) -> None:
        self.town, self.rng, self.log = town, rng, town.log
        weights = dict(WEIGHTS)
        for name, (verb, weight) in FAULTY.items():
            if name in town.weather.shares:
                weights[verb] = weight * town.weather.shares[name]
        if not set(PERSONAL) & set(town.collections):
            weights |= {"unlink": 0, "relink": 0}
        if town.plan.busy:
            weights |= {verb: 0 for verb, collection in NEEDS.items() if collection not in town.collections}
        self.fault_of = {verb: name for name, (verb, _) in FAULTY.items()}
        self.verbs, self.weights = list(weights), list(weights.values())
        self.hour = 0
        self.numbers = 0
        self.spoilt: list[tuple[Portal, str, str, str, Any]] = []

    def act(self) -> None:
        verb = self.rng.choices(self.verbs, self.weights)[0]
        getattr(self, verb)()
        self.log.acts[verb] += 1

    def _struck(self, verb: str, portal: Portal, collection: str, ref: str) -> None:
        self.town.struck(self.fault_of[verb], portal.side, collection, ref, None)

    # ------------------------------------------------------------ picking
    def pick(
        self, sides: tuple[str, ...] = BOTH, among: tuple[str, ...] | None = None
    ) -> tuple[Portal, str, str] | None:
        """A live record that people still work on."""
        for _ in range(6):
            portal = self.town.portals[self.rng.choice(sides)]
            collection = self.rng.choice([c for c in self.town.collections if among is None or c in among] or [""])
            if not collection or not (live := portal.live(collection)):
                continue
            ref = self.rng.choice(live)
            doc = portal.doc(collection, ref)
            if "movedTo" not in doc and not (collection == "visits" and status_of(portal.side, doc) not in NEXT):
                return portal, collection, ref
        return None

    def partner(self, portal: Portal, collection: str, ref: str) -> tuple[Portal, str] | None:
        """The record of the same real thing at the other system."""
        other = self.town.portals[OTHER[portal.side]]
        wanted = natural(portal.side, collection, portal.doc(collection, ref))
        for candidate in other.live(collection):
            if wanted is not None and natural(other.side, collection, other.doc(collection, candidate)) == wanted:
                return other, candidate
        return None

    # ------------------------------------------------------------ entering
    def enter(self) -> None:
        collection = self.rng.choice([c for c in self.town.collections if c != "policies"] or ["policies"])
        patient = self.rng.choice(self.town.patients)
        self.new(collection, patient)

    def new(self, collection: str, patient: str, side: str | None = None, key: Any = None) -> str | None:
        """A record with a natural key of its own, where this system may take one."""
        side = side or RULER.get(collection) or ("gosuslugi" if collection == "requests" else self.rng.choice(BOTH))
        portal = self.town.portals[side]
        patient = self.log.person(patient) or patient
        if collection in PERSONAL and not portal._knows(patient):  # type: ignore[attr-defined]  # both systems have it
            return None
        return self._put_new(portal, collection, patient, key or self._key(collection))

    def _key(self, collection: str) -> Any:
        self.numbers += 1
        if collection == "visits":
            self.hour += 1
            at = self.hour
            return 1 + at // 40 % 28, 8 + at % 10, at // 10 % 4 * 12, DOCTORS[at // 1120 % 2]
        return {"policies": None, "organizations": f"{CLINIC}.0.{self.numbers}", "results": f"d-{self.numbers}",
                "vaccinations": (_date(self.numbers), 1),
                "requests": (2_000_000_000 + self.numbers, 7000 + self.numbers)}[collection]  # fmt: skip

    def _put_new(self, portal: Portal, collection: str, patient: str, key: Any) -> str | None:
        side, values, means = portal.side, {}, {}
        for told in TOLD[collection]:
            spelt, mean = self.log.value(
                told, "gosuslugi", collection, patient if collection != "organizations" else None
            )
            values[told.name], means[told.name] = mean if told.spelt == "phone" else spelt, mean
            self.log.tokens[mean].side = side
        doc = fresh(side, collection, patient, key, values)
        if portal.twin(collection, doc) is not None or (
            collection == "visits" and side == "emias" and portal.taken(doc)
        ):  # type: ignore[attr-defined]  # EMIAS has it
            return None
        ref = portal.act_create(collection, doc)
        for mean in means.values():
            self.log.entered(mean, self.town.loop.now, ref, None)
        return ref

    def entered_twice(self) -> None:
        """The same real thing is entered at the other system, too."""
        found = self.pick(among=("policies", "visits", "vaccinations"))
        if found is None or self.partner(*found) is not None or found[1] == "vaccinations":
            return
        portal, collection, ref = found
        doc, other = portal.doc(collection, ref), self.town.portals[OTHER[portal.side]]
        patient = patient_of(portal.side, collection, doc) or ""
        key = _hour_key(natural(portal.side, collection, doc)) if collection == "visits" else None
        if collection == "visits" and key is None:
            return
        if self.new(collection, patient, other.side, key) is not None:
            self._struck("entered_twice", portal, collection, ref)

    def taken_hour(self) -> None:
        """Gosuslugi books an hour that EMIAS has given to another."""
        found = self.pick(sides=("emias",), among=("visits",))
        if found is None:
            return
        portal, collection, ref = found
        key = _hour_key(natural("emias", collection, portal.doc(collection, ref)))
        others = [
            one for one in self.town.patients if one != patient_of("emias", collection, portal.doc(collection, ref))
        ]
        if key is not None and others and self.new("visits", self.rng.choice(others), "gosuslugi", key) is not None:
            self._struck("taken_hour", portal, collection, ref)

    # ------------------------------------------------------------ changing
    def edit(self) -> None:
        found = self.pick()
        if found is not None and self.town.plan.busy and RULER.get(found[1]) == OTHER[found[0].side]:
            found = self.pick()  # what the other side rules is only put back: seldom is enough
        if found is not None:
            self.change(*found)

    def change(self, portal: Portal, collection: str, ref: str, name: str | None = None, odd: str = "") -> None:
        """A new value in one told field."""
        side, doc = portal.side, portal.doc(collection, ref)
        told = next((one for one in TOLD[collection] if one.name == name), None) or self.rng.choice(TOLD[collection])
        if collection == "requests" and side == "emias":
            return
        spelt, means = self.log.value(told, side, collection, patient_of(side, collection, doc))
        if odd and told.spelt == "text":
            entry = self.log.tokens.pop(means)
            spelt = f"{spelt} {odd}"
            means = meant(told.spelt, spelt) or ""
            self.log.tokens[means] = entry
        over = meant(told.spelt, get(doc, told.at(side)))
        self.log.entered(means, self.town.loop.now, ref, over)
        portal.act_put(collection, ref, put(doc, told.at(side), spelt))

    def both_edit(self) -> None:
        """Two people change one field of one thing, at both systems, before either change has crossed."""
        found = self.pick()
        across = self.partner(*found) if found else None
        if found is None or across is None:
            return
        if found[1] == "requests":
            self.add_row(*found)
            self.add_row(across[0], "requests", across[1])
            self._struck("both_edit", *found)
            return
        name = self.rng.choice(TOLD[found[1]]).name
        self.change(*found, name)
        self.change(across[0], found[1], across[1], name)
        self._struck("both_edit", *found)

    def odd_text(self) -> None:
        found = self.pick(among=("visits", "results", "organizations"))
        if found is not None:
            self.change(*found, {"visits": "comment", "results": "conclusion", "organizations": "hours"}[found[1]],
                        self.rng.choice(ODD[:2] + ODD[4:]))  # fmt: skip
            self._struck("odd_text", *found)

    def touch(self) -> None:
        """Saved as it is: a new version of the same content."""
        found = self.pick()
        if found is not None:
            found[0].act_put(found[1], found[2], dict(found[0].doc(found[1], found[2])))
            self._struck("touch", *found)

    def own_member(self) -> None:
        """A member of the record that no mapping knows."""
        found = self.pick(among=("policies", "organizations", "visits", "results"))
        if found is not None:
            portal, collection, ref = found
            portal.act_put(collection, ref, {**portal.doc(collection, ref), OWN: f"п{self.numbers}"})
            self._struck("own_member", *found)

    def status(self) -> None:
        """A visit goes on; with a cancellation comes its reason."""
        found = self.pick(among=("visits",))
        if found is None:
            return
        portal, collection, ref = found
        side, doc = portal.side, portal.doc(collection, ref)
        follow = [state for state in NEXT[status_of(side, doc)] if state != "rejected"]
        wanted = self.rng.choice(follow)
        doc = {**doc, STATUS[side]: STATES[wanted][side == "emias"]}
        if wanted == "cancelled":
            doc[REASON[side]] = f"причина {self.log.count}"
        self.log.statuses[side, ref].append(wanted)
        portal.act_put(collection, ref, doc)

    def row(self) -> None:
        """A history goes on; each system numbers its own rows."""
        found = self.pick(among=("requests",))
        if found is not None:
            self.add_row(*found)

    def add_row(self, portal: Portal, collection: str, ref: str) -> None:
        doc = portal.doc(collection, ref)
        self.log.count += 1
        n = self.log.count
        at = f"2026-{1 + n // 40000 % 12:02d}-{1 + n // 1440 % 28:02d}T{n // 60 % 24:02d}:{n % 60:02d}:00+03:00"
        state = 6 + n % 3
        if portal.side == "emias":
            row: Doc = {"id": f"e{n}", "statusId": state, "title": f"шаг {n}", "at": at}
            portal.act_put(collection, ref, {**doc, "history": [*doc.get("history", []), row]})
        else:
            row = {"id": 7_000_000 + n, "statusId": state, "title": f"шаг {n}", "date": at}
            order = doc["order"]
            portal.act_put(collection, ref, {**doc, "order": {**order, "statuses": [*rows("gosuslugi", doc), row]}})

    def rekey(self) -> None:
        """A policy gets another number; a visit is moved within its record."""
        found = self.pick(among=("policies", "visits"))
        if found is None:
            return
        portal, collection, ref = found
        side, doc = portal.side, portal.doc(collection, ref)
        if collection == "policies":
            return  # every record of the patient would have to follow: see `identity` runs
        new = {**doc, **hours(side == "gosuslugi", self._key("visits"))}
        if portal.twin(collection, new, but=ref) is None and self.partner(*found) is not None:
            portal.act_put(collection, ref, new)
            self._struck("rekey", *found)

    def move(self) -> None:
        """EMIAS moves a visit: a new record takes the place of the old one, which stays as cancelled."""
        found = self.pick(sides=("emias",), among=("visits",))
        if found is None:
            return
        portal, collection, ref = found
        old = portal.doc(collection, ref)
        if old["status"] != "BOOKED":
            return
        new = {**old, **hours(False, self._key("visits")), "movedFrom": ref}
        made = portal.act_create(collection, new)
        portal.act_put(collection, ref, {**old, "status": "CANCELLED", "movedTo": made})
        self.log.keys["emias", collection, made] |= self.log.keys["emias", collection, ref]
        self._struck("move", *found)

    def spoil(self) -> None:
        """A code that no dictionary has; mended some time later."""
        found = self.pick(among=("policies", "visits"))
        if found is None or len(self.spoilt) > 3:
            return
        portal, collection, ref = found
        name = {("policies", "emias"): "sex", ("policies", "gosuslugi"): "Пол", ("visits", "emias"): "source",
                ("visits", "gosuslugi"): "Кем записан"}[collection, portal.side]  # fmt: skip
        doc = portal.doc(collection, ref)
        if doc.get(name) == "?":
            return
        self.spoilt.append((portal, collection, ref, name, doc.get(name)))
        portal.act_put(collection, ref, {**doc, name: "?"})
        self._struck("spoil", *found)
        self.town.loop.soon(self.rng.random() * 120, self.mend)

    def mend(self) -> None:
        if self.spoilt:
            portal, collection, ref, name, right = self.spoilt.pop(0)
            kept = portal.of(collection)[ref]
            if kept.doc is not None and kept.doc.get(name) == "?":
                portal.act_put(collection, ref, {**kept.doc, name: right})

    # ------------------------------------------------------------ ending
    def remove(self) -> None:
        found = self.pick(among=("visits", "results", "vaccinations", "organizations"))
        if found is not None:
            found[0].act_delete(found[1], found[2])

    def delete_against_edit(self) -> None:
        found = self.pick(among=("visits", "results", "vaccinations", "organizations"))
        across = self.partner(*found) if found else None
        if found is None or across is None:
            return
        self._struck("delete_against_edit", *found)
        self.change(across[0], found[1], across[1])
        found[0].act_delete(found[1], found[2])

    def delete_both(self) -> None:
        found = self.pick(among=("visits", "results", "vaccinations", "organizations"))
        across = self.partner(*found) if found else None
        if found is None or across is None:
            return
        self._struck("delete_both", *found)
        found[0].act_delete(found[1], found[2])
        across[0].act_delete(found[1], across[1])

    # ------------------------------------------------------------ links
    def unlink(self) -> None:
        patient = self.rng.choice(self.town.patients)
        if self.town.process is not None and self.town.process.ready:
            self.town.struck("unlinked", "emias", "policies", "", None)
            self.town.process.unlink(patient)

    def relink(self) -> None:
        patient = self.rng.choice(self.town.patients)
        if self.town.process is not None and self.town.process.ready:
            self.town.struck("relinked", "emias", "policies", "", None)
            self.town.process.link(patient)


def _hour_key(key: Any) -> Any:
    """The numbers of an hour, for entering it once more."""
    if key is None:
        return None
    _, _, doctor, starts = key
    return int(starts[8:10]), int(starts[11:13]), int(starts[14:16]), doctor


def _date(number: int) -> str:
    """A day that no other number has."""
    return f"20{10 + number // 300 % 30}-{1 + number // 25 % 12:02d}-{1 + number % 25:02d}"
