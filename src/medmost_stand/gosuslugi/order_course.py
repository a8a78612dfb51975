"""The course of a pushed order: processing codes of gu-smev, then statuses 0→17→21→2 and, for services of other
departments, →1→3, 4 or 24 (facts/gosuslugi.md §2.7, §2.8, §6). How long a step takes is a setting, 0 is at once."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any

import orjson

from medmost_stand.clock import Clock
from medmost_stand.dialect import Body
from medmost_stand.effects import Actor
from medmost_stand.gosuslugi.order_archive import TITLES, Verdict
from medmost_stand.gosuslugi.order_files import RESULT, RESULT_NAME, OrderFiles, result_row
from medmost_stand.gosuslugi.order_making import Making
from medmost_stand.gosuslugi.order_rules import Orders
from medmost_stand.gosuslugi.order_settings import OrderSettings
from medmost_stand.gosuslugi.services import Service
from medmost_stand.storage import Storage

_META = "order-course:"
_LOOK = 0.05  # seconds between two looks at the stand's clock while an order is under way
_ENDS: dict[int, list[list[Any]]] = {
    3: [["row", 1, "Заявление зарегистрировано", ""], ["result"], ["row", 3, "Услуга оказана", "Результат готов"]],
    4: [["row", 1, "Заявление зарегистрировано", ""], ["row", 4, "Отказано в предоставлении услуги", ""]],
    24: [["row", 24, "Ошибка обработки заявления", ""]],
}
_BEFORE = ("NEW", "FILES_VERIFICATION", "FILES_VERIFICATION_SUCCESS", "RETRY")


@dataclass(slots=True)
class _Course:
    """Where one order stands: its code, the steps to come, when the next is due."""

    code: str
    steps: list[list[Any]]
    due: float
    client: str


class Courses:
    """`run` while the stand serves; what is under way goes on after a restart with the same state."""

    def __init__(
        self,
        orders: Orders,
        making: Making,
        files: OrderFiles,
        storage: Storage,
        clock: Clock,
        settings: OrderSettings,
    ) -> None:
        self._orders = orders
        self._making = making
        self._files = files
        self._storage = storage
        self._clock = clock
        self._settings = settings
        rows = storage.read("SELECT name, value FROM meta WHERE name GLOB ?", (_META + "*",))
        self._courses = {name[len(_META) :]: _Course(**orjson.loads(value)) for name, value in rows}

    def begin(self, order_id: str, verdict: Verdict, service: Service, client: str) -> None:
        """Sets the order on its way; with no delay it is at its end already."""
        delivered = [
            ["row", 17, "Зарегистрировано на портале", ""],
            ["row", 21, "Заявление отправлено в ведомство", ""],
        ]
        checked = [["code", "FILES_VERIFICATION"]]
        if verdict.code != "DONE":
            text = TITLES[verdict.code]
            failed = ["row", 5, "Ошибка отправки заявления в ведомство", text]
            steps: list[list[Any]] = [*checked, delivered[0], ["code", verdict.code], failed]
        else:
            steps = [*checked, ["code", "FILES_VERIFICATION_SUCCESS"], *delivered]
            steps += [["row", 2, "Заявление получено ведомством", "Сообщение доставлено"], ["code", "DONE"]]
            steps += [] if service.of_department else _ENDS[self._settings.outcome]
        course = _Course("NEW", steps, self._clock.seconds() + self._settings.delay, client)
        self._courses[order_id] = course
        self._go_on(order_id, course)

    def told(self, order_id: str) -> tuple[str, str | None, bool]:
        """`code` and `message` of the details, and whether the portal shows the order yet."""
        course = self._courses.get(order_id)
        if course is None or course.code == "DONE":
            return "OK", None, True
        return course.code, TITLES[course.code], course.code not in _BEFORE

    async def run(self) -> None:
        """Takes the steps that are due, until cancelled."""
        while True:
            now = self._clock.seconds()
            for order_id, course in list(self._courses.items()):
                if course.steps and course.due <= now:
                    self._go_on(order_id, course)
            with contextlib.suppress(Exception):  # whoever waits for the same commit is told of its failure
                await self._storage.committed()
            await asyncio.sleep(_LOOK)

    def _go_on(self, order_id: str, course: _Course) -> None:
        now, delay = self._clock.seconds(), self._settings.delay
        while course.steps and course.due <= now:
            step = course.steps.pop(0)
            if self._gone(order_id, course) or not self._take(order_id, course, step):
                course.steps.clear()
            course.due += delay
        if course.steps or course.code != "DONE":
            kept = {"code": course.code, "steps": course.steps, "due": course.due, "client": course.client}
            self._storage.put_meta(_META + order_id, orjson.dumps(kept))
        else:
            self._storage.write("DELETE FROM meta WHERE name = ?", (_META + order_id,))

    def _take(self, order_id: str, course: _Course, step: list[Any]) -> bool:
        actor = Actor(course.client)
        if step[0] == "code":
            course.code = step[1]
            return True
        if step[0] == "result":
            data = _result(order_id)
            row: Body = result_row(int(order_id), RESULT_NAME, len(data))
            self._files.put(int(order_id), RESULT, RESULT_NAME, data)
            self._making.attach(order_id, [row], "orderResponseFiles", actor)
            return True
        return self._orders.advance(order_id, step[1], step[2], step[3], actor) is not None

    def _gone(self, order_id: str, course: _Course) -> bool:
        """Whether the order is another one now, of a new world."""
        return self._making.source(order_id) != course.client


def _result(order_id: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<result order="{order_id}">Услуга оказана</result>\n'.encode()
