"""The same acts for programs: JSON under /api/v1, the same operations, the same rights as the pages."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get, post, put
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, JSONBody, PathParameter

from medmost.console.api import Ports
from medmost.console.entry import Asked
from medmost.console.rights import Right
from medmost.console.schema import ProblemDetails
from medmost.console.work import Id, asker, journal_query, list_query

Short = Annotated[str, msgspec.Meta(max_length=500)]
_CODES: Final = {
    400: "Asked wrongly", 401: "Nobody is signed in", 403: "The role may not do this, or no mark of the session",
    404: "There is none", 409: "Somebody was faster, or the record has changed", 503: "Not able to work now",
}  # fmt: skip
PROBLEMS: Final = {
    code: ResponseSpec(ProblemDetails, description=text, generate_examples=False) for code, text in _CODES.items()
}


class Answer(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A person's answer to a conflict: exactly one of `take`, `value`, `leave`."""

    take: Annotated[str, msgspec.Meta(pattern="^(gosuslugi|emias)$")] | None = None
    field: Short = ""
    value: Short | None = None
    leave: bool = False
    reason: Short = ""


class Deliveries(msgspec.Struct, forbid_unknown_fields=True):
    ids: Annotated[list[Short], msgspec.Meta(min_length=1, max_length=1000)]


class Stage(msgspec.Struct, forbid_unknown_fields=True):
    stage: Short


class Pause(msgspec.Struct, forbid_unknown_fields=True):
    paused: bool
    kind: Short | None = None


class Search(msgspec.Struct, forbid_unknown_fields=True):
    policy_number: Short


class Trial(msgspec.Struct, forbid_unknown_fields=True):
    side: Annotated[str, msgspec.Meta(pattern="^(gosuslugi|emias)$")]
    document: dict[str, Any]


class NewUser(msgspec.Struct, forbid_unknown_fields=True):
    name: Short
    role: Short
    password: Short


def _opt(right: Right) -> dict[str, Any]:
    return {"right": right}


@get("/api/v1/conflicts", tags=["work"], summary="A page of conflicts: state, kind, after", opt=_opt(Right.RECORDS),
     responses=PROBLEMS)  # fmt: skip
async def conflicts(request: Asked, ports: Ports) -> dict[str, Any]:
    return dict((await ports.operate("conflicts.page", list_query(request)))[1])


@get("/api/v1/conflicts/{id_:int}", tags=["work"], summary="One conflict", opt=_opt(Right.RECORDS), responses=PROBLEMS)
async def conflict(request: Asked, ports: Ports, id_: Id) -> dict[str, Any]:
    values = asker(request).may(Right.VALUES)
    return dict((await ports.operate("conflicts.show", {"id": id_, "values": values}))[1])


@post("/api/v1/conflicts/{id_:int}", tags=["work"], summary="Decide a conflict", opt=_opt(Right.WORK),
      status_code=200, responses=PROBLEMS)  # fmt: skip
async def resolve(request: Asked, ports: Ports, id_: Id, data: JSONBody[Answer]) -> dict[str, Any]:
    told = {"id": id_, "actor": asker(request).name, **msgspec.to_builtins(data)}
    return dict((await ports.operate("conflicts.resolve", told))[1])


@get("/api/v1/waiting", tags=["work"], summary="Records that wait for a person: state, kind, after",
     opt=_opt(Right.RECORDS), responses=PROBLEMS)  # fmt: skip
async def waiting(request: Asked, ports: Ports) -> list[dict[str, Any]]:
    return list((await ports.operate("pairs.list", list_query(request)))[1])


@get("/api/v1/pairs/{pair:int}", tags=["work"], summary="The card of a record", opt=_opt(Right.RECORDS),
     responses=PROBLEMS)  # fmt: skip
async def card(request: Asked, ports: Ports, pair: Id) -> dict[str, Any]:
    values = asker(request).may(Right.VALUES)
    return dict((await ports.operate("pairs.card", {"pair": pair, "values": values}))[1])


@post("/api/v1/pairs/{pair:int}/release", tags=["work"], summary="Let a held record go", opt=_opt(Right.WORK),
      status_code=200, responses=PROBLEMS)  # fmt: skip
async def release(request: Asked, ports: Ports, pair: Id) -> dict[str, Any]:
    return dict((await ports.operate("pairs.release", {"pair": pair, "actor": asker(request).name}))[1])


@post("/api/v1/search", tags=["work"], summary="Records of a person by the number of a policy",
      opt=_opt(Right.RECORDS), status_code=200, responses=PROBLEMS)  # fmt: skip
async def search(ports: Ports, data: JSONBody[Search]) -> list[dict[str, Any]]:
    return list((await ports.operate("pairs.find", {"text": data.policy_number}))[1])


@get("/api/v1/dead", tags=["work"], summary="Deliveries that did not get through", opt=_opt(Right.RECORDS),
     responses=PROBLEMS)  # fmt: skip
async def dead(ports: Ports) -> list[dict[str, Any]]:
    return list((await ports.operate("dead.list", {}))[1])


@post("/api/v1/dead/{act:str}", tags=["work"], summary="retry or drop exactly these", opt=_opt(Right.WORK),
      status_code=200, responses=PROBLEMS)  # fmt: skip
