"""Tests `make recover` up to the recovery itself, which tests/parts/test_recover_payments.py is about."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.bootstrap import Service
from chalicelib.domain.money import Money
from chalicelib.domain.payment_request import PaymentRequest
from chalicelib.runtime.log import JsonLines
from local.embedded import EmbeddedAws
from tests.harness.commands import command_of, keep_run

PHONE = "237677777777"


run = command_of("infra.commands.recover_payments")


@pytest.fixture
def place(aws: EmbeddedAws, table: str, tmp_path: Path) -> Path:
    return keep_run(tmp_path, AWS_ENDPOINT_URL=aws.url, PAYMENTS_TABLE=table)


def test_it_reads_the_log_of_the_running_system(
    place: Path, service: Service, dynamodb: Any, table: str, caplog: pytest.LogCaptureFixture
) -> None:
    payment = service.initiate(PaymentRequest("order-1", Money(5000, "XAF"), PHONE, "Braids", "fr")).payment
    began = datetime.now(UTC)
    lines = [f"api {JsonLines().format(it)}\n" for it in caplog.records if it.name == "payments"]
    (place / "log").write_text("".join(["api START of something\n", "simulator +237677777777 pays\n", *lines]))
    for row in dynamodb.scan(TableName=table)["Items"]:
        dynamodb.delete_item(TableName=table, Key={name: row[name] for name in ("pk", "sk")})
    first = f"{began:%Y-%m-%dT%H:%M}"
    early = f"{began - timedelta(hours=1):%Y-%m-%dT%H:%M}", f"{began - timedelta(minutes=30):%Y-%m-%dT%H:%M}"
    for arguments, told in (
        (early, "0 payments are there again, 0 have a new version, 0 lacked nothing."),
        ((first,), "1 payments are there again, 0 have a new version, 0 lacked nothing."),
        ((first,), "0 payments are there again, 0 have a new version, 1 lacked nothing."),
    ):
        done = run(place, *arguments)
        assert (done.returncode, done.stderr, done.stdout.splitlines()[0]) == (0, "", told)
    assert service.ledger.load(payment.reference) is not None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["2026-01-31T12:00", "", ""], "there was no `make run` here: give STAGE=… for a deployed stage"),
        (["yesterday", "", ""], "FROM and TO are minutes of UTC, such as 2026-01-31T12:00"),
        (["", "", ""], "FROM and TO are minutes of UTC, such as 2026-01-31T12:00"),
        (["2026-01-31T12:00", "2026-01-31T11:00", ""], "FROM may not be later than TO"),
        (["2026-01-31T12:00", "", "nowhere"], "nowhere"),
    ],
)
def test_it_says_in_one_line_what_is_wrong(arguments: list[str], said: str, tmp_path: Path) -> None:
    done = run(tmp_path, *arguments)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("make recover: ")
    assert said in line
