"""Prints one payment's whole story, with the milliseconds between its steps: `make trace REF=… [STAGE=…]`.

Without a stage it reads the last `make run`, whether or not it still runs: the ledger's versions, with CamPay's
records, and every line of the logs that names the payment. It prints no phone number and no token.
"""

import argparse
import sys

import boto3

from chalicelib.web.requests import is_reference
from infra.commands.account import NoAccount, sign_in
from infra.commands.payment_story.sources import of_last_run, of_stage
from infra.commands.payment_story.timeline import Found, story
from infra.deployment import Deployment, NotDeployed


class NothingToRead(Exception):
    """Says in one line what is missing."""


def find(reference: str, stage: str) -> Found:
    """Reads the stage, or the last run where it is empty. Raises NoAccount, NotDeployed, NothingToRead."""
    if not is_reference(reference):
        raise NothingToRead("give a payment's reference, a UUID: make trace REF=…")
    if stage:
        sign_in()
        return of_stage(Deployment.of_stage(stage, boto3.client("cloudformation")), reference)
    try:
        return of_last_run(reference)
    except FileNotFoundError:
        raise NothingToRead("there was no `make run` here: give STAGE=… for a deployed stage") from None


def main() -> int:
    parser = argparse.ArgumentParser(prog="make trace", description=__doc__)
    parser.add_argument("reference", help="the payment's reference")
    parser.add_argument("stage", nargs="?", default="", help="dev or prod; without it the last `make run`")
    arguments = parser.parse_args()
    try:
        found = find(arguments.reference, arguments.stage)
    except (NoAccount, NotDeployed, NothingToRead) as error:
        print(f"make trace: {error}", file=sys.stderr)
        return 1
    print(story(arguments.reference, found))
    return 0 if found.versions or found.lines else 1


if __name__ == "__main__":
    sys.exit(main())
