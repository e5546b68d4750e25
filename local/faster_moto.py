"""Makes moto's DynamoDB faster without another answer.

moto builds and checks everything anew at each step. What is replaced here returns what moto's own returns: the tests
compare both. Replaced is what a profile of our transactions and queries named, and nothing else.
"""

import base64
from copy import deepcopy
from functools import cache, lru_cache
from typing import Any, cast

from moto.core import responses
from moto.dynamodb import comparisons
from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict, deserializer, serializer
from moto.dynamodb.parsing import ast_nodes, expressions

MOST_EXPRESSIONS = 1_000
"""Update expressions that are kept as parsed."""
MOST_BYTES = 405_000
"""Size of an item, as moto bounds it."""

_SETS = ("SS", "NS", "BS")
_nodes = cast(Any, ast_nodes)
_Parser = cast(Any, comparisons).ConditionExpressionParser
_moto_parses = _Parser.parse
_Pairs = tuple[tuple[str, str], ...]


def size_of(value: DynamoType) -> int:
    """Returns the bytes of a value. moto copies each value of a map first."""
    kind, content = value.type, value.value
    if kind == "M":
        return sum(len(name.encode()) + size_of(inner) for name, inner in content.items())
    if kind == "L":
        return sum(map(size_of, content))
    if kind in _SETS:
        return sum(_bytes_of(element) for element in content)
    if isinstance(content, bool):
        return 1
    return len(str(content)) if kind == "N" else _bytes_of(content)


def _bytes_of(content: Any) -> int:
    return len(content if isinstance(content, bytes) else content.encode())


def regular_json(value: DynamoType) -> dict[str, Any]:
    """Returns a value as plain JSON. moto copies a map as a whole once for each of its levels."""
    kind, content = value.type, value.value
    if kind == "M":
        return {kind: {name: regular_json(inner) for name, inner in content.items()}}
    if kind == "L":
        return {kind: [regular_json(inner) for inner in content]}
    if kind == "B" and isinstance(content, str):
        return {kind: base64.b64decode(content)}
    return {kind: list(content) if isinstance(content, list) else content}


def copied_value(value: DynamoType, memo: dict[int, Any]) -> DynamoType:
    """Copies a value; one without parts is its own copy, as nothing changes it in place."""
    if value.type not in ("M", "L", *_SETS):
        return value
    if id(value) not in memo:
        result = memo[id(value)] = cast(Any, DynamoType.__new__(DynamoType))
        result.type = value.type
        if value.type == "M":
            result.value = {name: copied_value(inner, memo) for name, inner in value.value.items()}
        elif value.type == "L":
            result.value = [copied_value(inner, memo) for inner in value.value]
        else:
            result.value = list(value.value)
    return cast(DynamoType, memo[id(value)])


def begin_item(item: Item, hash_key: DynamoType, range_key: DynamoType | None, attrs: dict[str, Any]) -> None:
    """Sets the attributes of a new item. moto measures all before it at each of them."""
    item.hash_key, item.range_key = hash_key, range_key
    values = {name: DynamoType(value) for name, value in attrs.items()}
    if sum(len(name.encode()) + size_of(value) for name, value in values.items()) > MOST_BYTES:
        raise ItemSizeTooLarge
    item.attrs = LimitedSizeDict()
    dict.update(item.attrs, values)


def projected(item: Item, paths: list[list[str]]) -> Item:
    """Returns the attributes that are named. moto translates the whole item for each of the names."""
    if any(len(path) > 1 or "[" in path[0] for path in paths):
        return _projected_by_moto(item, paths)
    names = dict.fromkeys(path[0] for path in paths)
    values = {name: deserializer.deserialize(regular_json(item.attrs[name])) for name in names if name in item.attrs}
    return Item(item.hash_key, item.range_key, serializer.serialize(values)["M"])


_projected_by_moto = Item.project


@cache
def _is_searched(kind: Any) -> bool:
    return issubclass(kind, (_nodes.Expression, _nodes.UpdateExpressionFunction))


@cache
def _is_node(kind: Any) -> bool:
    return issubclass(kind, _nodes.Node)


