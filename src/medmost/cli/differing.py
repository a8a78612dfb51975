"""How the difference of two versions of the mappings looks."""

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
