"""What files must agree in with each other: a parent is named by its key, collections do not meet."""

from __future__ import annotations

from collections.abc import Iterable

from medmost.domain.errors import Fatal
from medmost.domain.record import BOTH
from medmost.mapping.compiler import lens_of
from medmost.mapping.language import KindRule
from medmost.mapping.located import Located
from medmost.mapping.wrong import Complainer


def family(files: Iterable[tuple[KindRule, Located]]) -> list[Fatal]:
    """Problems between kinds, each at the line of the file that is later in order."""
    found: list[Fatal] = []
    read = list(files)
    kinds = {rule.kind: rule for rule, _ in read}
    collections: dict[str, str] = {}
    for rule, located in read:
        say = Complainer(rule, located)
        if (other := collections.setdefault(rule.collection, rule.kind)) != rule.kind:
            ru, en = f"собрание уже у вида «{other}»", f'the collection belongs to the kind "{other}"'
            found.append(say.wrong("$.collection", "", ru, en))
        for name, parent in rule.parents.items():
            if parent in kinds and (wrong := _parent(say, name, kinds[parent])) is not None:
                found.append(wrong)
    return found


def _parent(say: Complainer, name: str, parent: KindRule) -> Fatal | None:
    """A child finds its parent by the parent's whole natural key: one field, of the same sort on both sides."""
    where = f"$.parents.{name}"
    if len(parent.key) != 1:
        return say.wrong(
            where,
            name,
            f"у вида «{parent.kind}» ключ из нескольких полей: им не назвать родителя",
            f'the kind "{parent.kind}" has a key of several fields: no single one names a parent',
        )
    ours, theirs = _canons(say.rule, name), _canons(parent, parent.key[0])
    if ours == theirs:
        return None
    told = " / ".join(sorted(ours)), " / ".join(sorted(theirs))
    return say.wrong(
        where,
        name,
        f"поле рода {told[0]} не называет вид «{parent.kind}»: его ключ рода {told[1]}",
        f'a field of sort {told[0]} does not name the kind "{parent.kind}": its key is of sort {told[1]}',
    )


def _canons(rule: KindRule, name: str) -> set[str]:
    field = next(one for one in rule.fields if one.name == name)
    return {lens.canon for side in BOTH if (lens := lens_of(field, side)) is not None}
