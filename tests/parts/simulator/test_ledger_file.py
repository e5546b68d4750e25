"""Tests that the simulator's ledger outlives its process where it is kept in a file."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.campay_simulator import CampaySimulator
from local.simulator.ledger_file import FileLedger
from local.simulator.transactions import Prompt
from tests.parts.simulator.calls import (
    ANYBODY,
    AUTHORIZED,
    FAST,
    HTTP,
    KEY,
    MTN,
    TOKEN,
    Receiver,
    accepted,
    approved_by_hand,
    control,
    eventually,
    record,
    run_process,
)

PROMPT = Prompt(MTN, "MTN", 5000, "r-1", {"description": "Order 7"})
LONG = 600.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.jsonl"


@contextmanager
def killed_at_the_end(path: Path, webhook_url: str = "", **settings: str) -> Iterator[str]:
    """Runs the simulator's process, and yields its URL. In the end it is killed as `kill -9` does."""
    environment = {
        "SIMULATOR_PORT": "0",
        "SIMULATOR_LEDGER_FILE": str(path),
        "SIMULATOR_WEBHOOK_URL": webhook_url,
        "SIMULATOR_SLOW_APPROVE_AFTER": "600",
        "CAMPAY_PERMANENT_ACCESS_TOKEN": TOKEN,
        "CAMPAY_WEBHOOK_KEY": KEY,
        **settings,
    }
    with run_process(**environment) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().rsplit(" ", 1)[1].strip()
        finally:
            process.kill()


def collect(url: str, external_reference: str) -> str:
    body = {"amount": "5000", "currency": "XAF", "from": ANYBODY, "description": "d"}
    body["external_reference"] = external_reference
    answer = HTTP.post(f"{url}/api/collect/", json=body, headers=AUTHORIZED, timeout=5)
    return str(answer.json()["reference"])


def resolve(url: str, reference: str, status: str) -> None:
    path = f"{url}/simulator/transactions/{reference}/resolve"
    assert HTTP.post(path, json={"status": status, "webhook": True}, timeout=5).status_code == 200


def rows(url: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = HTTP.get(f"{url}/simulator/transactions", timeout=5).json()
    return listed


def test_what_was_answered_is_there_after_a_kill(path: Path) -> None:
    with killed_at_the_end(path) as url:
        references = [collect(url, name) for name in ("r-1", "r-2", "r-3")]
        resolve(url, references[0], "SUCCESSFUL")
        resolve(url, references[1], "FAILED")
        before = rows(url)
    assert [it["status"] for it in before] == ["SUCCESSFUL", "FAILED", "PENDING"]
    with killed_at_the_end(path) as url:
        assert rows(url) == before
        assert collect(url, "r-1") == references[0], "the first result"
        assert collect(url, "r-4") not in references
        before = rows(url)
        assert [it["asked"] for it in before] == [2, 1, 1, 1]
    with killed_at_the_end(path) as url:
        assert rows(url) == before


def test_a_webhook_without_an_answer_is_sent_again(path: Path, receiver: Receiver) -> None:
    with socket.create_server(("127.0.0.1", 0)) as shop:
        shop.settimeout(10)
        with killed_at_the_end(path, f"http://127.0.0.1:{shop.getsockname()[1]}/webhook") as url:
            reference = collect(url, "r-1")
            resolve(url, reference, "SUCCESSFUL")
            unanswered, _ = shop.accept()
    with unanswered, killed_at_the_end(path, receiver.url):
        webhook = receiver.next()
        assert (webhook["reference"], webhook["status"]) == (reference, "SUCCESSFUL")


def test_a_webhook_that_was_answered_is_not_sent_again(path: Path, receiver: Receiver) -> None:
    settings = replace(FAST, ledger_file=path, webhook_url=receiver.url, slow_approve_after=LONG)
    with CampaySimulator(settings) as simulator:
        first = approved_by_hand(simulator)
        assert receiver.next()["reference"] == first
        eventually(lambda: simulator.ledger.all()[0].announcements == ())
    with CampaySimulator(settings) as simulator:
        assert receiver.until(approved_by_hand(simulator)) == {}


def test_a_customer_decides_whose_prompt_was_sent_before(path: Path, receiver: Receiver) -> None:
    waiting = replace(FAST, ledger_file=path, webhook_url=receiver.url, slow_approve_after=LONG)
    with CampaySimulator(waiting) as simulator:
        reference = accepted(simulator, ANYBODY)
    with CampaySimulator(waiting) as simulator:
        assert record(simulator, reference)["status"] == "PENDING"
    with CampaySimulator(waiting, slow_approve_after=0.0) as simulator:
        webhook = receiver.next()
        assert (webhook["reference"], webhook["status"]) == (reference, "SUCCESSFUL")
        assert record(simulator, reference)["status"] == "SUCCESSFUL"


def test_webhooks_out_of_order_go_on_where_they_were(path: Path, receiver: Receiver) -> None:
    settings = replace(FAST, ledger_file=path, webhook_url=receiver.url, approve_after=LONG)
    with CampaySimulator(settings) as simulator:
        reference = accepted(simulator, "237670000005")
        control(simulator, f"transactions/{reference}/resolve", {"status": "SUCCESSFUL", "webhook": False})
        other = accepted(simulator, "237670000005")
    with CampaySimulator(settings, approve_after=0.0):
        assert receiver.some(5) == {other: {"FAILED": 1, "PENDING": 1, "SUCCESSFUL": 3}}


def test_a_torn_last_line_is_left_out(path: Path) -> None:
    ledger = FileLedger(path)
    kept = [ledger.open(replace(PROMPT, external_reference=name))[0] for name in ("r-1", "r-2")]
    whole = path.read_bytes()
    path.write_bytes(whole + whole[: len(whole) // 4])
    again = FileLedger(path)
    assert again.all() == kept
    assert path.read_bytes() == whole
    kept.append(again.open(replace(PROMPT, external_reference="r-3"))[0])
    assert FileLedger(path).all() == kept
    assert [it.number for it in kept] == [1, 2, 3]


def test_a_payment_link_keeps_its_own_transaction(path: Path) -> None:
    of_link, _ = FileLedger(path).open(PROMPT, "link-1")
    again = FileLedger(path)
    assert again.open(PROMPT, "link-1") == (replace(of_link, asked=2), False)
    of_call, is_new = again.open(PROMPT)
    assert is_new
    assert FileLedger(path).open(PROMPT)[0].reference == of_call.reference


def test_only_its_owner_may_read_the_file_and_a_reset_empties_it(path: Path) -> None:
    with CampaySimulator(FAST, ledger_file=path) as simulator:
        accepted(simulator)
        assert (path.stat().st_mode & 0o777, path.read_bytes().count(MTN.encode())) == (0o600, 1)
        simulator.control.reset()
        assert path.read_bytes() == b""


@pytest.mark.parametrize("content", ["not json\n", "{}\n", "[1]\n", '{"number": 1}\n'])
def test_another_file_is_refused(path: Path, content: str) -> None:
    path.write_text(content)
    with pytest.raises(ValueError, match=f"line 1 of {path} is no transaction"):
        CampaySimulator(FAST, ledger_file=path)
    assert path.read_text() == content


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    with run_process(SIMULATOR_PORT="0", SIMULATOR_LEDGER_FILE=str(tmp_path)) as process:
        said, _ = process.communicate(timeout=10)
    assert process.returncode == 1
    assert said == f"campay simulator: the ledger cannot be kept in {tmp_path}: Is a directory\n"
