"""Errors are named by recovery: what has to happen next decides the class.

    MedmostError
    ├── Transient    wait and repeat: an outage, a limit, a lost answer
    ├── Stale        read again and merge again: the record moved under us (409, 412)
    ├── Refused      park it, a person looks: the system said no for good (4xx)
    └── Fatal        stop: configuration, credentials or state that cannot work
        └── Unusable  our own state takes or gives nothing more: the process ends, the rows stay

Each carries a stable code (``MM-…``) and a Russian and an English sentence. Texts never hold personal data:
an object is named by its kind and a masked key.
"""

from __future__ import annotations


class MedmostError(Exception):
    """An error a person can meet: a code, a sentence in Russian and in English."""

    def __init__(self, code: str, ru: str, en: str) -> None:
        super().__init__(f"{code}: {en}")
        self.code = code
        self.ru = ru
        self.en = en

    def text(self, lang: str = "ru") -> str:
        return f"{self.code}: {self.ru if lang == 'ru' else self.en}"


class Transient(MedmostError):
    """Wait and repeat.

    `retry_after` is the system's own wish in seconds; `arrived` says whether the request may have had its effect.
    """

    def __init__(self, code: str, ru: str, en: str, *, retry_after: float | None = None, arrived: bool = True) -> None:
        super().__init__(code, ru, en)
        self.retry_after = retry_after
        self.arrived = arrived


class Stale(MedmostError):
    """The record is not at the version we wrote against: read it and merge again."""


class Refused(MedmostError):
    """The system refused for good; `said` holds its own words (code, sentence), `field` what it complained about."""

    def __init__(self, code: str, ru: str, en: str, *, said: str, reason: str, field: str | None = None) -> None:
        super().__init__(code, ru, en)
        self.said = said  # the system's own code, e.g. SIM_SLOT_TAKEN
        self.reason = reason  # its sentence for people
        self.field = field


class Fatal(MedmostError):
    """Nothing can go on until a person changes something."""


class Unusable(Fatal):
    """The state database itself failed. Never taken for a system's trouble: whoever meets it ends (facts F6)."""
