"""The check as a page to attach to an application: what was looked at, what was found, what to do. Nothing secret."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from medmost.domain.errors import Fatal

SUFFIXES = (".html", ".json")
_WORDS = {
    "ru": {
        "title": "Проверка связи medmost", "good": "Всё в порядке", "bad": "Есть препятствия", "when": "Когда",
        "where": "Среда", "version": "Версия medmost", "address": "Адрес", "finding": "Что видно", "code": "Код",
        "todo": "Что делать", "ok": "хорошо", "warning": "внимание", "problem": "препятствие",
        "signed": "Проверил (подпись, дата)",
    },
    "en": {
        "title": "medmost connection check", "good": "All is well", "bad": "There are obstacles", "when": "When",
        "where": "Environment", "version": "Version of medmost", "address": "Address", "finding": "What was seen",
        "code": "Code", "todo": "What to do", "ok": "good", "warning": "attention", "problem": "obstacle",
        "signed": "Checked by (signature, date)",
    },
}  # fmt: skip


def check_report_target(path: Path) -> Path:
    """To be asked before the check begins. Raises Fatal MM-CLI-FILE for a name that says no known form."""
    if path.suffix.lower() not in SUFFIXES:
        raise Fatal(
            "MM-CLI-FILE",
            f"{path.name}: имя отчёта должно оканчиваться на .html или .json",
            f"{path.name}: the report's name must end in .html or .json",
        )
    return path


def write_check_report(result: Mapping[str, Any], facts: Mapping[str, str], path: Path, lang: str) -> None:
    """`facts`: when, where, version and the address of each system. Raises Fatal MM-CLI-FILE."""
    told = {**facts, **result}
    try:
        if path.suffix.lower() == ".json":
            path.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2) + b"\n")
        else:
            path.write_text(_page(told, lang), encoding="utf-8")
    except OSError as error:
        why = error.strerror
        raise Fatal("MM-CLI-FILE", f"{path}: отчёт не записан ({why})", f"{path} was not written ({why})") from error


def _page(told: Mapping[str, Any], lang: str) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("medmost.launch")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.get_template("check.html").render(told=told, words=_WORDS[lang], lang=lang)
