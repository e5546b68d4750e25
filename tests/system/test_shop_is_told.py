"""Tests that a running system tells the shop of a payment by signed calls, also after the shop was down."""

import json
from collections.abc import Iterator

import pytest

from chalicelib.domain.event_signature import read_secret, signed_headers, write_secret
from local.embedded import Valkey
from tests.harness.fakes import Answer, ScriptedServer
from tests.harness.stack import Stack, running, wait_until

PATH = "/payment-events"
SECRET = write_secret(b"the shop's key of thirty-two byt")


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as shop:
        yield shop


@pytest.fixture
def stack(valkey: Valkey, server: ScriptedServer) -> Iterator[Stack]:
    with running(valkey, ORDER_EVENTS_URL=server.url + PATH, ORDER_EVENTS_KEY=SECRET) as running_stack:
        yield running_stack


@pytest.mark.timeout(120)
def test_an_event_that_the_shop_refuses_comes_again_by_itself(stack: Stack, server: ScriptedServer) -> None:
    server.answer(PATH, Answer(503), Answer(204, b""))
    started = stack.initiate("order-1", "237677777777").json()
    wait_until(lambda: len(server.calls(PATH)) == 2, "the shop is called again after five seconds", 30)
    for call in server.calls(PATH):
        event_id, at = call.headers["webhook-id"], int(call.headers["webhook-timestamp"]) * 1000
        signed = signed_headers(event_id, at, call.body, [read_secret(SECRET)])
        assert call.headers["webhook-signature"] == signed["webhook-signature"]
        assert event_id == f"{started['reference']}:{json.loads(call.body)['data']['version']}"
    first, second = server.calls(PATH)
    assert first.body == second.body
    assert json.loads(second.body)["type"] == "payment.successful"
    assert SECRET in stack.log(), "make run says by which key the shop verifies"
