"""What a person on duty decides: conflicts, records that wait, deliveries that did not get through, search, cards."""

from __future__ import annotations

from typing import Annotated, Any, Final

from litestar import Response, get, post
from litestar.params import PathParameter
from litestar.response import Redirect

from medmost.console.api import Ports
from medmost.console.entry import Asked, signed_in
from medmost.console.ports import ConsolePorts
from medmost.console.problems import status_of
from medmost.console.rendering import screen
from medmost.console.rights import Right, Signed
from medmost.console.shown import as_text, compared
from medmost.domain.errors import MedmostError

RECORDS: Final = {"right": Right.RECORDS}
WORK: Final = {"right": Right.WORK}
WAITING: Final = ("ambiguous", "quarantined", "refused", "invalid", "foreign")
PLACES: Final = 18  # digits of a number in an address, so that it fits any database
Id = Annotated[int, PathParameter(ge=0, le=2**53)]
STATES: Final = ("open", "resolved", "decided", "void")


def asker(request: Asked) -> Signed:
    found = signed_in(request)
    assert found is not None, "the guard lets nobody in unknown"
    return found


async def kinds_of(ports: ConsolePorts) -> list[str]:
    return list((await ports.operate("stage.show", {}))[1])


def list_query(request: Asked) -> dict[str, Any]:
    """`kind`, `state` and `after` (a number) of a list; whatever else is asked says nothing."""
    asked: dict[str, Any] = {name: request.query_params[name] for name in ("kind", "state") if _given(request, name)}
    after = request.query_params.get("after", "")
    return asked | {"after": int(after)} if after.isascii() and after.isdigit() and len(after) < PLACES else asked


def journal_query(request: Asked) -> dict[str, Any]:
    """`act`, `actor` and `before` (seconds since 1970, as the page before told)."""
    asked: dict[str, Any] = {name: request.query_params.get(name, "") for name in ("act", "actor")}
    before = request.query_params.get("before", "")
    known = before.isascii() and before.replace(".", "", 1).isdigit() and len(before) < PLACES
    return asked | {"before": float(before) if known else None}


def _given(request: Asked, name: str) -> bool:
    return bool(request.query_params.get(name))


@get("/conflicts", include_in_schema=False, opt=RECORDS)
async def conflicts(request: Asked, ports: Ports) -> Response[str]:
    asked = list_query(request)
    if asked.get("state") not in STATES:
        asked["state"] = "open"
    _, told = await ports.operate("conflicts.page", dict(asked))
    return screen(
        request, "conflicts.html", told=told, asked=asked, kinds=await kinds_of(ports), states=STATES,
        said=request.query_params.get("said", ""),
    )  # fmt: skip


async def _conflict(
    request: Asked, ports: ConsolePorts, id_: int, trouble: MedmostError | None = None
) -> Response[str]:
    values = asker(request).may(Right.VALUES)
    _, told = await ports.operate("conflicts.show", {"id": id_, "values": values})
    sides = {
        side: compared(told.get(side), told.get(other))
        for side, other in (("gosuslugi", "emias"), ("emias", "gosuslugi"))
    }
    return screen(
        request, "conflict.html", status_code=status_of(trouble) if trouble else 200, one=told, sides=sides,
        settled=as_text(told.get("settled")), values=values, trouble=trouble,
    )  # fmt: skip


@get("/conflicts/{id_:int}", include_in_schema=False, opt=RECORDS)
async def conflict(request: Asked, ports: Ports, id_: Id) -> Response[str]:
    return await _conflict(request, ports, id_)


