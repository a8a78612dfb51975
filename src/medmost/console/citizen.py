"""`/link`: the citizen's own page. Its session is of its own and opens nothing of the console (contracts §3).

Nothing personal stands in an address: a policy is named by its place on the page. Forms carry a mark against forgery.
"""

from __future__ import annotations

import hmac
from typing import Any, Final
from urllib.parse import quote

from litestar import Request, Response, Router, get, post
from litestar.datastructures import Cookie
from litestar.params import FromQuery
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler

from medmost.console.api import Ports
from medmost.console.citizen_view import TEXTS, choices_of, paper_of, story_of
from medmost.console.ports import ConsolePorts
from medmost.console.rendering import page
from medmost.console.rights import Right
from medmost.domain.errors import MedmostError, Refused, Transient
from medmost.linking.flow import Linking
from medmost.linking.opening import refused
from medmost.linking.visits import WHOLE, Visit
from medmost.notify.words import Lang

Asked = Request[Any, Any, Any]
_PLAIN, _SECURE = "medmost_link", "__Host-medmost_link"
_STATUS: Final = {
    "MM-LINK-CLOSED": 404,
    "MM-LINK-CROWDED": 429,
    "MM-LINK-ATTEMPTS": 429,
    "MM-LINK-SESSION": 400,
    "MM-LINK-FORM": 400,
}
"""Every other refusal of a citizen's wish is a 403."""


@get("/link", include_in_schema=False)
async def home(request: Asked, ports: Ports) -> Response[Any]:
    """The policies of whoever is logged in; else what this is and the way to ЕСИА."""
    linking = _open(ports)
    visit = linking.visit(_cookie(request, linking))
    if visit is None:
        wish = request.query_params.get("return", "")
        back = linking.allowed_return(wish)
        login = "/link/login?" + "&".join(
            [f"lang={_lang(request, None)}"] + ([f"return={quote(back, safe='')}"] if back else [])
        )
        return _page(request, ports, None, "start.html", back=back, login=login)
    done = request.query_params.get("done", "")
    shown = choices_of(await linking.choices(visit), _lang(request, visit))
    return _page(request, ports, visit, "home.html", choices=shown, done=done)


@get("/link/login", include_in_schema=False)
async def login(request: Asked, ports: Ports) -> Response[Any]:
    """To ЕСИА, with a cookie that only this browser has."""
    linking = _open(ports)
    back = linking.allowed_return(request.query_params.get("return", ""))
    cookie, address = await linking.begin(back, _lang(request, None))
    return Redirect(address, status_code=303, cookies=[_kept(linking, cookie)])


@get("/link/esia", include_in_schema=False)
async def esia(request: Asked, ports: Ports) -> Response[Any]:
    """Back from ЕСИА. The answer leads on at once, so that the code does not stay in the address."""
    linking = _open(ports)
    query = {name: request.query_params.get(name, "") for name in ("code", "state", "error", "error_description")}
    cookie = await linking.finish(_cookie(request, linking), query)
    return Redirect("/link", status_code=303, cookies=[_kept(linking, cookie)])


@get("/link/consent", include_in_schema=False)
async def consent(request: Asked, ports: Ports, at: FromQuery[int]) -> Response[Any]:
    """The document that is agreed to."""
    linking, visit = _visit(request, ports)
    lang = _lang(request, visit)
    found = [one for one in choices_of(await linking.choices(visit), lang) if one.at == at]
    if not found:
        raise _no_such_form()
    return _page(request, ports, visit, "consent.html", choice=found[0], document=linking.document(lang))


@post("/link/consent", include_in_schema=False, status_code=303)
async def agree(request: Asked, ports: Ports) -> Response[Any]:
    linking, visit = _visit(request, ports)
    form = await _form(request, visit)
    if form.get("agreed") != "yes":
        raise refused(
            "MM-LINK-CONSENT", "отметьте, что вы прочитали согласие и даёте его", "tick that you have read and consent"
        )
    read: Lang = "en" if form.get("read") == "en" else "ru"
    await linking.agree(visit, _at(form), form.get("sha256", ""), read)
    return Redirect("/link?done=linked", status_code=303)


@post("/link/withdraw", include_in_schema=False, status_code=303)
async def withdraw(request: Asked, ports: Ports) -> Response[Any]:
    linking, visit = _visit(request, ports)
    await linking.withdraw(visit, _at(await _form(request, visit)))
    return Redirect("/link?done=withdrawn", status_code=303)


@get("/link/policy", include_in_schema=False)
async def policy(request: Asked, ports: Ports, at: FromQuery[int]) -> Response[Any]:
    """What flowed, and why something may be missing."""
    linking, visit = _visit(request, ports)
    lang = _lang(request, visit)
    told = story_of(await linking.story(visit, at, lang), lang)
    (choice,) = [one for one in choices_of(await linking.choices(visit), lang) if one.at == at]
    return _page(request, ports, visit, "policy.html", choice=choice, story=told)


