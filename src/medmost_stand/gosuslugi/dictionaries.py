"""Dictionaries of the portal, POST /api/nsi/v1/dictionary/{code} (facts/gosuslugi.md §2.6); no token needed.

Codes of the stand's own dictionaries begin with MEDMOST_; the portal's real ones are named per service. The list of
medical organizations goes by the portal's name of 2022 and holds the world's organizations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import orjson
from aiohttp import web

from medmost_stand.api import Call, json_response
from medmost_stand.dialect import Body
from medmost_stand.gosuslugi.forms import VISIT
from medmost_stand.gosuslugi.services import CATALOGUE
from medmost_stand.refusal import Reason, Refusal
from medmost_stand.system import System

_NOT_FOUND = {"error": {"code": 7, "message": "Entity not found"}, "fieldErrors": [], "total": 0, "items": []}
_FILTERS = ("ONELEVEL", "SUBTREE")
_STATUSES = {
    "0": "Черновик заявления",
    "1": "Заявление зарегистрировано",
    "2": "Заявление получено ведомством",
    "3": "Услуга оказана",
    "4": "Отказано в предоставлении услуги",
    "5": "Ошибка отправки заявления в ведомство",
    "15": "Заявление требует исправления",
    "17": "Зарегистрировано на портале",
    "21": "Заявление отправлено в ведомство",
    "22": "Ошибка получения заявления ведомством",
    "24": "Ошибка обработки заявления",
}
_OKATO = (  # value, parent, title: ОК 019-95
    ("45000000000", None, "Город Москва столица Российской Федерации город федерального значения"),
    ("45263000000", "45000000000", "Восточный административный округ"),
    ("45277000000", "45000000000", "Северный административный округ"),
    ("45286000000", "45000000000", "Центральный административный округ"),
    ("45293000000", "45000000000", "Юго-Западный административный округ"),
    ("40000000000", None, "Город Санкт-Петербург город федерального значения"),
)


class Dictionaries:
    """`count` counts a call against the limit of its caller."""

    def __init__(self, system: System, count: Callable[[str], None]) -> None:
        self._system = system
        self._count = count

    async def page(self, call: Call) -> web.Response:
        """A page of a dictionary, pages count from 1; an unknown code is error 7 with HTTP 200."""
        self._count(f"nsi:{call.request.remote}")
        asked = await call.json() if call.request.can_read_body else {}
        page, size = asked.get("pageNum") or 1, asked.get("pageSize") or 1000  # a known client sends 0 for none
        if not _whole(page) or not _whole(size) or page < 1 or size < 1:
            raise Refusal(Reason.BAD_REQUEST, "pageNum и pageSize: нужны числа от 1", "pageNum")
        found = self._items(call.request.match_info["code"])
        if found is None:
            return json_response(orjson.dumps(_NOT_FOUND))
        items = _filtered(found, asked)
        shown = items[(page - 1) * size : page * size]
        done = {"code": 0, "message": "operation completed"}
        return json_response(orjson.dumps({"error": done, "fieldErrors": [], "total": len(items), "items": shown}))

    def _items(self, code: str) -> list[Body] | None:
        made: dict[str, Callable[[], Iterable[Body]]] = {
            "MEDMOST_ORDER_STATUS": lambda: (_item(value, title) for value, title in _STATUSES.items()),
            "MEDMOST_VISIT_STATUS": lambda: (_item(str(place), name) for place, name in enumerate(VISIT.onward, 1)),
            "MEDMOST_SERVICE": lambda: (_item(one.code, one.name) for one in CATALOGUE.values()),
            "MEDMOST_OKATO": lambda: (_item(value, title, parent) for value, parent, title in _OKATO),
            "mzrf_lpu_equeue_smev3": self._organizations,
        }
        return list(made[code]()) if code in made else None

    def _organizations(self) -> Iterable[Body]:
        for record in self._system.shelves["organizations"]:
            if not record.deleted:
                fields = record.fields()
                named = str(fields.get("Полное наименование", ""))
                shown = {"MO_Id": fields.get("OID"), "Organization_Name": named, "Address_MO": fields.get("Адрес")}
                yield _item(str(fields.get("OID")), named, fields.get("Головная организация"), shown)


def _filtered(items: list[Body], asked: Body) -> list[Body]:
    """ONELEVEL: the children of parentRefItemValue, the roots where it is absent; SUBTREE: all beneath it."""
    way, parent = asked.get("treeFiltering") or None, asked.get("parentRefItemValue") or None
    if way is None and parent is None:
        return items
    if way is not None and way not in _FILTERS:
        raise Refusal(Reason.BAD_REQUEST, f"treeFiltering: {' или '.join(_FILTERS)}", "treeFiltering")
    known = {item["value"] for item in items}
    parents = [item | {"parentValue": item["parentValue"] if item["parentValue"] in known else None} for item in items]
    level = [item for item in parents if item["parentValue"] == parent]
    if way != "SUBTREE":
        return level
    found: list[Body] = []
    while level:
        item = level.pop(0)
        found.append(item)
        level += [child for child in parents if child["parentValue"] == item["value"] and child not in found]
    return found


def _item(value: str, title: str, parent: object = None, shown: dict[str, Any] | None = None) -> Body:
    rows = {name: str(text) for name, text in (shown or {}).items() if text is not None}
    return {
        "value": value,
        "parentValue": parent,
        "title": title,
        "isLeaf": True,
        "children": [],
        "attributes": [
            {
                "name": name,
                "type": "STRING",
                "value": {"asString": text, "typeOfValue": "STRING", "value": text},
                "valueAsOfType": text,
            }
            for name, text in rows.items()
        ],
        "source": None,
        "attributeValues": rows,
    }


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
