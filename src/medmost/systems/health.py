"""What `check`, the console and the engine ask about one end."""

from __future__ import annotations

from collections.abc import Awaitable

import structlog

from medmost.domain.errors import MedmostError
from medmost.systems.contract import Health
from medmost.systems.http import Http
from medmost.systems.signing import Signer
from medmost.systems.timekeeping import Timekeeper
from medmost.systems.tokens import TokenKeeper

log = structlog.get_logger("medmost.systems")


class Pulse:
    """One end's state of health, as its calls leave it behind."""

    def __init__(self, http: Http, tokens: TokenKeeper, time: Timekeeper, signer: Signer | None = None) -> None:
        self._http = http
        self._tokens = tokens
        self._time = time
        self._signer = signer

    def now(self) -> Health:
        last_ok = self._http.last_ok
        signer = self._signer
        return Health(
            reachable=self._http.reachable,
            breaker=self._http.gate.state(),
            token_seconds=self._tokens.seconds_left(),
            certificate_days=signer.certificate_days() if signer is not None else None,
            calls_per_minute=self._http.gate.calls_per_minute(),
            last_ok=last_ok.strftime("%Y-%m-%dT%H:%M:%SZ") if last_ok is not None else None,
            overloaded=self._http.gate.overloaded(),
            retries_per_minute=self._http.gate.repeats_per_minute(),
            retries_held_back=self._http.gate.traffic.held_back,
            environment=self._http.environment,
            skew_seconds=self._time.skew_seconds,
            signer=signer.name if signer is not None else None,
            warning=signer.warning if signer is not None else None,
            warning_en=signer.warning_en if signer is not None else None,
        )

    async def after(self, call: Awaitable[None]) -> Health:
        """The state after one real call; an outage is told by the state and by `trouble`, not raised."""
        try:
            await call
        except MedmostError as error:
            log.info("probe failed", system=self._http.side.value, code=error.code)
            return self.now().with_trouble(error)
        return self.now()
