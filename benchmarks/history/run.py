"""Runs the proof on parts of its own: moto, Valkey and the simulator of CamPay, all in this process."""

import argparse
import os
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.history.proof import History, Plan, Proof
from benchmarks.history.shop import SetClock
from chalicelib import bootstrap
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.adapters.ledger.table import create_table
from chalicelib.adapters.work_queue import WorkQueue
from chalicelib.settings import read_settings
from local.campay_simulator import CampaySimulator
from local.embedded import EmbeddedAws, Valkey
from tests.harness.service import rebuilt
from tests.harness.workers import HandQueues

TABLE = "payments"
MOST_MINUTES = 90.0
"""A run that takes longer is given up. Most of it is moto's: some 25 minutes of processor time."""


class TooSlow(Exception):
    """Raised where the run has taken longer than it may."""


def plan_of(arguments: Sequence[str]) -> Plan:
    usual = Plan()
    parser = argparse.ArgumentParser(prog="python -m benchmarks history")
    for name in ("written", "real", "days"):
        parser.add_argument(f"--{name}", type=int, default=getattr(usual, name))
    return Plan(**vars(parser.parse_args(arguments)))


def run(plan: Plan) -> Proof:
    """Raises TooSlow after MOST_MINUTES."""
    began = time.monotonic()

    def tell(what: str) -> None:
        minutes = (time.monotonic() - began) / 60
        print(f"{minutes:6.1f} min  {what}", flush=True)
        if minutes > MOST_MINUTES:
            raise TooSlow(f"{minutes:.0f} minutes")

    simulator = CampaySimulator(approve_after=86_400, slow_approve_after=86_400)
    with Valkey() as valkey, EmbeddedAws() as aws, simulator as campay:
        os.environ.update(_aws_environment(aws))
        import boto3

        counted, other = boto3.client("dynamodb"), boto3.client("dynamodb")
        create_table(other, TABLE)
        clock = SetClock()
        settings = read_settings(
            {
                "APP_ENV": "development",
                "CAMPAY_API_URL": campay.api_url,
                "CAMPAY_PERMANENT_ACCESS_TOKEN": campay.settings.permanent_token,
                "REDIS_HOST": "127.0.0.1",
                "REDIS_PORT": str(valkey.port),
                "PAYMENTS_TABLE": TABLE,
                "EVENT_BUS": "default",
            }
        )
        queues: Any = HandQueues(clock)
        work_queue = WorkQueue(lambda: queues, "checks", "deliveries", clock)
        service = bootstrap.build(settings, clock)
        service = rebuilt(service, work_queue=work_queue, ledger=Ledger(counted, TABLE, clock))
        history = History(service, campay, counted, other, plan, tell)
        history.build()
        proof = history.prove()
        tell("done")
        service.close()
    return proof


def _aws_environment(aws: EmbeddedAws) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }
