"""People of the console: added, given another password or role, shut out. Each act is in the journal."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from medmost.app import App
from medmost.cli.control import Progress
from medmost.console import passwords
from medmost.console.rights import Role
from medmost.domain.errors import Fatal
from medmost.store import accounts, journal
from medmost.store.ledgers import Tx

NAME = re.compile(r"[a-z][a-z0-9._-]{1,31}")


async def user_add(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    """Raises Fatal for a name that is taken or malformed, an unknown role, a weak password."""
    name, role, actor = str(args["name"]), _role(str(args["role"])), _actor(args)
    if not NAME.fullmatch(name):
        raise Fatal(
            "MM-USER-NAME",
            "Имя — 2–32 знака: строчные латинские буквы, цифры, точка, дефис, подчёркивание; первая — буква",
            "a name has 2 to 32 characters: small Latin letters, digits, dot, dash, underscore; a letter first",
        )
    kept = await passwords.hashed(passwords.check_strength(str(args["password"])))
    now = app.house.clock.now()
    account = accounts.Account(name=name, role=role, password=kept, created_at=now, created_by=actor)

    def write(tx: Tx) -> None:
        if not accounts.add(tx, account):
            raise Fatal("MM-USER-TAKEN", f"Имя {name} занято", f"the name {name} is taken")
        _note(tx, app, "user.add", actor, user=name, role=role.value)

    await app.database.write(write)
    return 0, {"added": name, "role": role.value}


async def user_passwd(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    """Another password; every session of that name ends. Raises Fatal as `user_add` does."""
    name, actor = str(args["name"]), _actor(args)
    kept = await passwords.hashed(passwords.check_strength(str(args["password"])))

    def write(tx: Tx) -> None:
        if not accounts.set_password(tx, name, kept):
            raise _nobody(name)
        _note(tx, app, "user.passwd", actor, user=name)

    await app.database.write(write)
    return 0, {"changed": name}


async def user_role(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    name, role, actor = str(args["name"]), _role(str(args["role"])), _actor(args)

    def write(tx: Tx) -> None:
        if not accounts.set_role(tx, name, role):
            raise _nobody(name)
        _note(tx, app, "user.role", actor, user=name, role=role.value)

    await app.database.write(write)
    return 0, {"changed": name, "role": role.value}


async def user_disable(app: App, args: dict[str, Any], _: Progress) -> tuple[int, Any]:
    """Shuts an account out, or lets it in again with `enable`. Nobody shuts himself out."""
    name, actor, enable = str(args["name"]), _actor(args), bool(args.get("enable"))
    if name == actor and not enable:
        raise Fatal("MM-USER-SELF", "Себя отключить нельзя", "nobody can disable his own account")

    def write(tx: Tx) -> None:
        if not accounts.disable(tx, name, None if enable else app.house.clock.now()):
            raise _nobody(name)
        _note(tx, app, "user.enable" if enable else "user.disable", actor, user=name)

    await app.database.write(write)
    return 0, {"enabled" if enable else "disabled": name}


async def user_list(app: App, _: dict[str, Any], __: Progress) -> tuple[int, Any]:
    found = await app.database.read(accounts.listed)
    return 0, [
        {
            "name": one.name,
            "role": one.role,
            "since": datetime.fromtimestamp(one.created_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "by": one.created_by,
            "disabled": one.disabled_at is not None,
        }
        for one in found
    ]


def _actor(args: dict[str, Any]) -> str:
    return str(args.get("actor") or "operator")


def _note(tx: Tx, app: App, act: str, actor: str, **told: str) -> None:
    journal.append(tx, app.house.writer, app.house.clock.now(), {"act": act, "actor": actor, **told}, [])


def _role(role: str) -> Role:
    if role not in tuple(Role):
        allowed = ", ".join(Role)
        raise Fatal("MM-USER-ROLE", f"Нет такой роли: {role}; есть {allowed}", f"no role {role}; there are {allowed}")
    return Role(role)


def _nobody(name: str) -> Fatal:
    return Fatal("MM-USER-NONE", f"Нет пользователя {name}", f"there is no user {name}")
