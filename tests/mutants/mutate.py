"""Small changes to a module's source, one at a time: each must be noticed by a test.

Mutated are comparisons, `and`/`or`, `not`, conditions (always, never), constants, what is returned, arithmetic, and
whole statements (left out). Docstrings, annotations, assertions and class bodies other than methods stay.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from typing import Any, NamedTuple

COMPARED = {ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
            ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In}  # fmt: skip
COUNTED = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.BitOr: ast.BitAnd,
           ast.BitAnd: ast.BitOr, ast.Mod: ast.Mult}  # fmt: skip
CALLED = {"any": "all", "all": "any", "min": "max", "max": "min"}


class Mutant(NamedTuple):
    where: str  # qualified name of the function, or of the module's constant
    what: str  # the line as it was and as it is, enough to find it again
    tree: ast.Module


def mutants(source: str) -> Iterator[Mutant]:
    """Every mutant of a module, place by place."""
    tree = ast.parse(source)
    seen: dict[tuple[str, str], int] = {}
    for where, root in _places(tree):
        before, silent = ast.unparse(root).splitlines(), set(_silent(root))
        for node in ast.walk(root):
            for change in () if id(node) in silent else _changes(node):
                undo = change()
                name = (where, _told(before, ast.unparse(root).splitlines()))
                seen[name] = seen.get(name, 0) + 1
                number = f" #{seen[name]}" if seen[name] > 1 else ""
                yield Mutant(where, name[1] + number, ast.fix_missing_locations(copy.deepcopy(tree)))
                undo()


def _places(tree: ast.Module) -> Iterator[tuple[str, Any]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from ((f"{node.name}.{one.name}", one) for one in node.body if isinstance(one, ast.FunctionDef))
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and not _is_type(node.value):
            yield node.targets[0].id, node


def _silent(root: Any) -> Iterator[int]:
    """Documentation, annotations and assertions: what says something and does nothing."""
    for node in ast.walk(root):
        parts = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        if isinstance(node, ast.Assert) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            parts.append(node)
        for part in parts:
            yield from map(id, ast.walk(part)) if part is not None else ()


def _told(before: list[str], after: list[str]) -> str:
    """What a reader sees change."""
    while before and after and before[0] == after[0]:
        before, after = before[1:], after[1:]
    while before and after and before[-1] == after[-1]:
        before, after = before[:-1], after[:-1]
    was, now = ("; ".join(line.strip() for line in lines) for lines in (before, after))
    return f"{was} -> {now}" if now else f"{was} ->"


# ---------------------------------------------------------------- the changes
def _changes(node: ast.AST) -> Iterator[Any]:
    """Functions that make one change in place and give back what undoes it."""
    if isinstance(node, ast.Compare):
        for at, op in enumerate(node.ops):
            if type(op) in COMPARED:
                yield lambda at=at, op=op: _put(node.ops, at, COMPARED[type(op)]())
    elif isinstance(node, ast.BoolOp):
        yield lambda: _set(node, "op", ast.And() if isinstance(node.op, ast.Or) else ast.Or())
        for at in range(len(node.values)):
            yield lambda at=at: _set(node, "values", [*node.values[:at], *node.values[at + 1 :]])
    elif isinstance(node, ast.BinOp) and type(node.op) in COUNTED:
        yield lambda: _set(node, "op", COUNTED[type(node.op)]())
    elif isinstance(node, ast.Constant):
        yield from _of_constant(node)
    elif isinstance(node, ast.Name) and node.id in CALLED:
        yield lambda: _set(node, "id", CALLED[node.id])
    elif isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield lambda: _set(node, "value", ast.Constant(None))
    yield from _of_conditions(node)
    yield from _of_statements(node)


def _of_constant(node: ast.Constant) -> Iterator[Any]:
    if isinstance(node.value, bool):
        yield lambda: _set(node, "value", not node.value)
    elif isinstance(node.value, (int, float)):
        yield lambda: _set(node, "value", node.value + 1)
    elif isinstance(node.value, str) and node.value:
        yield lambda: _set(node, "value", node.value + "~")


def _of_conditions(node: ast.AST) -> Iterator[Any]:
    if isinstance(node, (ast.If, ast.IfExp, ast.While)):
        always = () if isinstance(node, ast.While) else (True,)
        for value in (*always, False):
            yield lambda value=value: _set(node, "test", ast.Constant(value))
    elif isinstance(node, ast.comprehension):
        for at in range(len(node.ifs)):
            yield lambda at=at: _put(node.ifs, at, ast.Constant(True))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield lambda: _set(node, "operand", ast.UnaryOp(ast.Not(), node.operand))  # as x, and still true or false


def _of_statements(node: ast.AST) -> Iterator[Any]:
    for body in (getattr(node, name, None) for name in ("body", "orelse")):
        if not isinstance(body, list):
            continue
        for at, one in enumerate(body):
            written = isinstance(one, (ast.Assign, ast.AugAssign, ast.Delete, ast.Continue, ast.Break))
            called = isinstance(one, ast.Expr) and isinstance(one.value, (ast.Call, ast.YieldFrom))
            left = isinstance(one, ast.Return) and len(body) > 1 and at < len(body) - 1
            if written or called or left or (isinstance(one, ast.Return) and not isinstance(node, ast.FunctionDef)):
                yield lambda body=body, at=at, one=one: _put(body, at, ast.copy_location(ast.Pass(), one))


def _is_type(node: ast.AST) -> bool:
    return isinstance(node, ast.Subscript)  # Literal[…], dict[…]


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _set(node: Any, name: str, value: Any) -> Any:
    old = getattr(node, name)
    setattr(node, name, value)
    return lambda: setattr(node, name, old)


def _put(items: list[Any], at: int, value: Any) -> Any:
    old = items[at]
    items[at] = value
    return lambda: items.__setitem__(at, old)