async def dead_act(
    request: Asked,
    ports: Ports,
    act: Annotated[str, PathParameter(pattern="^(retry|drop)$")],
    data: JSONBody[Deliveries],
) -> dict[str, Any]:
    return dict((await ports.operate(f"dead.{act}", {"ids": data.ids, "actor": asker(request).name}))[1])


@get("/api/v1/stages", tags=["settings"], summary="Stage, brake and pause of each kind", opt=_opt(Right.STATE),
     responses=PROBLEMS)  # fmt: skip
async def stages(ports: Ports) -> dict[str, Any]:
    return dict((await ports.operate("stage.show", {}))[1])


@put("/api/v1/stages/{kind:str}", tags=["settings"], summary="Change the stage of a kind", opt=_opt(Right.SETTINGS),
     responses=PROBLEMS)  # fmt: skip
async def stage(request: Asked, ports: Ports, kind: FromPath[str], data: JSONBody[Stage]) -> dict[str, Any]:
    told = {"kind": kind, "stage": data.stage, "actor": asker(request).name}
    return dict((await ports.operate("stage.set", told))[1])


@post("/api/v1/pause", tags=["settings"], summary="Send nothing, or go on; without a kind everything",
      opt=_opt(Right.WORK), status_code=200, responses=PROBLEMS)  # fmt: skip
async def pause(request: Asked, ports: Ports, data: JSONBody[Pause]) -> dict[str, Any]:
    told = {"kind": data.kind, "paused": data.paused, "actor": asker(request).name}
    return dict((await ports.operate("pause", told))[1])


@get("/api/v1/brakes", tags=["work"], summary="What stands still until a person has looked", opt=_opt(Right.STATE),
     responses=PROBLEMS)  # fmt: skip
async def brakes(ports: Ports) -> list[dict[str, Any]]:
    return list((await ports.operate("brakes.list", {}))[1])


@post("/api/v1/brakes/{id_:int}/release", tags=["work"], summary="Release a brake", opt=_opt(Right.WORK),
      status_code=200, responses=PROBLEMS)  # fmt: skip
async def brake(request: Asked, ports: Ports, id_: Id) -> dict[str, Any]:
    return dict((await ports.operate("brakes.release", {"ids": [id_], "actor": asker(request).name}))[1])


@get("/api/v1/drift", tags=["settings"], summary="What has changed in the shape of records", opt=_opt(Right.STATE),
     responses=PROBLEMS)  # fmt: skip
async def drift(ports: Ports) -> dict[str, Any]:
    return dict((await ports.operate("mapping.drift", {}))[1])


@post("/api/v1/drift/{id_:int}/end", tags=["settings"], summary="A finding is over", opt=_opt(Right.SETTINGS),
      status_code=200, responses=PROBLEMS)  # fmt: skip
async def drift_end(request: Asked, ports: Ports, id_: Id) -> dict[str, Any]:
    return dict((await ports.operate("mapping.drift.end", {"ids": [id_], "actor": asker(request).name}))[1])


@post("/api/v1/mappings/{kind:str}/try", tags=["settings"], summary="A record of one's own through the mapping",
      opt=_opt(Right.STATE), status_code=200, responses=PROBLEMS)  # fmt: skip
async def mapping_try(ports: Ports, kind: FromPath[str], data: JSONBody[Trial]) -> dict[str, Any]:
    told = {"kind": kind, "side": data.side, "document": data.document}
    return dict((await ports.operate("mapping.try", told))[1])


@post("/api/v1/check", tags=["status"], summary="Both ends now, as `medmost check`", opt=_opt(Right.STATE),
      status_code=200, responses=PROBLEMS)  # fmt: skip
async def check(ports: Ports) -> dict[str, Any]:
    return dict((await ports.operate("check", {}))[1])


@get("/api/v1/journal", tags=["journal"], summary="Newest entries first: act, actor, before", opt=_opt(Right.JOURNAL),
     responses=PROBLEMS)  # fmt: skip
async def journal(request: Asked, ports: Ports) -> dict[str, Any]:
    return dict((await ports.operate("journal.page", journal_query(request)))[1])


@post("/api/v1/journal/verify", tags=["journal"], summary="Is the chain whole?", opt=_opt(Right.JOURNAL),
      status_code=200, responses=PROBLEMS)  # fmt: skip
async def verify(ports: Ports) -> dict[str, Any]:
    return dict((await ports.operate("journal.verify", {}))[1])


@get("/api/v1/users", tags=["users"], summary="Who may sign in", opt=_opt(Right.USERS), responses=PROBLEMS)
async def users(ports: Ports) -> list[dict[str, Any]]:
    return list((await ports.operate("user.list", {}))[1])


@post("/api/v1/users", tags=["users"], summary="A new user", opt=_opt(Right.USERS), status_code=201, responses=PROBLEMS)
async def user_add(request: Asked, ports: Ports, data: JSONBody[NewUser]) -> Response[dict[str, Any]]:
    told = {**msgspec.to_builtins(data), "actor": asker(request).name}
    return Response(dict((await ports.operate("user.add", told))[1]), status_code=201)


HANDLERS: Final = (
    conflicts, conflict, resolve, waiting, card, release, search, dead, dead_act, stages, stage, pause, brakes, brake,
    drift, drift_end, mapping_try, check, journal, verify, users, user_add,
)  # fmt: skip
