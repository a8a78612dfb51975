"""Mistakes that people make in mapping files: each is refused when it is loaded, with its field and its line.

``planted_mappings/*.yaml`` hold a mistake each: an overlay, with the kind it is for, what must be said, and ``# wrong``
at the line that must be named. ``# whole``: laid over ours and loaded as a file that stands in for it.
"""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from medmost.domain.errors import Fatal
from medmost.mapping import load_mappings
from medmost.mapping.layered import layered
from medmost.mapping.load import OURS, load_mapping
from medmost.mapping.located import Located

PLANTED = sorted((Path(__file__).parent / "planted_mappings").glob("*.yaml"))


def written_whole(overlay: Path, kind: str) -> str:
    """What a person would have who edited our file itself."""
    text, yaml = StringIO(), YAML(typ="safe", pure=True)
    yaml.default_flow_style, yaml.allow_unicode = False, True
    yaml.dump(layered(Located(overlay), Located(OURS / f"{kind}.yaml")).plain, text)
    return text.getvalue()


def loaded(file: Path) -> None:
    """By itself, because that is quick; a file that is sound alone may still not agree with the others."""
    load_mapping(file)
    load_mappings(file.parent)


@pytest.mark.parametrize("file", PLANTED, ids=lambda file: file.stem)
def test_planted_mistake_is_refused_at_load(tmp_path: Path, file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    kind, says = (re.search(rf"^# {word}: (.+)$", text, re.MULTILINE)[1] for word in ("kind", "says"))
    target = tmp_path / f"{kind}.yaml"
    target.write_text(text, encoding="utf-8")
    if "# whole" in text:
        target.write_text(written_whole(target, kind), encoding="utf-8")
    with pytest.raises(Fatal) as caught:
        loaded(target)
    error = caught.value
    assert error.code in {"MM-MAP-RULE", "MM-MAP-WORD", "MM-MAP-SYNTAX"}
    saying = [line for line in error.en.splitlines() if says in line]
    assert saying, error.en
    told = next((line for line in saying if str(tmp_path) in line), saying[0])
    lines = [number for number, line in enumerate(text.splitlines(), 1) if "# wrong" in line]
    if lines and "# whole" not in text:
        named = int(re.search(rf"{re.escape(str(target))}, line (\d+)", told)[1])
        assert lines[0] - 2 <= named <= lines[0]  # the field, or the very word


def test_planted_mistakes_are_many() -> None:
    assert len(PLANTED) >= 60


def test_overlay_without_a_mistake_loads(tmp_path: Path) -> None:
    """The planted files are refused for their mistakes, not for being overlays."""
    (tmp_path / "policy.yaml").write_text("extends: policy\nfields:\n  - name: phone\n    emias: {at: mobilePhone}\n")
    assert load_mappings(tmp_path)["policy"].rule.fields[8].emias.at == "mobilePhone"
