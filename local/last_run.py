"""Keeps what `make trace` and others read of the last `make run`: its log, and where its parts are."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from chalicelib.adapters.ledger.ledger import Ledger
    from chalicelib.runtime.clock import Clock

_ROOT = Path(__file__).resolve().parent.parent
_LEDGER = (
    *("AWS_ENDPOINT_URL", "PAYMENTS_TABLE", "SHOP_QUEUE_URL", "API_URL", "PHONE_HASH_KEY"),
    *("OPERATOR_API_KEY", "TEST_PAGE_SIMULATOR_URL"),
)
_PRODUCT = ("api", "worker", "gateway")


def folder() -> Path:
    """Returns where the last run is kept: RUN_DIR, else `.run` of this repository."""
    return Path(os.environ.get("RUN_DIR") or _ROOT / ".run")


def begin(environment: Mapping[str, str]) -> TextIO:
    """Forgets the run before. Returns the file for the log of this one, each line after its process's name."""
    folder().mkdir(parents=True, exist_ok=True)
    (folder() / "ledger.json").write_text(json.dumps({name: environment[name] for name in _LEDGER}), "utf-8")
    return (folder() / "log").open("w", encoding="utf-8", buffering=1)


def ledger() -> tuple[str, str]:
    """Returns the AWS endpoint and the table of the last run. Raises FileNotFoundError where there was none."""
    known = _known()
    return known["AWS_ENDPOINT_URL"], known["PAYMENTS_TABLE"]


def open_ledger(clock: "Clock") -> "Ledger":
    """Returns the ledger of the last run. Raises FileNotFoundError where there was none."""
    import boto3  # here: `make run` itself needs neither, and starts sooner

    from chalicelib.adapters.ledger.ledger import Ledger

    endpoint, table = ledger()
    keys: Any = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
    return Ledger(boto3.client("dynamodb", endpoint_url=endpoint, region_name="eu-west-1", **keys), table, clock)


def shop_queue() -> tuple[str, str]:
    """Returns the AWS endpoint and the shop's queue of the last run. Raises FileNotFoundError where there was none."""
    known = _known()
    return known["AWS_ENDPOINT_URL"], known["SHOP_QUEUE_URL"]


def phone_hash_keys() -> str:
    """Returns the keys of the last run's phone hashes, by commas. Raises FileNotFoundError where there was none."""
    return _known()["PHONE_HASH_KEY"]


def api_url() -> str:
    """Returns where the API of the last run is. Raises FileNotFoundError where there was none."""
    return _known()["API_URL"]


def operator_key() -> str:
    """Returns the key of the last run's operators. Raises FileNotFoundError where there was none."""
    return _known()["OPERATOR_API_KEY"]


def simulator_url() -> str:
    """Returns where the simulator of the last run is. Raises FileNotFoundError where there was none."""
    return _known()["TEST_PAGE_SIMULATOR_URL"]


def _known() -> Mapping[str, str]:
    known: Mapping[str, str] = json.loads((folder() / "ledger.json").read_text("utf-8"))
    return known


def lines() -> Iterator[tuple[str, str]]:
    """Yields the product's own lines, each with its process's name. Those of the simulator have phone numbers."""
    with (folder() / "log").open(encoding="utf-8") as log:
        for line in log:
            name, _, text = line.partition(" ")
            if name in _PRODUCT:
                yield name, text
