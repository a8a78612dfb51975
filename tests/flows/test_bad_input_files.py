"""A wrong configuration, mapping file or command line: exit 2, and a sentence that says where and what instead."""

from __future__ import annotations

import shutil
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

import medmost.mapping
from flows.running import Ran, command, stand

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]
OURS = Path(medmost.mapping.__file__).parent / "kinds"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sound(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    """A configuration that works, as the stand writes it."""
    async with stand(tmp_path_factory.mktemp("files"), people=10) as systems:
        yield systems.folder


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "medmost"))


def break_line(file: Path, old: str, new: str) -> int:
    """Puts `new` in the place of the only line that begins with `old`; its number."""
    lines = file.read_text().splitlines()
    (place,) = [number for number, line in enumerate(lines) if line.strip().startswith(old)]
    lines[place] = new
    file.write_text("\n".join(lines) + "\n")
    return place + 1


def told(ran: Ran) -> str:
    """The sentences of a command that ended with 2; nothing else may be said, least of all a traceback."""
    assert ran.code == 2, str(ran)
    assert ran.err.startswith("MM-"), str(ran)
    assert "Traceback" not in ran.err
    assert ran.out == ""
    return ran.err


WRONG: dict[str, tuple[tuple[str, str, str, str, str], ...]] = {
    # what -> (file, line that begins so, what stands there instead, key that is named, what is allowed)
    "values at both ends": (
        ("systems.toml", "signer", 'signer = "pgp"', "systems.gosuslugi.signer", "openssl-gost"),
        ("systems.toml", 'client = "', "clinet = 1", "systems.gosuslugi.clinet", "client"),
        ("systems.toml", "client_id", "client_id = 7", "systems.emias.client_id", "строка"),
        ("systems.toml", "client_secret", 'client_secret = "hunter2"', "systems.emias.client_secret", "file:"),
        ("medmost.toml", "min", 'min = "часто"', "poll.min", "число"),
    ),
    "a system that is none": (("systems.toml", "[emias]", "[emais]", "systems.emais", "emias"),),
    "values that exclude": (
        ("medmost.toml", "visit", 'visit = "half"', "stages.visit", "double-entry"),
        ("medmost.toml", 'url = "sqlite', 'url = "oracle://"', "state.url", "sqlite:///"),
    ),
    "no TOML": (("medmost.toml", "[console]", "[console", "", ""),),
}


@pytest.mark.parametrize("what", WRONG)
async def test_wrong_setting_is_named_with_its_line(folder: Path, what: str) -> None:
    places = [break_line(folder / file, old, new) for file, old, new, _, _ in WRONG[what]]
    said = told(await command(folder, "status"))
    for (file, _, _, key, allowed), line in zip(WRONG[what], places, strict=True):
        (sentence,) = [one for one in said.splitlines() if f"{file}:{line}:" in one]
        assert key in sentence
        assert allowed in sentence
    assert "hunter2" not in said


async def test_run_refuses_to_start_and_says_all(folder: Path) -> None:
    first = break_line(folder / "systems.toml", "signer", 'signer = "pgp"')
    second = break_line(folder / "medmost.toml", "max", 'max = "редко"')
    said = told(await command(folder, "run"))
    assert f"systems.toml:{first}" in said
    assert f"medmost.toml:{second}" in said
    assert not (folder / "state.db").exists()


@pytest.mark.parametrize(
    ("old", "new", "allowed"),
    [
        ("gosuslugi: {at: СНИЛС врача,", "    gosuslugi: {at: СНИЛС врача, as: sniils}", "snils dashed"),
        ("emias: {at: doctor.snils,", "    emias: {at: doctor.snils, as: sniils}", "snils dashed"),
        ("cancelled: {gosuslugi: Отм", "      cancelled: {gosuslugi: Записан, emias: CANCELLED}", "Записан"),
        ("emias: {at: cancelReason", "    emais: {at: cancelReason, as: text}", "emias"),
    ],
    ids=["format at Gosuslugi", "format at EMIAS", "code at Gosuslugi", "word at EMIAS"],
)
async def test_wrong_mapping_is_named_with_its_line(folder: Path, old: str, new: str, allowed: str) -> None:
    own = folder / "kinds" / "visit.yaml"
    own.parent.mkdir(exist_ok=True)
    shutil.copyfile(OURS / "visit.yaml", own)
    line = break_line(own, old, new)
    said = told(await command(folder, "mapping", "check"))
    assert said.startswith("MM-MAP-")
    assert f"{own}, строка {line}," in said
    assert allowed in said


async def test_run_refuses_a_wrong_mapping(folder: Path) -> None:
    own = folder / "kinds" / "visit.yaml"
    own.parent.mkdir(exist_ok=True)
    own.write_text((OURS / "visit.yaml").read_text().replace("kind: visit", "kind: визит"))
    said = told(await command(folder, "run"))
    assert f"{own}, строка 2:" in said
    assert "допустимо: visit" in said


async def test_key_that_others_may_read_is_refused(folder: Path) -> None:
    (folder / "medmost.key").chmod(0o644)
    said = told(await command(folder, "status"))
    assert "medmost.key" in said
    assert "600" in said
    assert stat.S_IMODE((folder / "medmost.key").stat().st_mode) == 0o644  # it is told of, not repaired in silence


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("frobnicate",), "есть version, init, access, run"),
        (("sync", "--knid", "visit"), "--knid"),
        (("sync", "--kind", "dragon"), "есть organization, policy,"),
        (("pairs", "show", "policy"), "pairs show --help"),
        (("conflicts", "resolve", "seven", "--take", "emias"), "ID"),
        (("conflicts", "resolve", "7"), "--take gosuslugi|emias"),
        (("conflicts", "resolve", "7", "--take", "both"), "--take gosuslugi|emias"),
        (("link", "import", "/nonexistent.csv"), "/nonexistent.csv"),
        (("link", "add", "--oid", "1000", "--policy", "1", "--consent", "/nonexistent.pdf"), "/nonexistent.pdf"),
        (("stage", "set", "policy", "half"), "roll-out:5"),
        (("restore", "/nonexistent.db"), "nonexistent.db"),
        (("audit", "--report", "report.docx"), ".html"),
    ],
)
async def test_wrong_command_gets_one_sentence(sound: Path, arguments: tuple[str, ...], words: str) -> None:
    said = told(await command(sound, *arguments))
    assert words in said
    assert len(said.strip().splitlines()) == 1


async def test_list_without_its_columns_is_named(sound: Path, tmp_path: Path) -> None:
    file = tmp_path / "links.csv"
    file.write_text("oid;policy\n1000;7700\n")
    said = told(await command(sound, "link", "import", str(file)))
    assert "строка 1" in said
    assert "policy_number" in said
    file.write_bytes(b"\xff\xfe\x00")
    assert "CSV" in told(await command(sound, "link", "import", str(file)))


async def test_english_is_spoken_on_request(sound: Path) -> None:
    said = told(await command(sound, "frobnicate", MEDMOST_LANG="en"))
    assert "No such command" in said
    assert "--help shows what there is" in said
