"""The mapping pages say what the files say, in both languages, and are not out of date."""

from __future__ import annotations

from pathlib import Path

import pytest

from medmost.mapping import load_mappings
from medmost.mapping.sheet import markdown

MAPPINGS = load_mappings()
DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_page_names_every_place(lang: str) -> None:
    page = markdown(MAPPINGS, lang)
    for mapping in MAPPINGS.values():
        assert f"`{mapping.kind.name}`" in page
        for field in mapping.rule.fields:
            for place in (field.gosuslugi, field.emias):
                assert place is None or f"`{place.at}`" in page


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_tables_have_even_rows(lang: str) -> None:
    rows = [line for line in markdown(MAPPINGS, lang).splitlines() if line.startswith("|")]
    assert {row.replace("\\|", "").count("|") for row in rows} == {6}


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_page_in_docs_is_fresh(lang: str) -> None:
    assert (DOCS / lang / "mapping.md").read_text(encoding="utf-8") == markdown(MAPPINGS, lang)
