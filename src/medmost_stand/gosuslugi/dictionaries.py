"""Dictionaries of the portal, POST /api/nsi/v1/dictionary/{code} (facts/gosuslugi.md §2.6); no token needed."""

from __future__ import annotations

import orjson
from aiohttp import web

from medmost_stand.api import Call, json_response
from medmost_stand.gosuslugi.forms import VISIT
from medmost_stand.refusal import Reason, Refusal

_NOT_FOUND = {"error": {"code": 7, "message": "Entity not found"}, "fieldErrors": [], "total": 0, "items": []}
# Codes of the stand's own dictionaries; the portal's real ones are named per service.
DICTIONARIES: dict[str, dict[str, str]] = {
    "MEDMOST_ORDER_STATUS": {
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
    },
    "MEDMOST_VISIT_STATUS": {str(number): name for number, name in enumerate(VISIT.onward, 1)},
}


async def dictionary(call: Call) -> web.Response:
    """A page of a dictionary, pages count from 1; an unknown code is error 7 with HTTP 200."""
    asked = await call.json() if call.request.can_read_body else {}
    found = DICTIONARIES.get(call.request.match_info["code"])
    if found is None:
        return json_response(orjson.dumps(_NOT_FOUND))
    page, size = asked.get("pageNum", 1), asked.get("pageSize", 1000)
    if not isinstance(page, int) or not isinstance(size, int) or page < 1 or size < 1:
        raise Refusal(Reason.BAD_REQUEST, "pageNum и pageSize: нужны числа от 1", "pageNum")
    items = [_item(value, title) for value, title in found.items()]
    shown = items[(page - 1) * size : page * size]
    done = {"code": 0, "message": "operation completed"}
    return json_response(orjson.dumps({"error": done, "fieldErrors": [], "total": len(items), "items": shown}))


def _item(value: str, title: str) -> dict[str, object]:
    return {
        "value": value,
        "parentValue": None,
        "title": title,
        "isLeaf": True,
        "children": [],
        "attributes": [],
        "source": None,
        "attributeValues": {},
    }
