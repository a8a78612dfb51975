"""Pages that are made, not written: the mapping tables and the mapping language, out of what the engine reads.

Without arguments it writes them; with ``--check`` it changes nothing and exits 1 when a committed page is out of date.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from medmost.mapping import load_mappings
from medmost.mapping.reference import json_schema, page
from medmost.mapping.sheet import markdown

DOCS = Path(__file__).parent
LANGUAGES = ("ru", "en")


def pages() -> dict[Path, str]:
    """Every generated page and what it has to hold now."""
    mappings = load_mappings()
    made = {DOCS / lang / "mapping.md": markdown(mappings, lang) for lang in LANGUAGES}
    made |= {DOCS / lang / "mapping-language.md": page(lang) for lang in LANGUAGES}
    schema = json.dumps(json_schema(), ensure_ascii=False, indent=1) + "\n"
    return made | {DOCS / "kind.schema.json": schema}


def stale(made: dict[Path, str]) -> list[Path]:
    """The pages whose file differs from what the sources say."""
    return [path for path, text in made.items() if not path.exists() or path.read_text(encoding="utf-8") != text]


def main() -> int:
    """The entry point: 0 done or fresh, 1 out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, exit 1 when a page is out of date")
    check = parser.parse_args().check
    made = pages()
    old = stale(made)
    for path in old:
        if check:
            sys.stderr.write(f"{path.relative_to(DOCS.parent)} is out of date: run `make docs` and commit it\n")
        else:
            path.write_text(made[path], encoding="utf-8")
    return 1 if check and old else 0


if __name__ == "__main__":
    raise SystemExit(main())
