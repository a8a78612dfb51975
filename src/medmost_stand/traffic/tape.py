"""The file of a recording: JSON lines, a head and then one masked exchange a line, as they were answered."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson

from medmost_stand.traffic.masking import HIDDEN, Mask

FORMAT = 1
TOKENS = ("access_token", "accessTkn")
_HEADERS = ("etag", "location", "retry-after", "if-match", "content-type", "x-environment")


class TapeError(ValueError):
    """The file is no recording; the text names file and line."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call and its answer. `query` and `path` are as sent but for what is masked; a body that is no JSON is
    kept as its length only."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: Any
    status: int
    answer_headers: dict[str, str]
    answer: Any


def masked(
    mask: Mask, method: str, path: str, query: str, headers: dict[str, str], body: bytes, status: int,
    answer_headers: dict[str, str], answer: bytes,
) -> Exchange:  # fmt: skip
    """An exchange as it may be written down."""
    return Exchange(
        method,
        public_path(path, mask),
        public_query(query, mask),
        _kept(headers),
        _document(body, mask),
        status,
        _kept(answer_headers),
        _answer(answer, mask),
    )


def public_path(path: str, mask: Mask | None) -> str:
    """Without the API key that ЕСИА's address holds; a segment that is more than an id is masked."""
    steps = unquote(path).split("/")
    shown = []
    for place, step in enumerate(steps):
        if place and steps[place - 1] == "ext-app":
            shown.append(HIDDEN)
        elif mask is not None and (sum(map(str.isdigit, step)) == len(step) >= 11 or not step.isascii()):
            shown.append(mask.text(step))
        else:
            shown.append(step)
    return "/".join(shown)


def public_query(query: str, mask: Mask | None) -> list[tuple[str, str]]:
    """The parameters in order; without a mask only the secrets are taken out."""
    hidden = mask or Mask(b"", frozenset(name for name, _ in parse_qsl(query)))
    return [
        (name, HIDDEN if name == "code" else hidden.text(value, name))  # an OAuth code opens a session
        for name, value in parse_qsl(query, keep_blank_values=True)
    ]


def _kept(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items() if name.lower() in _HEADERS}


def _document(body: bytes, mask: Mask) -> Any:
    if not body:
        return None
    try:
        return mask.document(orjson.loads(body))
    except orjson.JSONDecodeError:
        return {"$bytes": len(body)}


def _answer(body: bytes, mask: Mask) -> Any:
    """Tokens are not kept at all, only how long they live: replay makes them anew."""
    document = _document(body, mask)
    if isinstance(document, dict):
        raw = orjson.loads(body)
        for name in TOKENS:
            if isinstance(raw.get(name), str):
                document[name] = {"$token": _life(raw[name])}
    return document


def _life(token: str) -> int | None:
    """Seconds from iat to exp of a JWT; None of any other token."""
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        return int(claims["exp"] - claims.get("iat", claims["exp"] - 3600))
    except (IndexError, ValueError, KeyError, TypeError):
        return None


def head(system: str) -> bytes:
    """The first line."""
    return orjson.dumps({"tape": FORMAT, "system": system, "masked": True}) + b"\n"


def line(exchange: Exchange) -> bytes:
    """One further line."""
    return orjson.dumps(asdict(exchange)) + b"\n"


def read(path: Path) -> list[Exchange]:
    """All exchanges of a file; TapeError names the line that is none."""
    rows = path.read_bytes().splitlines()
    if not rows or _row(path, 1, rows[0]).get("tape") != FORMAT:
        raise TapeError(f"{path.name}:1: это не запись обмена формата {FORMAT}")
    return list(_exchanges(path, rows[1:]))


def _exchanges(path: Path, rows: Iterable[bytes]) -> Iterable[Exchange]:
    for number, raw in enumerate(rows, 2):
        row = _row(path, number, raw)
        try:
            yield Exchange(**row | {"query": [(name, value) for name, value in row["query"]]})
        except (TypeError, KeyError, ValueError):
            raise TapeError(f"{path.name}:{number}: строка не похожа на обмен") from None


def _row(path: Path, number: int, raw: bytes) -> dict[str, Any]:
    try:
        row = orjson.loads(raw)
    except orjson.JSONDecodeError:
        row = None
    if not isinstance(row, dict):
        raise TapeError(f"{path.name}:{number}: строка не разбирается как JSON")
    return row
