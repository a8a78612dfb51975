"""What networks and systems do to calls: `goes_down`, `loses_answers`, `refuses`, `meanwhile`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from medmost.domain.errors import Fatal, Refused, Transient
from medmost.domain.record import Doc

Call = Literal["page", "read", "write", "delete", "find", "probe", "subscribe"]


@dataclass
class Rule:
    """A refusal: which calls, how often, in which words."""

    kind: str
    said: str
    reason: str
    when: Callable[[Doc], bool]
    times: int | None


class Troubles:
    """Faults in waiting, each used up by the calls that meet it."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.down = False
        self._down_calls: int | None = None
        self._lost_answers = self._lost_requests = self._later = 0
        self._broken_pages = self._denied = 0
        self._rules: list[Rule] = []
        self._meanwhile: list[tuple[Call, Callable[[], object], int]] = []

    def goes_down(self, calls: int | None = None) -> None:
        """No connection, for so many calls or until `comes_back`."""
        self.down, self._down_calls = True, calls

    def comes_back(self) -> None:
        self.down, self._down_calls = False, None

    def loses_answers(self, count: int = 1) -> None:
        """The next writes have their effect, and nobody hears of it."""
        self._lost_answers += count

    def loses_requests(self, count: int = 1) -> None:
        """The next writes have no effect, and nobody can tell."""
        self._lost_requests += count

    def answers_later(self, count: int = 1) -> None:
        """The next writes are taken (they show at once in lists) but answered only with "accepted"."""
        self._later += count

    def breaks_pages(self, count: int = 1) -> None:
        """The next pages are not what they should be."""
        self._broken_pages += count

    def denies(self, count: int = 1) -> None:
        """The next calls meet closed doors: credentials that nobody takes any more."""
        self._denied += count

    def refuses(
        self,
        kind: str,
        said: str = "SIM_INVALID_FIELD",
        reason: str = "Не принято",
        when: Callable[[Doc], bool] = lambda doc: True,
        times: int | None = None,
    ) -> None:
        """Writes of a kind are refused for good, those with such a body, so many times."""
        self._rules.append(Rule(kind, said, reason, when, times))

    def takes_everything(self) -> None:
        self._rules.clear()

    def meanwhile(self, call: Call, act: Callable[[], object], times: int = 1) -> None:
        """Just before the next such call takes effect (each of the next ones), this happens: for exact races."""
        self._meanwhile.append((call, act, times))

    # ------------------------------------------------------------ inside
    def _enter(self, call: Call) -> None:
        self.calls[call] += 1
        waiting, self._meanwhile = self._meanwhile, []
        for wanted, act, times in waiting:
            if wanted == call:
                act()
            left = times - (wanted == call)
            if left:
                self._meanwhile.append((wanted, act, left))
        if self.down:
            if self._down_calls is not None:
                self._down_calls -= 1
                if self._down_calls <= 0:
                    self.comes_back()
            raise Transient("MM-SYS-UNREACHABLE", "нет соединения", "no connection", arrived=False)
        if self._denied:
            self._denied -= 1
            raise Fatal("MM-SYS-CREDENTIALS", "учётные данные не приняты", "credentials are not accepted")

    def _maybe_lose_request(self) -> None:
        if self._lost_requests:
            self._lost_requests -= 1
            raise Transient("MM-SYS-LOST", "ответ не получен", "no answer")

    def _maybe_lose_answer(self) -> None:
        if self._lost_answers:
            self._lost_answers -= 1
            raise Transient("MM-SYS-LOST", "ответ не получен", "no answer")

    def _judge(self, kind: str, doc: Doc) -> None:
        for rule in self._rules:
            if rule.kind == kind and rule.times != 0 and rule.when(doc):
                if rule.times is not None:
                    rule.times -= 1
                raise refusal(rule.said, rule.reason)


def refusal(said: str, reason: str) -> Refused:
    return Refused("MM-SYS-REFUSED", f"отказ ({said})", f"refused ({said})", said=said, reason=reason)
