"""EMIAS and Gosuslugi as they speak HTTP (contracts §2): routes, errors, lists, the rules of each for what it takes."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta, timezone
from typing import Any, NoReturn

import orjson

from simulation.model import Answer, Doc, Kept, Portal, iso, moscow, parts

MOSCOW = timezone(timedelta(hours=3))
FORWARD = {
    "BOOKED": {"ARRIVED", "FULFILLED", "NOSHOW", "CANCELLED", "REJECTED"}, "ARRIVED": {"FULFILLED", "NOSHOW"},
}  # fmt: skip
WORDS = {
    "Записан": "BOOKED", "Прибыл": "ARRIVED", "Завершён": "FULFILLED", "Не явился": "NOSHOW", "Отменена": "CANCELLED",
    "Отклонена": "REJECTED",
}  # fmt: skip
OF_A_PATIENT = ("visits", "results", "vaccinations", "requests")


class Emias(Portal):
    side = "emias"
    shouted = ("lastName", "comment")

    def problem(self, status: int, code: str, words: str, headers: dict[str, str] | None = None) -> Answer:
        error = {"code": "SIM_" + code, "description": words, "type": "BUSINESS", "origin": "SIM", "field": None}
        return Answer(status, {"error": error}, headers)

    def not_found(self) -> Answer:
        return self.problem(404, "NOT_FOUND", "Нет такой записи")

    def gone(self) -> Answer:
        return self.problem(410, "GONE", "Запись удалена")

    def stale(self) -> Answer:
        return self.problem(412, "VERSION_MISMATCH", "Версия другая")

    def shown(self, collection: str, kept: Kept) -> Doc:
        head: Doc = {"id": kept.ref, "version": kept.version, "updatedAt": iso(kept.stamp)}
        if kept.origin is not None:
            head["originId"] = kept.origin
        return {**head, "deletedAt": iso(kept.stamp)} if kept.doc is None else {**head, **kept.doc}

    # ------------------------------------------------------------ requests
    def _route(
        self, method: str, path: str, query: dict[str, str], headers: dict[str, str], body: bytes | None
    ) -> NoReturn:
        if path == "/oauth/token":
            token, life = self._new_token()
            raise Answer(200, {"access_token": token, "token_type": "Bearer", "expires_in": life})
        self._checked(headers.get("Authorization"))
        steps = parts(path, "/api/v1")
        collection, _, verb = steps[0].partition(":")
        told = orjson.loads(body) if body else None
        if collection == "subscriptions":
            self.subscription = (told["url"], told["secret"])
            raise Answer(201, {"id": "s1"})
        if verb == "search":
            raise Answer(
                200, {"items": self._by_key(collection, told), "nextPageToken": None, "serverTime": self._time()}
            )
        if len(steps) == 2:
            self._one(method, collection, steps[1], headers, told)
        if method == "POST":
            origin = told.pop("originId", None)
            self._create(collection, told, headers.get("Idempotency-Key"), origin)
        if "origin" in query:
            items = self._by_origin(collection, query["origin"])
            raise Answer(200, {"items": items, "nextPageToken": None, "serverTime": self._time()})
        self._list(collection, query)

    def _time(self) -> str:
        return iso(self.now())

    def _one(self, method: str, collection: str, ref: str, headers: dict[str, str], told: Any) -> None:
        if method == "GET":
            kept = self.of(collection).get(ref)
            if kept is None:
                raise self.not_found()
            raise Answer(200, self.shown(collection, kept), {"ETag": f'"{kept.version}"'})
        body = None if method == "DELETE" else told
        self._change(collection, ref, body, headers.get("Idempotency-Key"), headers.get("If-Match"))

    def _list(self, collection: str, query: dict[str, str]) -> NoReturn:
        after, since = None, None
        if token := query.get("pageToken"):
            stamp, _, ref = token.partition("~")
            after = (float(stamp), ref)
        elif text := query.get("updatedSince"):
            since = datetime.fromisoformat(text).timestamp()
        size = int(query.get("pageSize", "100"))
        if after is None and size > 1:
            self._noted(collection, since)
        rows = self._rows(collection, since, after)
        size = min(size, self.rules.page)
        page = rows[:size]
        token = f"{page[-1].stamp!r}~{page[-1].ref}" if len(rows) > size else None
        items = [self.shown(collection, kept) for kept in page]
        raise Answer(200, {"items": items, "nextPageToken": token, "serverTime": self._time()})

    # ------------------------------------------------------------ its rules
    def _accept(self, collection: str, body: Doc, kept: Kept | None) -> None:
        if collection in OF_A_PATIENT and not self._knows(body.get("policyNumber")):
            raise self.problem(422, "UNKNOWN_REFERENCE", "Нет такого полиса")
        if self.rules.unique and self.twin(collection, body, kept.ref if kept else None) is not None:
            raise self.problem(409, "DUPLICATE", "Такая запись уже есть")
        if collection == "visits":
            self._accept_visit(body, kept)

    def _accept_visit(self, body: Doc, kept: Kept | None) -> None:
        was = (kept.doc or {}).get("status") if kept else None
        if was is not None and body.get("status") != was and body.get("status") not in FORWARD.get(was, ()):
            self.backward.append(("visits", kept.ref if kept else ""))
            raise self.problem(409, "STATUS_BACKWARD", "Состояние не может вернуться")
        if kept is None and body.get("status") == "BOOKED" and self.taken(body):
            raise self.problem(409, "SLOT_TAKEN", "Время уже занято")

    def taken(self, body: Doc) -> bool:
        """Has the doctor another patient's visit at that time?"""
        for kept in self.of("visits").values():
            other = kept.doc or {}
            if other.get("status") == "BOOKED" and other.get("startTime") == body.get("startTime") and (
                other.get("doctor") == body.get("doctor") and other.get("policyNumber") != body.get("policyNumber")
            ):  # fmt: skip
                return True
        return False

    def _knows(self, number: Any) -> bool:
        return any((kept.doc or {}).get("policyNumber") == number for kept in self.of("policies").values())