@get("/link/paper", include_in_schema=False)
async def paper(request: Asked, ports: Ports, at: FromQuery[int]) -> Response[Any]:
    """The consent as it was given, to be printed."""
    linking, visit = _visit(request, ports)
    choice, text = await linking.paper(visit, at)
    lang = _lang(request, visit)
    return _page(request, ports, visit, "paper.html", paper=paper_of(choice, lang), text=text)


@get("/link/export", include_in_schema=False)
async def export(request: Asked, ports: Ports) -> Response[Any]:
    """A copy of one's own data."""
    linking, visit = _visit(request, ports)
    name = {"content-disposition": 'attachment; filename="medmost.json"'}
    return Response(await linking.export(visit), media_type="application/json", headers=name)


@post("/link/leave", include_in_schema=False, status_code=200)
async def leave(request: Asked, ports: Ports) -> Response[Any]:
    linking, visit = _visit(request, ports)
    await _form(request, visit)
    esia_too = linking.leave(_cookie(request, linking))
    answer = _page(request, ports, None, "left.html", esia_too=esia_too, back=visit.back)
    answer.delete_cookie(_name(linking), path="/")
    return answer


HANDLERS: Final[list[ControllerRouterHandler]] = [
    home, login, esia, consent, agree, withdraw, policy, paper, export, leave,
]  # fmt: skip


def router(ports: ConsolePorts) -> Router:
    """Everything under /link; what goes wrong here is told as a page of its own."""

    def told(request: Asked, error: MedmostError) -> Response[Any]:
        return _told(request, ports, error)

    return Router(
        "/",
        route_handlers=HANDLERS,
        exception_handlers={MedmostError: told},
        opt={"right": Right.OPEN, "form": True},
    )


def _told(request: Asked, ports: ConsolePorts, error: MedmostError) -> Response[Any]:
    """A refusal or an outage as a page with the way on; never with what was wrong about a person."""
    linking = ports.linking
    visit = linking.visit(_cookie(request, linking)) if linking is not None else None
    lang = _lang(request, visit)
    known = isinstance(error, Refused | Transient)
    detail = (error.ru if lang == "ru" else error.en) if isinstance(error, Refused) else TEXTS[lang]["later"]
    status = _STATUS.get(error.code, 403) if isinstance(error, Refused) else 503
    code = error.code if known else "MM-LINK-LATER"
    return _page(request, ports, visit, "message.html", status_code=status, detail=detail, code=code)


# ---------------------------------------------------------------- what the routes share
def _page(
    request: Asked, ports: ConsolePorts, visit: Visit | None, template: str, *, status_code: int = 200, **values: Any
) -> Response[str]:
    lang = _lang(request, visit)
    given = {"visit": visit, "support": ports.support, "c": TEXTS[lang], "back": visit.back if visit else None}
    return page(f"citizen/{template}", lang, status_code=status_code, **(given | values))


def _open(ports: ConsolePorts) -> Linking:
    if ports.linking is None:
        raise refused("MM-LINK-CLOSED", "подключение здесь не включено", "linking is not open here")
    return ports.linking


def _visit(request: Asked, ports: ConsolePorts) -> tuple[Linking, Visit]:
    linking = _open(ports)
    visit = linking.visit(_cookie(request, linking))
    if visit is None:
        raise refused("MM-LINK-SESSION", "вход устарел: войдите ещё раз", "the login has expired: log in again")
    return linking, visit


async def _form(request: Asked, visit: Visit) -> dict[str, str]:
    """The fields of a form that this visit's own page has sent."""
    form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    if not hmac.compare_digest(form.get("mark", "").encode(), visit.mark.encode()):
        raise _no_such_form()
    return form


def _at(form: dict[str, str]) -> int:
    text = form.get("at", "")
    if not (text.isascii() and text.isdigit() and len(text) < 4):
        raise _no_such_form()
    return int(text)


def _no_such_form() -> Refused:
    return refused("MM-LINK-FORM", "откройте страницу заново и повторите", "open the page again and repeat")


def _lang(request: Asked, visit: Visit | None) -> Lang:
    wish = request.query_params.get("lang")
    if visit is not None and wish in ("ru", "en"):
        visit.lang = wish
    return "en" if (wish or (visit.lang if visit is not None else "ru")) == "en" else "ru"


def _name(linking: Linking) -> str:
    return _SECURE if linking.secure else _PLAIN


def _cookie(request: Asked, linking: Linking) -> str | None:
    return request.cookies.get(_name(linking))


def _kept(linking: Linking, value: str) -> Cookie:
    """`__Host-` where the console is reached over https; on a stand's plain http browsers refuse that name."""
    return Cookie(
        _name(linking), path="/", value=value, max_age=int(WHOLE), secure=linking.secure, httponly=True, samesite="lax"
    )
