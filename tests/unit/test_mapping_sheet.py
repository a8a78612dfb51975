"""The mapping pages say what the files say, in both languages, and are not out of date."""

from __future__ import annotations

import re
import zipfile
from html import unescape
from pathlib import Path

import pytest
from typer.testing import CliRunner

from medmost.cli.main import app
from medmost.mapping import load_mappings
from medmost.mapping.books import html, write_xlsx
from medmost.mapping.sheet import markdown, tables

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
    assert {row.replace("\\|", "").count("|") for row in rows} == {8}


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_page_in_docs_is_fresh(lang: str) -> None:
    assert (DOCS / lang / "mapping.md").read_text(encoding="utf-8") == markdown(MAPPINGS, lang)


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_every_form_holds_the_same_cells(tmp_path: Path, lang: str) -> None:
    page = html(MAPPINGS, lang)
    write_xlsx(tmp_path / "tables.xlsx", MAPPINGS, lang)
    with zipfile.ZipFile(tmp_path / "tables.xlsx") as book:
        strings = set(unescape(re.sub("<[^>]*>", "\n", book.read("xl/sharedStrings.xml").decode())).split("\n"))
        assert len([name for name in book.namelist() if name.startswith("xl/worksheets/sheet")]) == len(MAPPINGS)
    for table in tables(MAPPINGS, lang):
        assert f'<h2 id="{table.kind}">' in page
        for cell in {cell.replace("`", "") for row in table.rows for cell in row if cell}:
            assert cell in strings
            assert cell in unescape(re.sub("<[^>]*>", "", page))


def test_every_field_has_its_classes() -> None:
    for table in tables(MAPPINGS, "en"):
        assert [row for row in table.rows if not row[4] or not row[5]] == []


def test_docs_command_writes_all_forms(tmp_path: Path) -> None:
    ran = CliRunner().invoke(app, ["mapping", "docs", str(tmp_path / "out"), "--config", "/nonexistent"])
    assert ran.exit_code == 0
    made = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert made == [f"mapping.{lang}.{form}" for lang in ("en", "ru") for form in ("html", "md", "xlsx")]
