"""A stand where nobody is registered, and a fresh configuration folder beside it."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from flows.running import SYSTEMS, Process, Systems, answers, command, free_port

ORGANIZATION = {"name": "ГБУЗ «Городская поликлиника № 5 ДЗМ»", "ogrn": "1027700132195", "inn": "7707083893"}


@asynccontextmanager
async def empty_stand(folder: Path, *, people: int = 40, seed: int = 1) -> AsyncIterator[Systems]:
    """Both systems with people and without a registered client; `medmost init` has made `folder`/medmost."""
    config, ports, console = folder / "medmost", {name: free_port() for name in SYSTEMS}, free_port()
    process = Process(
        "stand",
        [
            *(sys.executable, "-m", "medmost_stand.main", "--empty", "--people", str(people), "--seed", str(seed)),
            *("--gosuslugi-port", str(ports["gosuslugi"]), "--emias-port", str(ports["emias"])),
            *("--console-url", f"http://127.0.0.1:{console}"),
        ],
        folder / "stand.log",
        {**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        systems = Systems(config, urls, f"http://127.0.0.1:{console}", dict.fromkeys(SYSTEMS, process), session)
        try:
            await process.start()
            for name in SYSTEMS:
                await answers(f"{urls[name]}/health", process)
            made = await command(systems, "init", str(config))
            assert made.code == 0, str(made)
            yield systems
        finally:
            await process.stop()


async def representative(systems: Systems) -> dict[str, str]:
    """A confirmed citizen of the stand, who may act for an organization."""
    return next(
        {"login": one["login"], "password": one["password"]} for one in await systems.people() if one["trusted"]
    )


async def answers_file(systems: Systems, **more: str) -> Path:
    """Everything `medmost access` has to be told to register by itself."""
    own = await representative(systems)
    lines = [f'{key} = "{value}"' for key, value in {"environment": "stand", **more}.items()]
    lines += ["[organization]", *(f'{key} = "{value}"' for key, value in ORGANIZATION.items())]
    lines += ["[console]", f"port = {systems.console.rpartition(':')[2]}"]
    lines += ["[gosuslugi]", f'base_url = "{systems.urls["gosuslugi"]}"', 'client = "OUR_MIS"']
    lines += [f'login = "{own["login"]}"', f'password = "{own["password"]}"']
    lines += ["[emias]", f'base_url = "{systems.urls["emias"]}"', 'client_id = "our-mis"']
    lines += ['login = "integrator"', 'password = "Demo-1"']
    file = systems.folder.parent / "answers.toml"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file
