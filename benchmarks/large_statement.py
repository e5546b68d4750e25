"""Measures a statement of 100,000 payments: the hourly pass, the search for lost answers, the nightly comparison.

The API's code runs in a process of its own, so that only its own peak memory is measured.
"""

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import boto3

from chalicelib import bootstrap
from chalicelib.adapters.ledger.attributes import key_of, payment_key, to_attributes
from chalicelib.adapters.ledger.items import write_payment
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.adapters.ledger.table import create_table, mark_of
from chalicelib.adapters.work_queue import WorkQueue
from chalicelib.bootstrap import Service
from chalicelib.domain.comparison import Kind
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.flows.statement_rows import charges
from chalicelib.runtime.aws import make_client
from chalicelib.runtime.clock import Clock
from chalicelib.settings import read_settings
from local.embedded import EmbeddedAws, LoopbackServer, Valkey
from tests.harness.service import rebuilt
from tests.harness.workers import HandQueues, sweep_once, work_off

MEMORY_MEGABYTES = 512
ROWS = 100_000
LOST = 50
DIFFERENCES = 7
"""Number of differences of each kind: listed by CamPay only, in the ledger only, with another amount."""
DAY = date(2026, 1, 31)
TABLE = "payments"
_MOTO_SECONDS = 120
"""Longest time that the emulated DynamoDB takes for a page of such a table: 3 s on a quiet machine. It sorts the whole
table for each page, and so the day's pages take two thirds of the benchmark. AWS's takes milliseconds."""
PRICE = Money(5000, "XAF")
_NOON = int(datetime.fromisoformat(f"{DAY}T12:00:00+00:00").timestamp() * 1000)


@dataclass(frozen=True)
class Measured:
    """The measurements of one run. Fields not named here are those of the comparison's report.

    `searched`: payments with a lost answer that became SUCCESSFUL by the first search; `late_sent`: checks that the
    hourly pass has sent for the others; `found`: all that became SUCCESSFUL. `..._cpu_seconds`: of the API's own code,
    without the emulated DynamoDB. `row_microseconds`: of its processor time, to read a row of CamPay's.
    """

    rows: int
    late_seconds: float
    late_cpu_seconds: float
    late_sent: int
    searched: int
    late_peak_megabytes: int
    search_seconds: float
    found: int
    row_microseconds: float
    compare_seconds: float
    compare_cpu_seconds: float
    matched: int
    missing_here: int
    missing_there: int
    amount_differs: int
    peak_megabytes: int

    @property
    def payment_microseconds(self) -> float:
        """Returns the processor time of a payment of the ledger's day: three statements are read besides."""
        return 1_000_000 * self.compare_cpu_seconds / self.rows - 3 * self.row_microseconds

    @property
    def is_right(self) -> bool:
        matched = self.rows + LOST - 2 * DIFFERENCES
        seen = (
            self.searched + self.late_sent,
            self.found,
            self.matched,
            self.missing_here,
            self.missing_there,
            self.amount_differs,
        )
        return seen == (LOST, LOST, matched, *(DIFFERENCES,) * 3) and self.peak_megabytes <= MEMORY_MEGABYTES


