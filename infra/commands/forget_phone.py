"""Forgets a customer's phone: `make forget PHONE=237677777777 [STAGE=…]`.

Its mask and its hash go from all its payments, which stay, as do all sums. It waits for a minute. Without a stage it is
the `make run` that is running. It reads the stage's secret and writes into the ledger, by the caller's own credentials.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.errors import LedgerUnavailable
from chalicelib.domain.phone_number import is_phone_number
from chalicelib.flows.forget_phone import ForgetPhone, PhoneInUse
from chalicelib.runtime.clock import Clock
from chalicelib.runtime.secrets_manager import SecretsUnavailable, read_secrets
from chalicelib.runtime.settings_reader import split
from infra.commands.account import NoAccount
from infra.commands.ledger_days import NotPossible, ledger_of
from infra.deployment import NotDeployed, secret_of_stage
from infra.stages import UnknownStage
from local import last_run


def main() -> int:
    parser = argparse.ArgumentParser(prog="make forget", description=__doc__)
    parser.add_argument("phone", help="the whole number, such as 237677777777")
    parser.add_argument("stage", nargs="?", default="", help="dev, prod or small; without it the running `make run`")
    given = parser.parse_args()
    if not is_phone_number(given.phone):
        return _refused("PHONE must be whole: 2376 and eight digits")
    clock = Clock()
    try:
        ledger = ledger_of(given.stage, clock)
        payments = ForgetPhone(ledger, clock, _hash_keys(given.stage))(given.phone)
    except (NoAccount, NotDeployed, UnknownStage, NotPossible, SecretsUnavailable) as error:
        return _refused(str(error))
    except PhoneInUse as error:
        return _refused(_why(error))
    except (LedgerUnavailable, BotoCoreError, ClientError):
        return _refused("the ledger does not answer; begin again")
    print(f"The phone had {payments} payments, and none of them tells it any more.")
    return 0


def _hash_keys(stage: str) -> Sequence[str]:
    """Returns the keys by which phones are found now. Raises NotDeployed and SecretsUnavailable."""
    if not stage:
        return split(last_run.phone_hash_keys())
    return split(read_secrets(secret_of_stage(stage, boto3.client("cloudformation")))["PHONE_HASH_KEY"])


def _why(error: PhoneInUse) -> str:
    if error.until is None:
        return f"decide first about payment {error.reference}: its customer may have to get money back"
    until = datetime.fromtimestamp(error.until / 1000, UTC)
    return f"payment {error.reference} can still change until {until:%Y-%m-%d %H:%M} UTC: try again then"


def _refused(reason: str) -> int:
    print(f"make forget: {reason}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
