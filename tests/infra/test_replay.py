"""Tests `make replay`: which order events it names, and that the shop is sent them again in order."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chalicelib.bootstrap import Service
from chalicelib.domain.hints import ShopHint
from chalicelib.domain.payment import Payment
from chalicelib.settings import Settings
from local.embedded import EmbeddedAws
from tests.conftest import Shop, aws_client
from tests.harness.commands import command_of, keep_run
from tests.harness.fakes import HandClock, ScriptedServer
from tests.parts.test_refund_payment import check, newest, payouts, refund
from tests.parts.test_tell_shop import expired_and_paid, paid, received, server, telling

__all__ = ["server", "telling"]


run = command_of("infra.commands.replay")
DAY = 86_400


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, refunds=True)


@pytest.fixture
def place(aws: EmbeddedAws, table: str, tmp_path: Path) -> Path:
    url = aws_client("sqs", aws).create_queue(QueueName=f"shop-of-{table}")["QueueUrl"]
    return keep_run(tmp_path, AWS_ENDPOINT_URL=aws.url, PAYMENTS_TABLE=table, SHOP_QUEUE_URL=url)


def hints(place: Path, aws: EmbeddedAws) -> list[ShopHint]:
    url = json.loads((place / "ledger.json").read_text())["SHOP_QUEUE_URL"]
    messages = aws_client("sqs", aws).receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [ShopHint.from_body(message["Body"]) for message in messages]


def minute(clock: HandClock, minutes: float) -> str:
    moment = datetime.fromtimestamp(clock.now() / 1000, UTC) + timedelta(minutes=minutes)
    return f"{moment:%Y-%m-%dT%H:%M}"


def paid_back(service: Service, shop: Shop, clock: HandClock, payment: Payment) -> Payment:
    """Pays a thousand of a payment back, which the customer has after 15 seconds."""
    asked = refund(service, newest(service, payment), 1000)
    shop.customer(payouts(shop)[-1]["reference"], "SUCCESSFUL")
    return check(service, clock, asked)


def test_a_payments_events_are_sent_again_in_order_under_their_ids(
    telling: Service, shop: Shop, server: ScriptedServer, clock: HandClock, place: Path, aws: EmbeddedAws
) -> None:
    payment = expired_and_paid(telling, shop, clock)
    telling.tell_shop(payment.reference)
    told = received(server)
    dry = run(place, f"--ref={payment.reference}", "--dry-run=1")
    assert (dry.returncode, dry.stderr) == (0, "")
    assert dry.stdout.splitlines()[-1] == "2 events of 1 payments would be sent again."
    assert hints(place, aws) == []
    telling.tell_shop(payment.reference)
    assert received(server) == told
    done = run(place, f"--ref={payment.reference}")
    assert [line.split()[1:] for line in done.stdout.splitlines()[:-1]] == [[kind, name] for name, kind in told]
    (hint,) = hints(place, aws)
    telling.tell_shop(hint.reference)
    assert received(server) == told * 2


def test_an_event_is_sent_again_with_those_after_it(
    telling: Service, shop: Shop, server: ScriptedServer, clock: HandClock, place: Path, aws: EmbeddedAws
) -> None:
    payment = expired_and_paid(telling, shop, clock)
    telling.tell_shop(payment.reference)
    first, second = received(server)
    assert run(place, f"--event={second[0]}").stdout.endswith("1 events of 1 payments are sent again.\n")
    telling.tell_shop(payment.reference)
    assert received(server) == [first, second, second]
    assert hints(place, aws) == [ShopHint(payment.reference)]


def test_a_window_has_what_came_to_be_in_it(
    telling: Service, shop: Shop, clock: HandClock, place: Path, aws: EmbeddedAws
) -> None:
    """Of the first payment only the later event is in it; the other one was paid before it."""
    before = paid(telling, shop, 2)
    clock.forward(3600)
    payment = expired_and_paid(telling, shop, clock)  # the second event comes a minute after the first
    for reference in (before.reference, payment.reference):
        telling.tell_shop(reference)
    of_window = (f"--from={minute(clock, 0)}", f"--to={minute(clock, 1)}")
    done = run(place, *of_window)
    assert done.stdout.splitlines()[-1] == "1 events of 1 payments are sent again."
    assert f"{payment.reference}:4" in done.stdout
    assert hints(place, aws) == [ShopHint(payment.reference)]
    all_of_them = (f"--from={minute(clock, -100)}", f"--to={minute(clock, 1)}")
    assert run(place, *all_of_them).stdout.endswith("3 events of 2 payments are sent again.\n")


def test_a_window_has_the_refund_of_a_payment_that_was_claimed_long_before(
    telling: Service, shop: Shop, server: ScriptedServer, clock: HandClock, place: Path, aws: EmbeddedAws
) -> None:
    payment = paid(telling, shop)
    clock.forward(10 * DAY)
    refunded = paid_back(telling, shop, clock, payment)
    telling.tell_shop(payment.reference)
    first, second = received(server)
    assert second == (f"{payment.reference}:{refunded.version}", "payment.refunded")
    of_day = (f"--from={minute(clock, -10)}", f"--to={minute(clock, 1)}")
    dry = run(place, *of_day, "--dry-run=1")
    line, last = dry.stdout.splitlines()
    assert line.split()[1:] == [second[1], second[0]]
    assert last == "1 events of 1 payments would be sent again."
    assert hints(place, aws) == []
    telling.tell_shop(payment.reference)
    assert received(server) == [first, second], "nothing was moved back"
    assert run(place, *of_day).stdout == f"{line}\n1 events of 1 payments are sent again.\n"
    assert hints(place, aws) == [ShopHint(payment.reference)]
    telling.tell_shop(payment.reference)
    assert received(server) == [first, second, second]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give one of EVENT, REF and FROM"),
        (["--ref=a", "--event=b"], "give one of EVENT, REF and FROM"),
        (["--from=yesterday"], "FROM and TO are minutes of UTC"),
        (["--from=2026-01-02T00:00", "--to=2026-01-01T00:00"], "FROM may not be later than TO"),
    ],
)
def test_it_says_in_one_line_what_is_wrong(arguments: list[str], said: str, place: Path) -> None:
    done = run(place, *arguments)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("make replay: ")
    assert said in line


def test_what_there_is_not_is_not_sent(place: Path) -> None:
    done = run(place, "--ref=00000000-0000-4000-8000-000000000000")
    assert (done.returncode, done.stdout) == (0, "0 events of 0 payments are sent again.\n")
