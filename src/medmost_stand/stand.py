"""The stand as a whole: both systems, or one, started over new or kept state."""

from __future__ import annotations

import contextlib
import socket
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from aiohttp import web

from medmost_stand.added import Added
from medmost_stand.clock import MOSCOW
from medmost_stand.credentials import Credentials, fresh, loaded, with_secrets
from medmost_stand.dialect import Dialect
from medmost_stand.emias.build import build_emias
from medmost_stand.emias.wire import DIALECT as EMIAS
from medmost_stand.end import Core, End, build_core
from medmost_stand.gosuslugi.build import build_gosuslugi
from medmost_stand.gosuslugi.wire import DIALECT as GOSUSLUGI
from medmost_stand.storage import Storage
from medmost_stand.world import World, build_world
from medmost_stand.worlds import Population, settle, settled
from medmost_stand.write_config import Addresses, known_secrets, locked, write_config

SystemName = Literal["gosuslugi", "emias"]
NAMES: tuple[SystemName, SystemName] = ("gosuslugi", "emias")
_DIALECTS: dict[SystemName, Dialect] = {"gosuslugi": GOSUSLUGI, "emias": EMIAS}
_CREDENTIALS = "credentials"


@dataclass(frozen=True, slots=True)
class Settings:
    """How a stand is started; `world` stands in for the synthetic one in tests."""

    ports: dict[SystemName, int]
    only: SystemName | None = None
    host: str = "127.0.0.1"
    people: int = 1000
    seed: int = 1
    life: float = 0.0
    limit: int = 60_000
    token_life: int = 3600
    state: Path | None = None
    config: Path | None = None
    console_url: str = "http://127.0.0.1:8800"
    added: tuple[Added, ...] = ()
    ambiguous: bool = False
    empty: bool = False  # nobody is registered: the newcomer's beginning
    world: Callable[[], World] | None = None
    legacy_rsa: bool = False


class Stand:
    """`start`, use `addresses`, `ends` and `credentials`, `stop`. With `state` the next start goes on from there."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._names = NAMES if settings.only is None else (settings.only,)
        self._folder = contextlib.ExitStack()
        self.ends: dict[SystemName, End] = {}
        self.addresses: dict[SystemName, str] = {}
        self.credentials: Credentials

    async def start(self) -> None:
        """Opens the state, builds what is missing, writes the configuration, then listens."""
        paths = self._paths()
        config = self._settings.config
        guard = locked(config) if config is not None else contextlib.nullcontext()
        with guard:
            self.credentials = self._credentials(paths, config)
            cores = {name: self._core(name, paths[name]) for name in self._names}
            self._keep_credentials(cores)
            populations = self._populations(cores)
            sockets = {name: self._bound(name) for name in self._names}
            self.addresses = {name: self._address(name, sockets) for name in NAMES}
            if config is not None:
                where = Addresses(self.addresses["gosuslugi"], self.addresses["emias"], self._settings.console_url)
                write_config(config, self.credentials, where, [one.kind for one in self._settings.added if one.kind])
        for name in self._names:
            end = self._end(name, cores[name], populations[name])
            end.state.added = self._settings.added
            self.ends[name] = end
            site = web.SockSite(await end.prepare(), sockets[name], backlog=1024)
            await end.start(site, self.addresses[name])
            await end.state.living.set(self._settings.life)

    async def stop(self) -> None:
        """Stops both systems; a temporary state is removed, a kept one stays."""
        for end in self.ends.values():
            await end.stop()
        self._folder.close()

    def _paths(self) -> dict[SystemName, Path]:
        state = self._settings.state
        if state is None:
            folder = Path(self._folder.enter_context(tempfile.TemporaryDirectory(prefix="medmost-stand-")))
            return {name: folder / f"{name}.db" for name in NAMES}
        if state.is_dir():
            return {name: state / f"{name}.db" for name in NAMES}
        state.parent.mkdir(parents=True, exist_ok=True)
        return {name: state.with_name(f"{state.stem}.{name}{state.suffix or '.db'}") for name in NAMES}

    def _credentials(self, paths: dict[SystemName, Path], config: Path | None) -> Credentials:
        kept = next((found for name in self._names if (found := _kept(paths[name])) is not None), None)
        given = {} if config is None else known_secrets(config)
        return with_secrets(kept or fresh(ready_pair="gosuslugi_key" in given), given)

    def _core(self, name: SystemName, path: Path) -> Core:
        return build_core(
            self._dialect(name),
            path,
            durable=self._settings.state is not None,
            secret=f"{name}:{self.credentials.token_secret}".encode(),
            token_life=self._settings.token_life,
        )

    def _dialect(self, name: SystemName) -> Dialect:
        shipped = _DIALECTS[name]
        more = {one.collection: one.forms[name] for one in self._settings.added}
        return replace(shipped, forms={**shipped.forms, **more}) if more else shipped

    def _keep_credentials(self, cores: dict[SystemName, Core]) -> None:
        for core in cores.values():
            core.storage.put_meta(_CREDENTIALS, self.credentials.dumped())
            core.storage.flush()

    def _populations(self, cores: dict[SystemName, Core]) -> dict[SystemName, Population]:
        populations: dict[SystemName, Population] = {}
        empty: list[SystemName] = []
        for name, core in cores.items():
            found = settled(core.storage)
            if found is None:
                empty.append(name)
            else:
                populations[name] = found
        if empty:
            world, settings = self._world(), self._settings
            for name in empty:
                populations[name] = settle(cores[name].system, world, settings.people, settings.seed)
        return populations

    def _world(self) -> World:
        if self._settings.world is not None:
            return self._settings.world()
        today = datetime.now(MOSCOW).date()
        settings = self._settings
        return build_world(settings.people, settings.seed, today, settings.added, ambiguous=settings.ambiguous)

    def _bound(self, name: SystemName) -> socket.socket:
        bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((self._settings.host, self._settings.ports[name]))
        except OSError:
            bound.close()
            raise
        return bound

    def _address(self, name: SystemName, sockets: dict[SystemName, socket.socket]) -> str:
        port = sockets[name].getsockname()[1] if name in sockets else self._settings.ports[name]
        return f"http://{self._settings.host}:{port}"

    def _end(self, name: SystemName, core: Core, population: Population) -> End:
        if name == "emias":
            return build_emias(core, population, self.credentials, empty=self._settings.empty)
        return build_gosuslugi(
            core,
            population,
            self.credentials,
            limit=self._settings.limit,
            console_url=self._settings.console_url,
            empty=self._settings.empty,
            legacy_rsa=self._settings.legacy_rsa,
        )


def _kept(path: Path) -> Credentials | None:
    if not path.exists():
        return None
    storage = Storage(path, durable=True)
    raw = storage.meta(_CREDENTIALS)
    storage.close()
    return None if raw is None else loaded(raw)
