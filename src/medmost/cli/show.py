"""How results look to a person at a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from medmost.cli.talk import err, out, say

if TYPE_CHECKING:
    from medmost.cli.restore import Restored


COLUMNS = {
    "stage": ("стадия", "stage"),
    "pairs": ("пар", "pairs"),
    "level": ("равны", "level"),
    "behind": ("отстают", "behind"),
    "conflict": ("споры", "conflicts"),
    "invalid": ("неясны", "invalid"),
    "refused": ("отказы", "refused"),
    "ambiguous": ("двойники", "twins"),
    "quarantined": ("карантин", "quarantined"),
    "no_consent": ("без согласия", "no consent"),
    "foreign": ("чужие", "foreign"),
}
ALWAYS = ("stage", "pairs", "level", "behind")


def status(told: dict[str, Any]) -> None:
    for name, system in told["systems"].items():
        reachable = system["reachable"]
        word = say("на связи", "reachable") if reachable else say("не отвечает", "does not answer")
        token = system["token_seconds"]
        life = "" if token is None else say(f", токен ещё {token} с", f", token for {token} s")
        out.print(f"[{'green' if reachable else 'red'}]●[/] {name}: {word}{life}")
        if system.get("warning"):
            out.print(f"[bold red]{say(system['warning'], system.get('warning_en') or system['warning'])}[/]")
    kinds = told["kinds"]
    columns = [name for name in COLUMNS if name in ALWAYS or any(numbers[name] for numbers in kinds.values())]
    table = Table(box=None)
    table.add_column(say("вид", "kind"), no_wrap=True)
    for column in columns:
        table.add_column(say(*COLUMNS[column]), justify="left" if column == "stage" else "right", no_wrap=True)
    for kind, numbers in kinds.items():
        table.add_row(kind, *(str(numbers[column]) for column in columns))
    out.print(table)
    waiting = ", ".join(f"{name} {number}" for name, number in told["deliveries"].items() if number)
    out.print(say(f"Доставка: {waiting or 'всё доставлено'}", f"Deliveries: {waiting or 'all done'}"))


def synced(result: dict[str, Any]) -> None:
    if "planned" in result:
        out.print(say(f"План: {result['planned']} записей к отправке", f"Planned: {result['planned']} writes"))
        return
    stopped: dict[tuple[str, str], list[str]] = {}
    for where, code in result["errors"].items():
        kind, _, system = where.partition(" ")
        stopped.setdefault((system, code), []).append(kind)
    for (system, code), kinds in stopped.items():
        out.print(f"[red]{system}: {code}[/red] ({', '.join(kinds)})")
    out.print(say(f"Прочитано {result['read']}", f"Read {result['read']}"))
    status(result["status"])


def check(result: dict[str, Any]) -> None:
    colours = {"ok": "green", "warning": "yellow", "problem": "red"}
    for one in result["findings"]:
        colour = "red" if one.get("red") else colours[one["severity"]]
        words = say(one["ru"], one["en"])
        out.print(f"[{colour}]{one['code']}[/] " + (f"[bold red]{words}[/]" if one.get("red") else words))
        if one.get("todo_ru"):
            out.print(f"    {say(one['todo_ru'], one['todo_en'])}", markup=False)
    if result.get("report"):
        out.print(say(f"Отчёт: {result['report']}", f"Report: {result['report']}"))


def audited(result: dict[str, Any]) -> None:
    for kind, numbers in result["kinds"].items():
        told = ", ".join(f"{name} {number}" for name, number in numbers.items() if number)
        out.print(f"{kind}: {told}")
    for one in result["findings"]:
        fields = ", ".join(one.get("fields") or ())
        out.print(f"[red]{one['kind']} {one['what']}[/red] {one['key']} {fields} {one['refs']}")
    if result["healthy"]:
        out.print(say("Системы сходятся", "The systems agree"))


def conflicts(rows: list[dict[str, Any]]) -> None:
    if not rows:
        out.print(say("Расхождений нет", "No conflicts"))
    for row in rows:
        values = f": {row['gosuslugi']!r} | {row['emias']!r}" if "gosuslugi" in row else ""
        out.print(f"{row['id']}  {row['kind']} {row['field']}{values}", markup=False)


def links(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        out.print(f"{row['id']}  {row['state']}  {row['oid']}  {row['policy_number']}")
    out.print(say(f"Всего {len(rows)}", f"{len(rows)} in all"))


def restored(result: Restored) -> None:
    kept = result.kept or say("не было", "there was none")
    out.print(say(f"Восстановлено. Прежняя база: {kept}", f"Restored. The former state: {kept}"))
    if result.revoked is None:
        out.print(
            say(
                "Прежняя база не читается. До запуска отзовите согласия, отозванные после копии: "
                "medmost link list, medmost link revoke",
                "The former state cannot be read. Before you start, end the links that were ended since the backup: "
                "medmost link list, medmost link revoke",
            )
        )
    elif result.revoked:
        out.print(say(f"Перенесено отзывов согласия: {result.revoked}", f"Withdrawals kept: {result.revoked}"))
    out.print(say("Дальше: medmost sync, затем medmost audit", "Next: medmost sync, then medmost audit"))


def not_linked(result: dict[str, Any]) -> None:
    """On stderr, a line for each row that made no link, and a word where the backlog has to wait."""
    for one in result["refused"]:
        place = say(f"строка {one['row']}, полис", f"row {one['row']}, policy")
        err.print(f"[red]{one['code']}[/red]: {place} {one['policy_number']}: {say(one['ru'], one['en'])}")
    if result["later"]:
        err.print(
            say(
                f"{result['later']}: накопленное будет прочитано, когда система ответит",
                f"{result['later']}: the backlog will be read when the system answers",
            )
        )
