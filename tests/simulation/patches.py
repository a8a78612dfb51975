"""Mistakes, each a small patch of medmost's source; none of them is ever in `src/`.

`make simulate ARGS=--planted` applies them one at a time to a copy of the package and plays seeds until an ordinary
invariant breaks. A patch whose text is no longer there fails the suite: the mistake has to be planted anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

AREAS = ("merge", "deliver", "cursor", "identity", "store")


@dataclass(frozen=True)
class Mistake:
    """In `file`, `right` stands exactly once and becomes `wrong`."""

    area: str
    name: str
    file: str
    right: str
    wrong: str
    kinds: str = ""  # a collection that the runs must have
    sure: tuple[str, ...] = ()  # faults, and rules of the systems, that it shows under


MISTAKES: tuple[Mistake, ...] = (
    # ------------------------------------------------------------ merge
    Mistake("merge", "a person's field is overwritten", "domain/merge.py",
            "    if field.owner is Owner.PERSON:\n        return None\n",
            "    if field.owner is Owner.PERSON:\n        return Side.GOSUSLUGI\n"),
    Mistake("merge", "the losing side wins", "domain/merge.py",
            "    out.carry(winner.other, field.name, value)\n", "    out.carry(winner, field.name, lost)\n"),
    Mistake("merge", "a change is carried back to where it was made", "domain/merge.py",
            "    elif by_g:\n        out.carry(Side.EMIAS, name, x)\n",
            "    elif by_g:\n        out.carry(Side.GOSUSLUGI, name, y)\n"),
    Mistake("merge", "what never settled counts as unchanged", "domain/merge.py",
            "    if state.settled is None or name not in state.settled:\n        return True\n",
            "    if state.settled is None or name not in state.settled:\n        return False\n"),
    Mistake("merge", "a state may go back", "domain/merge.py",
            "    if x is None or y in field.order.get(str(x), ()):\n", "    if True:\n", "visits"),
    Mistake("merge", "a history is a plain field", "domain/merge.py",
            "    if field.style is Style.GROW:  # rows tell for themselves who lacks them\n",
            "    if False:\n", "requests"),
    Mistake("merge", "deletes are blind", "domain/merge.py",
            "    if left.sent or here.settled is None or any(changed(here, name) for name in names):\n",
            "    if left.sent or here.settled is None:\n", "visits"),
    Mistake("merge", "the side that only receives rules", "domain/merge.py",
            "        out.carry(ruler.other, name, (pair.side(ruler).now or {}).get(name))\n",
            "        out.carry(ruler, name, (pair.side(ruler.other).now or {}).get(name))\n", "results"),
    Mistake("merge", "level fields are not settled", "domain/merge.py",
            "            settled.update({name: now.get(name) for name in merged.level})\n",
            "            settled.update({name: now.get(name) for name in merged.level[:1]})\n"),
    # ------------------------------------------------------------ deliver
    Mistake("deliver", "no look before a second create", "sync/flight.py",
            "    found = await _look(flight, system, related)\n    if found is not None:\n        return found\n    if flight.only_look",
            "    found = None\n    if flight.only_look", "visits", ("doubles", "notice lost", "no connection")),
    Mistake("deliver", "any record with the key is adopted", "sync/deliver.py",
            'return "ours" if free else "twin"', 'return "ours"', "visits", ("key changed", "notice lost", "doubles")),
    Mistake("deliver", "writes are against whatever version", "systems/emias/exchange.py",
            "            headers[\"If-Match\"] = f'\"{write.expected}\"'\n", "            pass\n"),
    Mistake("deliver", "the whole record is settled by an answer", "domain/pairing.py",
            "    for name in sent.fields:\n        _settle(state, name, reading.fields.get(name))\n",
            "    other.settled = dict(other.now or {})\n    state.settled = dict(reading.fields)\n"
            "    for name in sent.fields:\n        _settle(state, name, reading.fields.get(name))\n"),
    Mistake("deliver", "our own write counts as a change", "domain/pairing.py",
            "    for name in sent.fields:\n        _settle(state, name, reading.fields.get(name))\n"
            "        _settle(other, name, sent.source.get(name))\n",
            "    for name in sent.fields:\n        _settle(other, name, sent.source.get(name))\n"),
    Mistake("deliver", "an accepted write is taken for none", "sync/flight.py",
            "    if isinstance(answer, Accepted):\n        return Outcome(flight=flight, what=\"accepted\")\n",
            "    if isinstance(answer, Accepted):\n        return Outcome(flight=flight, what=\"nothing\")\n",
            sure=("accepts later",)),
    Mistake("deliver", "a repeated create has another key and mark", "sync/claim.py",
            "        sent.until = desk.now + desk.house.lease\n",
            "        sent.until = desk.now + desk.house.lease\n        sent.key = f\"{sent.key}-{claimed.token}\"\n"
            "        sent.origin = desk.house.cipher.mark(pair.id, claimed.token)\n",
            "visits", ("doubles", "arrives after the loss", "request lost")),
    Mistake("deliver", "stale is success", "sync/flight.py",
            "    except Stale:\n        return _about(flight, \"seen\", await system.read(flight.kind, flight.ref))\n",
            "    except Stale:\n        return _about(flight, \"ok\", await system.read(flight.kind, flight.ref))\n"),
    Mistake("deliver", "what waits is forgotten", "sync/settle.py",
            "    delivery.state, delivery.not_before, delivery.reason = deliveries.WAITING, until, reason\n",
            "    delivery.state, delivery.not_before, delivery.reason = deliveries.WAITING, until, reason\n"
            "    desk.drop_row(row.pair.id, Side(delivery.side))\n    return\n"),
    Mistake("deliver", "silence is success", "sync/settle.py",
            "    if not error.arrived and not flight.again:\n        row.pair.side(flight.side).sent = None\n",
            "    state, other = row.pair.side(flight.side), row.pair.side(flight.side.other)\n"
            "    if error.arrived and flight.op == \"put\" and state.sent is not None:\n"
            "        state.settled = {**(state.settled or {}), **state.sent.fields}\n"
            "        other.settled = {**(other.settled or {}), **state.sent.source}\n"
            "        state.sent = None\n"
            "    if not error.arrived and not flight.again:\n        row.pair.side(flight.side).sent = None\n"),
    # ------------------------------------------------------------ cursor
    Mistake("cursor", "the cursor moves before its page", "sync/poll.py",
            "            seen = [self.house.understand(one) for one in page.observations]\n            cursor = ",
            "            if keep:\n                await self.database.write(\n"
            "                    partial(ledgers.move_cursor, system=self.side.value, kind=kind, position=dict(page.cursor))\n"
            "                )\n"
            "            seen = [self.house.understand(one) for one in page.observations]\n            cursor = "),
    Mistake("cursor", "no overlap at EMIAS", "systems/emias/changes.py",
            "        return (since - overlap if since is not None else None), None, None\n",
            "        return since, None, None\n"),
    Mistake("cursor", "no overlap at Gosuslugi", "systems/gosuslugi/changes.py",
            "            return Position(border=moment(idle.after) - overlap), idle.number + 1\n",
            "            return Position(border=moment(idle.after)), idle.number + 1\n"),
    Mistake("cursor", "the end of a pass is our cursor", "systems/emias/changes.py",
            "                yield listing.docs, {\"since\": moment_text(started)}\n",
            "                yield listing.docs, {\"since\": moment_text(listing.time + timedelta(seconds=300))}\n"),
    Mistake("cursor", "the last page is left out", "systems/emias/changes.py",
            "                yield listing.docs, {\"since\": moment_text(started)}\n",
            "                yield listing.docs[:-1], {\"since\": moment_text(started)}\n"),
    Mistake("cursor", "our clock is the cursor", "systems/emias/changes.py",
            "            started = started or listing.time\n",
            "            started = started or self._http.clock.now() + timedelta(minutes=10)\n"),
    Mistake("cursor", "a page short of its total is the last one", "systems/gosuslugi/walk.py",
            "    if listing.total is not None and len(stamps) < listing.size and listing.total > behind:\n",
            "    if False:\n"),
    Mistake("cursor", "pages go on by number", "systems/gosuslugi/walk.py",
            "    if first != last:\n        return Position(border=last, started=started)\n",
            "    if first != last:\n"
            "        return Position(border=position.border, started=started, page=position.page + 1, row=row, size=listing.size)\n"),
    Mistake("cursor", "a failed pass is a finished one", "sync/poll.py",
            "        except Transient as error:\n            passed.error = error\n            return passed\n",
            "        except Transient as error:\n            passed.error = error\n"
            "            begin = {\"since\": self.house.clock.now()}\n"
            "            import datetime as d\n"
            "            at = d.datetime.fromtimestamp(begin[\"since\"] + 900, d.UTC).isoformat(timespec=\"microseconds\")\n"
            "            if side == \"emias\":\n"
            "                await self.database.write(lambda tx: ledgers.move_cursor(tx, side, kind, {\"since\": at}))\n"
            "            return passed\n"),
    Mistake("cursor", "a late notice replaces a newer version", "domain/pairing.py",
            "    if seen.version < state.version:\n        return False\n", ""),
    # ------------------------------------------------------------ identity
    Mistake("identity", "consent is not asked", "sync/desk.py",
            "        return self._linked[patient]\n", "        return True\n", "visits"),
    Mistake("identity", "a withdrawal stops nothing", "sync/linked.py",
            "    for row in list(desk.rows.values()):\n        replan(desk, row)\n", "", "visits"),
    Mistake("identity", "another person's answer is kept", "sync/settle.py",
            "    elif _other_person(desk, row, flight, seen):\n        return\n", "", "visits"),
    Mistake("identity", "another patient's version is a change", "sync/absorb.py",
            "    if fresh and sealing.stranger(desk, row, seen):\n", "    if False:\n", "visits"),
    Mistake("identity", "keys that meet are not noticed", "sync/replan.py",
            "    if not row.key_live:\n        return False\n", "    return False\n", "visits"),
    Mistake("identity", "no pair is found by its key", "sync/finding.py",
            "        if free:\n            _vacate(row.pair, o.side)\n            return row\n", "", "visits"),
    Mistake("identity", "our mark is not known", "store/cipher.py",
            "        if len(parts) != 4 or parts[0] != \"mm\":\n", "        if True:\n"),
    Mistake("identity", "the natural key is only the hour", "domain/kinds.py",
            "        parts = [fields.get(name) for name in self.key]\n",
            "        parts = [fields.get(name) for name in self.key if name != \"policy_number\" or len(self.key) == 1]\n",
            "visits"),
    Mistake("identity", "a record of another ref is taken", "sync/flight.py",
            "    other = seen is not None and seen.ref != flight.ref\n", "    other = False\n"),
    Mistake("identity", "a moved visit is a new one", "sync/finding.py",
            "    row = _moved(desk, seen) or _match(desk, seen, ours)\n", "    row = _match(desk, seen, ours)\n", "visits"),
    # ------------------------------------------------------------ store
    Mistake("store", "settled states are not kept", "store/pairs.py",
            "        state = pair.side(name)\n        blob = seal(name.value[0], state)\n",
            "        state = pair.side(name)\n        kept, state.settled = state.settled, {}\n"
            "        blob = seal(name.value[0], state)\n        state.settled = kept\n"),
    Mistake("store", "the last pair of a set is not saved", "store/pairs.py",
            "    tx.executemany(_SAVE, [_sealed(row, cipher) for row in ordered])\n",
            "    tx.executemany(_SAVE, [_sealed(row, cipher) for row in ordered[: max(1, len(ordered) - 1)]])\n"),
    Mistake("store", "the journal's chain is cut", "store/journal.py",
            "text.decode(), _chain(previous, text)),\n", "text.decode(), _chain(START, text)),\n"),
    Mistake("store", "rows in flight are given up at a start", "store/deliveries.py",
            "UPDATE delivery SET state = 'due', lease_until = NULL WHERE state = 'in_flight'",
            "DELETE FROM delivery WHERE state = 'in_flight'"),
    Mistake("store", "whoever answers, settles", "sync/settle.py",
            "    holds = delivery is not None and delivery.token == flight.token and delivery.state == deliveries.IN_FLIGHT\n",
            "    holds = delivery is not None\n"),
    Mistake("store", "what is sent is not kept", "store/pairs.py",
            "        state = pair.side(name)\n        blob = seal(name.value[0], state)\n",
            "        state = pair.side(name)\n        kept, state.sent = state.sent, None\n"
            "        blob = seal(name.value[0], state)\n        state.sent = kept\n"),
    Mistake("store", "the books forget what was unchanged", "sync/desk.py",
            "        self._books[system, kind, account] += number\n",
            "        self._books[system, kind, account] += number if account != \"unchanged\" else 0\n"),
    Mistake("store", "decided conflicts are not recorded", "sync/claim.py",
            "    _record_decisions(desk, row, merged, side)\n", ""),
    Mistake("store", "aliases are not kept", "store/aliases.py",
            "        \"DO UPDATE SET pair = excluded.pair, gone_version = excluded.gone_version\",\n        rows,\n",
            "        \"DO UPDATE SET pair = excluded.pair, gone_version = excluded.gone_version\",\n        rows[:3],\n"),
    Mistake("store", "the incarnation never grows", "domain/pairing.py",
            "    fresh = SideState(incarnation=state.incarnation + 1)\n",
            "    fresh = SideState(incarnation=state.incarnation)\n", "results"),
)  # fmt: skip


def apply(mistake: Mistake, package: Path) -> None:
    """Plants it in a copy of the package. ValueError where the right text does not stand there exactly once."""
    file = package / mistake.file
    text = file.read_text()
    if text.count(mistake.right) != 1:
        raise ValueError(
            f"{mistake.area}: {mistake.name}: its text stands {text.count(mistake.right)} times in {mistake.file}"
        )
    file.write_text(text.replace(mistake.right, mistake.wrong))
