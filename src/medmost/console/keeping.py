"""What keeps the exchange right: stages, brakes, drift, mappings, systems, the journal, people of the console."""

from __future__ import annotations

import csv
import io
from typing import Any, Final

import orjson
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from medmost.console.api import Ports
from medmost.console.entry import Asked, page_language
from medmost.console.problems import status_of
from medmost.console.rendering import screen
from medmost.console.rights import Right, Role
from medmost.console.shown import as_text, at
from medmost.console.work import Id, asker, journal_query
from medmost.domain.errors import Fatal, MedmostError
from medmost.domain.holds import REASONS

STATE: Final = {"right": Right.STATE}
SETTINGS: Final = {"right": Right.SETTINGS}
WORK: Final = {"right": Right.WORK}
JOURNAL: Final = {"right": Right.JOURNAL}
USERS: Final = {"right": Right.USERS}
STAGES: Final = (
    "stopped", "observe", "double-entry", "shadow", "roll-out:1", "roll-out:5", "roll-out:25", "roll-out:100", "full",
)  # fmt: skip
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is run by a spreadsheet (OWASP, CSV injection): it gets an apostrophe."""


def _said(request: Asked) -> str:
    return request.query_params.get("said", "")


@get("/stages", include_in_schema=False, opt=STATE)
async def stages(request: Asked, ports: Ports) -> Response[str]:
    _, told = await ports.operate("stage.show", {})
    return screen(request, "stages.html", kinds=told, stages=STAGES, said=_said(request))


@post("/stages/{kind:str}", include_in_schema=False, opt=SETTINGS, status_code=303)
async def stage(request: Asked, ports: Ports, kind: FromPath[str]) -> Redirect:
    form = await request.form()
    told = {"kind": kind, "stage": str(form.get("stage", "")), "actor": asker(request).name}
    await ports.operate("stage.set", told)
    return Redirect("/stages?said=stage", status_code=303)


@post("/stages/{kind:str}/pause", include_in_schema=False, opt=WORK, status_code=303)
async def pause(request: Asked, ports: Ports, kind: FromPath[str]) -> Redirect:
    """Sends nothing of a kind, or goes on; `all` means every kind."""
    paused = (await request.form()).get("act") == "pause"
    told = {"kind": None if kind == "all" else kind, "paused": paused, "actor": asker(request).name}
    await ports.operate("pause", told)
    return Redirect(f"/stages?said={'paused' if paused else 'resumed'}", status_code=303)


@get("/brakes", include_in_schema=False, opt=STATE)
async def brakes(request: Asked, ports: Ports) -> Response[str]:
    _, rows = await ports.operate("brakes.list", {})
    return screen(request, "brakes.html", rows=rows, reasons=REASONS, said=_said(request))


@post("/brakes/{id_:int}", include_in_schema=False, opt=WORK, status_code=303)
async def brake(request: Asked, ports: Ports, id_: Id) -> Redirect:
    await ports.operate("brakes.release", {"ids": [id_], "actor": asker(request).name})
    return Redirect("/brakes?said=brake", status_code=303)


@get("/drift", include_in_schema=False, opt=STATE)
async def drift(request: Asked, ports: Ports) -> Response[str]:
    _, told = await ports.operate("mapping.drift", {})
    return screen(request, "drift.html", told=told, said=_said(request))


@post("/drift/{id_:int}", include_in_schema=False, opt=SETTINGS, status_code=303)
async def drift_end(request: Asked, ports: Ports, id_: Id) -> Redirect:
    await ports.operate("mapping.drift.end", {"ids": [id_], "actor": asker(request).name})
    return Redirect("/drift?said=drift", status_code=303)


@get("/mappings", include_in_schema=False, opt=STATE)
async def mappings(request: Asked, ports: Ports) -> Response[str]:
    _, tables = await ports.operate("mapping.tables", {"lang": page_language(request)})
    _, waiting = await ports.operate("mapping.diff", {})
    return screen(request, "mappings.html", tables=tables, waiting=waiting, said=_said(request))


@post("/mappings/apply", include_in_schema=False, opt=SETTINGS, status_code=303)
async def mapping_apply(request: Asked, ports: Ports) -> Redirect:
    kind = str((await request.form()).get("kind", "")) or None
    await ports.operate("mapping.apply", {"kind": kind, "actor": asker(request).name})
    return Redirect("/mappings?said=mapping", status_code=303)


@get("/mappings/{kind:str}/try", include_in_schema=False, opt=STATE)
async def mapping_try_page(request: Asked, kind: FromPath[str]) -> Response[str]:
    return screen(request, "try.html", kind=kind, text="", side="emias", trial=None, trouble=None, as_text=as_text)


@post("/mappings/{kind:str}/try", include_in_schema=False, opt=STATE, status_code=200)
async def mapping_try(request: Asked, ports: Ports, kind: FromPath[str]) -> Response[str]:
    """A record of one's own through the mapping and back; nothing of it is kept."""
    form = await request.form()
    text, side = str(form.get("text", "")), str(form.get("side", "emias"))
    trial: Any = None
    trouble: MedmostError | None = None
    try:
        doc = _document(text)
        _, trial = await ports.operate("mapping.try", {"kind": kind, "side": side, "document": doc, "text": text})
    except MedmostError as error:
        trouble = error
    return screen(
        request, "try.html", status_code=status_of(trouble) if trouble else 200, kind=kind, text=text, side=side,
        trial=trial, trouble=trouble, as_text=as_text,
    )  # fmt: skip


