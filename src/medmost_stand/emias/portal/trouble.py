"""Why the portal says no. No public list of EMIAS' codes exists: SIM_ marks the stand's own (facts/emias.md §1.7)."""

from __future__ import annotations

from medmost_stand.emias.wire import CODES
from medmost_stand.refusal import Refusal

FUTURE_PERIOD = "SA_REFERRAL_FOR_FUTURE"  # a real code: a period has to begin today
PATIENT_NOT_FOUND = "SIM_PATIENT_NOT_FOUND"
REFERRAL_REQUIRED = "SIM_REFERRAL_REQUIRED"
ALREADY_BOOKED = "SIM_ALREADY_BOOKED"
SHIFT_NOT_ALLOWED = "SIM_SHIFT_NOT_ALLOWED"
NOT_FOUND = "SIM_NOT_FOUND"
INVALID = "SIM_INVALID_FIELD"
POLICY_FOREIGN = "SIM_POLICY_FOREIGN"
TOKEN_EXPIRED = "SIM_TOKEN_EXPIRED"  # noqa: S105  # a code, no secret


class Trouble(Exception):
    """A call that the portal turns down; `text` is Russian and shown to the user."""

    def __init__(self, code: str, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.status = status


def of_refusal(refusal: Refusal) -> Trouble:
    """A refusal by the rules of EMIAS itself, in the portal's words."""
    return Trouble(CODES[refusal.reason][1], refusal.text)
