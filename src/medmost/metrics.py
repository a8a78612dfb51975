"""Numbers for Prometheus. Label sets are closed: a value that is not listed counts as `other`, so nothing personal can
become a label and no series grows without bound. One `Metrics` per process, handed to whom counts; no global registry.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from medmost.domain.holds import REASONS

OTHER: Final = "other"
CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
LABELS: Final[dict[str, frozenset[str]]] = {
    "system": frozenset(("gosuslugi", "emias")),
    "observation": frozenset(
        (
            "detected",
            "unchanged",
            "level",
            "behind",
            "conflict",
            "invalid",
            "ambiguous",
            "quarantined",
            "refused",
            "no_consent",
            "foreign",
            "closed",
        )
    ),
    "write": frozenset(("ok", "seen", "nothing", "accepted", "refused", "wait", "late", "twin", "other")),
    "webhook": frozenset(("accepted", "duplicate", "bad_signature", "malformed", "later", "too_large")),
    "poll": frozenset(("done", "transient", "fatal", "page_error")),
    "state": frozenset(
        ("level", "behind", "conflict", "invalid", "ambiguous", "quarantined", "refused", "no_consent", "foreign")
    ),
    "delivery": frozenset(("due", "in_flight", "waiting", "awaiting_answer", "dead")),
    "brake": frozenset(REASONS),
    "breaker": frozenset(("closed", "half-open", "open")),
}
_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 900)


def label(set_name: str, value: object) -> str:
    return str(value) if str(value) in LABELS[set_name] else OTHER


class Metrics:
    """Counters are fed as things happen; gauges are set from `medmost status` (contracts §4) before each reading.

    `kinds`: the kinds of this installation, the closed set of that label.
    """

    def __init__(self, kinds: Iterable[str]) -> None:
        self._kinds = frozenset(kinds)
        self.registry = CollectorRegistry()
        system, both = ["system"], ["system", "kind"]
        self._observations = self._counter("observations", "Records seen, by what was done", [*both, "outcome"])
        self._writes = self._counter("writes", "Writes sent, by outcome", [*both, "outcome"])
        self._webhooks = self._counter("webhooks", "Webhooks received, by outcome", [*system, "outcome"])
        self._polls = self._histogram("poll_seconds", "Duration of a poll of one kind", [*both, "outcome"])
        self._delivered = self._histogram("delivery_seconds", "From a change noticed to its write settled", both)
        self._pairs = self._gauge("pairs", "Pairs by state", ["kind", "state"])
        self._freshness = self._gauge("freshness_seconds", "Seconds since both sides were last read", ["kind"])
        self._deliveries = self._gauge("deliveries", "Deliveries by state", ["state"])
        self._reachable = self._gauge("system_reachable", "1 where the last call got an answer", system)
        self._breaker = self._gauge("breaker", "1 for the present state of the breaker", [*system, "state"])
        self._token = self._gauge("token_seconds", "Life left of the access token", system)
        self._certificate = self._gauge("certificate_days", "Life left of the certificate", system)
        self._calls = self._gauge("calls_per_minute", "Calls in the last minute", system)
        self._brakes = self._gauge("brakes", "Brakes that wait for a person, by code", ["code"])
        self._decided = self._gauge("decided_conflicts", "Conflicts decided by the owner of a field", [])

    def _kind(self, kind: str) -> str:
        return kind if kind in self._kinds else OTHER

    def observed(self, system: str, kind: str, outcome: str, count: int = 1) -> None:
        labels = label("system", system), self._kind(kind), label("observation", outcome)
        self._observations.labels(*labels).inc(count)

    def written(self, system: str, kind: str, outcome: str) -> None:
        self._writes.labels(label("system", system), self._kind(kind), label("write", outcome)).inc()

    def webhook(self, system: str, outcome: str) -> None:
        self._webhooks.labels(label("system", system), label("webhook", outcome)).inc()

    def polled(self, system: str, kind: str, outcome: str, seconds: float) -> None:
        labels = label("system", system), self._kind(kind), label("poll", outcome)
        self._polls.labels(*labels).observe(seconds)

    def delivered(self, system: str, kind: str, seconds: float) -> None:
        self._delivered.labels(label("system", system), self._kind(kind)).observe(seconds)

    def set_status(self, status: Mapping[str, Any]) -> None:
        """Takes the gauges over from a status (contracts §4); None means that a number is not known: no series."""
        for name, system in status.get("systems", {}).items():
            self._set_system(label("system", name), system)
        for name, numbers in status.get("kinds", {}).items():
            kind = self._kind(name)
            for state in sorted(LABELS["state"] & set(numbers)):
                self._pairs.labels(kind, state).set(numbers[state])
            _set(self._freshness, (kind,), numbers.get("freshness_seconds"))
        for state in sorted(LABELS["delivery"] & set(status.get("deliveries", {}))):
            self._deliveries.labels(state).set(status["deliveries"][state])
        self._brakes.clear()
        for brake in status.get("brakes", []):
            self._brakes.labels(label("brake", brake["code"])).inc()
        self._decided.set(status.get("decided_conflicts", 0))

    def _set_system(self, system: str, numbers: Mapping[str, Any]) -> None:
        self._reachable.labels(system).set(bool(numbers.get("reachable")))
        breaker = label("breaker", numbers.get("breaker"))
        for state in sorted(LABELS["breaker"]):
            self._breaker.labels(system, state).set(state == breaker)
        _set(self._token, (system,), numbers.get("token_seconds"))
        _set(self._certificate, (system,), numbers.get("certificate_days"))
        _set(self._calls, (system,), numbers.get("calls_per_minute"))

    def render(self) -> bytes:
        return generate_latest(self.registry)

    def _counter(self, name: str, text: str, labels: list[str]) -> Counter:
        return Counter(f"medmost_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, labels: list[str]) -> Gauge:
        return Gauge(f"medmost_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, labels: list[str]) -> Histogram:
        return Histogram(f"medmost_{name}", text, labels, registry=self.registry, buckets=_SECONDS)


def _set(gauge: Gauge, labels: tuple[str, ...], value: float | None) -> None:
    if value is not None:
        gauge.labels(*labels).set(value)
    else:
        gauge.remove(*labels)
