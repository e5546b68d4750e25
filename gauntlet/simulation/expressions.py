"""Evaluates DynamoDB's expressions on rows in its attribute format, as far as the ledger uses them.

An expression is compiled once: its text is the same in every call, its names and values are not.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

Attribute = Mapping[str, Any]
Row = Mapping[str, Attribute]
_TOKEN = re.compile(r"\s*(<>|<=|>=|[=<>(),.+-]|[#:]?\w+)")
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


class MalformedExpression(Exception):
    """Raised where an expression, or what it would do to a row, is nothing that DynamoDB accepts."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression is evaluated on."""

    row: Row
    names: Mapping[str, str]
    values: Mapping[str, Attribute]


Condition = Callable[[Scope], bool]
Operand = Callable[[Scope], Attribute | None]
Path = tuple[str, ...]
Action = Callable[[Scope, dict[str, Attribute]], None]
"""Changes a new copy of the row. It reads the row as it was."""


def comparable(attribute: Attribute) -> Any:
    """Returns an attribute's value in a form that compares as DynamoDB does. Only equal types are compared."""
    ((kind, value),) = attribute.items()
    if kind == "N":
        return int(value)
    return frozenset(value) if kind in ("SS", "NS") else value


@cache
def condition(text: str) -> Condition:
    """Compiles a condition. An empty one always holds."""
    if not text:
        return lambda _: True
    parser = _Parser(text)
    compiled = parser.condition()
    parser.end()
    return compiled


