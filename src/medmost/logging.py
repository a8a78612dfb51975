"""Structured logs to stderr: JSON for machines, short lines for a terminal, personal data for nobody.

What is logged is chosen where it is logged (kinds, codes, counts); the processor here is the second net
(facts/reliability §3.7): it masks by key and by form, and exceptions come without locals.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

HIDDEN: Final = "***"
_HIDDEN_KEYS: Final = frozenset(
    key
    for group in (
        ("body", "doc", "document", "record", "fields", "payload", "headers", "cookie", "address", "адрес"),
        ("authorization", "token", "secret", "client_secret", "password", "api_key", "apikey", "signature"),
        ("birth_date", "birthdate", "birth", "dob", "дата рождения", "snils", "снилс", "enp", "енп"),
        ("policy_number", "policynumber", "omsnumber", "unitednumber", "номер полиса"),
        ("last_name", "lastname", "first_name", "firstname", "patronymic", "secondname", "full_name", "fio"),
        ("фамилия", "имя", "отчество", "фио", "phone", "телефон", "email", "электронная почта"),
    )
    for key in group
)
_SNILS_PLAIN: Final = re.compile(r"(?<!\d)\d{11}(?!\d)")
_PATTERNS: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), by)
    for pattern, by in (
        (r"(://)[^/\s@]+@", r"\1***@"),  # user and password of a URL
        (r"(://[^\s?\"']+)\?[^\s\"']+", r"\1?***"),  # the query of a URL
        (r"\b(bearer|basic)\s+[\w.~+/=-]{8,}", r"\1 ***"),
        (r"\bwhsec_[\w+/=-]+", "whsec_***"),
        (r"[\w.%+-]+@[\w-]+(?:\.[\w-]+)+", "***@***"),
        (r"(?<!\d)\d{3}-\d{3}-\d{3}[ -]?\d{2}(?!\d)", "***-***-*** **"),  # СНИЛС as people write it
        (r"(?<!\d)\d{4}([ -]?)\d{4}\1\d{4}\1\d{4}(?!\d)", "****************"),  # ЕНП, 16 digits
        (r"(?<!\d)(?:\+7|8)[ -]?\(?\d{3}\)?[ -]?\d{3}[ -]?\d{2}[ -]?\d{2}(?!\d)", "+7**********"),
    )
)


def mask(text: str) -> str:
    """The text with everything that has the form of personal data or of a credential made unreadable."""
    for pattern, by in _PATTERNS:
        text = pattern.sub(by, text)
    return _SNILS_PLAIN.sub(_mask_eleven_digits, text)


def _mask_eleven_digits(match: re.Match[str]) -> str:
    """Eleven digits are a phone (7…, 8…) or a СНИЛС (check number, Постановление Правления ПФ № 192п); others stay."""
    digits = match[0]
    total = sum(int(digit) * weight for digit, weight in zip(digits, range(9, 0, -1), strict=False))
    fits = total % 101 % 100 == int(digits[9:])
    return "***********" if fits or digits[0] in "78" else digits


def clean(value: Any, depth: int = 0) -> Any:
    """A value for the log: masked texts, hidden keys, no deep structures."""
    match value:
        case bool() | float() | None:
            return value
        case str():
            return mask(value)
        case int():
            text = str(value)
            return value if mask(text) == text else HIDDEN
        case Mapping() if depth < 3:
            return {str(key): _by_key(str(key), item, depth + 1) for key, item in value.items()}
        case list() | tuple() | set() | frozenset() if depth < 3:
            return [clean(item, depth + 1) for item in value]
        case bytes() | bytearray() | Mapping() | list() | tuple() | set() | frozenset():
            return HIDDEN
        case _:
            return mask(str(value))


def _by_key(key: str, value: Any, depth: int) -> Any:
    return HIDDEN if key.lower() in _HIDDEN_KEYS and value is not None else clean(value, depth)


def second_net(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The last processor before the renderer: nothing gets past it unmasked."""
    return {key: _by_key(key, value, 0) for key, value in event.items()}


def _exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Type, masked words and places of an exception; never its locals, never source lines with values."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    error = info if isinstance(info, BaseException) else info[1] if isinstance(info, tuple) else None
    if error is not None:
        places = []
        trace = error.__traceback__
        while trace is not None:
            code = trace.tb_frame.f_code
            places.append(f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno} {code.co_name}")
            trace = trace.tb_next
        event["error"] = f"{type(error).__name__}: {error}"
        event["at"] = places[-12:]
    return event


def _line(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """One short line for a terminal."""
    when = str(event.pop("timestamp", ""))[11:19]
    level = str(event.pop("level", "info"))
    head = f"{when} {level:<7} {event.pop('event', '')}"
    rest = " ".join(f"{key}={value}" for key, value in sorted(event.items()))
    return f"{head}  {rest}".rstrip()


def configure(json: bool, level: int = logging.INFO) -> None:
    """Sends all logs of the process, those of libraries from WARNING on, through one chain to stderr."""
    chain: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _exception,
        second_net,
    ]
    renderer: Processor = structlog.processors.JSONRenderer(ensure_ascii=False) if json else _line
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=chain,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("medmost").setLevel(level)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *chain,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # a later configure() has to reach loggers made before it
    )


def correlation(**values: str) -> AbstractContextManager[None]:
    """Binds ids (correlation_id, kind, system) to every log line written inside the block, in tasks begun there too."""
    return structlog.contextvars.bound_contextvars(**values)
