"""A request's history only gains rows, at both systems; EMIAS repeats its last row at the head of the record."""

from __future__ import annotations

import copy
from typing import Any

from medmost.domain import history
from medmost.domain.record import Side
from medmost.mapping import load_mappings

G, E = Side.GOSUSLUGI, Side.EMIAS
REQUEST = load_mappings()["request"]
DAY = "2026-11-20T"


def portal(*rows: dict[str, Any]) -> dict[str, Any]:
    order: dict[str, Any] = {"id": 7, "statuses": list(rows)}
    order["orderAttributes"] = [{"name": "policyNumber", "value": "7756410834123459"}]
    return {"order": order}


def portal_row(number: int, status: int, at: str, **more: Any) -> dict[str, Any]:
    return {"id": number, "statusId": status, "title": f"t{status}", "date": f"{DAY}{at}.000+0300", **more}


def clinic(*rows: dict[str, Any], **head: Any) -> dict[str, Any]:
    return {"orderId": 7, "policyNumber": "7756410834123459", "history": list(rows), **head}


def clinic_row(number: str, status: int, at: str, **more: Any) -> dict[str, Any]:
    return {"id": number, "statusId": status, "title": f"t{status}", "at": f"{DAY}{at}+03:00", **more}


def rows_of(side: Side, doc: dict[str, Any]) -> list[dict[str, Any]]:
    reading = REQUEST.read(side, doc)
    assert reading.problems == ()
    rows: list[dict[str, Any]] = reading.fields["history"]
    return rows


def test_rows_are_ordered_by_time_alone() -> None:
    doc = portal(portal_row(3, 2, "10:00:03"), portal_row(1, 17, "10:00:01"), portal_row(2, 21, "10:00:02"))
    assert [row["status_id"] for row in rows_of(G, doc)] == [17, 21, 2]


def test_missing_row_is_appended_to_portal() -> None:
    doc = portal(portal_row(1, 17, "10:00:01"))
    before = copy.deepcopy(doc)
    rows = rows_of(E, clinic(clinic_row("a", 17, "10:00:30"), clinic_row("b", 3, "12:00:00", comment="Готово")))
    written = REQUEST.write(G, {"history": rows}, doc)
    assert doc == before
    assert written["order"]["statuses"] == [
        doc["order"]["statuses"][0],
        {
            "statusId": 3,
            "title": "t3",
            "date": f"{DAY}12:00:00.000+0300",
            "comment": "Готово",
            "finalStatus": True,
            "originRowId": "b",
        },
    ]
    assert history.level(rows_of(G, written), rows)
    assert REQUEST.write(G, {"history": rows}, written) == written


def test_new_request_at_emias_shows_last_status() -> None:
    rows = rows_of(G, portal(portal_row(1, 17, "10:00:01"), portal_row(2, 2, "10:00:09", comment="Получено")))
    written = REQUEST.write(E, {"order_id": "7", "history": rows}, None)
    assert written == {
        "orderId": 7,
        "statusId": 2,
        "statusName": "t2",
        "statusAt": f"{DAY}10:00:09+03:00",
        "final": False,
        "history": [
            {
                "statusId": 17,
                "title": "t17",
                "at": f"{DAY}10:00:01+03:00",
                "originRowId": "1",
                "final": False,
            },
            {
                "statusId": 2,
                "title": "t2",
                "at": f"{DAY}10:00:09+03:00",
                "comment": "Получено",
                "originRowId": "2",
                "final": False,
            },
        ],
    }


def test_status_of_the_head_counts_as_row() -> None:
    doc = clinic(clinic_row("a", 17, "10:00:01"), statusId=3, statusName="t3", statusAt=f"{DAY}12:00:00+03:00")
    assert [row["status_id"] for row in rows_of(E, doc)] == [17, 3]
    assert rows_of(E, doc)[1]["final"] is True
    later = [*rows_of(E, doc), *rows_of(G, portal(portal_row(9, 4, "13:00:00")))]
    written = REQUEST.write(E, {"history": later}, doc)
    assert [row["statusId"] for row in written["history"]] == [17, 3, 4]
    assert (written["statusId"], written["statusName"]) == (4, "t4")


def test_head_that_history_holds_adds_nothing() -> None:
    doc = clinic(clinic_row("a", 17, "10:00:01"), statusId=17, statusAt=f"{DAY}10:00:59+03:00")
    assert len(rows_of(E, doc)) == 1


def test_earlier_row_leaves_the_head_alone() -> None:
    doc = clinic(clinic_row("a", 3, "12:00:00"), statusId=3, statusAt=f"{DAY}12:00:00+03:00")
    rows = rows_of(G, portal(portal_row(1, 17, "10:00:01")))
    written = REQUEST.write(E, {"history": rows}, doc)
    assert (written["statusId"], written["statusAt"]) == (3, f"{DAY}12:00:00+03:00")


def test_request_without_any_status_is_invalid() -> None:
    for doc in (clinic(), clinic(statusId=17)):
        problems = REQUEST.read(E, doc).problems
        assert [(problem.reason, problem.field.split(".")[0]) for problem in problems] == [("missing", "history")]


def test_bad_row_is_named_by_its_place() -> None:
    doc = portal(portal_row(1, 17, "10:00:01"), {"id": 2, "statusId": "?", "date": "вчера"})
    problems = REQUEST.read(G, doc).problems
    assert [(problem.field, problem.reason) for problem in problems] == [
        ("history[1].status_id", "format"),
        ("history[1].at", "format"),
    ]
