"""How the difference of two versions of the mappings looks, and what has drifted at the systems."""

from __future__ import annotations

from typing import Any

import orjson

from medmost.cli.talk import out, say

WORDS = {
    "unreadable": ("перестанет читаться", "becomes unreadable"),
    "readable": ("станет читаться", "becomes readable"),
    "value": ("читается иначе", "reads differently"),
    "carry": ("будет перенесено", "will be carried"),
    "create": ("будет создано", "will be created"),
    "put": ("будет записано", "will be written"),
    "delete": ("будет удалено", "will be deleted"),
    "conflict": ("спор", "a conflict"),
}


def outcome(told: str) -> str:
    """``carry emias phone`` in words."""
    verb, _, rest = told.partition(" ")
    return f"{say(*WORDS.get(verb, (verb, verb)))}: {rest}"


def show_difference(found: list[dict[str, Any]]) -> None:
    if not found:
        out.print(say("Таблицы значат одно и то же", "The mappings mean the same"))
    for one in found:
        was, now = one["was"][:12] or say("нет", "none"), one["now"][:12] or say("нет", "none")
        out.print(f"[bold]{one['kind']}[/bold] {was} → {now}")
        for rule in one["rules"]:
            place = ".".join(filter(None, (rule["field"], rule["word"])))
            out.print(f"  {place}: {_value(rule['was'])} → {_value(rule['now'])}", markup=False)
        pairs = say(f"пар {one['pairs']}, изменится {one['changed']}", f"{one['pairs']} pairs, {one['changed']} change")
        out.print(f"  {pairs}")
        for told, number in one["outcomes"].items():
            out.print(f"  {number:>8}  {outcome(told)}", markup=False)
        for example in one["examples"]:
            told = "; ".join(outcome(each) for each in example["outcomes"])
            out.print(f"  {say('пример', 'example')} {example['pair']} {example['key']}: {told}", markup=False)


def _value(value: Any) -> str:
    return "–" if value is None else orjson.dumps(value).decode()


DRIFTED = {
    "new": ("новое поле", "a new field"),
    "null": ("стало бывать пустым", "is null at times now"),
    "empty": ("пустует чаще прежнего", "is empty more often than before"),
    "narrowed": ("одного из типов значений больше нет", "one type of its values is no more"),
    "retyped": ("другой тип", "another type"),
    "renamed": ("переименовано", "renamed"),
    "lost": ("пропало", "lost"),
    "format": ("другой формат", "another format"),
    "code": ("новые коды", "new codes"),
}
RISKS = {
    "safe": ("безопасно", "safe", "green"),
    "risky": ("рискованно", "risky", "yellow"),
    "breaking": ("задержано", "held", "red"),
}


def show_drift(told: dict[str, Any]) -> None:
    if not told["findings"] and not told["codes"]:
        out.print(say("Форма записей та же", "Records have their shape"))
    for one in told["findings"]:
        risk_ru, risk_en, colour = RISKS[one["risk"]]
        to = f" → {one['moved_to']}" if one["moved_to"] else ""
        out.print(f"{one['id']}  [{colour}]{say(risk_ru, risk_en)}[/]  {say(*DRIFTED[one['what']])}: ", end="")
        out.print(f"{one['system']} {one['kind']} {one['field']} ({one['at']}{to})", markup=False)
    for one in told["codes"]:
        met = say(f"незнакомый код, встречен {one['count']}", f"an unknown code, met {one['count']}")
        out.print(f"{one['system']} {one['kind']} {one['field']}: {one['code']} ({met})", markup=False)
    for kind, text in told["patches"].items():
        out.print(say(f"Предложение для {kind}:", f"Proposed for {kind}:"))
        out.print(text, markup=False)
    for file in told.get("written", ()):
        out.print(file, markup=False)


def show_crosswalk(told: dict[str, Any]) -> None:
    out.print(told["file"], markup=False)
    for row in told["rows"]:
        shown = " · ".join("|".join(map(str, row[side])) for side in ("gosuslugi", "emias"))
        out.print(f"  {row['code']}: {shown}  {row['title']}", markup=False)
    fields = ", ".join(told["fields"]) or say("ни одно поле", "no field")
    out.print(say(f"Работает в полях: {fields}", f"Used by: {fields}"), markup=False)
    for one in told["unknown"]:
        met = say(f"нет в таблице, встречен {one['count']}", f"not in the table, met {one['count']}")
        out.print(f"{one['system']} {one['kind']} {one['field']}: {one['code']} ({met})", markup=False)
