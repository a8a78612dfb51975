"""The stand in a process of its own, and bare calls to it: what is left when medmost costs nothing."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import orjson

from medmost.config import Config, load_config
from medmost.domain.record import Doc, Side
from medmost.systems.connect import connect

START_SECONDS = 60.0
COLLECTION = {Side.GOSUSLUGI: "/api/exchange/v1/policies", Side.EMIAS: "/api/v1/policies"}
BATCH = {Side.GOSUSLUGI: ("/batch", "operations", "results", 100), Side.EMIAS: (":batch", "items", "items", 500)}
PAGE = {Side.GOSUSLUGI: 500, Side.EMIAS: 1000}


@dataclass(frozen=True)
class Stand:
    folder: Path
    urls: dict[Side, str]

    def config(self) -> Config:
        """Ours, with no limit of calls a minute in the way."""
        limits = {f"MEDMOST_SYSTEMS__{side.value.upper()}__PER_MINUTE": "1000000000" for side in Side}
        return load_config(self.folder, {**os.environ, **limits})


@contextmanager
def stand(folder: Path, people: int = 12) -> Iterator[Stand]:
    """Both systems on free ports, with as many people as a world needs; ended with the block."""
    ports = dict(zip(Side, _free_ports(2), strict=True))
    urls = {side: f"http://127.0.0.1:{port}" for side, port in ports.items()}
    command = [sys.executable, "-m", "medmost_stand.main", "--people", str(people), "--limit", str(10**9)]
    for side, port in ports.items():
        command += [f"--{side.value}-port", str(port)]
    command += ["--write-config", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        for port in ports.values():
            _answers(port, process)
        yield Stand(folder, urls)
    finally:
        process.terminate()
        process.wait()


def _free_ports(count: int) -> list[int]:
    bound = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [int(one.getsockname()[1]) for one in bound]
    finally:
        for one in bound:
            one.close()


def _answers(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError("the stand did not start")


class _Kept(dict[str, bytes | None]):
    """A vault that only remembers."""

    async def load(self, name: str) -> bytes | None:
        return self.get(name)

    async def save(self, name: str, secret: bytes | None) -> None:
        self[name] = secret


@dataclass
class Bare:
    """An aiohttp session with the headers that a side demands, and the few calls that the ceilings are made of."""

    side: Side
    session: aiohttp.ClientSession

    async def pages(self) -> AsyncIterator[list[Doc]]:
        """Every policy there, page by page, decoded and nothing more."""
        path, number, token = COLLECTION[self.side], 0, None
        while True:
            query = f"?page={number}&size={PAGE[self.side]}"
            if self.side is Side.EMIAS:
                query = f"?pageSize={PAGE[self.side]}" + (f"&pageToken={token}" if token else "")
            async with self.session.get(path + query) as answer:
                told = orjson.loads(await answer.read())
            docs = told["items" if self.side is Side.EMIAS else "content"]
            yield docs
            token, number = told.get("nextPageToken"), number + 1
            if token is None and len(docs) < PAGE[self.side]:
                return

    async def count(self) -> int:
        return sum([len(page) async for page in self.pages()])

    async def put(self, ref: str, doc: Doc, version: int) -> None:
        headers = {"If-Match": f'"{version}"', "Content-Type": "application/json"}
        path = f"{COLLECTION[self.side]}/{ref}"
        async with self.session.put(path, data=orjson.dumps(doc), headers=headers) as answer:
            orjson.loads(await answer.read())
            if answer.status != 200:
                raise RuntimeError(f"{answer.status} from {self.side}")

    async def create(self, docs: Sequence[Doc]) -> None:
        """New records, as many in a call as the side takes."""
        tail, name, results, most = BATCH[self.side]
        for start in range(0, len(docs), most):
            body = {name: [{"method": "POST", "record": doc} for doc in docs[start : start + most]]}
            headers = {"Content-Type": "application/json"}
            path = COLLECTION[self.side] + tail
            async with self.session.post(path, data=orjson.dumps(body), headers=headers) as answer:
                told: dict[str, Any] = orjson.loads(await answer.read())
            refused = [one for one in told[results] if one["status"] != 201]
            if refused:
                raise RuntimeError(f"{self.side} refused {len(refused)}: {refused[0]}")


@asynccontextmanager
async def bare(config: Config, side: Side, url: str) -> AsyncIterator[Bare]:
    """The token is obtained by our own adapter, once; everything else is aiohttp alone."""
    kept = _Kept()
    named = {"policy": "policies"}  # as the app takes it from the mappings
    ends = (
        msgspec.structs.replace(config.systems.gosuslugi, collections=named),
        msgspec.structs.replace(config.systems.emias, collections=named),
    )
    systems = await connect(*ends, kept)
    await systems[side].probe()
    for system in systems.values():
        await system.close()
    token = orjson.loads(next(secret for secret in kept.values() if secret))["value"]
    headers = {"Authorization": f"Bearer {token}"}
    if side is Side.EMIAS:
        headers["X-API-Key"] = config.systems.emias.api_key
    async with aiohttp.ClientSession(url, headers=headers, connector=aiohttp.TCPConnector(limit=0)) as session:
        yield Bare(side, session)
