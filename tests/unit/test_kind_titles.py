"""A kind that a deployment adds is called by the title of its own file."""

from __future__ import annotations

from datetime import UTC, datetime

from medmost.console.view import view_of
from medmost.notify.book import Event
from medmost.notify.texts import write_notice
from medmost.notify.words import kind_name

TITLES = {"prescription": ("Рецепт", "Prescription"), "policy": ("Полис", "Policy")}


def test_added_kind_has_its_title() -> None:
    assert [kind_name("prescription", lang, TITLES) for lang in ("ru", "en")] == ["Рецепт", "Prescription"]
    assert kind_name("policy", "ru", TITLES) == "Полисы"
    assert kind_name("unheard", "ru", TITLES) == "unheard"


def test_notice_names_an_added_kind() -> None:
    at = datetime(2026, 11, 1, 9, tzinfo=UTC)
    event = Event(kind="drift", system="emias", object_kind="prescription", code="MM-DRIFT-LOST", at=at)
    notice = write_notice("drift", "drift", event, at=at, lang="ru", titles=TITLES)
    assert "Рецепт" in notice.title
    assert "prescription" not in notice.title + notice.body


def test_console_names_an_added_kind() -> None:
    at = datetime(2026, 11, 1, 9, tzinfo=UTC)
    waiting = {"what": "conflict", "kind": "prescription", "system": "emias"}
    view = view_of({"kinds": {"prescription": {}, "policy": {}}}, [waiting], [], at, "en", TITLES)  # type: ignore[list-item]  # written as a plain dict
    assert [kind.title for kind in view.kinds] == ["Prescription", "Policies"]
    assert view.attention[0].where == "EMIAS · Prescription"
