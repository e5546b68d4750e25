"""Tests payments from the first call to the browser's last event, through all processes of `make run`."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
import socketio

from chalicelib.domain.contract import PaymentEvent
from local.embedded import Valkey
from tests.harness.stack import OPERATOR_KEY, JavaScriptBrowser, Stack, running, wait_until

pytestmark = pytest.mark.timeout(90)

PENDING = [("payment-initiated", 2), ("payment-status", 2)]
PAID = [("payment-status", 3), ("payment-success", 3), ("payment-completed", 3)]
FAILED = [("payment-status", 3), ("payment-failed", 3), ("payment-completed", 3)]
SHORT = {
    "PAYMENT_EXPIRES_SECONDS": "3",
    "SIMULATOR_APPROVE_AFTER": "1.5",
    "SIMULATOR_LATE_AFTER": "8",
    "CHECK_AGES_SECONDS": ",".join(str(age) for age in range(1, 30)),
}


@pytest.fixture(scope="module")
def redis() -> Iterator[Valkey]:
    with Valkey() as server:
        yield server


@pytest.fixture(scope="module")
def stack(redis: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    page = tmp_path_factory.mktemp("page")
    (page / "index.html").write_text("the test page")
    with running(redis, TEST_PAGE_DIR=str(page), **SHORT) as system:
        yield system


@pytest.fixture
def browsers() -> Iterator[list[JavaScriptBrowser]]:
    opened: list[JavaScriptBrowser] = []
    yield opened
    for browser in opened:
        browser.close()


async def python_client(
    stack: Stack, started: dict[str, Any], until: int, on_pending: Callable[[], None] = lambda: None
) -> tuple[list[tuple[str, int]], dict[str, Any]]:
    """Connects python-socketio's client with default options; returns its events up to `until`, and the ack."""
    heard: list[tuple[str, int]] = []
    others: list[str] = []
    async with socketio.AsyncSimpleClient() as client:
        await client.connect(stack.gateway)
        tracking = {"reference": started["reference"], "token": started["trackingToken"]}
        ack: dict[str, Any] = await client.call("track-payment", tracking, timeout=10)
        while len(heard) < until:
            name, payload = await client.receive(timeout=20)
            if name.startswith("payment-"):
                heard.append((name, payload["version"]))
                if heard == PENDING:
                    on_pending()
            else:
                others.append(name)
    assert others == ["connected"]
    return heard, ack


def test_the_test_page_is_served_at_the_gateways_address(stack: Stack) -> None:
    assert requests.get(f"{stack.gateway}/payment-test", timeout=5).text == "the test page"
    addresses = requests.get(f"{stack.gateway}/payment-test/addresses.json", timeout=5).json()
    assert addresses == {
        "apiUrl": stack.api.removesuffix("/api/payment").replace("127.0.0.1", "localhost"),
        "simulatorUrl": stack.simulator.removesuffix("/simulator").replace("127.0.0.1", "localhost"),
    }


async def test_both_clients_see_each_version_as_the_table_has_it(
    stack: Stack, browsers: list[JavaScriptBrowser]
) -> None:
    reply = stack.initiate("order-both", "237670000001")
    assert reply.status_code == 201, reply.text
    started = reply.json()
    assert set(started) == {*PaymentEvent.__required_keys__, "trackingToken", "operatorNotice"}
    browsers.append(JavaScriptBrowser(stack, started))
    (transaction,) = stack.transactions(started["reference"])

    def approve() -> None:
        stack.resolve(transaction["reference"], "SUCCESSFUL", webhook=True)

    heard, ack = await python_client(stack, started, until=5, on_pending=approve)
    assert (ack["ok"], ack["payment"]["reference"]) == (True, started["reference"])
    assert heard == PENDING + PAID
    assert browsers[0].wait_for_end() == 0
    assert browsers[0].events()[-3:] == PAID
    assert browsers[0].events() in (PENDING + PAID, PAID), "the second where it came after the approval"
    assert {"connected", "ack"} <= browsers[0].names()

    late, ack = await python_client(stack, started, until=3)
    assert late == PAID, "who comes after the success sees the same final picture"
    assert ack["payment"]["status"] == "SUCCESSFUL"
    browsers.append(JavaScriptBrowser(stack, started))
    assert browsers[1].wait_for_end() == 0
    assert browsers[1].events() == PAID


NUMBERS = {
    "237677777777": "SUCCESSFUL",
    "237699999999": "SUCCESSFUL",
    "237677777770": "FAILED",
    "237699999990": "FAILED",
    "237670000001": "EXPIRED",
    "237655000001": "EXPIRED",
    "237670000002": "SUCCESSFUL",
    "237655000002": "SUCCESSFUL",
    "237670000003": "SUCCESSFUL",
    "237670000004": "SUCCESSFUL",
    "237670000005": "SUCCESSFUL",
    "237670000006": "CONFLICTED",
    "237670000007": "FAILED",
    "237670000008": "SUCCESSFUL",
    "237670000009": "FAILED",
    "237680123456": "SUCCESSFUL",
}


