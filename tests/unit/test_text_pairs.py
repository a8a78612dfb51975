"""Seven hundred pairs of texts that mean the same or do not, and as many made from them."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from medmost.domain.identity import name_key
from medmost.mapping.formats import LENSES
from medmost.mapping.unfit import Unfit

PAIRS = [json.loads(line) for line in (Path(__file__).parent / "text_pairs.jsonl").read_text("utf-8").splitlines()]
UNFIT = object()


def means(form: str, wire: Any) -> Any:
    """The canonical value, or something that equals nothing."""
    if form == "match":
        return name_key(wire)
    try:
        return LENSES[form].read(wire)
    except Unfit:
        return float("nan")


def equal(form: str, a: Any, b: Any) -> bool:
    first, _, second = form.partition(" / ")
    return bool(means(first, a) == means(second or first, b))


@pytest.mark.parametrize("form", sorted({pair["as"] for pair in PAIRS}))
def test_pairs_are_equal_or_not(form: str) -> None:
    wrong = [pair for pair in PAIRS if pair["as"] == form and equal(form, pair["a"], pair["b"]) != pair["equal"]]
    assert wrong == []


def test_spelling_of_signs_changes_no_pair() -> None:
    """The same pairs with their letters taken apart, and with spaces around: a system may show them so."""
    turned = [lambda text: unicodedata.normalize("NFD", text), lambda text: f" {text}\u00a0"]
    for pair in PAIRS:
        if not all(isinstance(pair[side], str) for side in "ab") or pair["as"].startswith(("number", "match")):
            continue
        for turn in turned:
            assert equal(pair["as"], turn(pair["a"]), pair["b"]) == pair["equal"], pair


def test_pairs_are_many_and_of_both_sorts() -> None:
    sorts = Counter(pair["equal"] for pair in PAIRS)
    assert sum(sorts.values()) >= 500
    assert min(sorts.values()) >= 150
    assert len({pair["why"] for pair in PAIRS}) >= 40
