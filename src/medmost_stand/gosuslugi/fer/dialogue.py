"""One dialogue of «Запись к врачу»: a Session_ID, the patient found in it, how long it lives."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from medmost_stand.clock import Clock
from medmost_stand.dialect import Body

LIFE_SECONDS = 15 * 60  # our model: the real life of a session is not published
MOST = 10_000


class Refused(Exception):
    """An answer with an error code. Codes seen in open mocks (facts/gosuslugi.md §3.3); the others are ours, SIM_."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


NO_DATA, TIMED_OUT, NO_REFERRAL = "ERROR_NO_DATA_FOUND", "ERROR_SESSION_TIMED_OUT", "ERROR_REFERRAL_NOT_FOUND"


@dataclass(frozen=True, slots=True)
class Dialogue:
    policy: Body
    patient_id: str
    until: float


class Dialogues:
    """Dialogues by Session_ID; the caller chooses the id, GetPatientInfo begins it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: dict[str, Dialogue] = {}

    def begin(self, session_id: str, policy: Body) -> Dialogue:
        now = self._clock.seconds()
        if len(self._open) >= MOST:
            self._open = {one: dialogue for one, dialogue in self._open.items() if dialogue.until > now}
        made = Dialogue(policy, str(uuid.uuid4()), now + LIFE_SECONDS)
        self._open[session_id] = made
        return made

    def of(self, session_id: str) -> Dialogue:
        """Refused TIMED_OUT for one that is over or never began."""
        found = self._open.get(session_id)
        if found is None or found.until <= self._clock.seconds():
            raise Refused(TIMED_OUT, "Сессия не найдена или истекла: начните с GetPatientInfo")
        return found
