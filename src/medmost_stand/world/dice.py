"""Seeded chance for large worlds: the draws of `random.Random`, without its checks of arguments."""

from __future__ import annotations

from random import Random
from typing import Protocol, TypeVar

T_co = TypeVar("T_co", covariant=True)


class Choices(Protocol[T_co]):
    """What one can be chosen from."""

    def __len__(self) -> int: ...

    def __getitem__(self, place: int, /) -> T_co: ...


class Dice(Random):
    """Draws the very numbers of `Random` with the same seed; arguments are whole numbers, ranges never empty."""

    def below(self, count: int) -> int:
        """A number of [0, count)."""
        bits = count.bit_length()
        drawn = self.getrandbits(bits)
        while drawn >= count:
            drawn = self.getrandbits(bits)
        return drawn

    def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:
        if step != 1:
            return super().randrange(start, stop, step)
        return self.below(start) if stop is None else start + self.below(stop - start)

    def randint(self, a: int, b: int) -> int:
        return a + self.below(b - a + 1)

    def choice(self, seq: Choices[T_co]) -> T_co:
        return seq[self.below(len(seq))]