class Gosuslugi(Portal):
    side = "gosuslugi"

    def _stamp(self) -> float:
        return float(math.floor(self.now()))

    def problem(self, status: int, code: str, words: str, headers: dict[str, str] | None = None) -> Answer:
        return Answer(status, {"code": code.lower(), "message": words}, headers)

    def not_found(self) -> Answer:
        return Answer(204)

    def gone(self) -> Answer:
        return self.problem(409, "deleted", "Запись удалена")

    def stale(self) -> Answer:
        return self.problem(409, "version_mismatch", "Редакция другая")

    def shown(self, collection: str, kept: Kept) -> Doc:
        head: Doc = {"id": kept.ref, "редакция": kept.version, "изменено": moscow(kept.stamp)}
        if kept.origin is not None:
            head["внешнийИд"] = kept.origin
        if kept.doc is None:
            return {**head, "удалено": moscow(kept.stamp)}
        if collection == "requests":  # the exchange shows a line; the order API has the rest
            return {**head, "orderId": str(kept.doc["order"]["id"]), "Номер полиса": policy_of(kept.doc)}
        return {**head, **kept.doc}

    def _new_ref(self, collection: str) -> str:
        return self._order_id if collection == "requests" else super()._new_ref(collection)

    def act_create(self, collection: str, doc: Doc) -> str:
        self._order_id = str(doc["order"]["id"]) if collection == "requests" else ""
        return super().act_create(collection, doc)

    # ------------------------------------------------------------ requests
    def _route(
        self, method: str, path: str, query: dict[str, str], headers: dict[str, str], body: bytes | None
    ) -> NoReturn:
        if path.startswith("/esia-rs/"):
            token, life = self._new_token()
            raise Answer(200, {"accessTkn": token, "expiresIn": life})
        self._checked(headers.get("Authorization"))
        if path.startswith("/api/gusmev/order/"):
            self._order_of(path.rpartition("/")[2])
        steps = parts(path, "/api/exchange/v1")
        collection, told = steps[0], orjson.loads(body) if body else None
        if collection == "subscriptions":
            self.subscription = (told["url"], told["secret"])
            raise Answer(201, {"id": "1"})
        if len(steps) == 2 and steps[1] == "search":
            raise Answer(200, self._page(self._by_key(collection, told)))
        if len(steps) == 2:
            self._one(method, collection, steps[1], headers, told)
        if method == "POST":
            origin = told.pop("внешнийИд", None)
            self._create(collection, told, headers.get("X-Request-Id"), origin)
        if "origin" in query:
            raise Answer(200, self._page(self._by_origin(collection, query["origin"])))
        self._list(collection, query)

    def _page(self, rows: list[Doc]) -> Doc:
        return {"content": rows, "page": 0, "size": 500, "total": len(rows), "время": moscow(self.now())}

    def _order_of(self, ref: str) -> NoReturn:
        kept = self.of("requests").get(ref)
        if kept is None or kept.doc is None:
            raise Answer(204)
        raise Answer(200, {"order": json.dumps(kept.doc["order"], ensure_ascii=False)})

    def _one(self, method: str, collection: str, ref: str, headers: dict[str, str], told: Any) -> None:
        if method == "GET":
            kept = self.of(collection).get(ref)
            if kept is None:
                raise self.not_found()
            raise Answer(200, self.shown(collection, kept), {"ETag": f'"{kept.version}"'})
        key, expected = headers.get("X-Request-Id"), headers.get("If-Match")
        if collection == "requests":
            self._add_row(ref, told, key, expected)
        self._change(collection, ref, None if method == "DELETE" else told, key, expected)

    def _add_row(self, ref: str, told: Doc, key: str | None, expected: str | None) -> NoReturn:
        """A new row of the history, idempotent by the row's own id at the other system."""
        self._replay(key, told)
        kept = self.of("requests").get(ref)
        if kept is None or kept.doc is None:
            raise self.not_found()
        order = kept.doc["order"]
        present = [row for row in order["statuses"] if row.get("originRowId") == told.get("originRowId")]
        if not (present and told.get("originRowId")):
            if expected is None or expected.strip('"') != str(kept.version):
                raise self.stale()
            self._ids += 1
            row = {"id": 90_000 + self._ids, "statusId": told["statusId"], "title": told["title"], "date": told["at"],
                   "comment": told.get("comment"), "originRowId": told.get("originRowId")}  # fmt: skip
            doc = {**kept.doc, "order": {**order, "statuses": [*order["statuses"], row]}}
            kept = self._keep("requests", ref, doc, kept.origin, by="medmost", key=key, expected=kept.version)
        self._answered(201, "requests", kept, key, told)
        raise AssertionError

    def _list(self, collection: str, query: dict[str, str]) -> NoReturn:
        since = None
        if text := query.get("changedAfter"):
            since = datetime.strptime(text, "%d.%m.%Y %H:%M:%S").replace(tzinfo=MOSCOW).timestamp()
        asked, page = int(query.get("size", "20")), int(query.get("page", "0"))
        if page == 0 and asked > 1:
            self._noted(collection, since)
        size = min(asked, self.rules.page)
        rows = self._rows(collection, since)
        content = [self.shown(collection, kept) for kept in rows[page * size : (page + 1) * size]]
        told = {"content": content, "page": page, "size": size, "total": len(rows), "время": moscow(self.now())}
        raise Answer(200, told)

    # ------------------------------------------------------------ its rules
    def _accept(self, collection: str, body: Doc, kept: Kept | None) -> None:
        if collection in OF_A_PATIENT and not self._knows(body.get("Номер полиса")):
            raise self.problem(400, "unknown_reference", "Нет такого полиса")
        if self.rules.unique and self.twin(collection, body, kept.ref if kept else None) is not None:
            raise self.problem(409, "duplicate", "Такая запись уже есть")
        was = (kept.doc or {}).get("Статус записи") if kept and collection == "visits" else None
        now = body.get("Статус записи")
        if was is not None and now != was and WORDS.get(str(now)) not in FORWARD.get(WORDS[was], ()):
            self.backward.append(("visits", kept.ref if kept else ""))
            raise self.problem(409, "status_backward", "Состояние не может вернуться")

    def _knows(self, number: Any) -> bool:
        return any((kept.doc or {}).get("Номер полиса") == number for kept in self.of("policies").values())


def policy_of(doc: Doc) -> str:
    return str(next(one["value"] for one in doc["order"]["orderAttributes"] if one["name"] == "policyNumber"))
