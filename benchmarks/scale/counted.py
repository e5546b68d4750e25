"""Keeps what `make bench` counts in `counted.json`, from which docs/scale.md and docs/cost.md are computed."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

PATH = Path(__file__).with_name("counted.json")


@dataclass(frozen=True, slots=True)
class PaymentCounts:
    """What one payment costs from its start to its last check, by outcome.

    `index_units`: index -> write units of its entries, which are part of `write_units`. `read_calls`: reads of rows by
    their keys. `aws_calls`: calls of AWS beside DynamoDB, by operation. `campay_calls`: by the first part of their
    path. `redis`: round trips. `messages`: sent to the work queues. What the customer's screen asks for is not among
    them, nor are the queries of an index, which are made for all payments at once.
    """

    write_units: int
    writes: int
    index_units: dict[str, int]
    read_calls: int
    aws_calls: dict[str, int]
    campay_calls: dict[str, int]
    redis: int
    messages: int

    @property
    def campay_reads(self) -> int:
        """Returns the reads of the payment's own record; a statement's serve many payments."""
        return self.campay_calls.get("transaction", 0)


def write(payments: Mapping[str, PaymentCounts], path: Path = PATH) -> None:
    path.write_text(_text(payments), encoding="utf-8")


def read(path: Path = PATH) -> dict[str, PaymentCounts]:
    return {name: PaymentCounts(**counts) for name, counts in json.loads(path.read_text(encoding="utf-8")).items()}


def is_current(payments: Mapping[str, PaymentCounts], path: Path = PATH) -> bool:
    """Whether the file says what was counted."""
    return path.exists() and path.read_text(encoding="utf-8") == _text(payments)


def _text(payments: Mapping[str, PaymentCounts]) -> str:
    return json.dumps({name: asdict(counts) for name, counts in payments.items()}, indent=2, sort_keys=True) + "\n"
