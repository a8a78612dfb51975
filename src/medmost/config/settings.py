"""What can be configured (contracts §1): frozen values with their defaults; unknown keys are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

import msgspec

from medmost.domain.kinds import SHIPPED
from medmost.domain.windows import parse
from medmost.systems.settings import EmiasSettings, GosuslugiSettings

TWO_WAY_KINDS: Final = ("policy", "visit", "request")
"""Kinds that people enter at both sides: they are tried in double entry, the others in shadow (contracts §5)."""
EVENTS: Final = ("outage", "token", "refused", "brake", "page", "drift", "stale", "certificate", "disk")
"""What a contact may ask to hear of."""


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of medmost.toml."""


class State(_Section, frozen=True, kw_only=True):
    """The state database and the key that encrypts record bodies in it (32 bytes).

    `url` is a file (``sqlite:///…``) or a PostgreSQL server (``postgresql://user@host/database``); `password` is that
    user's, unless the server knows us otherwise (a certificate, a pgpass file).
    """

    key: bytes
    url: str = "sqlite:///state.db"
    password: str = ""
    path: Path = Path("state.db")  # worked out of the url, absolute

    @property
    def on_server(self) -> bool:
        return not self.url.startswith("sqlite:")


class Queue(_Section, frozen=True, kw_only=True):
    """What wakes the deliverers; it carries references only, never personal data.

    `url`: embedded:, amqp(s)://name:password@host:port/vhost or kafka(s)://[name:password@]host:port,host:port; as a
    whole also a file: or env: reference. `prefix` begins every name at the broker. `ca`: whose certificates are
    believed, where not the machine's own. `sasl`: how Kafka is shown the password.
    """

    url: str = "embedded:"
    prefix: str = "medmost"
    ca: str = ""
    sasl: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"


class Console(_Section, frozen=True, kw_only=True):
    """Where the console listens; `public_url` is how both systems reach it with webhooks when that differs."""

    host: str = "127.0.0.1"
    port: int = 8800
    public_url: str | None = None

    @property
    def url(self) -> str:
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")


class Poll(_Section, frozen=True, kw_only=True):
    """Seconds between two polls of a kind: adaptive between `min` and `max`, fixed where they are equal."""

    min: float = 300
    max: float = 900
    alarm: float = 300  # beyond 15 minutes, or `max`: then what is read is out of date, and people are told


class Environment(_Section, frozen=True, kw_only=True):
    """`stand` may only speak to loopback addresses, the others only to real ones over https."""

    name: Literal["stand", "test", "production"]


class Person(_Section, frozen=True, kw_only=True):
    """Somebody who gets notices. `events`, `kinds` and `systems` None mean all of them.

    `duty`: when this person is on duty, in Moscow time, as windows ("daily 08:00-20:00"); empty: always. `after`:
    minutes that nobody has acknowledged a trouble before this person hears of it; 0: at once. `least`: how grave.
    """

    name: str
    urls: tuple[str, ...]
    events: tuple[str, ...] | None = None
    kinds: tuple[str, ...] | None = None
    systems: tuple[str, ...] | None = None
    duty: tuple[str, ...] = ()
    after: float = 0
    least: Literal["warning", "critical"] = "warning"

    def wants(self, group: str, system: str = "", kind: str = "", *, critical: bool = True) -> bool:
        """A trouble of every kind or system concerns whoever asked for one of them."""
        return (
            (self.events is None or group in self.events)
            and (self.kinds is None or not kind or kind in self.kinds)
            and (self.systems is None or not system or system in self.systems)
            and (critical or self.least == "warning")
        )

    def on_duty(self, at: float) -> bool:
        return not self.duty or any(window is not None and window.holds(at) for window in map(parse, self.duty))


class Contacts(_Section, frozen=True, kw_only=True):
    """`support` is shown to users as it is written; `people` get notices."""

    support: str = ""
    people: tuple[Person, ...] = ()


class Legal(_Section, frozen=True, kw_only=True):
    """On what legal basis policies flow without a link (design §8); journalled with each migration."""

    policy_basis: str = ""
    operator: str = ""  # name and address of who runs medmost, as the citizen's consent names them


class Notices(_Section, frozen=True, kw_only=True):
    """`quiet`: seconds a system must be silent before an outage is announced, and answering before the all-clear.

    `night`: a window in which only critical notices go out, the others when it ends. `heartbeat`: an address that is
    called every `heartbeat_every` seconds while medmost works, so that somebody outside notices its own silence.
    """

    quiet: float = 15
    night: str = ""
    heartbeat: str = ""
    heartbeat_every: float = 60
    disk_free: float = 1.0  # GB beside the state below which a person is told
    lang: Literal["ru", "en"] = "ru"


class Deliver(_Section, frozen=True, kw_only=True):
    """`in_flight`: writes on the wire at once per system; `deadline`: seconds one write may take."""

    in_flight: int = 64
    deadline: float = 20


class Brakes(_Section, frozen=True, kw_only=True):
    """How much one pass may bring before a person looks (design §9): `least` always passes, above `most` nothing does.

    Per cent are of the kind's known records. `changes` counts records that were level once and changed at one side.
    """

    deletes_percent: int = 5
    deletes_least: int = 20
    deletes_most: int = 500
    changes_percent: int = 30
    changes_least: int = 200


class Systems(_Section, frozen=True, kw_only=True):
    """systems.toml."""

    gosuslugi: GosuslugiSettings
    emias: EmiasSettings


class Config(_Section, frozen=True, kw_only=True):
    """Everything, with secrets in plain: never log it, show it by `describe`."""

    state: State
    environment: Environment
    systems: Systems
    queue: Queue = Queue()
    console: Console = Console()
    poll: Poll = Poll()
    contacts: Contacts = Contacts()
    stages: dict[str, str] = {}
    legal: Legal = Legal()
    notices: Notices = Notices()
    deliver: Deliver = Deliver()
    brakes: Brakes = Brakes()
    folder: Path = Path()
    references: dict[str, str] = {}  # dotted key -> the file: or env: reference it was read by

    def stage(self, kind: str) -> str:
        """A kind that nobody set stays in `observe`: medmost writes nothing until a person allows it."""
        return self.stages.get(kind, "observe")


def known_kinds(folder: Path) -> list[str]:
    """The shipped kinds, and those that the folder's own mapping files add."""
    own = sorted(path.stem for path in (folder / "kinds").glob("*.y*ml"))
    return [*SHIPPED, *(kind for kind in own if kind not in SHIPPED)]


def allowed_stages(kind: str) -> tuple[str, ...]:
    trial = "double-entry" if kind in TWO_WAY_KINDS else "shadow"
    return ("stopped", "observe", trial, *(f"roll-out:{share}" for share in (1, 5, 25, 100)), "full")
