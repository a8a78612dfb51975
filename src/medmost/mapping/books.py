"""The mapping tables as one HTML page and as an XLSX workbook, for people who read neither YAML nor Markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from pathlib import Path

from medmost.mapping.compiler import CompiledMapping
from medmost.mapping.sheet import KindTable, tables, words_of

_STYLE = (
    "body{font:15px/1.45 system-ui,sans-serif;margin:2rem;max-width:120rem}table{border-collapse:collapse;width:100%}"
    "th,td{border:1px solid #c8ccd4;padding:.3rem .5rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}"
    "th{background:#eef1f6;position:sticky;top:0}code{font-size:.92em}"
)
_WIDTHS = (34, 44, 44, 16, 30, 16, 28)
"""Of the columns, in characters."""


def html(mappings: Mapping[str, CompiledMapping], lang: str) -> str:
    """A page by itself: no script, nothing from elsewhere."""
    words, found = words_of(lang), tables(mappings, lang)
    contents = "".join(f'<li><a href="#{one.kind}">{escape(one.title)}</a></li>' for one in found)
    return (
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>{escape(words["title"])}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{escape(words['title'])}</h1><p>{escape(words['legend'])}</p>"
        f"<ul>{contents}</ul>{''.join(_section(one) for one in found)}</body></html>\n"
    )


def _section(table: KindTable) -> str:
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in table.columns)
    body = "".join(f"<tr>{''.join(f'<td>{_marked(cell)}</td>' for cell in row)}</tr>" for row in table.rows)
    return (
        f'<h2 id="{table.kind}">{escape(table.title)} · <code>{table.kind}</code></h2><p>{_marked(table.facts)}</p>'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _marked(cell: str) -> str:
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(cell, quote=False))


def write_xlsx(target: Path, mappings: Mapping[str, CompiledMapping], lang: str) -> None:
    """A sheet per kind; cells are text, whatever they look like."""
    import xlsxwriter

    with xlsxwriter.Workbook(target, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        plain = book.add_format({"text_wrap": True, "valign": "top"})
        for table in tables(mappings, lang):
            sheet = book.add_worksheet(table.kind[:31])
            sheet.write_string(0, 0, f"{table.title}. {table.facts}".replace("`", ""))
            for number, (column, width) in enumerate(zip(table.columns, _WIDTHS, strict=True)):
                sheet.set_column(number, number, width)
                sheet.write_string(2, number, column, bold)
            for place, row in enumerate(table.rows, 3):
                for number, cell in enumerate(row):
                    sheet.write_string(place, number, cell.replace("`", ""), plain)
            sheet.freeze_panes(3, 1)
            sheet.autofilter(2, 0, 2 + len(table.rows), len(table.columns) - 1)
