"""The openssl program with its GOST engine, for what no Python package does here (facts/gosuslugi.md §4.1)."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from functools import cache
from pathlib import Path

ENGINE = ("-engine", "gost")
_SECONDS = 20


async def openssl(*command: str, **files: bytes) -> bytes | None:
    """What the program writes to its standard output when it ends with 0, else None; `files` lie beside it by name.

    A program that does not end within 20 seconds is killed and counts as a failure.
    """
    with tempfile.TemporaryDirectory(prefix="medmost-stand-") as folder:
        _lay(folder, files)
        process = await asyncio.create_subprocess_exec(
            *("openssl", *command),
            cwd=folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            written, _ = await asyncio.wait_for(process.communicate(), _SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
            return None
        return written if process.returncode == 0 else None


def openssl_now(*command: str, **files: bytes) -> bytes | None:
    """The same without giving way to others: for the rare moments (6–10 ms) that a token is signed or first read."""
    with tempfile.TemporaryDirectory(prefix="medmost-stand-") as folder:
        _lay(folder, files)
        try:
            done = subprocess.run(("openssl", *command), cwd=folder, capture_output=True, check=False, timeout=_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout if done.returncode == 0 else None


@cache
def has_gost() -> bool:
    """Whether this machine's openssl has the GOST engine."""
    return openssl_now("dgst", *ENGINE, "-md_gost12_256", "content", content=b"") is not None


def _lay(folder: str, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (Path(folder) / name).write_bytes(data)
