"""Tests that what `local.faster_moto` replaces in moto returns what moto's own returns."""

import random
import subprocess
import sys
from typing import Any

from tests import ROOT

ITEMS = 30
"""Random items, each of which is read in all ways and updated by each of the expressions."""
TEXTS = ("", "a", "é", "x" * 40)
LEAVES: tuple[dict[str, Any], ...] = (
    *({"S": text} for text in TEXTS),
    {"N": "1.50"},
    {"N": "-7"},
    {"BOOL": False},
    {"SS": ["é", "b"]},
    {"NS": ["1", "20"]},
    {"B": "YWJj"},
)
PATHS = ([["a"]], [["a"], ["c"], ["a"], ["absent"]], [["b", "inner"], ["a"]], [["b[0]"]])
NAMES = {"#a": "a", "#b": "b", "#deep": "inner"}
VALUES = {
    ":n": {"N": "2"},
    ":s": {"S": "é"},
    ":l": {"L": [{"S": "x"}, {"M": {"inner": {"N": "1"}}}]},
    ":t": {"SS": ["b", "z"]},
}
EXPRESSIONS = (
    "SET #a = :s, c = if_not_exists(c, :n) REMOVE #b",
    "SET c = :n + :n, #b = :l ADD g :n",
    "SET c = list_append(if_not_exists(h, :l), :l)",
    "SET #b.#deep = :n",
    "SET #b[1] = :s REMOVE c, #a",
    "SET e = e - :n",
    "ADD g :n, f :t DELETE h :t",
    "DELETE f :t",
    "SET #a = c, c = #a",
    "SET #a = :s, #a = :n",
    "SET #b = :n, #b.#deep = :n",
    "SET pk = :s",
    "SET #a = :unknown",
    "SET #unknown = :s",
    "SET size = :s",
    "REMOVE #b[0], #b[1]",
    "SET #a = :s SET c = :s",
)
"""Update expressions: of each kind, on attributes that are there or not, and those that are refused."""

CONDITIONS = (
    "attribute_exists(#a) AND attribute_not_exists(g)",
    "#a = :s OR c > :n",
    "NOT (c < :n) AND (e >= :n OR #a <> :s)",
    "c BETWEEN :n AND :m",
    "c IN (:n, :m, :s)",
    "begins_with(#a, :s) OR contains(f, :s) OR contains(#b, :s)",
    "size(#a) >= :n",
    "attribute_type(c, :kind)",
    "#b.#deep = :n",
    "#b[0] = :s",
    "c BETWEEN :null AND :n",
    "#a = :unknown",
    "#unknown = :s",
    "size = :s",
    "((#a = :s))",
    "#a = ",
    "#a",
    "",
)
"""Conditions: of each kind, and those that are refused."""
OF_CONDITIONS = (
    {":n": {"N": "-7"}, ":m": {"N": "1.50"}, ":s": {"S": "é"}, ":kind": {"S": "N"}, ":null": {"NULL": True}},
    {":n": {"N": "2"}, ":m": {"N": "3"}, ":s": {"S": ""}, ":kind": {"S": "L"}, ":null": {"NULL": True}},
    {":n": {"S": "2"}, ":m": {"SS": ["b"]}, ":s": {"L": [{"S": "x"}]}, ":kind": {"S": "SS"}, ":null": {"S": "x"}},
)
"""Values of the conditions, each of which is parsed once and met by all of them."""


def value(chance: random.Random, depth: int = 3) -> dict[str, Any]:
    kind = chance.randrange(4) if depth else 3
    if kind == 0:
        return {"L": [value(chance, depth - 1) for _ in range(chance.randrange(3))]}
    if kind == 1:
        return {"M": {name: value(chance, depth - 1) for name in ("inner", "é")[: chance.randrange(3)]}}
    return chance.choice(LEAVES)


def outcome(call: Any) -> str:
    try:
        return repr(call())
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def answers() -> list[str]:
    """Returns what moto says about random items: sizes, copies, projections and updates."""
    from moto.dynamodb.models.dynamo_type import Item

    chance, found = random.Random(7), []
    for _ in range(ITEMS):
        attributes = {name: value(chance) for name in "abcefgh" if chance.randrange(4)}
        item = Item(hash_key("row"), None, attributes)
        found.append(outcome(lambda item=item: (item.size(), item.to_json(), item.to_regular_json())))
        found += [outcome(lambda item=item, paths=paths: item.project(paths).to_json()) for paths in PATHS]
        found += [updated(attributes, expression) for expression in EXPRESSIONS]
        found += [is_met(item, condition, values) for condition in CONDITIONS for values in OF_CONDITIONS]
    for length in (404_990, 404_995, 404_996, 405_001):
        found.append(
            outcome(
                lambda length=length: Item(hash_key("row"), None, {"big": {"S": "x" * length}, "b": {"L": []}}).size()
            )
        )
    return found


def hash_key(name: str) -> Any:
    from moto.dynamodb.models.dynamo_type import DynamoType

    return DynamoType({"S": name})


def is_met(item: Any, condition: str, values: dict[str, Any]) -> str:
    """Returns how moto reads a condition, and whether the item and no item meet it."""
    from moto.dynamodb.comparisons import ConditionExpressionParser

    parser = ConditionExpressionParser(condition, NAMES, values)
    parsed = outcome(parser.parse)
    if any(word in parsed for word in ("Error", "Exception", "Incorrect")):
        return parsed
    met = (outcome(lambda it=it: parser.parse().expr(it)) for it in (item, None))
    return repr((parsed, parser.expr_attr_names_found, parser.expr_attr_values_found, *met))


def updated(attributes: dict[str, Any], expression: str) -> str:
    """Returns the answer of an update, the item that it leaves, and the one before it in the stream."""
    from moto.dynamodb.models import DynamoDBBackend

    backend = DynamoDBBackend("eu-west-1", "123456789012")
    schema, kinds = [{"AttributeName": "pk", "KeyType": "HASH"}], [{"AttributeName": "pk", "AttributeType": "S"}]
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    table = backend.create_table("t", schema, None, kinds, None, None, stream, "", None, [], None, None)
    key = {"pk": {"S": "row"}}
    backend.put_item("t", key | attributes, overwrite=True)
    said = outcome(lambda: backend.update_item("t", key, expression, NAMES, VALUES).to_json())
    assert table.stream_shard
    images = [record.record["dynamodb"] for record in table.stream_shard.items]
    kept = backend.get_item("t", key)
    return repr((said, kept and kept.to_json(), [(image.get("OldImage"), image.get("NewImage")) for image in images]))


def answers_in_a_process(*, faster: bool) -> list[str]:
    """Returns the answers of a process of its own: what is replaced is replaced for good."""
    begin = "from local import faster_moto; faster_moto.install(); " if faster else ""
    command = f"{begin}from tests.parts.test_faster_moto import answers; print(*answers(), sep='\\n')"
    environment = {"PYTHONHASHSEED": "0"}
    done = subprocess.run(
        [sys.executable, "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_every_answer_is_motos_own() -> None:
    own, faster = answers_in_a_process(faster=False), answers_in_a_process(faster=True)
    assert len(own) > ITEMS * (len(PATHS) + len(EXPRESSIONS) + len(CONDITIONS) * len(OF_CONDITIONS))
    assert sum("Error" in answer or "Exception" in answer or "TooLarge" in answer for answer in own) > 10 * ITEMS, (
        "refusals are compared too"
    )
    assert [pair for pair in zip(own, faster, strict=True) if pair[0] != pair[1]] == []
