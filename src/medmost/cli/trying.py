"""How a tried record looks: field by field, with every reason, as a table and as JSON."""

from __future__ import annotations

from typing import Any

import orjson
from rich.table import Table
from rich.text import Text

from medmost.cli.talk import lang, out, say
from medmost.domain.record import Problem, Side
from medmost.mapping.compiler import CompiledMapping
from medmost.mapping.trial import REASONS, Step, Trial

SYSTEMS = {Side.GOSUSLUGI: ("Госуслуги", "Gosuslugi"), Side.EMIAS: ("ЕМИАС", "EMIAS")}


def reason(problem: Problem, language: str, format_ru: str = "") -> str:
    """What does not fit, and what would: never the value itself."""
    ru, en = REASONS.get(problem.reason, (problem.reason, problem.reason))
    allowed = {"ru": f"; подходит: {format_ru or problem.allowed}", "en": f"; allowed: {problem.allowed}"}
    return (ru if language == "ru" else en) + (allowed[language] if problem.allowed else "")


def trial_json(trial: Trial) -> dict[str, Any]:
    """For programs; `problems` names every field that does not fit."""
    return {
        "fits": trial.fits,
        "fields": trial.fields,
        "problems": [
            {
                "field": problem.field,
                "line": step.line,
                "at": step.at,
                "reason": problem.reason,
                "found": problem.value_class,
                "allowed": problem.allowed,
                "ru": reason(problem, "ru", step.format_ru),
                "en": reason(problem, "en"),
            }
            for step in trial.steps
            for problem in step.problems
        ],
        "lost_on_the_way_back": [step.field for step in trial.steps if not step.problems and not step.came_back],
        trial.side.other.value: trial.other,
        "carried_untouched": trial.carried,
    }


def show_trial(mapping: CompiledMapping, trial: Trial) -> None:
    here, there = (say(*SYSTEMS[side]) for side in (trial.side, trial.side.other))
    table = Table(box=None, title=f"{mapping.rule.title.in_lang(lang())}: {here} → {there}", title_justify="left")
    for column in (say("поле", "field"), here, say("общее", "canonical"), there, say("обратно", "back"), ""):
        table.add_column(column, overflow="fold")
    for step in trial.steps:
        if step.wire is not None or step.problems or step.canonical is not None:
            table.add_row(*_cells(step))
    out.print(table)
    wrong = [(step, problem) for step in trial.steps for problem in step.problems]
    for step, problem in wrong:
        line = say(f"строка {step.line}, ", f"line {step.line}, ") if step.line else ""
        out.print(
            Text(f"✗ {line}{problem.field} ({step.at or '*'}): {reason(problem, lang(), step.format_ru)}", style="red")
        )
    if trial.carried:
        out.print(say("Без изменений остаются: ", "Left untouched: ") + ", ".join(trial.carried), markup=False)
    if wrong:
        out.print(say(f"Не подходит полей: {len(wrong)}", f"{len(wrong)} fields do not fit"))
    out.print(f"{there}:", markup=False)
    out.print(orjson.dumps(trial.other, option=orjson.OPT_INDENT_2).decode(), markup=False)


def _cells(step: Step) -> list[str | Text]:
    mark, style = ("✓", "green") if step.came_back and not step.problems else ("✗", "red")
    note = say(step.note_ru, step.note_en)
    told = [say(step.title_ru, step.title_en), _value(step.wire), _value(step.canonical), _value(step.other_wire)]
    return [*(Text(one) for one in told), Text(mark if step.other_at else "", style=style), Text(note, style="dim")]


def _value(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
