"""An audit report as a file: JSON, a printable HTML page, or an XLSX workbook, by the name's suffix.

No personal values: kinds, references, masked keys and names of fields only. Texts stay texts in a spreadsheet, whatever
they begin with (OWASP, *CSV injection*).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from medmost.audit.findings import AuditReport, Finding, KindCounts
from medmost.audit.words import Lang, word
from medmost.domain.errors import Fatal
from medmost.domain.kinds import Kind

SUFFIXES = (".json", ".html", ".xlsx")
ACCOUNTS = tuple(name for name in KindCounts.__struct_fields__ if name != "known")
COLUMNS = ("kind", "what", "key", "fields", "ref_gosuslugi", "ref_emias")


def check_target(path: Path) -> Path:
    """To be asked before an audit begins. Raises Fatal MM-AUDIT-REPORT for a name that says no known form."""
    if path.suffix.lower() not in SUFFIXES:
        allowed = ", ".join(SUFFIXES)
        raise Fatal(
            "MM-AUDIT-REPORT",
            f"Имя отчёта {path.name} должно оканчиваться на одно из: {allowed}",
            f"the report's name {path.name} must end in one of {allowed}",
        )
    return path


def write_report(report: AuditReport, path: Path, kinds: Mapping[str, Kind], lang: Lang = "ru") -> None:
    """Writes the file. Raises Fatal MM-AUDIT-REPORT where that is not possible."""
    suffix = check_target(path).suffix.lower()
    titles = {name: kind.title_ru if lang == "ru" else kind.title_en for name, kind in kinds.items()}
    try:
        if suffix == ".json":
            path.write_bytes(msgspec.json.format(msgspec.json.encode(report.as_json())) + b"\n")
        elif suffix == ".html":
            path.write_text(as_html(report, titles, lang), encoding="utf-8")
        else:
            path.write_bytes(as_workbook(report, titles, lang))
    except OSError as error:
        raise Fatal(
            "MM-AUDIT-REPORT",
            f"Отчёт {path.name} не записан: {error.strerror}",
            f"the report {path.name} was not written: {error.strerror}",
        ) from error


def as_html(report: AuditReport, titles: Mapping[str, str], lang: Lang) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("medmost.audit"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    found = sum(counts.findings for counts in report.kinds.values())
    foreign = sum(counts.foreign for counts in report.kinds.values())
    return environment.get_template("report.html").render(
        report=report,
        lang=lang,
        titles=titles,
        accounts=ACCOUNTS,
        columns=COLUMNS,
        lists=[
            ("listed", _rows(report.findings, titles, lang), found),
            ("foreign_list", _rows(report.foreign, titles, lang), foreign),
        ],
        known=_known(report, titles, lang),
        w=lambda name: word(name, lang),
    )


def as_workbook(report: AuditReport, titles: Mapping[str, str], lang: Lang) -> bytes:
    """Four sheets: objects by kind, findings, foreign records, known differences."""
    from io import BytesIO

    from xlsxwriter import Workbook

    buffer = BytesIO()
    book = Workbook(
        buffer, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
    heads = [word(name, lang) for name in COLUMNS]
    counted = [[titles[kind], *(getattr(counts, name) for name in ACCOUNTS)] for kind, counts in report.kinds.items()]
    _sheet(book, bold, "objects", [word("kind", lang), *(word(name, lang) for name in ACCOUNTS)], counted, lang)
    _sheet(book, bold, "listed", heads, _rows(report.findings, titles, lang), lang)
    _sheet(book, bold, "foreign", heads, _rows(report.foreign, titles, lang), lang)
    states = [word(name, lang) for name in ("kind", "state", "number")]
    _sheet(book, bold, "known", states, _known(report, titles, lang), lang)
    book.close()
    return buffer.getvalue()


def _sheet(book: Any, bold: Any, name: str, heads: list[str], rows: list[list[Any]], lang: Lang) -> None:
    sheet = book.add_worksheet(word(name, lang)[:31])
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, 0, 18)
    sheet.set_column(1, len(heads) - 1, 16 if name in ("objects", "known") else 32)
    sheet.set_landscape()
    sheet.set_paper(9)
    for column, head in enumerate(heads):
        sheet.write_string(0, column, head, bold)
    for number, row in enumerate(rows, 1):
        for column, cell in enumerate(row):
            if isinstance(cell, int):
                sheet.write_number(number, column, cell)
            else:
                sheet.write_string(number, column, cell)


def _rows(findings: list[Finding], titles: Mapping[str, str], lang: Lang) -> list[list[Any]]:
    return [
        [
            titles[one.kind],
            word(one.what, lang),
            one.key,
            ", ".join(one.fields),
            _refs(one, "gosuslugi"),
            _refs(one, "emias"),
        ]
        for one in findings
    ]


def _refs(finding: Finding, side: str) -> str:
    ref = finding.refs.get(side)
    return ", ".join([ref, *finding.others]) if ref else ""


def _known(report: AuditReport, titles: Mapping[str, str], lang: Lang) -> list[list[Any]]:
    return [
        [titles[kind], word(state, lang), number]
        for kind, counts in report.kinds.items()
        for state, number in counts.known.items()
    ]
