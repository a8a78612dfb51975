"""Metrics count everything and name nobody."""

from __future__ import annotations

from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from medmost.domain.kinds import SHIPPED
from medmost.metrics import Metrics

STATUS: dict[str, Any] = {
    "healthy": True,
    "systems": {
        "emias": {"reachable": True, "breaker": "half-open", "token_seconds": 3100, "certificate_days": None},
        "gosuslugi": {"reachable": False, "breaker": "open", "token_seconds": None, "calls_per_minute": 40},
    },
    "kinds": {"policy": {"stage": "full", "pairs": 1000, "level": 996, "behind": 0, "freshness_seconds": 4}},
    "deliveries": {"due": 3, "dead": 1},
    "decided_conflicts": 31,
}


def samples(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(metrics.render().decode())
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return samples(metrics).get((f"medmost_{name}", frozenset(labels.items())))


def test_what_happens_is_counted() -> None:
    metrics = Metrics(SHIPPED)
    metrics.observed("emias", "visit", "detected", 500)
    metrics.observed("emias", "visit", "detected")
    metrics.written("gosuslugi", "visit", "ok")
    metrics.webhook("emias", "bad_signature")
    metrics.polled("emias", "slot", "done", 0.3)
    metrics.delivered("gosuslugi", "visit", 0.8)
    assert value(metrics, "observations_total", system="emias", kind="visit", outcome="detected") == 501
    assert value(metrics, "writes_total", system="gosuslugi", kind="visit", outcome="ok") == 1
    assert value(metrics, "webhooks_total", system="emias", outcome="bad_signature") == 1
    assert value(metrics, "poll_seconds_count", system="emias", kind="slot", outcome="done") == 1
    assert value(metrics, "delivery_seconds_sum", system="gosuslugi", kind="visit") == 0.8


def test_status_becomes_gauges() -> None:
    metrics = Metrics(SHIPPED)
    metrics.set_status(STATUS)
    assert value(metrics, "pairs", kind="policy", state="level") == 996
    assert value(metrics, "freshness_seconds", kind="policy") == 4
    assert value(metrics, "deliveries", state="dead") == 1
    assert value(metrics, "system_reachable", system="gosuslugi") == 0
    assert value(metrics, "breaker", system="gosuslugi", state="open") == 1
    assert value(metrics, "breaker", system="gosuslugi", state="closed") == 0
    assert value(metrics, "token_seconds", system="emias") == 3100
    assert value(metrics, "token_seconds", system="gosuslugi") is None
    assert value(metrics, "decided_conflicts") == 31


def test_number_no_longer_known_disappears() -> None:
    metrics = Metrics(SHIPPED)
    metrics.set_status(STATUS)
    metrics.set_status({"systems": {"emias": {"reachable": False, "breaker": "open", "token_seconds": None}}})
    assert value(metrics, "token_seconds", system="emias") is None


def test_unlisted_label_counts_as_other() -> None:
    metrics = Metrics(SHIPPED)
    metrics.observed("emias", "Иванова Анна", "7700008123456789")
    metrics.webhook("11223344595", "accepted")
    metrics.set_status({"systems": {"x": {"breaker": "ajar"}}, "kinds": {"y": {"level": 1, "Иванова": 2}}})
    text = metrics.render().decode()
    assert value(metrics, "observations_total", system="emias", kind="other", outcome="other") == 1
    for personal in ("Иванова", "7700008123456789", "11223344595"):
        assert personal not in text


def test_two_registries_share_nothing() -> None:
    first, second = Metrics(SHIPPED), Metrics(SHIPPED)
    first.webhook("emias", "accepted")
    assert value(second, "webhooks_total", system="emias", outcome="accepted") is None