@post("/conflicts/{id_:int}", include_in_schema=False, opt=WORK, status_code=200)
async def resolve(request: Asked, ports: Ports, id_: Id) -> Response[str] | Redirect:
    """One answer to one question; who comes second sees what the first one decided."""
    form = await request.form()
    answer, field = str(form.get("answer", "")), str(form.get("field", ""))
    told: dict[str, Any] = {"id": id_, "actor": asker(request).name, "reason": str(form.get("reason", ""))}
    if answer in ("gosuslugi", "emias"):
        told["take"] = answer
    elif answer == "leave":
        told["leave"] = True
    else:
        told |= {"field": field, "value": str(form.get("value", ""))}
    try:
        await ports.operate("conflicts.resolve", told)
    except MedmostError as error:
        return await _conflict(request, ports, id_, error)
    return Redirect("/conflicts?said=resolved", status_code=303)


@get("/waiting", include_in_schema=False, opt=RECORDS)
async def waiting(request: Asked, ports: Ports) -> Response[str]:
    """Records held for a person."""
    asked, size = list_query(request), 50
    if asked.get("state") not in WAITING:
        asked.pop("state", None)
    _, rows = await ports.operate("pairs.list", asked | {"limit": size + 1})
    more = rows[size - 1]["pair"] if len(rows) > size else None
    return screen(
        request, "waiting.html", rows=rows[:size], more=more, asked=asked, kinds=await kinds_of(ports), states=WAITING,
        said=request.query_params.get("said", ""),
    )  # fmt: skip


@get("/pairs/{pair:int}", include_in_schema=False, opt=RECORDS)
async def card(request: Asked, ports: Ports, pair: Id) -> Response[str]:
    values = asker(request).may(Right.VALUES)
    _, told = await ports.operate("pairs.card", {"pair": pair, "values": values})
    rows = []
    for name in told["fields"] if values else ():
        here, there = ((told["sides"][side].get("now") or {}).get(name) for side in ("gosuslugi", "emias"))
        settled = (told["sides"]["emias"].get("settled") or {}).get(name)
        rows.append((name, as_text(settled), compared(here, there), compared(there, here)))
    return screen(request, "card.html", one=told, rows=rows, values=values, said=request.query_params.get("said", ""))


@post("/pairs/{pair:int}/release", include_in_schema=False, opt=WORK, status_code=303)
async def release(request: Asked, ports: Ports, pair: Id) -> Redirect:
    code, _ = await ports.operate("pairs.release", {"pair": pair, "actor": asker(request).name})
    return Redirect(f"/pairs/{pair}?said={'held_again' if code else 'released'}", status_code=303)


@get("/dead", include_in_schema=False, opt=RECORDS)
async def dead(request: Asked, ports: Ports) -> Response[str]:
    _, rows = await ports.operate("dead.list", {})
    return screen(request, "dead.html", rows=rows, said=request.query_params.get("said", ""))


@post("/dead", include_in_schema=False, opt=WORK, status_code=303)
async def dead_act(request: Asked, ports: Ports) -> Redirect:
    """Exactly the deliveries that were marked: tried again, or their side left as it is."""
    form = await request.form()
    ids, drop = [str(one) for one in form.getall("id", [])], form.get("act") == "drop"
    if ids:
        await ports.operate("dead.drop" if drop else "dead.retry", {"ids": ids, "actor": asker(request).name})
    return Redirect(f"/dead?said={'dropped' if drop else 'retried'}" if ids else "/dead", status_code=303)


@get("/search", include_in_schema=False, opt=RECORDS)
async def search_page(request: Asked) -> Response[str]:
    return screen(request, "search.html", rows=None, trouble=None)


@post("/search", include_in_schema=False, opt=RECORDS, status_code=200)
async def search(request: Asked, ports: Ports) -> Response[str]:
    """By the number of a policy; the number goes in the body, never in an address."""
    try:
        _, rows = await ports.operate("pairs.find", {"text": str((await request.form()).get("text", ""))})
    except MedmostError as error:
        return screen(request, "search.html", status_code=status_of(error), rows=None, trouble=error)
    return screen(request, "search.html", rows=rows, trouble=None)


HANDLERS: Final = (
    conflicts, conflict, resolve, waiting, card, release, dead, dead_act, search_page, search,
)  # fmt: skip
