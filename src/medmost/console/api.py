"""Health, metrics, status and webhooks: what programs ask for."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import ResponseHeader
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, SkipValidation

from medmost.console.ports import ConsolePorts, told
from medmost.console.problems import plain_problem
from medmost.console.rights import Right
from medmost.console.schema import ProblemDetails, Status
from medmost.domain.record import Side
from medmost.metrics import CONTENT_TYPE

HOOK_BYTES = 1_000_000
OPEN: dict[str, Any] = {"right": Right.OPEN}
"""Numbers and codes only, as for Prometheus; a webhook brings its signature."""
Ports = NamedDependency[SkipValidation[ConsolePorts]]


@get("/health/live", opt=OPEN, tags=["health"], summary="The process answers")
async def live() -> dict[str, bool]:
    return {"live": True}


@get(
    "/health/ready",
    opt=OPEN,
    tags=["health"],
    summary="medmost can do its work: both systems answer, the state can be written",
    responses={503: ResponseSpec(ProblemDetails, description="`reasons` says why not", generate_examples=False)},
)
async def ready(request: Request[Any, Any, Any], ports: Ports) -> Response[dict[str, Any]]:
    reasons = await told(ports.ready())
    return plain_problem(request, 503, reasons=reasons) if reasons else Response({"ready": True})


@get("/metrics", opt=OPEN, tags=["health"], summary="Numbers for Prometheus", media_type=CONTENT_TYPE)
async def metrics(ports: Ports) -> Response[bytes]:
    return Response(ports.metrics(), media_type=CONTENT_TYPE)


@get(
    "/api/v1/status",
    opt=OPEN,
    tags=["status"],
    summary="The state of the exchange, as `medmost status --json`",
    responses={200: ResponseSpec(Status, description="The present state", generate_examples=False)},
)
async def status(ports: Ports) -> dict[str, Any]:
    return await ports.status()


@post(
    "/hooks/{side:str}",
    opt=OPEN,
    tags=["webhooks"],
    summary="A change notice of a system, signed as Standard Webhooks say",
    request_max_body_size=HOOK_BYTES,
    status_code=200,
    response_headers=[ResponseHeader(name="cache-control", value="no-store")],
    responses={
        code: ResponseSpec(ProblemDetails, description=text, generate_examples=False)
        for code, text in ((401, "Wrong or stale signature"), (404, "No such system"), (413, "More than 1 MB"))
    },
)
async def hook(request: Request[Any, Any, Any], side: FromPath[str], ports: Ports) -> Response[Any]:
    if side not in tuple(Side):
        raise NotFoundException
    headers = {name.lower(): value for name, value in request.headers.items()}
    answer = await ports.hook(Side(side), headers, await request.body())
    return Response(None, status_code=answer) if answer < 400 else plain_problem(request, answer)
