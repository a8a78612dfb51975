"""The later change wins, by clocks that are set side by side (design §6, owner `latest`)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from medmost.domain.record import Observation, Side
from medmost.mapping import load_mappings
from medmost.store.cipher import Cipher
from medmost.sync.house import House

STAMP = datetime(2026, 11, 23, 12, tzinfo=UTC)


def _seen(house: House, kind: str) -> datetime | None:
    told = Observation(side=Side.EMIAS, kind=kind, ref="1", version=1, doc={}, stamp=STAMP)
    return house.understand(told).observation.stamp


def test_stamps_are_set_to_our_clock() -> None:
    house = House(mappings=load_mappings(), cipher=Cipher(bytes(32)), skews={Side.EMIAS: 90.0})
    assert _seen(house, "visit") == STAMP - timedelta(seconds=90)


def test_a_skew_below_a_second_changes_nothing() -> None:
    house = House(mappings=load_mappings(), cipher=Cipher(bytes(32)), skews={Side.EMIAS: 0.6})
    assert _seen(house, "visit") == STAMP


def test_kinds_without_such_a_field_are_left_alone() -> None:
    house = House(mappings=load_mappings(), cipher=Cipher(bytes(32)), skews={Side.EMIAS: 90.0})
    assert _seen(house, "policy") == STAMP
