# SPDX-License-Identifier: Apache-2.0
"""What a mutant is: one module with one thing broken that a test should notice.

=================  ===================================================================================
``drop-raise``     ``raise X``             becomes ``pass``
``drop-call``      ``check(x)``            (a call whose value nobody takes) becomes ``pass``
``drop-handler``   ``except X: ...``       never catches
``never``          ``if c:``, ``while c:`` becomes ``if False:`` (unless the body is one ``raise``: see drop-raise)
``negate``         ``if c:``, ``c if ..``  ``not c``, where c is no comparison and no ``and``/``or``
``compare``        ``a < b``               ``a >= b``; ``==`` and ``!=``, ``in``, ``is`` likewise
``boundary``       ``a < b``               ``a <= b``; ``>=`` becomes ``>``, and so on
``drop-operand``   ``a and b``             ``a``, and ``b``; ``or`` likewise
``drop-filter``    ``[x for x in y if c]`` without ``if c``
``bool``           ``True``                ``False``, where it is returned or passed
``limit``          ``MAX = 16``            ``MAX = 17`` and ``MAX = 15``, in a module's constants and in comparisons
=================  ===================================================================================
"""

from __future__ import annotations

import ast
import copy
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Mutant", "find_mutants"]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change to one module."""

    module: str  # "holdfast.core.pin"
    path: Path
    function: str  # "parse_pin", "Pin.matches", or "" for the module itself
    line: int
    end_line: int
    kind: str
    before: str
    after: str
    source: str  # the whole changed module
    occurrence: int  # among equal changes in the same function

    @property
    def identity(self) -> str:
        """Eight hex digits that stay when lines move: module, function, change and occurrence."""
        text = "\0".join([self.module, self.function, self.kind, self.before, self.after, str(self.occurrence)])
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    @property
    def change(self) -> str:
        """``a < b  ->  a >= b``, in one line."""
        return f"{_one_line(self.before)}  ->  {_one_line(self.after)}"


def _one_line(text: str, width: int = 100) -> str:
    text = " ".join(text.split())
    return text if len(text) <= width else f"{text[: width - 3]}..."


_NEGATED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_NEIGHBOUR: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
}  # fmt: skip

# (kind, what stands there now, what is to stand there, the whole node that takes the place of the visited one)
_Change = tuple[str, str, str, ast.AST]


def find_mutants(path: Path, module: str) -> Iterator[Mutant]:
    """Every mutant of one module, in the order of its lines."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    _drop_docstrings(tree)
    seen: Counter[tuple[str, str, str, str]] = Counter()
    sources: set[str] = {ast.unparse(tree)}
    for function, lines, node, put in _walk(tree, "", (1, 1)):
        for kind, before, after, changed in _changes(node):
            ast.copy_location(changed, node)
            put(changed)
            source = ast.unparse(ast.fix_missing_locations(copy.deepcopy(tree)))
            put(node)
            if source in sources:  # the same change by another name
                continue
            sources.add(source)
            key = (function, kind, before, after)
            seen[key] += 1
            yield Mutant(module, path, function, *lines, kind, before, after, source, seen[key])


def _drop_docstrings(tree: ast.Module) -> None:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            kept = [s for s in body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
            body[:] = kept or [ast.copy_location(ast.Pass(), statement) for statement in body[:1]]


_Lines = tuple[int, int]
_Place = tuple[str, _Lines, ast.AST, Callable[[ast.AST], None]]


def _walk(parent: ast.AST, function: str, lines: _Lines) -> Iterator[_Place]:
    """Each node below that may be changed: the function around it, its statement's lines, how to replace it."""
    for name, value in ast.iter_fields(parent):
        if name in {"annotation", "returns", "decorator_list", "type_comment", "bases"}:
            continue
        children = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
        for index, child in children:
            if not isinstance(child, ast.AST) or _is_out_of_scope(child):
                continue
            inner = function
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                inner = f"{function}.{child.name}".lstrip(".")
            own = _statement_lines(child) or lines
            yield inner, own, child, _putter(parent, name, index)
            yield from _walk(child, inner, own)


def _statement_lines(node: ast.AST) -> _Lines | None:
    """The lines that run when a statement is reached, without those of the statements inside it."""
    match node:
        case ast.If() | ast.While():
            return node.lineno, node.test.end_lineno or node.lineno
        case ast.For():
            return node.lineno, node.iter.end_lineno or node.lineno
        case ast.ExceptHandler():
            return node.lineno, node.end_lineno or node.lineno
        case ast.With() | ast.Try() | ast.Match() | ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return node.lineno, node.lineno
        case ast.stmt():
            return node.lineno, node.end_lineno or node.lineno
        case _:
            return None


def _putter(parent: ast.AST, name: str, index: int | None) -> Callable[[ast.AST], None]:
    def put(node: ast.AST) -> None:
        if index is None:
            setattr(parent, name, node)
        else:
            getattr(parent, name)[index] = node

    return put