@cache
def update(text: str) -> Callable[[Scope], dict[str, Attribute]]:
    """Compiles an update expression, which returns the changed row."""
    parser = _Parser(text)
    actions = parser.actions()

    def apply(scope: Scope) -> dict[str, Attribute]:
        changed = dict(scope.row)
        for action in actions:
            action(scope, changed)
        return changed

    return apply


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(text)
        if "".join(self._tokens) != re.sub(r"\s", "", text):
            raise MalformedExpression(text)
        self._at = 0

    def end(self) -> None:
        if self._at != len(self._tokens):
            raise MalformedExpression(self._tokens[self._at])

    # ------------------------------------------------------------------ conditions

    def condition(self) -> Condition:
        first = self._all_of()
        if not self._accept("OR"):
            return first
        second = self.condition()
        return lambda scope: first(scope) or second(scope)

    def _all_of(self) -> Condition:
        first = self._term()
        if not self._accept("AND"):
            return first
        second = self._all_of()
        return lambda scope: first(scope) and second(scope)

    def _term(self) -> Condition:
        if self._accept("("):
            inner = self.condition()
            self._expect(")")
            return inner
        if self._peek() in ("attribute_exists", "attribute_not_exists"):
            exists = self._next() == "attribute_exists"
            path = self._argument()
            return lambda scope: (_at(path, scope) is not None) is exists
        return self._comparison()

    def _comparison(self) -> Condition:
        left = self._operand()
        if self._accept("BETWEEN"):
            low = self._operand()
            self._expect("AND")
            high = self._operand()
            return lambda scope: _compare(">=", left(scope), low(scope)) and _compare("<=", left(scope), high(scope))
        sign = self._next()
        right = self._operand()
        return lambda scope: _compare(sign, left(scope), right(scope))

    # ------------------------------------------------------------------ updates

    def actions(self) -> list[Action]:
        parse = {"SET": self._set, "REMOVE": self._remove, "ADD": self._add, "DELETE": self._delete}
        actions: list[Action] = []
        while self._at < len(self._tokens):
            of_verb = parse[self._next()]
            actions.append(of_verb())
            while self._accept(","):
                actions.append(of_verb())
        return actions

    def _set(self) -> Action:
        path = self._path()
        self._expect("=")
        value = self._sum()

        def act(scope: Scope, changed: dict[str, Attribute]) -> None:
            result = value(scope)
            if result is None:
                raise MalformedExpression("an attribute that is not there is read")
            _put(path, scope, changed, result)

        return act

    def _remove(self) -> Action:
        path = self._path()
        return lambda scope, changed: _put(path, scope, changed, None)

    def _add(self) -> Action:
        path, value = self._path(), self._operand()

        def act(scope: Scope, changed: dict[str, Attribute]) -> None:
            ((kind, added),) = (value(scope) or {}).items()
            old = _at(path, scope) or ({"N": "0"} if kind == "N" else {kind: []})
            total = str(int(old[kind]) + int(added)) if kind == "N" else sorted({*old[kind], *added})
            _put(path, scope, changed, {kind: total})

        return act

    def _delete(self) -> Action:
        path, value = self._path(), self._operand()

        def act(scope: Scope, changed: dict[str, Attribute]) -> None:
            ((kind, gone),) = (value(scope) or {}).items()
            left = sorted({*(_at(path, scope) or {kind: []})[kind]} - {*gone})
            _put(path, scope, changed, {kind: left} if left else None)

        return act

    def _sum(self) -> Operand:
        first = self._operand()
        if not self._accept("+"):
            return first
        second = self._operand()

        def add(scope: Scope) -> Attribute | None:
            a, b = first(scope), second(scope)
            return {"N": str(comparable(a) + comparable(b))} if a and b else None

        return add

    # ------------------------------------------------------------------ operands

    def _operand(self) -> Operand:
        token = self._peek()
        if token.startswith(":"):
            name = self._next()
            return lambda scope: scope.values[name]
        if token == "size":
            self._next()
            path = self._argument()
            return lambda scope: _size(_at(path, scope))
        if token == "if_not_exists":
            self._next()
            self._expect("(")
            path = self._path()
            self._expect(",")
            otherwise = self._operand()
            self._expect(")")
            return lambda scope: _at(path, scope) or otherwise(scope)
        path = self._path()
        return lambda scope: _at(path, scope)

    def _argument(self) -> Path:
        self._expect("(")
        path = self._path()
        self._expect(")")
        return path

    def _path(self) -> Path:
        parts = [self._next()]
        while self._accept("."):
            parts.append(self._next())
        return tuple(parts)

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def _accept(self, token: str) -> bool:
        if self._peek() != token:
            return False
        self._at += 1
        return True

    def _expect(self, token: str) -> None:
        if not self._accept(token):
            raise MalformedExpression(f"{self._peek()} where {token} should be")


def _compare(sign: str, left: Attribute | None, right: Attribute | None) -> bool:
    """Compares two attributes. What is not there differs from everything, and is neither less nor more."""
    if left is None or right is None or left.keys() != right.keys():
        return sign == "<>"
    return _COMPARISONS[sign](comparable(left), comparable(right))


def _size(attribute: Attribute | None) -> Attribute | None:
    return {"N": str(len(next(iter(attribute.values()))))} if attribute else None


def _name(part: str, scope: Scope) -> str:
    return scope.names[part] if part.startswith("#") else part


def _at(path: Path, scope: Scope) -> Attribute | None:
    found = scope.row.get(_name(path[0], scope))
    for part in path[1:]:
        inside: Row = found.get("M", {}) if found else {}
        found = inside.get(_name(part, scope))
    return found


def _put(path: Path, scope: Scope, changed: dict[str, Attribute], value: Attribute | None) -> None:
    """Writes an attribute into a row, None to remove it. A map on the way is copied: the row as it was has it too."""
    inside: dict[str, Any] = changed
    for part in path[:-1]:
        name = _name(part, scope)
        if "M" not in inside.get(name, {}):
            raise MalformedExpression("the path leads through what is no map")
        inside[name] = {"M": dict(inside[name]["M"])}
        inside = inside[name]["M"]
    name = _name(path[-1], scope)
    if value is None:
        inside.pop(name, None)
    else:
        inside[name] = value
