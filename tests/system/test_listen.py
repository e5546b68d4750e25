"""Tests `make trigger` and `make listen`: each order event happens at the desk, and reaches the shop's own server."""

import base64
import hmac
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chalicelib.domain.event_signature import read_secret, write_secret
from local.embedded import Valkey, free_port
from local.trigger import EVENTS
from tests import ROOT
from tests.harness.commands import arguments_of, command_of, variables_of
from tests.harness.fakes import Answer, ScriptedServer, Seen
from tests.harness.markdown import blocks
from tests.harness.stack import Stack, running, wait_until

README = (ROOT / "README.md").read_text("utf-8")
KEY = write_secret(b"the shop's key of thirty-two byt")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def stack(valkey: Valkey, place: Path) -> Iterator[Stack]:
    with running(valkey, RUN_DIR=str(place), REFUNDS="true") as stack:
        yield stack


@pytest.fixture
def shop() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        server.answer("/order-events", Answer(204, b""))
        yield server


listen, trigger = command_of("local.listen"), command_of("local.trigger")


@contextmanager
def listening(place: Path, output: Path, url: str, **more: str) -> Iterator[None]:
    """Runs `make listen` until the end of the block."""
    with output.open("w") as file:
        given, variables = arguments_of("local.listen", url), variables_of(place, **more)
        listener = subprocess.Popen(given, cwd=ROOT, env=variables, stdout=file)
        try:
            wait_until(lambda: "Waiting for order events" in output.read_text(), "the listener waits", 20)
            yield
        finally:
            listener.terminate()
            listener.wait(10)


def is_genuine(call: Seen, key: str) -> bool:
    headers = {name.lower(): value for name, value in call.headers.items()}
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + call.body
    expected = base64.b64encode(hmac.digest(read_secret(key), signed, "sha256")).decode()
    return headers["webhook-signature"] == f"v1,{expected}"


@pytest.mark.usefixtures("stack")
def test_each_event_happens_and_reaches_the_shops_server(place: Path, tmp_path: Path, shop: ScriptedServer) -> None:
    output = tmp_path / "listen"
    told = []
    with listening(place, output, f"{shop.url}/order-events", ORDER_EVENTS_KEY=KEY):
        for event in EVENTS:
            done = trigger(place, event)
            assert (done.returncode, done.stderr) == (0, "")
            assert done.stdout.splitlines()[-1].startswith(f"{event} trigger-")
            told += done.stdout.splitlines()
        wait_until(lambda: len(shop.seen) == len(told), "the shop's server has had them all", 20)
    assert all(is_genuine(call, KEY) for call in shop.seen)
    bodies = [json.loads(call.body) for call in shop.seen]
    assert [
        f"{it['type']} {it['data']['orderId']} version {it['data']['version']} {it['data']['id']}" for it in bodies
    ] == told
    first, *lines = output.read_text().splitlines()
    assert first == "Waiting for order events; Ctrl-C ends it."
    assert [line.partition(": 204 after ")[0] for line in lines] == told


@pytest.mark.usefixtures("stack")
def test_the_readmes_shop_marks_its_order_paid(place: Path, tmp_path: Path) -> None:
    (block,) = (block for block in blocks(README, "sh") if "make listen" in block)
    script = block.replace("3001", str(free_port())).replace("/tmp/shop", str(tmp_path / "shop"))  # noqa: S108  the folder of the README
    script = script.replace("make listen FORWARD=", ".venv/bin/python -m local.listen ")
    script = script.replace(".venv/bin/python", sys.executable)
    output, orders = tmp_path / "output", tmp_path / "shop" / "orders.txt"
    with output.open("w") as file:
        given = ["bash", "-ec", script]
        shop = subprocess.Popen(given, cwd=ROOT, env=variables_of(place), stdout=file, start_new_session=True)
        try:
            wait_until(lambda: "Waiting for order events" in output.read_text(), "the listener waits", 30)
            told = trigger(place, "payment.duplicate").stdout.split()
            wait_until(lambda: orders.exists() and "paid twice" in orders.read_text(), "the shop is told", 20)
        finally:
            os.killpg(shop.pid, signal.SIGTERM)
            shop.wait(10)
    order = next(word for word in told if word.startswith("trigger-"))
    assert orders.read_text() == f"paid {order}\npaid twice, give the money back: {order}\n"


@pytest.mark.usefixtures("stack")
def test_a_key_that_is_made_up_is_printed_for_the_shop(place: Path, tmp_path: Path, shop: ScriptedServer) -> None:
    output = tmp_path / "listen"
    with listening(place, output, f"{shop.url}/order-events"):
        assert trigger(place, "payment.successful").returncode == 0
        wait_until(lambda: bool(shop.seen), "the shop's server is told", 20)
    key = output.read_text().splitlines()[0].removeprefix("The shop's server verifies them with ORDER_EVENTS_KEY=")
    assert is_genuine(shop.seen[0], key)


@pytest.mark.usefixtures("stack")
def test_a_server_that_does_not_answer_is_said(place: Path, tmp_path: Path, shop: ScriptedServer) -> None:
    output = tmp_path / "listen"
    shop.answer("/order-events", Answer(500, b""))
    with listening(place, output, f"{shop.url}/order-events", ORDER_EVENTS_KEY=KEY):
        assert trigger(place, "payment.failed").returncode == 0
        wait_until(lambda: ": 500 after " in output.read_text(), "the refusal is printed", 20)


@pytest.mark.parametrize(("name", "arguments"), [("listen", []), ("trigger", ["payment.failed"])])
def test_without_a_run_it_says_so(name: str, arguments: list[str], tmp_path: Path) -> None:
    done = command_of(f"local.{name}")(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"make {name}: start `make run` first, in another terminal\n"


@pytest.mark.usefixtures("stack")
def test_a_wrong_argument_is_refused(place: Path) -> None:
    refused = {
        "invalid choice": trigger(place, "payment.refused"),
        "FORWARD is an address": listen(place, "localhost:3000"),
        "ORDER_EVENTS_KEY is no secret": listen(place, "http://localhost:3000", ORDER_EVENTS_KEY="guess"),
    }
    for said, done in refused.items():
        assert done.returncode != 0
        assert said in done.stderr