def _is_out_of_scope(node: ast.AST) -> bool:
    """True for what no test at run time can notice: types, names that a module exports, the text of messages."""
    if isinstance(node, ast.If):
        return "TYPE_CHECKING" in ast.unparse(node.test)
    if isinstance(node, ast.Assign):
        return any(isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets)
    if isinstance(node, ast.FunctionDef):
        return node.name in {"__repr__", "__str__"}
    return isinstance(node, ast.JoinedStr | ast.Assert | ast.Import | ast.ImportFrom)


def _changes(node: ast.AST) -> Iterator[_Change]:
    match node:
        case ast.Raise():
            yield "drop-raise", ast.unparse(node), "pass", ast.Pass()
        case ast.Expr(value=ast.Call() | ast.Await()):
            yield "drop-call", ast.unparse(node), "pass", ast.Pass()
        case ast.ExceptHandler(type=ast.expr() as caught):
            changed = _with(node, type=ast.Tuple(elts=[], ctx=ast.Load()))
            yield "drop-handler", f"except {ast.unparse(caught)}", "except ()", changed
        case ast.If() | ast.While() | ast.IfExp():
            yield from _condition(node)
        case ast.Compare():
            yield from _comparison(node)
        case ast.BoolOp():
            for number, _ in enumerate(node.values):
                rest = node.values[:number] + node.values[number + 1 :]
                yield _shown("drop-operand", node, rest[0] if len(rest) == 1 else _with(node, values=rest))
        case ast.comprehension():
            for number, _ in enumerate(node.ifs):
                yield _shown("drop-filter", node, _with(node, ifs=node.ifs[:number] + node.ifs[number + 1 :]))
        case (
            ast.Return(value=ast.Constant(value=bool() as value))
            | ast.keyword(value=ast.Constant(value=bool() as value))
        ):
            yield _shown("bool", node, _with(node, value=ast.Constant(value=not value)))
        case ast.Assign() | ast.AnnAssign():
            yield from _limit(node)
        case _:
            pass


def _shown(kind: str, before: ast.AST, after: ast.AST) -> _Change:
    return kind, ast.unparse(before), ast.unparse(ast.fix_missing_locations(copy.deepcopy(after))), after


def _condition(node: ast.If | ast.While | ast.IfExp) -> Iterator[_Change]:
    test = node.test
    shown = ast.unparse(test)
    body = node.body if isinstance(node.body, list) else []
    if body and not (len(body) == 1 and isinstance(body[0], ast.Raise)):
        yield "never", shown, "False", _with(node, test=ast.Constant(value=False))
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        yield "negate", shown, ast.unparse(test.operand), _with(node, test=test.operand)
    elif not isinstance(test, ast.Compare | ast.BoolOp):
        yield "negate", shown, f"not {shown}", _with(node, test=ast.UnaryOp(op=ast.Not(), operand=test))


def _comparison(node: ast.Compare) -> Iterator[_Change]:
    for number, operator in enumerate(node.ops):
        for kind, table in (("compare", _NEGATED), ("boundary", _NEIGHBOUR)):
            if type(operator) in table:
                changed = [*node.ops]
                changed[number] = table[type(operator)]()
                yield _shown(kind, node, _with(node, ops=changed))
    for number, operand in enumerate(node.comparators):
        if isinstance(operand, ast.Constant) and type(operand.value) is int and operand.value > 1:
            for value in (operand.value + 1, operand.value - 1):
                operands = [*node.comparators]
                operands[number] = ast.Constant(value=value)
                yield _shown("limit", node, _with(node, comparators=operands))


def _limit(node: ast.Assign | ast.AnnAssign) -> Iterator[_Change]:
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    if not (isinstance(target, ast.Name) and target.id.isupper() and node.value is not None):
        return
    value = _arithmetic(node.value)
    if value is not None:
        for changed in (value + 1, value - 1):
            yield _shown("limit", node, _with(node, value=ast.Constant(value=changed)))


def _arithmetic(node: ast.expr) -> int | None:
    """The value of ``16 * 1024``, of ``2**53 - 1``; None for anything that is no plain arithmetic."""
    operators: dict[type[ast.operator], Callable[[int, int], int]] = {
        ast.Add: int.__add__, ast.Sub: int.__sub__, ast.Mult: int.__mul__, ast.Pow: int.__pow__,
        ast.LShift: int.__lshift__,
    }  # fmt: skip
    match node:
        case ast.Constant(value=int() as value) if type(value) is int:
            return value
        case ast.BinOp(left=left, op=op, right=right) if type(op) in operators:
            one, other = _arithmetic(left), _arithmetic(right)
            return None if one is None or other is None else operators[type(op)](one, other)
        case _:
            return None


def _with(node: ast.AST, **fields: object) -> ast.AST:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed
