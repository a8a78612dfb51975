"""The walk of `medmost access`: answers checked, settings changed in place, keys and requests that fit together."""

from __future__ import annotations

import stat
import string
import tomllib
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from medmost.config import load_config, write_defaults
from medmost.domain.errors import MedmostError
from medmost.launch import request
from medmost.launch.access import fill, standing
from medmost.launch.answers import BY_KEY, checked, read_answers
from medmost.launch.installation import Installation
from medmost.systems.signing import ECDSA_WARNING_RU
from medmost_stand.credentials import ecdsa_pair

ORGANIZATION = {
    "organization.name": "ООО «Ромашка» / филиал + 1",
    "organization.ogrn": "1027700132195",
    "organization.inn": "7707083893",
}


@pytest.fixture
def place(tmp_path: Path) -> Installation:
    write_defaults(tmp_path / "medmost")
    return Installation(tmp_path / "medmost")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("organization.ogrn", "1027700132194", "контрольной"),
        ("organization.ogrn", "304500116000157", "13 цифр"),  # a person's, 15 digits
        ("organization.inn", "500100732259", "10 цифр"),  # a person's, 12 digits
        ("organization.name", "\n", "непустая строка"),
        ("gosuslugi.base_url", "http://gosuslugi.example", "https://"),
        ("gosuslugi.base_url", "https://user:tajemstvi@gosuslugi.example", "без пароля"),
        ("gosuslugi.api_key", "tajemstvi", "UUID"),
        ("gosuslugi.certificate", "file:absent.pem", "не читается"),
        ("gosuslugi.signer", "rsa", "openssl-gost"),
        ("emias.api_key", "env:NOT_THERE", "не задана"),
        ("emias.colour", "red", "такого ответа нет"),
        ("environment", "prod", "production"),
        ("console.port", "0", "от 1 до 65535"),
    ],
)
def test_wrong_answer_is_explained_without_its_value(tmp_path: Path, key: str, value: str, said: str) -> None:
    with pytest.raises(MedmostError, match="MM-ACC-ANSWER") as met:
        checked(key, value, {}, tmp_path)
    assert said in met.value.ru
    assert "tajemstvi" not in met.value.ru + met.value.en


