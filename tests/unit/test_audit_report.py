"""Reports as files: readable, printable, and harmless in a spreadsheet."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import orjson
import pytest

from medmost.audit.findings import AuditReport, Finding, KindCounts
from medmost.audit.report import write_report
from medmost.domain.errors import Fatal
from medmost.mapping import load_mappings

KINDS = {name: mapping.kind for name, mapping in load_mappings().items()}
NASTY = '=HYPERLINK("http://evil","<b>щёлк</b>")'


@pytest.fixture
def report() -> AuditReport:
    report = AuditReport(
        started="2026-11-23T07:00:00Z",
        finished="2026-11-23T07:01:00Z",
        mapping="abc",
        kinds={"policy": KindCounts(level=5), "slot": KindCounts(level=2)},
    )
    refs: dict[str, str | None] = {"gosuslugi": NASTY, "emias": None}
    report.find(Finding(kind="policy", what="missing_at_emias", refs=refs, key="77******0013", fields=["phone"]))
    report.list_foreign(Finding(kind="slot", what="missing_at_emias", refs={"gosuslugi": "g-7"}, key="sch-1"))
    report.kinds["policy"].enter_known("differing", "conflict")
    return report


def test_json_holds_the_verdict_and_the_counts(report: AuditReport, tmp_path: Path):
    write_report(report, tmp_path / "a.json", KINDS)
    told = orjson.loads((tmp_path / "a.json").read_bytes())
    assert told["healthy"] is False
    assert told["kinds"]["policy"]["known"] == {"conflict": 1}
    assert told["findings"][0]["key"] == "77******0013"


def test_html_is_russian_and_escapes_what_it_shows(report: AuditReport, tmp_path: Path):
    write_report(report, tmp_path / "a.html", KINDS)
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "<b>щёлк</b>" not in page
    assert "Нет в ЕМИАС" in page
    assert "Полис" in page
    assert "спор значений" in page
    assert not re.search(r"<script|https?://(?!evil)", page)


def test_html_speaks_english_when_asked(report: AuditReport, tmp_path: Path):
    write_report(report, tmp_path / "a.html", KINDS, "en")
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "Missing at EMIAS" in page
    assert not re.search(r"[А-Яа-я]", page.replace("щёлк", ""))


def test_a_workbook_holds_no_formula(report: AuditReport, tmp_path: Path):
    write_report(report, tmp_path / "a.xlsx", KINDS)
    with zipfile.ZipFile(tmp_path / "a.xlsx") as book:
        sheets = [book.read(name).decode() for name in book.namelist() if "worksheets/sheet" in name]
        words = book.read("xl/sharedStrings.xml").decode()
    assert len(sheets) == 4
    assert not any("<f>" in sheet for sheet in sheets)
    assert "=HYPERLINK" in words


def test_an_unknown_suffix_is_refused(report: AuditReport, tmp_path: Path):
    with pytest.raises(Fatal, match="MM-AUDIT-REPORT") as refusal:
        write_report(report, tmp_path / "a.docx", KINDS)
    assert ".xlsx" in refusal.value.ru


def test_an_unwritable_place_is_told_in_words(report: AuditReport, tmp_path: Path):
    with pytest.raises(Fatal, match="MM-AUDIT-REPORT"):
        write_report(report, tmp_path / "nowhere" / "a.json", KINDS)
