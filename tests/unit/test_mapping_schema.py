"""The published schema and the reference page are of the language that the loader reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import pytest
from typer.testing import CliRunner

from medmost.cli.main import app
from medmost.mapping.load import OURS, kind_files
from medmost.mapping.located import Located
from medmost.mapping.reference import json_schema, page

DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = orjson.loads(orjson.dumps(json_schema()))
SLOT = Located(OURS / "slot.yaml").plain


@pytest.mark.parametrize("file", kind_files(OURS), ids=lambda file: file.stem)
def test_shipped_file_keeps_to_schema(file: Path) -> None:
    jsonschema_rs.validate(SCHEMA, Located(file).plain)


@pytest.mark.parametrize(
    "wrong",
    [
        {"sorce": "emias"},
        {"source": "portal"},
        {"unknown": "drop"},
        {"key": "schedule_id"},
        {"title": {"ru": "Талон"}},
        {"fields": [{"name": "a", "title": {"ru": "а", "en": "a"}, "emias": {"att": "a"}}]},
    ],
)
def test_schema_refuses_what_the_loader_does(wrong: dict[str, Any]) -> None:
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(SCHEMA, {**SLOT, **wrong})


def test_published_schema_is_the_language() -> None:
    assert orjson.loads((DOCS / "kind.schema.json").read_bytes()) == SCHEMA
    shown = CliRunner().invoke(app, ["mapping", "schema"])
    assert orjson.loads(shown.stdout) == SCHEMA


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_language_page_is_fresh(lang: str) -> None:
    assert (DOCS / lang / "mapping-language.md").read_text(encoding="utf-8") == page(lang)