def test_secret_answers_come_from_files_and_environment(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("kept elsewhere\n")
    assert checked("emias.api_key", "file:key", {}, tmp_path) == "kept elsewhere"
    assert checked("emias.api_key", "env:KEY", {"KEY": "from outside"}, tmp_path) == "from outside"


def test_answers_of_a_file_are_dotted(tmp_path: Path) -> None:
    file = tmp_path / "answers.toml"
    file.write_text('environment = "stand"\n[console]\nport = 8900\n[emias]\nclient_id = "our-mis"\n')
    found = read_answers(file)
    assert found == {"environment": "stand", "console.port": "8900", "emias.client_id": "our-mis"}
    assert set(found) <= set(BY_KEY)
    file.write_text("не TOML")
    with pytest.raises(MedmostError, match="MM-ACC-ANSWER"):
        read_answers(file)


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_documented_answers_are_taken(tmp_path: Path, lang: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / lang / "registration.md").read_text(encoding="utf-8")
    file = tmp_path / "answers.toml"
    file.write_text(page.partition("```toml\n")[2].partition("```")[0], encoding="utf-8")
    found = read_answers(file)
    assert len(found) > 10
    for key, value in found.items():
        checked(key, value, {"REPRESENTATIVE": "Demo-670427"}, tmp_path)


@given(st.text(string.printable + "«ё»", min_size=1, max_size=40))
def test_setting_keeps_any_text_and_its_neighbours(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("settings") / "medmost"
    write_defaults(folder)
    place, file = Installation(folder), folder / "systems.toml"
    before, remarks = tomllib.loads(file.read_text()), file.read_text().count("#")
    place.put("systems.toml", "gosuslugi", "client", text)
    place.put("systems.toml", "gosuslugi", "added", text)
    after = tomllib.loads(file.read_text())
    assert after["gosuslugi"].pop("added") == text
    assert after["gosuslugi"].pop("client") == text
    before["gosuslugi"].pop("client")
    assert after == before
    assert file.read_text().count("#") >= remarks


def test_commented_setting_is_taken_into_use(place: Installation) -> None:
    place.put("medmost.toml", "console", "public_url", "https://medmost.example.ru")
    text = (place.folder / "medmost.toml").read_text()
    assert tomllib.loads(text)["console"]["public_url"] == "https://medmost.example.ru"
    assert text.count("public_url") == 1


def test_walk_makes_what_needs_nobody_else(place: Installation) -> None:
    told = fill(place, ORGANIZATION | {"gosuslugi.signer": "ecdsa", "gosuslugi.client": "OUR_MIS"})
    done = {step.code for step in told.steps if step.done}
    assert done == {"ORGANIZATION", "KEY", "REQUEST", "GOSUSLUGI-SYSTEM", "WEBHOOKS"}
    assert [ru for ru, _ in told.warnings] == [ECDSA_WARNING_RU]
    made = x509.load_pem_x509_csr(place.paper("gosuslugi.request.pem").encode())
    values = {one.oid.dotted_string: one.value for one in made.subject}
    assert (values[request.OGRN_OID], values[request.INN_OID]) == ("1027700132195", "7707083893")
    assert made.is_signature_valid
    modes = {stat.S_IMODE(file.stat().st_mode) for file in (place.folder / "secrets").iterdir()}
    assert modes == {0o600}
    assert "1027700132195" in place.paper("gosuslugi.txt")
    assert place.secret("gosuslugi.key.pem") not in place.paper("gosuslugi.txt")


def test_key_outlives_every_repetition(place: Installation) -> None:
    fill(place, ORGANIZATION | {"gosuslugi.signer": "ecdsa"})
    key, first = place.secret("gosuslugi.key.pem"), place.paper("gosuslugi.request.pem")
    fill(place, {})
    assert (place.secret("gosuslugi.key.pem"), place.paper("gosuslugi.request.pem")) == (key, first)
    fill(place, {"gosuslugi.client": "OUR_MIS"})  # the request names the system, the key is the same
    assert place.secret("gosuslugi.key.pem") == key
    assert place.paper("gosuslugi.request.pem") != first


@pytest.mark.gost
def test_gost_request_names_the_organization(place: Installation) -> None:
    key = request.gost_key()
    if key is None:
        pytest.skip("OpenSSL has no GOST engine on this machine")
    parts = {"name": ORGANIZATION["organization.name"], "ogrn": "1027700132195", "inn": "7707083893"}
    made = x509.load_pem_x509_csr(request.certificate_request(key, "openssl-gost", **parts, system="OUR").encode())
    values = {one.oid.dotted_string: one.value for one in made.subject}
    assert values["2.5.4.10"] == ORGANIZATION["organization.name"]
    assert (values[request.OGRN_OID], values[request.INN_OID]) == ("1027700132195", "7707083893")
    assert made.signature_algorithm_oid.dotted_string == "1.2.643.7.1.1.3.2"


def test_missing_engine_is_said_loudly(place: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(place.folder))  # no openssl there
    told = fill(place, ORGANIZATION)
    assert [ru for ru, _ in told.warnings] == [ECDSA_WARNING_RU]
    assert place.value("systems.toml", "gosuslugi", "signer") == "ecdsa"
    assert "REQUEST" in {step.code for step in told.steps if step.done}


def test_foreign_certificate_is_not_taken(place: Installation) -> None:
    fill(place, ORGANIZATION | {"gosuslugi.signer": "ecdsa"})
    with pytest.raises(MedmostError, match="MM-ACC-CERTIFICATE"):
        fill(place, {"gosuslugi.certificate": ecdsa_pair()[1]})
    assert place.secret("gosuslugi.cert.pem") == ""


def test_own_means_of_signing_need_no_key_here(place: Installation) -> None:
    told = fill(place, ORGANIZATION | {"gosuslugi.signer": "command"})
    done = {step.code for step in told.steps if step.done}
    assert {"KEY", "REQUEST"} <= done
    assert place.secret("gosuslugi.key.pem") == ""


def test_addresses_of_this_machine_mean_a_stand(place: Installation) -> None:
    addresses = {"gosuslugi.base_url": "http://127.0.0.1:8801", "emias.base_url": "http://127.0.0.1:8802"}
    secrets = {"emias.client_id": "our", "emias.client_secret": "s", "emias.api_key": "k"}
    key = {"gosuslugi.api_key": "3c7e2a5e-0000-4000-8000-000000000001", "gosuslugi.client": "OUR"}
    fill(place, ORGANIZATION | addresses | secrets | key | {"gosuslugi.signer": "ecdsa"})
    place.put_secret("gosuslugi.cert.pem", ecdsa_pair()[1])
    assert standing(place).ready
    config = load_config(place.folder, {})
    assert (config.environment.name, config.systems.emias.environment) == ("stand", "stand")
    assert config.systems.gosuslugi.base_url == "http://127.0.0.1:8801"
