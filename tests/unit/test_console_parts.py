"""Small parts of the console: what is compared, written out, put in words."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medmost.console import keeping, work
from medmost.console.entry import way_back
from medmost.console.keeping import FORMULA, as_csv
from medmost.console.rights import RIGHTS, Right, Role
from medmost.console.shown import LONGEST, as_text, compared
from medmost.console.texts import TEXTS

TEMPLATES = Path(keeping.__file__).parent / "templates"
CELL = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=20)


@given(mine=CELL, other=CELL)
def test_pieces_put_together_are_the_value(mine: str, other: str) -> None:
    pieces = compared(mine, other)
    assert "".join(text for text, _ in pieces) == mine
    assert any(differs for _, differs in pieces) <= (mine != other)
    if not any(differs for _, differs in pieces):
        assert mine == "" or len(mine) < len(other) or mine == other


def test_only_characters_that_differ_are_marked() -> None:
    assert compared("Иванова", "Иванов") == [("Иванов", False), ("а", True)]
    assert compared(None, "x") == []
    assert compared(["a"], ["a"]) == [(as_text(["a"]), False)]
    assert compared("a" * (LONGEST + 1), "b") == [("a" * (LONGEST + 1), True)]


@given(act=CELL, actor=CELL, extra=CELL)
def test_no_exported_cell_is_a_formula(act: str, actor: str, extra: str) -> None:
    row = {"at": 1_800_000_000.0, "writer": "main", "seq": 1, "act": act, "actor": actor, extra or "x": extra}
    lines = list(csv.reader(io.StringIO(as_csv([row]).decode("utf-8-sig"))))
    assert len(lines) == 2
    assert not [cell for cell in lines[1] if cell.startswith(FORMULA)]


@pytest.mark.parametrize("path", ["/", "/conflicts?state=open", "/pairs/7"])
def test_way_back_keeps_own_pages(path: str) -> None:
    assert way_back(path) == path


@pytest.mark.parametrize("path", ["", "x", "//e.example", "/\\e.example", "https://e.example/", "/sign-in?next=/"])
def test_way_back_forgets_anything_else(path: str) -> None:
    assert way_back(path) == "/"


def test_every_word_of_a_page_exists() -> None:
    used: set[str] = set()
    for template in TEMPLATES.glob("*.html"):
        used |= set(re.findall(r"\bt\.([a-z_]+)\b(?!\()", template.read_text(encoding="utf-8")))
    assert used - {"get"} - set(TEXTS["ru"]) == set()


def test_pages_speak_by_their_texts_only() -> None:
    for template in TEMPLATES.glob("*.html"):
        bare = re.sub(r"\{[%{#].*?[%}#]\}", "", template.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert not re.search("[а-яё]", bare, re.IGNORECASE), template.name


def test_words_that_are_made_up_exist_too() -> None:
    for prefix, names in {
        "role_": list(Role), "state_": [*work.STATES, *work.WAITING], "how_": ["gosuslugi", "emias", "value", "leave"],
        "presence_": ["here", "never", "gone"], "severity_": ["ok", "warning", "problem"],
        "risk_": ["safe", "risky", "breaking"],
    }.items():  # fmt: skip
        assert {prefix + name for name in names} <= set(TEXTS["ru"])
    for module in (work, keeping):
        said = set(re.findall(r"\?said=([a-z_]+)", Path(module.__file__).read_text(encoding="utf-8")))
        assert {f"said_{name}" for name in said} <= set(TEXTS["ru"])


def test_admin_sees_no_records_of_patients() -> None:
    for role in (Role.ADMIN, Role.SECURITY, Role.AUDITOR):
        assert not {Right.RECORDS, Right.VALUES} & RIGHTS[role]
    assert Right.VALUES not in RIGHTS[Role.VIEWER]
