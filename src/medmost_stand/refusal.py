"""Why a system of the stand turns a call down: one vocabulary that each dialect words in its own way."""

from __future__ import annotations

from enum import Enum, auto


class Reason(Enum):
    """What is wrong with a call; `emias/wire.py` and `gosuslugi/wire.py` give each its status and code."""

    BAD_REQUEST = auto()
    BAD_PAGE = auto()
    INVALID_FIELD = auto()
    UNKNOWN_REFERENCE = auto()
    DUPLICATE = auto()
    SLOT_TAKEN = auto()
    STATUS_BACKWARD = auto()
    NOT_FOUND = auto()
    GONE = auto()
    VERSION_MISMATCH = auto()
    VERSION_REQUIRED = auto()
    KEY_REUSED = auto()
    NOT_ALLOWED = auto()
    CANCEL_NOT_ALLOWED = auto()
    NO_SUCH_ADDRESS = auto()
    WRONG_METHOD = auto()
    TOO_LARGE = auto()
    TOO_MANY_CALLS = auto()
    UNAVAILABLE = auto()
    CREDENTIALS_WRONG = auto()
    TOKEN_MISSING = auto()
    TOKEN_INVALID = auto()
    TOKEN_EXPIRED = auto()
    TOKEN_FOREIGN = auto()
    API_KEY_MISSING = auto()
    API_KEY_UNKNOWN = auto()
    API_KEY_FOREIGN = auto()


class Refusal(Exception):
    """A call refused by the system; `text` is Russian and meant for a person, nothing has been changed."""

    def __init__(
        self,
        reason: Reason,
        text: str,
        field: str | None = None,
        *,
        status: int | None = None,
        headers: dict[str, str] | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text
        self.field = field
        self.status = status  # only where a documented call answers otherwise than its reason usually does
        self.code = code  # only where a system has a documented code that no other has
        self.headers = headers or {}
