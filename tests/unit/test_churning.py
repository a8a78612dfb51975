"""Two writers who take a field from each other are told apart from one who changes his mind (facts F35)."""

from __future__ import annotations

from medmost.domain.kinds import Kind
from medmost.domain.merge import Planned
from medmost.domain.record import Pair, Side
from medmost.mapping import load_mappings
from medmost.sync.churning import turn_back

SLOT: Kind = load_mappings()["slot"].kind
POLICY: Kind = load_mappings()["policy"].kind


class Field:
    """One field of a pair, carried now here, now there; each carry arrives."""

    def __init__(self, kind: Kind, name: str) -> None:
        self.kind, self.name, self.pair, self.now = kind, name, Pair(id=1, kind=kind.name), 0.0

    def shows(self, side: Side, value: str) -> None:
        self.pair.side(side).now = {self.name: value}

    def tried(self, side: Side, value: str) -> bool:
        """A carry that does not arrive; whether it is in doubt now, in place of being carried."""
        self.now += 60.0
        return turn_back(self.pair, self.kind, side, Planned("put", {self.name: value}), self.now)

    def carried(self, side: Side, value: str) -> bool:
        """The same, and it arrives and settles."""
        stopped = self.tried(side, value)
        if not stopped:
            self.shows(side, value)
            for state in (self.pair.gosuslugi, self.pair.emias):
                state.settled = {self.name: (state.now or {}).get(self.name)}
        return stopped


def test_a_side_may_change_its_mind() -> None:
    slot = Field(SLOT, "status")
    slot.shows(Side.GOSUSLUGI, "free")
    assert not any(slot.carried(Side.GOSUSLUGI, value) for value in ("busy", "free") * 10)


def test_a_carry_that_never_arrives_is_no_turn() -> None:
    policy = Field(POLICY, "email")
    policy.shows(Side.EMIAS, "old@example.ru")
    policy.pair.emias.settled = {"email": "old@example.ru"}
    assert not any(policy.tried(Side.EMIAS, "new@example.ru") for _ in range(20))


def test_the_first_carry_of_a_pair_may_be_tried_any_number_of_times() -> None:
    """Killed between the claim and the answer, again and again: nothing of this field has settled yet."""
    policy = Field(POLICY, "email")
    policy.shows(Side.EMIAS, "old@example.ru")
    assert not any(policy.tried(Side.EMIAS, "new@example.ru") for _ in range(20))
    policy.pair.emias.settled = {"phone": None}
    assert not any(policy.tried(Side.EMIAS, "new@example.ru") for _ in range(20))


def test_two_sides_that_contend_are_asked_about() -> None:
    policy = Field(POLICY, "last_name")
    policy.shows(Side.EMIAS, "ИВАНОВ")
    policy.shows(Side.GOSUSLUGI, "Иванов")
    turns = [policy.carried(Side.EMIAS, "Иванов")]
    policy.shows(Side.GOSUSLUGI, "Иванов")
    turns.append(policy.carried(Side.GOSUSLUGI, "ИВАНОВ"))
    turns.append(policy.carried(Side.EMIAS, "ИВАНОВ" if turns[-1] else "Иванов"))
    assert turns == [False, False, True]
    assert policy.pair.unsure == ["last_name"]


def test_what_is_put_back_for_ever_is_asked_about() -> None:
    slot = Field(SLOT, "status")
    slot.shows(Side.GOSUSLUGI, "free")
    turns = []
    for _ in range(4):
        turns.append(slot.carried(Side.GOSUSLUGI, "busy"))
        slot.shows(Side.GOSUSLUGI, "free")  # somebody there does not want it so
    assert turns.index(True) in (1, 2)
