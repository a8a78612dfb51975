"""The page that lets people in and out."""

from __future__ import annotations

from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.response import Redirect

from medmost.console.api import Ports
from medmost.console.entry import Asked, page_language, signed_in, way_back
from medmost.console.gate import ABSOLUTE
from medmost.console.rendering import page
from medmost.console.rights import Right
from medmost.domain.errors import Fatal


@get("/sign-in", include_in_schema=False, opt={"right": Right.OPEN})
async def sign_in_page(request: Asked, ports: Ports) -> Response[str]:
    return page(
        "sign_in.html", page_language(request), next=way_back(request.query_params.get("next", "/")),
        trouble="", name="", support=ports.support,
    )  # fmt: skip


@post("/sign-in", include_in_schema=False, opt={"right": Right.OPEN, "form": True}, status_code=200)
async def sign_in(request: Asked, ports: Ports) -> Response[str] | Redirect:
    """Answers 401 with the same words for a wrong name and a wrong password."""
    form, lang = await request.form(), page_language(request)
    name, back = str(form.get("name", "")).strip().lower(), way_back(str(form.get("next", "/")))
    trouble, code = "sign_in_wrong", 401
    try:
        token = await ports.gate.sign_in(name, str(form.get("password", "")))
    except Fatal as error:
        token, trouble, code = None, error.en if lang == "en" else error.ru, 429
    if token is None:
        return page(
            "sign_in.html", lang, status_code=code, next=back, trouble=trouble, name=name, support=ports.support
        )
    secure = ports.gate.secure
    cookie = Cookie(
        ports.gate.cookie, value=token, path="/", httponly=True, secure=secure, samesite="lax", max_age=int(ABSOLUTE)
    )
    return Redirect(back, status_code=303, cookies=[cookie])


@post("/sign-out", include_in_schema=False, opt={"right": Right.STATE})
async def sign_out(request: Asked, ports: Ports) -> Redirect:
    signed = signed_in(request)
    if signed is not None:
        await ports.gate.sign_out(signed)
    gone = Cookie(ports.gate.cookie, value="", path="/", max_age=0, httponly=True, secure=ports.gate.secure)
    return Redirect("/sign-in", status_code=303, cookies=[gone])
