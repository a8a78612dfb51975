"""A proposal for the mapping, made of what has drifted: an overlay that can be looked over and put into ``kinds/``."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from typing import Any

from ruamel.yaml import YAML

from medmost.domain.record import Side
from medmost.mapping.drift import Finding
from medmost.mapping.language import KindRule

HEAD = (
    "# Предложение medmost: что изменилось у системы. Просмотрите, проверьте (medmost mapping check, mapping diff),\n"
    "# положите в kinds/, перезапустите и согласитесь: medmost mapping apply {kind}\n"
    "# Proposed by medmost: what has changed at the system. Look it over, check it (medmost mapping check, mapping\n"
    "# diff), put it into kinds/, restart and agree: medmost mapping apply {kind}\n"
)


def propose(rule: KindRule, found: Sequence[tuple[Side, Finding]]) -> str | None:
    """An overlay of one kind; None where nothing of what was found can be answered by the mapping."""
    fields: dict[str, dict[str, Any]] = {}
    notes: list[str] = []
    for side, one in found:
        change = _place(rule, side, one)
        if change is not None:
            fields.setdefault(one.field, {"name": one.field})[side.value] = change
        elif one.risk != "safe":
            notes.append(_note(side, one))
    if not fields:
        return None
    text = StringIO()
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = 110
    yaml.dump({"extends": rule.kind, "fields": list(fields.values())}, text)
    return HEAD.format(kind=rule.kind) + "".join(notes) + text.getvalue()


def _place(rule: KindRule, side: Side, one: Finding) -> dict[str, Any] | None:
    field = next((field for field in rule.fields if field.name == one.field), None)
    place = field.place(side) if field is not None else None
    if place is None:
        return None
    if one.what == "renamed":
        also = [at for at in (place.at, *place.also) if at != one.to]
        return {"at": one.to, "or": also}
    if one.formats:
        return {"as": one.formats[0]}
    return None


def _note(side: Side, one: Finding) -> str:
    return f"# {side.value}: {one.what} {one.field} ({one.at}) — решает человек / a person decides\n"