def _document(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Fatal(
            "MM-CLI-FILE",
            f"строка {error.lineno}: это не запись в JSON",
            f"line {error.lineno}: this is no JSON record",
        ) from error


@get("/systems", include_in_schema=False, opt=STATE)
async def systems(request: Asked) -> Response[str]:
    return screen(request, "systems.html", told=None)


@post("/systems", include_in_schema=False, opt=STATE, status_code=200)
async def check(request: Asked, ports: Ports) -> Response[str]:
    """Asks both systems now, as `medmost check` does."""
    _, told = await ports.operate("check", {})
    return screen(request, "systems.html", told=told)


@get("/journal", include_in_schema=False, opt=JOURNAL)
async def journal(request: Asked, ports: Ports) -> Response[str]:
    asked = journal_query(request)
    _, told = await ports.operate("journal.page", asked)
    return screen(request, "journal.html", told=told, asked=asked, broken=None)


@post("/journal/verify", include_in_schema=False, opt=JOURNAL, status_code=200)
async def verify(request: Asked, ports: Ports) -> Response[str]:
    _, found = await ports.operate("journal.verify", {})
    _, told = await ports.operate("journal.page", {})
    asked = {"act": "", "actor": "", "before": ""}
    return screen(request, "journal.html", told=told, asked=asked, broken=found["broken"])


@post("/journal/export", include_in_schema=False, opt=JOURNAL, status_code=200)
async def export(request: Asked, ports: Ports) -> Response[bytes]:
    """The journal as CSV, in the order shown; that it was taken out is in the journal."""
    form = await request.form()
    asked = {name: str(form.get(name, "")) for name in ("act", "actor")}
    _, told = await ports.operate("journal.export", asked | {"by": asker(request).name})
    headers = {"content-disposition": 'attachment; filename="medmost-journal.csv"'}
    return Response(as_csv(told["rows"]), media_type="text/csv; charset=utf-8", headers=headers)


def as_csv(rows: list[dict[str, Any]]) -> bytes:
    """Time, writer, place, act, actor and the rest as JSON; no cell is a formula."""
    out = io.StringIO()
    lines = csv.writer(out)
    lines.writerow(("at", "writer", "seq", "act", "actor", "more"))
    for row in rows:
        more = {key: value for key, value in row.items() if key not in ("at", "writer", "seq", "act", "actor")}
        cells = (at(row["at"]), row["writer"], row["seq"], row.get("act", ""), row.get("actor", ""), as_text(more))
        lines.writerow([_harmless(str(cell)) for cell in cells])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA) else cell


@get("/users", include_in_schema=False, opt=USERS)
async def users(request: Asked, ports: Ports) -> Response[str]:
    _, rows = await ports.operate("user.list", {})
    return screen(request, "users.html", rows=rows, roles=list(Role), trouble=None, said=_said(request))


@post("/users", include_in_schema=False, opt=USERS, status_code=200)
async def user_act(request: Asked, ports: Ports) -> Response[str] | Redirect:
    """Adds, shuts out, lets in again, gives another role or password."""
    form = await request.form()
    told = {name: str(form.get(name, "")) for name in ("name", "role", "password")} | {"actor": asker(request).name}
    act = str(form.get("act", ""))
    name = {"enable": "user.disable"}.get(act, f"user.{act}")
    try:
        if name not in ("user.add", "user.passwd", "user.role", "user.disable"):
            raise Fatal("MM-WEB-ACT", f"Нет такого действия: {act}", f"there is no such act: {act}")
        await ports.operate(name, told | {"enable": act == "enable"})
    except MedmostError as error:
        _, rows = await ports.operate("user.list", {})
        return screen(
            request,
            "users.html",
            status_code=status_of(error),
            rows=rows,
            roles=list(Role),
            trouble=error,
            said="",
        )
    return Redirect("/users?said=user", status_code=303)


HANDLERS: Final = (
    stages, stage, pause, brakes, brake, drift, drift_end, mappings, mapping_apply, mapping_try_page, mapping_try,
    systems, check, journal, verify, export, users, user_act,
)  # fmt: skip
