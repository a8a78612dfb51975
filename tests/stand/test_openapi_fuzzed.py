"""Both systems do what their OpenAPI says, whatever is sent: no server error, no answer that is not described."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import checks
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks as described

from medmost_stand.stand import Settings, Stand, SystemName

FULL = bool(os.environ.get("MEDMOST_FULL"))
EXAMPLES = 20 if FULL else 4
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE) if FULL else (GenerationMode.POSITIVE,)
CHANGES_THE_STAND = {"/stand/reset", "/stand/life", "/stand/clock", "/stand/faults", "/stand/tokens"}
"""What these do is the point of them: the rest of the run would meet another stand."""
CHECKED = [
    checks.not_a_server_error,
    described.status_code_conformance,
    described.response_schema_conformance,
    described.content_type_conformance,
]


@dataclass
class Served:
    addresses: dict[SystemName, str]
    headers: dict[SystemName, dict[str, str]]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """A stand on a loop of its own: the fuzzer is an ordinary blocking client."""
    stand = Stand(Settings(ports={"gosuslugi": 0, "emias": 0}, people=10, seed=3))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(60)

    run(stand.start())
    headers: dict[SystemName, dict[str, str]] = {}
    for name, end in stand.ends.items():
        token, _ = end.state.tokens.issue(end.state.client)
        headers[name] = {"Authorization": f"Bearer {token}"}
    headers["emias"]["X-API-Key"] = stand.credentials.emias_api_key
    yield Served(dict(stand.addresses), headers)
    run(stand.stop())
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["gosuslugi", "emias"])
def test_every_call_is_as_described(served: Served, name: SystemName, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_url(served.addresses[name] + "/openapi.json")
    wrong: list[str] = []
    number = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path in CHANGES_THE_STAND:
            continue
        number += 1

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
                  suppress_health_check=list(HealthCheck))  # fmt: skip
        def fuzzed(case: Any) -> None:
            response = case.call(headers=served.headers[name], timeout=20)
            case.validate_response(response, checks=CHECKED)

        try:
            fuzzed()
        except Unsatisfiable:
            continue  # nothing wrong of this kind can be made for the call
        except (Exception, BaseExceptionGroup) as error:
            failures = error.exceptions if isinstance(error, BaseExceptionGroup) else (error,)
            told = " / ".join(" ".join(str(one).split())[:300] for one in failures)
            wrong.append(f"{operation.method.upper()} {operation.path}: {told}")
    assert number > 40
    assert not wrong, "\n\n".join(wrong)