def test_each_number_ends_as_it_should(stack: Stack, browsers: list[JavaScriptBrowser]) -> None:
    """All run at once; CamPay's ledger and ours agree at the end."""
    with ThreadPoolExecutor(8) as callers:
        replies = dict(zip(NUMBERS, callers.map(lambda n: stack.initiate(f"order-{n}", n), NUMBERS), strict=True))
    started = {number: reply.json() for number, reply in replies.items()}
    unknown = {number for number, reply in replies.items() if reply.status_code == 202}
    assert unknown == {"237670000004", "237670000008"}, "their answers are lost"
    assert all(reply.status_code in (201, 202) for reply in replies.values())
    browsers.append(JavaScriptBrowser(stack, started["237670000005"]))

    def all_ended() -> bool:
        return all(stack.status(f"order-{number}")["status"] == status for number, status in NUMBERS.items())

    wait_until(all_ended, "every number has ended", 20)
    assert "order event payment.expired order-237670000003" in stack.log()
    assert stack.status("order-237670000003")["late"]
    assert stack.status("order-237670000009")["reason"]
    for number in NUMBERS:
        ours = stack.status(f"order-{number}")
        (theirs,) = stack.transactions(ours["reference"])
        assert theirs["moneyMoved"] is (ours["status"] in ("SUCCESSFUL", "CONFLICTED")), number
    assert browsers[0].wait_for_end() == 0
    events = browsers[0].events()
    assert events[-3:] == PAID
    assert len(events) == len(set(events)), "five webhooks, one of each event"

    again = stack.initiate("order-237670000001", "237677777777")
    assert again.status_code == 201, "an expired attempt does not stand in the way of the next"
    wait_until(lambda: stack.status("order-237670000001")["status"] == "SUCCESSFUL", "the new attempt is paid")


@pytest.mark.parametrize("number", ["237670000004", "237670000008"])
def test_a_lost_answer_and_a_lost_webhook_are_found_in_the_statement(stack: Stack, number: str) -> None:
    stack.faults(webhook=["lost"])
    reply = stack.initiate(f"order-statement-{number}", number)
    assert reply.status_code == 202
    order = f"order-statement-{number}"
    wait_until(lambda: stack.status(order)["status"] == "SUCCESSFUL", "the statement has told", 10)
    assert len(stack.transactions(reply.json()["reference"])) == 1


def test_a_lost_webhook_is_recovered_by_the_sweep_alone(stack: Stack) -> None:
    """No page is open; the order event proves it."""
    stack.initiate("order-sweep", "237670000002")
    told = "order event payment.successful order-sweep"
    wait_until(lambda: told in stack.log(), "the sweep settled it", float(SHORT["SIMULATOR_APPROVE_AFTER"]) + 1 + 6)


def test_the_analytics_count_what_the_ledgers_stream_says(stack: Stack) -> None:
    analytics = f"{stack.api}/analytics"
    operator = {"X-Api-Key": OPERATOR_KEY}

    def total() -> dict[str, Any]:
        figures: dict[str, Any] = stack.session.get(analytics, headers=operator, timeout=10).json()["total"]
        return figures

    before = total()
    stack.initiate("order-counted", "237677777799")
    counted = ("started", "paid")  # others that were started before may be counted meanwhile
    wait_until(lambda: all(total()[name] > before[name] for name in counted), "the worker has counted it")


def test_two_thousand_calls_for_one_order_charge_once(stack: Stack) -> None:
    """A prompt is sent and approved meanwhile; every call returns the same payment."""

    def click(_: int) -> requests.Response:
        return stack.initiate("order-2000", "237680002000", **{"Idempotency-Key": "one-attempt"})

    with ThreadPoolExecutor(50) as callers:
        replies = list(callers.map(click, range(2000)))
    assert [reply.status_code for reply in replies if reply.status_code != 200] == [201]
    references = {reply.json()["reference"] for reply in replies}
    assert len(references) == 1
    charged = [row for row in stack.transactions() if row["phoneNumber"] == "237680002000"]
    assert [row["externalReference"] for row in charged] == list(references)


@pytest.mark.parametrize("environment", ["development", "production"])
def test_redis_may_stop_in_the_middle(environment: str, browsers: list[JavaScriptBrowser]) -> None:
    """Payments go on without Redis, and the browser gets the outcome without reconnecting."""
    with (
        Valkey() as redis,
        running(redis, **SHORT | {"APP_ENV": environment, "PAYMENT_EXPIRES_SECONDS": "60"}) as stack,
    ):
        started = stack.initiate("order-1", "237670000001").json()
        browsers.append(JavaScriptBrowser(stack, started, "--until", "SUCCESSFUL"))
        wait_until(lambda: browsers[0].events() == PENDING, "the browser sees the prompt")
        redis.stop()
        meanwhile = stack.initiate("order-2", "237677777777")
        assert meanwhile.status_code == 201
        (transaction,) = stack.transactions(started["reference"])
        stack.resolve(transaction["reference"], "SUCCESSFUL", webhook=True)
        wait_until(lambda: stack.status("order-1")["status"] == "SUCCESSFUL", "the webhook settled it")
        wait_until(lambda: stack.status("order-2")["status"] == "SUCCESSFUL", "the other one too")
        assert stack.health() == "degraded"
        redis.start()
        assert browsers[0].wait_for_end(25) == 0
        assert browsers[0].events() == PENDING + PAID
        assert [line["event"] for line in browsers[0].heard].count("connected") == 1
        wait_until(lambda: stack.health() == "healthy", "healthy")
