"""The documentation says what the program does: commands, settings, codes, faults, links, both languages alike."""

from __future__ import annotations

import ast
import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_origin

import msgspec
import pytest
import typer
from markdown.extensions.toc import slugify_unicode

from medmost.cli.main import app
from medmost.config.settings import Config, Person
from medmost.config.shape import bare
from medmost_stand import faults
from medmost_stand.main import settings_of

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LANGUAGES = ("ru", "en")
PAGES = sorted(DOCS.rglob("*.md"))
WRITTEN = [*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
CODE = re.compile(r"(?<![A-Z-])MM-[A-Z]+(?:-[A-Z]+)*(?![A-Z-])")
FAMILIES = {"MM-CFG", "MM-CLI", "MM-DRIFT", "MM-KEY", "MM-MAP", "MM-USER", "MM-WEB"}
"""Beginnings of codes that the program compares with; no codes by themselves."""
REQUIRED = object()


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def without_code(text: str) -> str:
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


# ---------------------------------------------------------------- commands
def commands() -> dict[str, Any]:
    """Every command by its words."""
    found: dict[str, Any] = {}

    def walk(command: Any, path: list[str]) -> None:
        for name, inner in getattr(command, "commands", {}).items():
            walk(inner, [*path, name])
        if not hasattr(command, "commands"):
            found[" ".join(path)] = command

    walk(typer.main.get_command(app), [])
    return found


COMMANDS = commands()


def options(command: Any) -> set[str]:
    return {word for parameter in command.params for word in parameter.opts if word.startswith("--")} - {"--config"}


def arguments(command: Any) -> list[str]:
    told = [p.metavar or p.name for p in command.params if p.param_type_name == "argument"]
    return [name.strip("_").upper() for name in told]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_command_page_names_every_option(lang: str) -> None:
    rows = re.findall(r"^\| `medmost ([^`]+)`([^|]*)\|", text_of(DOCS / lang / "commands.md"), re.MULTILINE)
    told = {}
    for words, rest in rows:
        name = re.sub(r" [A-Z].*", "", words)
        told[name] = (words.removeprefix(name).split(), set(re.findall(r"`(--[a-z-]+)", rest)))
    assert told == {name: (arguments(one), options(one)) for name, one in COMMANDS.items()}


def mentioned() -> Iterator[tuple[Path, str]]:
    """Every `medmost …` of the documentation: in code blocks a line, in the text a quoted piece."""
    for page in WRITTEN:
        text = text_of(page)
        for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                if line.split("#")[0].strip().startswith("medmost "):
                    yield page, line.split("#")[0].strip()
        for piece in re.findall(r"`(medmost [a-z][^`]*)`", without_code(text)):
            yield page, piece


def test_commands_in_the_text_exist() -> None:
    wrong = []
    for page, line in mentioned():
        words = [word for word in shlex.split(line.replace("\\|", "|"))[1:] if word not in ("en", "ru", "--lang", "…")]
        name = next((" ".join(words[:n]) for n in (2, 1) if " ".join(words[:n]) in COMMANDS), None)
        groups = {known.split()[0] for known in COMMANDS}
        if name is None and len(words) == 1 and words[0] in groups:
            continue  # a group of commands is named as a whole
        used = {word for word in words if word.startswith("--")} - {"--config"}
        if name is None or not used <= options(COMMANDS[name]):
            wrong.append(f"{page.relative_to(ROOT)}: {line}")
    assert wrong == []


# ---------------------------------------------------------------- settings
def settings(kind: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Every setting by its dotted name, with its default."""
    hidden = {"folder", "references", "state.path"}
    for field in msgspec.structs.fields(kind):
        name, inner = f"{prefix}{field.encode_name}", bare(field.type)
        if name in hidden:
            continue
        if get_origin(inner) is tuple and get_args(inner)[0] is Person:
            yield from settings(Person, f"{name}.")
        elif isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            yield from settings(inner, f"{name}.")
        else:
            yield name, REQUIRED if field.required else field.default


@pytest.mark.parametrize("lang", LANGUAGES)
def test_reference_names_every_setting(lang: str) -> None:
    rows = re.findall(r"^\| `([a-z_.*]+)` \| ([^|]+) \|", text_of(DOCS / lang / "configuration.md"), re.MULTILINE)
    told = {}
    for name, default in rows:
        for side in ("gosuslugi", "emias") if "*" in name else ("",):
            told[name.replace("*", side)] = default
    known = dict(settings(Config, ""))
    assert set(told) == set(known)
    required = {"ru": "обязательна", "en": "required"}[lang]
    for name, default in known.items():
        assert (told[name] == required) == (default is REQUIRED), name
        if default is REQUIRED:
            continue
        if isinstance(default, str | int | float) and default != "":
            assert told[name] == f"`{default}`", name


# ---------------------------------------------------------------- codes
def raised() -> set[str]:
    """Every code that the sources can show; those of notices and of the check are made of the names of their texts."""
    found: set[str] = set()
    for path in (ROOT / "src").rglob("*.py"):
        found |= set(CODE.findall(text_of(path)))
    texts = ast.parse(text_of(ROOT / "src/medmost/notify/texts.py"))
    table = next(node.value for node in texts.body if getattr(getattr(node, "target", None), "id", "") == "_TEXTS")
    found |= {f"MM-NTF-{key.value.upper()}" for key in table.keys}
    check = text_of(ROOT / "src/medmost/launch/check.py")
    found |= {f"MM-CHECK-{name}" for name in re.findall(r'told\.(?:say|met)\("([A-Z]+)"', check)}
    found |= {f"MM-CHECK-{name}" for name in re.findall(r'"MM-SYS-[A-Z]+": \("([A-Z]+)"', check)}
    found |= {f"MM-CHECK-{name}" for name in re.findall(r'code = "([A-Z]+)" if .* else "[A-Z]+"', check)}
    return found - FAMILIES


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_code_has_its_row(lang: str) -> None:
    listed = re.findall(r"^\| `(MM-[A-Z-]+)` \|", text_of(DOCS / lang / "errors.md"), re.MULTILINE)
    assert sorted(listed) == sorted(raised())


def test_codes_in_the_text_exist() -> None:
    known = raised()
    for page in WRITTEN:
        assert set(CODE.findall(text_of(page))) <= known | FAMILIES, page


# ---------------------------------------------------------------- the stand
@pytest.mark.parametrize("lang", LANGUAGES)
def test_stand_page_names_flags_and_faults(lang: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        settings_of(["--help"])
    flags = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}
    page = text_of(DOCS / lang / "stand.md")
    assert set(re.findall(r"^\| `(--[a-z-]+)`", page, re.MULTILINE)) == flags
    effects = page[page.index("| effect |" if lang == "en" else "| действие |") :]
    rows = re.findall(r"^\| `([a-z0-9-]+)` \|.*\|(.*)\|$", effects, re.MULTILINE)
    told = {effect: set(re.findall(r"`([a-z_]+)`", parameters)) for effect, parameters in rows}
    assert told == {name: set(effect.parameters) for name, effect in faults.EFFECTS.items()}


# ---------------------------------------------------------------- pages
def builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_build", DOCS / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_fresh() -> None:
    build = builder()
    assert build.stale(build.pages()) == []


def headings(path: Path) -> list[str]:
    return re.findall(r"^(#+) ", without_code(text_of(path)), re.MULTILINE)


def test_both_languages_have_the_same_shape() -> None:
    shapes = [{page.name: headings(page) for page in (DOCS / lang).glob("*.md")} for lang in LANGUAGES]
    assert shapes[0] == shapes[1]


def anchors(path: Path) -> set[str]:
    return {
        slugify_unicode(title, "-") for title in re.findall(r"^#+ (.+)$", without_code(text_of(path)), re.MULTILINE)
    }


def test_every_relative_link_resolves() -> None:
    broken = []
    for page in WRITTEN:
        for target in re.findall(r"\]\(([^)]+)\)", without_code(text_of(page))):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            file = (page.parent / name).resolve() if name else page
            if not file.exists() or (anchor and anchor not in anchors(file)):
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert broken == []


def test_every_page_is_in_the_contents() -> None:
    contents = set(re.findall(r"((?:ru|en)/[a-z-]+\.md|index\.md)", text_of(ROOT / "mkdocs.yml")))
    assert contents == {str(page.relative_to(DOCS)) for page in PAGES}
