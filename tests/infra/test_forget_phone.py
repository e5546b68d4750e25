"""Tests `make forget` up to the forgetting itself, which tests/parts/test_forget_phone.py is about."""

from pathlib import Path

import pytest

from chalicelib.bootstrap import Service
from chalicelib.domain.money import Money
from chalicelib.domain.payment_request import PaymentRequest
from local.embedded import EmbeddedAws
from tests.harness.commands import command_of, keep_run

PHONE = "237677777777"


run = command_of("infra.commands.forget_phone")


@pytest.fixture
def place(aws: EmbeddedAws, table: str, service: Service, tmp_path: Path) -> Path:
    known = {"AWS_ENDPOINT_URL": aws.url, "PAYMENTS_TABLE": table, "API_URL": "http://127.0.0.1:1"}
    return keep_run(tmp_path, **known, PHONE_HASH_KEY=",".join(service.search.phone_hash_keys))


def test_it_finds_the_phone_by_the_keys_of_the_running_system(place: Path, service: Service) -> None:
    payment = service.initiate(PaymentRequest("order-1", Money(5000, "XAF"), PHONE, "Braids", "fr")).payment
    done = run(place, PHONE)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"make forget: payment {payment.reference} can still change until ")
    assert PHONE not in line


def test_a_phone_without_payments_is_forgotten_already(place: Path) -> None:
    done = run(place, "237690000000")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "The phone had 0 payments, and none of them tells it any more.\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([PHONE, ""], "there was no `make run` here: give STAGE=… for a deployed stage"),
        ([PHONE, "nowhere"], "nowhere"),
        (["677777777", ""], "PHONE must be whole: 2376 and eight digits"),
        (["", ""], "PHONE must be whole: 2376 and eight digits"),
    ],
)
def test_it_says_in_one_line_what_is_wrong(arguments: list[str], said: str, tmp_path: Path) -> None:
    done = run(tmp_path, *arguments)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("make forget: ")
    assert said in line