def clauses_in(node: Any, kinds: list[type]) -> list[Any]:
    """Finds the clauses of these kinds. moto asks an abstract class about each node."""
    found = []
    for child in node.children or ():
        kind: Any = type(child)
        if kind in kinds:
            found.append(child)
        elif _is_searched(kind):
            found += clauses_in(child, kinds)
    return found


def copied_node(node: Any, memo: dict[int, Any]) -> Any:
    """Copies a node of a parsed expression and what is below it; what is no node is never changed in place."""
    result = memo[id(node)] = object.__new__(type(node))
    vars(result).update(vars(node))
    if node.children is not None:
        result.children = [
            copied_node(child, memo) if _is_node(cast(Any, type(child))) else child for child in node.children
        ]
    result.parent = deepcopy(node.parent, memo)
    return result


def walked(traverser: Any, node: Any, child_id: int = -1) -> Any:
    """Processes the nodes of an expression, the lowest first. moto asks all abstract classes about each node."""
    kind: Any = type(node)
    if not _is_node(kind):
        return node
    parent = node.parent
    for number, child in enumerate(node.children or ()):
        traverser.pre_processing_of_child(node, number)
        walked(traverser, child, number)
    of_kind = vars(traverser).setdefault("of_kind", {})
    if kind not in of_kind:
        processes = traverser._processing_map().items()  # noqa: SLF001 - moto has no public name for it
        of_kind[kind] = next((process for wanted, process in processes if issubclass(kind, wanted)), None)
    if of_kind[kind] is None:
        return node
    node = of_kind[kind](node)
    node.parent = parent
    if parent:
        parent.children[child_id] = node
    return node


def condition(parser: Any) -> Any:
    """Parses a condition, each wording once. moto takes each apart at every call, some twice in one."""
    names, values = parser.expression_attribute_names, parser.expression_attribute_values
    kinds = None if values is None else tuple(sorted((name, next(iter(value))) for name, value in values.items()))
    wording = None if names is None else tuple(sorted(names.items()))
    parsed, names_found, values_found = _parsed(parser.condition_expression, wording, kinds)
    parser.expr_attr_names_found += names_found
    parser.expr_attr_values_found += values_found
    return _bound(parsed, values or {})


@lru_cache(MOST_EXPRESSIONS)
def _parsed(text: str | None, names: _Pairs | None, kinds: _Pairs | None) -> tuple[Any, list[str], list[str]]:
    """Parses a condition whose values are their names. Returns it with the names and the values that it has."""
    values = None if kinds is None else {name: {kind: name} for name, kind in kinds}
    parser = _Parser(text, None if names is None else dict(names), values)
    return _moto_parses(parser), parser.expr_attr_names_found, parser.expr_attr_values_found


def _bound(part: Any, values: dict[str, dict[str, Any]]) -> Any:
    """Copies a parsed condition with the values of this call."""
    if isinstance(part, comparisons.AttributeValue):
        return comparisons.AttributeValue(values[cast(str, part.value)])
    if isinstance(part, tuple):
        return tuple(_bound(inner, values) for inner in part)
    if not isinstance(part, comparisons.Op | comparisons.Func):
        return part
    result = object.__new__(type(part))
    vars(result).update({name: _bound(inner, values) for name, inner in vars(part).items()})
    return result


@cache
def install() -> None:
    """Puts the functions of this module in the place of moto's own."""
    value, item, node = cast(Any, DynamoType), cast(Any, Item), _nodes.Node
    value.size, value.to_regular_json, value.__deepcopy__ = size_of, regular_json, copied_value
    item.__init__, item.project = begin_item, projected
    node.find_clauses, node.__deepcopy__ = clauses_in, copied_node
    _nodes.DepthFirstTraverser.traverse_node_recursively = walked
    # moto parses an expression at two places of each call and lists the methods of a class at each. It only reads both.
    parser = cast(Any, expressions).UpdateExpressionParser
    parser.make = lru_cache(MOST_EXPRESSIONS)(parser.make)
    _Parser.parse = condition
    of_calls = cast(Any, responses)
    of_calls.method_names_from_class = cache(of_calls.method_names_from_class)
