"""The protocol of a run: a page to be printed and signed, JUnit for whoever counts, JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import orjson

from medmost.domain.errors import Fatal

WORDS = {
    "ru": {
        "title": "Протокол испытаний medmost", "passed": "Испытания пройдены", "failed": "Испытания не пройдены",
        "when": "Проведены", "where": "Среда", "version": "Версия medmost", "mapping": "Отпечаток таблиц полей",
        "tag": "Метка прогона", "id": "№", "requirement": "Требование", "method": "Метод", "expected": "Ожидается",
        "result": "Результат", "seconds": "с", "holds": "выполнено", "fails": "не выполнено", "scope": "Состав",
        "all": "вся программа", "read": "только чтение", "signed": "Провёл (должность, подпись, дата)",
        "accepted": "Принял (должность, подпись, дата)", "address": "Адрес",
    },
    "en": {
        "title": "medmost test protocol", "passed": "The tests are passed", "failed": "The tests are not passed",
        "when": "Carried out", "where": "Environment", "version": "Version of medmost", "mapping": "Mapping hash",
        "tag": "Tag of the run", "id": "No.", "requirement": "Requirement", "method": "Method", "expected": "Expected",
        "result": "Result", "seconds": "s", "holds": "holds", "fails": "does not hold", "scope": "Scope",
        "all": "the whole programme", "read": "reading only", "signed": "Carried out by (position, signature, date)",
        "accepted": "Accepted by (position, signature, date)", "address": "Address",
    },
}  # fmt: skip


def write_protocol(told: Mapping[str, Any], facts: Mapping[str, str], folder: Path) -> list[str]:
    """Writes protocol.html (Russian), protocol.en.html, junit.xml and protocol.json; their names.

    Raises Fatal MM-CLI-FILE where they cannot be written.
    """
    files = {
        "protocol.html": _page(told, facts, "ru").encode(),
        "protocol.en.html": _page(told, facts, "en").encode(),
        "junit.xml": _junit(told),
        "protocol.json": orjson.dumps({**facts, **told}, option=orjson.OPT_INDENT_2) + b"\n",
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, raw in files.items():
            (folder / name).write_bytes(raw)
    except OSError as error:
        why = error.strerror
        raise Fatal(
            "MM-CLI-FILE", f"{folder}: протокол не записан ({why})", f"{folder}: not written ({why})"
        ) from error
    return list(files)


def _page(told: Mapping[str, Any], facts: Mapping[str, str], lang: str) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("medmost.launch"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    place = 0 if lang == "ru" else 1
    return environment.get_template("protocol.html").render(
        told=told, facts=facts, words=WORDS[lang], lang=lang, place=place
    )


def _junit(told: Mapping[str, Any]) -> bytes:
    tried = told["tried"]
    suite = ElementTree.Element("testsuite", name="medmost accept", tests=str(len(tried)), timestamp=told["started"],
                                failures=str(sum(bool(one["troubles"]) for one in tried)), errors="0")  # fmt: skip
    for one in tried:
        name = f"{one['id']} {one['en'][0]}"
        case = ElementTree.SubElement(suite, "testcase", classname="accept", name=name, time=str(one["seconds"]))
        if one["troubles"]:
            said = [en for _, en in one["troubles"]]
            ElementTree.SubElement(case, "failure", message=said[0]).text = "\n".join(said)
    return bytes(ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True))
