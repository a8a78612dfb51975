"""What people at either system go through: one act is one call that the system's own rules accept or refuse."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any, Protocol

from medmost_stand.world.model import MOSCOW, Body

RECENT_DAYS = 10
"""Life touches past visits of the last days only; older open ones are planted."""

NEW_COMMENTS = ("Прошу позвонить накануне", "Нужна справка", "Жалобы на головную боль", "Приду с ребёнком")
CANCEL_REASONS = ("Изменились планы", "Выздоровление", "Отменено пациентом", "Запись к другому врачу")


class Desk(Protocol):
    """Where a person acts: a system's own screens, with its own rules."""

    def sample(self, collection: str) -> tuple[str, Body] | None:
        """A random live record, None when there is none."""

    def find(self, collection: str, **equal: object) -> list[tuple[str, Body]]:
        """Live records whose wire fields equal the given ones."""

    async def act(
        self, method: str, collection: str, record_id: str | None, body: Body | None, /
    ) -> tuple[int, dict[str, Any]]:
        """POST, PUT, DELETE or MOVE; the status and the answer. A 4xx is an ordinary outcome."""


@dataclass(slots=True, frozen=True)
class Act:
    """One call of a person."""

    method: str
    collection: str
    id: str | None
    body: Body | None


@dataclass(slots=True)
class Scene:
    """What an act may look at: the desk, the hour, seeded chance, and how many acts were before."""

    desk: Desk
    rng: Random
    now: datetime
    count: int = 0

    def sample(self, collection: str, tries: int = 12, **equal: object) -> tuple[str, Body] | None:
        """A random record with these values, if a few draws meet one."""
        for _ in range(tries):
            found = self.desk.sample(collection)
            if found is None:
                return None
            if all(found[1].get(name) == value for name, value in equal.items()):
                return found
        return None

    def one(self, collection: str, **equal: object) -> Body | None:
        """The only record with these values."""
        found = self.desk.find(collection, **equal)
        return found[0][1] if found else None


def russian_moment(text: str) -> datetime:
    """`DD.MM.YYYY HH:MM`, Moscow time."""
    return datetime.strptime(text, "%d.%m.%Y %H:%M").replace(tzinfo=MOSCOW)
