"""How long a command takes from the shell, beside an interpreter that does nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.measure import Row, Size, Wanted, in_turns
from benchmarks.stand import stand

MEDMOST = ("-m", "medmost.cli.main")


def starting(size: Size, wanted: Wanted) -> Iterator[Row]:
    """`start.help`: the program alone. `start.status`: with configuration, mappings, state and both systems asked."""
    with tempfile.TemporaryDirectory(prefix="medmost-bench-") as told, stand(Path(told)) as systems:
        folder = systems.folder
        environ = {**os.environ, "MEDMOST_CONFIG": str(folder)}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)  # people's second start has compiled modules
        _run(environ, *MEDMOST, "status", "--json")  # makes the state
        for name, arguments in (("start.help", ("--help",)), ("start.status", ("status", "--json"))):
            if not wanted(name):
                continue
            ours, bare = in_turns(
                size.starts,
                lambda arguments=arguments: _run(environ, *MEDMOST, *arguments),  # type: ignore[misc]  # lambda defaults are untyped
                lambda: _run(environ, "-c", "pass"),
                warm=False,
            )
            yield Row(
                name=name, value=round(ours, 3), unit="s", ceiling=round(bare, 3), ratio=round(bare / ours, 3)
            )  # fmt: skip


def _run(environ: Mapping[str, str], *arguments: str) -> None:
    done = subprocess.run([sys.executable, *arguments], env=dict(environ), capture_output=True, check=False)
    if done.returncode not in (0, 1):  # a status that is not healthy says 1
        raise RuntimeError(f"{' '.join(arguments)}: exit {done.returncode}\n{done.stderr.decode()[-2000:]}")
