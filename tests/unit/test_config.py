"""A configuration either works or says, with file and line, what to write instead."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from medmost.config import Config, describe, load_config, write_defaults
from medmost.domain.errors import Fatal

MAIN = """\
[state]
url = "sqlite:///state.db"
key = "file:medmost.key"
[queue]
url = "embedded:"
[console]
host = "127.0.0.1"
port = 8800
[poll]
min = 300
max = 900
[environment]
name = "stand"
[contacts]
support = "Поддержка: 8-800"
[stages]
policy = "full"
visit = "roll-out:5"
"""
SYSTEMS = """\
[gosuslugi]
base_url = "http://127.0.0.1:8801/"
api_key = "file:secrets/gosuslugi.api-key"
signer = "openssl-gost"
key = "file:secrets/gosuslugi.key.pem"
certificate = "file:secrets/gosuslugi.cert.pem"
webhook_secret = "env:HOOK"
client = "medmost"
environment = "stand"
[emias]
base_url = "http://127.0.0.1:8802"
client_id = "medmost"
client_secret = "file:secrets/emias.client-secret"
api_key = "file:secrets/emias.api-key"
webhook_secret = "file:secrets/emias.webhook"
environment = "stand"
"""
SECRETS = {
    "gosuslugi.api-key": "0c1f-key",
    "gosuslugi.key.pem": "PEM",
    "gosuslugi.cert.pem": "PEM",
    "emias.client-secret": "emias-secret-value",
    "emias.api-key": "emias-api-key-value",
    "emias.webhook": "whsec_ZW1pYXM=",
}
ENVIRON = {"HOOK": "whsec_Z29zdXNsdWdp"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secrets").mkdir()
    files = {f"secrets/{name}": text + "\n" for name, text in SECRETS.items()}
    files["medmost.key"] = base64.b64encode(bytes(range(32))).decode()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    (tmp_path / "medmost.toml").write_text(MAIN)
    (tmp_path / "systems.toml").write_text(SYSTEMS)
    return tmp_path


def change(folder: Path, old: str, new: str) -> None:
    for name in ("medmost.toml", "systems.toml"):
        text = (folder / name).read_text()
        if old in text:
            (folder / name).write_text(text.replace(old, new, 1))
            return
    raise AssertionError(f"nothing to change: {old}")


def refused(folder: Path, **environ: str) -> Fatal:
    with pytest.raises(Fatal) as caught:
        load_config(folder, {**ENVIRON, **environ})
    return caught.value


def test_files_of_the_stand_are_read(folder: Path) -> None:
    config = load_config(folder, ENVIRON)
    assert config.state.path == folder / "state.db"
    assert config.state.key == bytes(range(32))
    assert config.systems.gosuslugi.base_url == "http://127.0.0.1:8801"
    assert config.systems.gosuslugi.key == str(folder / "secrets/gosuslugi.key.pem")
    assert config.systems.gosuslugi.webhook_secret == "whsec_Z29zdXNsdWdp"
    assert config.systems.emias.client_secret == "emias-secret-value"
    assert (config.poll.min, config.poll.max) == (300, 900)
    assert [config.stage(kind) for kind in ("policy", "visit", "slot")] == ["full", "roll-out:5", "observe"]
    assert config.console.url == "http://127.0.0.1:8800"


def test_environment_wins_over_the_files(folder: Path) -> None:
    ours = {
        "MEDMOST_POLL__MIN": "5",
        "MEDMOST_POLL__MAX": "5",
        "MEDMOST_STATE__URL": "sqlite:////var/lib/medmost.db",
        "MEDMOST_SYSTEMS__EMIAS__BASE_URL": "http://[::1]:9902",
        "MEDMOST_STAGES__RESULT": "shadow",
        "MEDMOST_CONFIG": "/elsewhere",
        "MEDMOST_REQUIRE_SERVICES": "1",
    }
    config = load_config(folder, {**ENVIRON, **ours})
    assert (config.poll.min, config.poll.max) == (5, 5)
    assert config.state.path == Path("/var/lib/medmost.db")
    assert config.systems.emias.base_url == "http://[::1]:9902"
    assert config.stage("result") == "shadow"


def test_environment_can_add_a_section(folder: Path) -> None:
    assert load_config(folder, {**ENVIRON, "MEDMOST_NOTICES__QUIET": "2.5"}).notices.quiet == 2.5


def test_environment_names_lists_as_json(folder: Path) -> None:
    people = '[{"name": "Дежурный", "urls": ["env:DUTY", "mailto://localhost"], "events": ["outage"]}]'
    environ = {**ENVIRON, "MEDMOST_CONTACTS__PEOPLE": people, "DUTY": "mailto://robot:pass@mail.example.org"}
    person = load_config(folder, environ).contacts.people[0]
    assert person.urls == ("mailto://robot:pass@mail.example.org", "mailto://localhost")


@pytest.mark.parametrize("people", ["[{", "anna, boris", '[{"name": "Дежурный", "urls": "one"}]'])
def test_a_wrong_list_names_its_variable(folder: Path, people: str) -> None:
    assert "MEDMOST_CONTACTS__PEOPLE" in str(refused(folder, MEDMOST_CONTACTS__PEOPLE=people))


def test_contacts_may_keep_addresses_in_files(folder: Path) -> None:
    (folder / "secrets/duty.url").write_text("mailtos://robot:pass@mail.example.org?to=duty@example.org\n")
    (folder / "secrets/duty.url").chmod(0o600)
    people = '[[contacts.people]]\nname = "Дежурный"\nurls = ["file:secrets/duty.url", "mailto://localhost"]\n'
    change(folder, "[stages]", people + 'events = ["outage"]\n[stages]')
    person = load_config(folder, ENVIRON).contacts.people[0]
    assert person.urls == ("mailtos://robot:pass@mail.example.org?to=duty@example.org", "mailto://localhost")
    assert (person.wants("outage"), person.wants("brake")) == (True, False)


MISTAKES = [
    ("port = 8800", "prot = 8800", "MM-CFG-UNKNOWN", "medmost.toml:8: console.prot", "«port»"),
    ("port = 8800", 'port = "high"', "MM-CFG-VALUE", "medmost.toml:8: console.port", "целое число"),
    ("port = 8800", "port = 88000", "MM-CFG-VALUE", "medmost.toml:8: console.port", "65535"),
    ("min = 300", "min = 0", "MM-CFG-VALUE", "medmost.toml:10: poll.min", "больше нуля"),
    ("max = 900", "max = 10", "MM-CFG-VALUE", "medmost.toml:11: poll.max", "не меньше poll.min (300)"),
    ("[queue]", "[queu]", "MM-CFG-UNKNOWN", "medmost.toml:4: queu", "«queue»"),
    ("[queue]", "[queue", "MM-CFG-SYNTAX", "medmost.toml:4", "не TOML"),
    ('"embedded:"', '"amqp://"', "MM-CFG-VALUE", "medmost.toml:5: queue.url", "amqps://"),
    ('"embedded:"', '"file:secrets/none"', "MM-CFG-SECRET", "medmost.toml:5: queue.url", "не читается"),
    ('"embedded:"', '"redis:"', "MM-CFG-VALUE", "medmost.toml:5: queue.url", "embedded:"),
    ("sqlite:///state.db", "postgresql://me:secret@db/m", "MM-CFG-SECRET", "medmost.toml:2: state.url", "пароль"),
    ("sqlite:///state.db", "mysql://db", "MM-CFG-VALUE", "medmost.toml:2: state.url", "sqlite:///"),
    ('key = "file:medmost.key"\n', "", "MM-CFG-MISSING", "medmost.toml:1: state.key", "не задана"),
    ("file:medmost.key", "file:secrets/emias.api-key", "MM-CFG-SECRET", "medmost.toml:3: state.key", "32 случайных"),
    ('name = "stand"', 'name = "sandbox"', "MM-CFG-VALUE", "medmost.toml:13: environment.name", "stand, test, prod"),
    ('policy = "full"', 'polisy = "full"', "MM-CFG-UNKNOWN", "medmost.toml:17: stages.polisy", "«policy»"),
    ('policy = "full"', 'policy = "shadow"', "MM-CFG-VALUE", "medmost.toml:17: stages.policy", "double-entry"),
    ("roll-out:5", "roll-out:50", "MM-CFG-VALUE", "medmost.toml:18: stages.visit", "roll-out:25"),
    ("http://127.0.0.1:8802", "http://10.0.0.7:8802", "MM-CFG-STAND", "systems.toml:11: systems.emias.base_url", "эту"),
    ("http://127.0.0.1:8802", "127.0.0.1", "MM-CFG-VALUE", "systems.toml:11: systems.emias.base_url", "https://имя"),
    ('environment = "stand"', "", "MM-CFG-STAND", "systems.toml:1: systems.gosuslugi.environment", "не смешиваются"),
    ("openssl-gost", "gost", "MM-CFG-VALUE", "systems.toml:4: systems.gosuslugi.signer", "openssl-gost, ecdsa"),
    ("openssl-gost", "command", "MM-CFG-MISSING", "systems.toml:1: systems.gosuslugi.command", "обязательна"),
    ("env:HOOK", "env:NOWHERE", "MM-CFG-SECRET", "systems.toml:7: systems.gosuslugi.webhook_secret", "NOWHERE не"),
    ("file:secrets/emias.webhook", "file:gone", "MM-CFG-SECRET", "systems.toml:15: systems.emias.webhook_sec", "gone"),
    ("gosuslugi.key.pem", "gone.pem", "MM-CFG-SECRET", "systems.toml:5: systems.gosuslugi.key", "нет"),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake[3].split(": ")[-1])
def test_mistake_names_file_line_and_remedy(folder: Path, mistake: tuple[str, str, str, str, str]) -> None:
    old, new, code, place, says = mistake
    change(folder, old, new)
    error = refused(folder)
    assert error.code == code
    assert place in error.ru
    assert place.split(": ", maxsplit=1)[0] in error.en
    assert says in error.ru


def test_plain_secret_is_refused_unseen(folder: Path) -> None:
    change(folder, "file:secrets/emias.api-key", "s3cr3t-in-the-open")
    error = refused(folder)
    assert error.code == "MM-CFG-SECRET"
    assert "systems.toml:14" in error.ru
    assert "s3cr3t" not in error.ru + error.en


def test_secret_open_to_everyone_is_refused(folder: Path) -> None:
    (folder / "secrets/emias.api-key").chmod(0o644)
    error = refused(folder)
    assert "chmod 600" in error.ru


def test_every_mistake_is_told_at_once(folder: Path) -> None:
    change(folder, "port = 8800", "prot = 8800")
    change(folder, "min = 300", 'min = "soon"')
    change(folder, "env:HOOK", "plain")
    error = refused(folder, MEDMOST_POLL__MAXIMUM="7", MEDMOST_CONSOLE__HOST="localhost")
    assert len(error.ru.splitlines()) == len(error.en.splitlines()) == 4
    assert "переменная MEDMOST_POLL__MAXIMUM" in error.ru


def test_wrong_variable_is_named(folder: Path) -> None:
    error = refused(folder, MEDMOST_CONSOLE__PORT="high")
    assert "переменная MEDMOST_CONSOLE__PORT" in error.ru


@pytest.mark.parametrize("value", ["1", "[]", "{ min = { deep = 1 } }"])
def test_section_of_another_shape_is_refused(folder: Path, value: str) -> None:
    change(folder, "[poll]\nmin = 300\nmax = 900\n", "")
    change(folder, "[state]", f"poll = {value}\n[state]")
    assert "medmost.toml:1: poll" in refused(folder).ru


def test_real_environment_leads_out_over_https(folder: Path) -> None:
    text = (folder / "systems.toml").read_text().replace('"stand"', '"production"')
    (folder / "systems.toml").write_text(text)
    change(folder, 'name = "stand"', 'name = "production"')
    assert refused(folder).ru.count("на эту машину ведут только настройки стенда") == 2
    far = {
        "MEDMOST_SYSTEMS__EMIAS__BASE_URL": "http://emias.example.org",
        "MEDMOST_SYSTEMS__GOSUSLUGI__BASE_URL": "https://gosuslugi.example.org",
    }
    assert "только https://" in refused(folder, **far).ru
    far["MEDMOST_SYSTEMS__EMIAS__BASE_URL"] = "https://emias.example.org"
    assert load_config(folder, {**ENVIRON, **far}).environment.name == "production"


def test_missing_folder_names_its_files(tmp_path: Path) -> None:
    error = refused(tmp_path / "nowhere")
    assert error.code == "MM-CFG-FILE"
    assert "medmost init" in error.ru
    assert "systems.toml" in error.ru


def test_shown_configuration_holds_no_secret(folder: Path) -> None:
    people = '[[contacts.people]]\nname = "Дежурный"\nurls = ["mailto://robot:hidden@mail.example.org"]\n'
    change(folder, "[stages]", people + "[stages]")
    config: Config = load_config(folder, ENVIRON)
    shown = describe(config)
    text = repr(shown)
    assert shown["systems"]["emias"]["client_secret"] == "file:secrets/emias.client-secret"
    assert shown["state"]["key"] == "file:medmost.key"
    assert shown["contacts"]["people"][0]["urls"] == ["mailto://***"]
    for secret in (*SECRETS.values(), "whsec_", "hidden", repr(config.state.key)):
        assert secret == "PEM" or secret not in text


def test_defaults_write_nothing_by_themselves(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    written = write_defaults(folder)
    assert {path.name for path in written} == {"medmost.toml", "systems.toml", "medmost.key"}
    assert (folder / "medmost.key").stat().st_mode & 0o777 == 0o600
    assert len(base64.b64decode((folder / "medmost.key").read_text())) == 32
    assert (folder / "kinds").is_dir()
    error = refused(folder)
    assert {line.split(":")[0] for line in error.ru.splitlines()} == {"systems.toml"}
    for name, text in SECRETS.items():
        (folder / "secrets" / name).write_text(text)
        (folder / "secrets" / name).chmod(0o600)
    (folder / "secrets/gosuslugi.webhook").write_text("whsec_x")
    (folder / "secrets/gosuslugi.webhook").chmod(0o600)
    config = load_config(folder, {})
    assert {config.stage(kind) for kind in config.stages} == {"observe"}
    assert len(config.stages) == 8


def test_defaults_never_overwrite_a_file(tmp_path: Path) -> None:
    write_defaults(tmp_path)
    key = (tmp_path / "medmost.key").read_text()
    with pytest.raises(Fatal) as caught:
        write_defaults(tmp_path)
    assert caught.value.code == "MM-CFG-EXISTS"
    assert "medmost.key" in caught.value.ru
    assert (tmp_path / "medmost.key").read_text() == key