def run(rows: int = ROWS) -> Measured:
    with EmbeddedAws() as aws, Valkey() as valkey:
        os.environ.update(
            {
                "AWS_ENDPOINT_URL": aws.url,
                "AWS_DEFAULT_REGION": "eu-west-1",
                "AWS_ACCESS_KEY_ID": "local",
                "AWS_SECRET_ACCESS_KEY": "local",
                "APP_ENV": "development",
                "CAMPAY_PERMANENT_ACCESS_TOKEN": "bench",
                "REDIS_HOST": "127.0.0.1",
                "REDIS_PORT": str(valkey.port),
                "PAYMENTS_TABLE": TABLE,
                "EVENT_BUS": "default",
                "STATEMENT_SECONDS": "600",  # most of it is the emulated DynamoDB's
            }
        )
        create_table(boto3.client("dynamodb"), TABLE)
        write_ledger(rows)
        campay = LoopbackServer(_campay(rows))
        campay.start()
        os.environ["CAMPAY_API_URL"] = f"http://127.0.0.1:{campay.server_port}/api"
        command = [sys.executable, "-m", "benchmarks.large_statement", str(rows)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        campay.close()
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


# --------------------------------------------------------------------------- what is measured


def measure(rows: int) -> Measured:
    queues: Any = HandQueues(bootstrap.clock)
    work_queue = WorkQueue(lambda: queues, "checks", "deliveries", bootstrap.clock)
    ledger = Ledger(make_client("dynamodb", _MOTO_SECONDS), TABLE, bootstrap.clock)
    service = rebuilt(bootstrap.build(read_settings(), bootstrap.clock), work_queue=work_queue, ledger=ledger)
    began_at = time.monotonic()
    sweep_once(service)
    searched_at = time.monotonic()
    searched = _found(service, rows)
    late, cpu_before = rebuilt(service, clock=DayAfter()), time.process_time()
    late_sent = late.late_payments()
    late_seconds, late_cpu_seconds = time.monotonic() - searched_at, time.process_time() - cpu_before
    late_peak = peak_megabytes()
    work_off(service)
    found = _found(service, rows)
    row_microseconds = _row_microseconds(service)
    compared_at, cpu_before = time.monotonic(), time.process_time()
    report = service.compare_statement(DAY)
    ended_at = time.monotonic()
    service.close()
    return Measured(
        rows=rows,
        late_seconds=round(late_seconds, 1),
        late_cpu_seconds=round(late_cpu_seconds, 1),
        late_sent=late_sent,
        searched=searched,
        late_peak_megabytes=late_peak,
        search_seconds=round(searched_at - began_at, 1),
        found=found,
        row_microseconds=round(row_microseconds, 1),
        compare_seconds=round(ended_at - compared_at, 1),
        compare_cpu_seconds=round(time.process_time() - cpu_before, 1),
        matched=report.matched,
        missing_here=report.counts[Kind.MISSING_HERE],
        missing_there=report.counts[Kind.MISSING_THERE],
        amount_differs=report.counts[Kind.AMOUNT_DIFFERS],
        peak_megabytes=peak_megabytes(),
    )


class DayAfter(Clock):
    """Stands still a day after the statement's day."""

    def now(self) -> int:
        return _NOON + 86_400_000


def _row_microseconds(service: Service) -> float:
    """Reads a day's statement alone."""
    cpu_before = time.process_time()
    read = sum(1 for _ in charges(service.campay, DAY))
    return 1_000_000 * (time.process_time() - cpu_before) / read


def _found(service: Service, rows: int) -> int:
    stored = service.ledger.load_many(_reference(number) for number in range(rows, rows + LOST))
    return sum(it.payment.status is PaymentStatus.SUCCESSFUL for it in stored)


def peak_megabytes() -> int:
    """Returns this process's peak memory. `getrusage` would include its parent's memory at the fork."""
    (line,) = (it for it in Path("/proc/self/status").read_text("ascii").splitlines() if it.startswith("VmHWM:"))
    return int(line.split()[1]) // 1024


# --------------------------------------------------------------------------- the ledger's day


def write_ledger(rows: int) -> None:
    """Writes a payment for each row of CamPay's but the differences, and LOST ones with a lost answer."""
    client = boto3.client("dynamodb")
    items = [*_noted(rows), *_lost(rows)]
    for start in range(0, len(items), 25):
        puts = [{"PutRequest": {"Item": to_attributes(item)}} for item in items[start : start + 25]]
        client.batch_write_item(RequestItems={TABLE: puts})


def _noted(rows: int) -> Iterator[dict[str, Any]]:
    """Yields the ledger's rows of the day.

    The ledger lacks CamPay's first DIFFERENCES rows, has another amount for the next ones, and has as many more that
    CamPay does not list.
    """
    for number in (*range(DIFFERENCES, rows), *range(-DIFFERENCES, 0)):
        money = replace(PRICE, amount=4000) if DIFFERENCES <= number < 2 * DIFFERENCES else PRICE
        paid = {"status": PaymentStatus.SUCCESSFUL, "provider_reference": f"c-{number}", "charges": (f"c-{number}",)}
        yield _row_of(replace(_payment(number), money=money, **paid))  # type: ignore[arg-type]  # fields of Payment


def _lost(rows: int) -> Iterator[dict[str, Any]]:
    for number in range(rows, rows + LOST):
        row = _row_of(replace(_payment(number), status=PaymentStatus.EXPIRED))
        order = key_of(f"order#order-{number}") | {"revision": 1, "latest": _reference(number)}
        yield row | {"dueMark": mark_of("due", row["pk"]), "dueAt": _NOON, "checkAt": _NOON}
        yield order


def _row_of(payment: Payment) -> dict[str, Any]:
    marks = {"deliveredVersion": 1, "announcedVersion": 1, "readNumber": 0, "readDone": 0, "readAt": 0}
    return {
        **payment_key(payment.reference),
        "payment": write_payment(payment),
        "day": DAY.isoformat(),
        "claimedAt": _NOON,
        **marks,
    }


def _payment(number: int) -> Payment:
    return Payment(
        reference=_reference(number), order_id=f"order-{number}", money=PRICE, phone_mask="2376******77",
        phone_hash=f"phone-{number}", locale="fr", provider="campay",
        created_at=_NOON, updated_at=_NOON, expires_at=_NOON,
    )  # fmt: skip


def _reference(number: int) -> str:
    return str(uuid.UUID(int=number % 2**128, version=4))


# --------------------------------------------------------------------------- CamPay


def statement(rows: int, day: str) -> Iterator[bytes]:
    """Yields CamPay's statement of a day in pieces. The days next to DAY have as many rows, of other payments."""
    is_ours = day == DAY.isoformat()
    if abs((date.fromisoformat(day) - DAY).days) > 1:
        yield b"[]"
        return
    numbers = range(rows + LOST) if is_ours else range(10 * rows, 11 * rows)
    yield b'{"data": ['
    for start in range(0, len(numbers), 500):
        listed = ",".join(json.dumps(statement_row(number, day)) for number in numbers[start : start + 500])
        yield (("," if start else "") + listed).encode()
    yield b"]}"


def statement_row(number: int, day: str) -> dict[str, Any]:
    return {
        "datetime": f"{day}T12:00:00.000000",
        "code": f"CP260131T{number:06}",
        "operator_tx_code": "12345678901",
        "operator": "MTN",
        "phone_number": "237677777777",
        "description": f"Order {number}",
        "external_user": _reference(number),
        "amount": 5000.0,
        "charge_amount": 100.0,
        "debit": 0.0,
        "credit": 4900.0,
        "status": "SUCCESSFUL",
        "reference_uuid": f"c-{number}",
    }


def _record(provider_reference: str) -> dict[str, str]:
    """Returns a record as `GET /transaction/` has it. Only lost and unknown payments are read."""
    reference = _reference(int(provider_reference.removeprefix("c-")))
    fixed = {"status": "SUCCESSFUL", "amount": "5000.00", "currency": "XAF", "endpoint": "collect"}
    return {"reference": provider_reference, "external_reference": reference, **fixed}


def _campay(rows: int) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._give(statement(rows, asked["start_date"]))

        def do_GET(self) -> None:
            name = self.path.rstrip("/").rpartition("/")[2]
            balance = {"total_balance": 1.0, "currency": "XAF"}
            self._give(iter([json.dumps(balance if name == "balance" else _record(name)).encode()]))

        def _give(self, pieces: Iterator[bytes]) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            for piece in pieces:
                self.wfile.write(piece)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's own name
            pass

    return Handler


if __name__ == "__main__":
    print(json.dumps(asdict(measure(int(sys.argv[1])))))
