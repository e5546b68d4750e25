"""Changes by hand what mutmut leaves as it is, the Lua script and the tables of the pure modules, and tests them."""

import subprocess
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gauntlet.mutation.mutants import copy_product

_LUA = "chalicelib/adapters/lua/publish_newer.lua"
_OF_LUA = [
    f"tests/parts/test_live_store.py::{test}"
    for test in (
        "test_the_newer_version_wins_whatever_the_order",
        "test_what_is_kept_has_an_end_and_is_published_once",
        "test_a_malformed_value_is_no_payment_and_is_replaced",
    )
]


@dataclass(frozen=True)
class Change:
    """A text in a file, which stands there once, what is written in its place, and the tests that must notice it."""

    path: str
    text: str
    instead: str
    tests: Sequence[str]

    def __str__(self) -> str:
        return f"{self.path}: {self.text!r} became {self.instead!r}"


def _lua(text: str, instead: str) -> Change:
    """Changes the script. Its tests run it in a real Redis."""
    return Change(_LUA, text, instead, _OF_LUA)


def _domain(module: str, text: str, instead: str, test: str = "") -> Change:
    return Change(f"chalicelib/domain/{module}.py", text, instead, [f"tests/unit/test_{test or module}.py"])


CHANGES = [
    _lua(">= version then", "> version then"),
    _lua(">= version then", "< version then"),
    _lua("(tonumber(event.version) or 0)", "event.version"),
    _lua("if kept then", "if not kept then"),
    _lua("type(event) == 'table' and ", ""),
    _lua("pcall(cjson.decode, kept)", "true, cjson.decode(kept)"),
    _lua("return 0", "return 1"),
    _lua("return 1", "return 0"),
    _lua("payload, 'EX', life)", "payload)"),
    _lua("payload, 'EX', life)", "payload, 'PX', life)"),
    _lua("payload, 'EX', life)", "kept or payload, 'EX', life)"),
    _lua("redis.call('PUBLISH', KEYS[1], payload)", ""),
    _lua("redis.call('PUBLISH', KEYS[1], payload)", "redis.call('PUBLISH', KEYS[1], kept or payload)"),
    _lua("redis.call('SET', KEYS[1], payload, 'EX', life)", ""),
    _lua("tonumber(ARGV[1]), ARGV[2], ARGV[3]", "1, ARGV[2], ARGV[3]"),
    _domain("payment", "_S.SUCCESSFUL: frozenset(),", "_S.SUCCESSFUL: frozenset({_S.CONFLICTED}),"),
    _domain("payment", "_S.FAILED: frozenset({_S.SUCCESSFUL, _S", "_S.FAILED: frozenset({_S"),
    _domain("payment", "ACTIVE = WAITING | UNDER_REVIEW", "ACTIVE = WAITING"),
    _domain("payment", "if _S.EXPIRED in after", "if _S.PENDING in after"),
    _domain("check_schedule", "1 * HOUR, 72 * HOUR),\n)", "1 * HOUR, 71 * HOUR),\n)"),
    _domain("check_schedule", "_LATEST_SHARE = 0.1", "_LATEST_SHARE = 0.2"),
    _domain("prompt_limits", "15 * 60_000", "14 * 60_000"),
    _domain("tokens", "WEBHOOK_LEEWAY_MS = 60_000", "WEBHOOK_LEEWAY_MS = 3_600_000"),
    _domain("tokens", '"verify_iat": False', '"verify_iat": True'),
    _domain("phone_number", "2376[0-9]{8}", "237[0-9]{9}", "payment_money"),
    _domain("money", r"(\.[0-9]{1,6})?", "", "payment_money"),
    _domain("webhooks", "    ExpiredSignature: WebhookOutcome.EXPIRED_SIGNATURE,\n", "", "webhook_outcomes"),
    _domain("comparison", "(Kind.MISSING_HERE, Kind.MISSING_THERE, Kind", "(Kind.MISSING_HERE, Kind"),
    _domain("hints", "[0-9a-f-]{36}", "[0-9a-f-]+"),
]


def survivors(folder: Path) -> Iterator[str]:
    """Makes each change in a copy, and yields what no test has noticed, and what can no longer be made."""
    copy_product(folder)
    if not _pass(folder, sorted({test for change in CHANGES for test in change.tests})):
        yield "the tests of the changes by hand fail without a change"
        return
    for change in CHANGES:
        path = folder / change.path
        source = path.read_text("utf-8")
        if source.count(change.text) != 1:
            yield f"{change}: the text stands there {source.count(change.text)} times"
            continue
        path.write_text(source.replace(change.text, change.instead), "utf-8")
        if _pass(folder, change.tests):
            yield str(change)
        path.write_text(source, "utf-8")


def _pass(folder: Path, tests: Collection[str]) -> bool:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0
