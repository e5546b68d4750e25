"""`make doctor STAGE=…`: what is wrong with a stage, in plain words, and how to mend it.

Every check asks the deployed system itself. Two leave a trace: one alarm is put into ALARM and back, so that whoever is
told of alarms gets two mails, and where no money moves (CamPay's demo host) one payment is made.
"""

import argparse
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import jwt
import requests

from chalicelib.adapters.campay.client import Campay
from chalicelib.adapters.ledger.table import FORGOTTEN_BY_ATTRIBUTE, TABLE
from chalicelib.domain.errors import ProviderUnavailable
from chalicelib.runtime.clock import Clock
from chalicelib.runtime.settings_reader import InvalidSettings
from chalicelib.settings import Settings, read_settings
from infra.commands.account import NoAccount, sign_in
from infra.commands.alarm_check import WITHIN_SECONDS as ALARM_WITHIN_SECONDS
from infra.commands.alarm_check import AlarmUnheard, listeners, ring
from infra.commands.smoke_test import WITHIN_SECONDS, SmokeTestFailed, pay_and_track
from infra.deployment import Deployment, NotDeployed

_SECONDS = 10
_PRODUCTION_HOST = "https://www.campay.net/api"


@dataclass(frozen=True, slots=True)
class Finding:
    """`is_well`: then `what` says what was seen, and there is nothing to mend."""

    is_well: bool
    what: str
    mend: str = ""


def well(what: str) -> Finding:
    return Finding(True, what)


def ill(what: str, mend: str) -> Finding:
    return Finding(False, what, mend)


class Doctor:
    def __init__(
        self,
        deployment: Deployment,
        session: Any,
        *,
        payment_within_seconds: float = WITHIN_SECONDS,
        alarm_within_seconds: float = ALARM_WITHIN_SECONDS,
    ) -> None:
        """`session`: boto3's, for the account and region of the stage."""
        self._deployment = deployment
        self._aws = session
        self._payment_within_seconds = payment_within_seconds
        self._alarm_within_seconds = alarm_within_seconds
        self._settings: Settings | None = None

    def examine(self) -> Iterator[Finding]:
        """The checks in the order in which one depends on the other."""
        checks: tuple[Callable[[], Iterator[Finding]], ...] = (
            self._secrets,
            self._campay,
            self._ledger,
            self._events,
            self._api,
            self._browser_access,
            self._webhook,
            self._gateway,
            self._alarms,
            self._payment,
        )
        for check in checks:
            yield from check()

    def _secrets(self) -> Iterator[Finding]:
        """Read exactly as the API reads them, so that what it would refuse is refused here."""
        at = self._deployment
        environment = {
            "SECRETS_ID": at.secrets_id,
            "CAMPAY_API_URL": at.campay_api_url,
            "FRONTEND_URL": at.frontend_url,
            "REDIS_HOST": "known-to-the-stack",
            "PAYMENTS_TABLE": at.table,
            "EVENT_BUS": at.event_bus,
        }
        try:
            self._settings = read_settings(environment)
        except InvalidSettings as error:
            yield ill(f"the secrets are not complete: {error}", f"python -m infra.commands.fill_secret {at.stage}")
        else:
            yield well("all secrets are there, long enough, each for one purpose")
        if at.stage == "prod" and at.campay_api_url != _PRODUCTION_HOST:
            yield ill(
                f"production talks to {at.campay_api_url}",
                f"set CamPay's address of prod to {_PRODUCTION_HOST} in infra/stages.py",
            )

    def _campay(self) -> Iterator[Finding]:
        if self._settings is None:
            return
        client = Campay(self._settings.campay, Clock())
        try:
            balance = client.balance()
        except ProviderUnavailable as error:
            yield ill(
                f"CamPay does not let us in ({error.detail})",
                "check CAMPAY_PERMANENT_ACCESS_TOKEN, or CAMPAY_USERNAME and CAMPAY_APP_PASSWORD, in the secret: "
                "those of the demo host and of the production host are different",
            )
        else:
            yield well(f"CamPay's credentials are valid; the balance is {balance.to_decimal()} {balance.currency}")
        finally:
            client.close()

    def _ledger(self) -> Iterator[Finding]:
        client, name = self._aws.client("dynamodb"), self._deployment.table
        try:
            table = client.describe_table(TableName=name)["Table"]
        except client.exceptions.ResourceNotFoundException:
            yield ill(f"the ledger's table {name} does not exist", "make deploy; if it was lost, restore it first")
            return
        there = {index["IndexName"] for index in table.get("GlobalSecondaryIndexes", [])}
        missing = sorted({index["IndexName"] for index in TABLE["GlobalSecondaryIndexes"]} - there)
        if missing:
            yield ill(f"the ledger's table lacks the index {', '.join(missing)}", "make deploy")
        backups = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        if backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] != "ENABLED":
            yield ill("the ledger has no point-in-time recovery", "make deploy: somebody switched it off by hand")
        if not table.get("DeletionProtectionEnabled"):
            yield ill(
                "anybody may delete the ledger's table by a slip",
                f"python -m infra.commands.protect {self._deployment.stage}",
            )
        life = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        if life.get("AttributeName") != FORGOTTEN_BY_ATTRIBUTE:
            yield ill("the ledger never forgets phones: it has no time to live", "make deploy")
        if not missing:
            yield well("the ledger's table is there, with its indexes")

    def _events(self) -> Iterator[Finding]:
        client, name = self._aws.client("events"), self._deployment.event_bus
        try:
            client.describe_event_bus(Name=name)
        except client.exceptions.ResourceNotFoundException:
            yield ill(f"the event bus {name} does not exist: no order becomes paid", "make deploy")
            return
        yield well("the event bus is there")
        if not self._deployment.dead_letters:
            return
        queue = self._aws.client("sqs").get_queue_attributes(
            QueueUrl=self._deployment.dead_letters, AttributeNames=["ApproximateNumberOfMessages"]
        )
        waiting = int(queue["Attributes"]["ApproximateNumberOfMessages"])
        if waiting:
            yield ill(
                f"{waiting} order events could not be delivered to the shop",
                "see docs/operations.md, undelivered order events: mend the shop's address, then redrive the queue",
            )

    def _api(self) -> Iterator[Finding]:
        answer = _get(f"{self._deployment.api_url}/api/payment/health")
        if answer is None or answer.status_code != 200:
            said = answer.status_code if answer is not None else "nothing"
            yield ill(f"the API's health answers {said}", "look at the API's log: it names what it lacks at its start")
            return
        health = answer.json()
        if health.get("status") != "healthy":
            yield ill(
                "the API cannot reach Redis: payments go on, screens are slow",
                "look at ElastiCache's events, REDIS_PASSWORD in the secret, and the security groups",
            )
        else:
            yield well(f"the API is healthy, its storage is {health['storage']}")

    def _browser_access(self) -> Iterator[Finding]:
        url, origin = f"{self._deployment.api_url}/api/payment/initiate", self._deployment.frontend_url
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        try:
            answer = requests.options(url, headers=headers, timeout=_SECONDS)
        except requests.RequestException:
            return  # the check before has told
        allowed = answer.headers.get("Access-Control-Allow-Origin")
        if allowed != origin:
            yield ill(
                f"browsers on {origin} may not call the API: it allows {allowed or 'nobody'}",
                "set FRONTEND_URL to the shop's exact origin in infra/stages.py",
            )

    def _webhook(self) -> Iterator[Finding]:
        """CamPay's call as CamPay would make it, about a payment that does not exist: it changes nothing."""
        url = self._deployment.webhook_url
        stranger = _post(url, {"external_reference": str(uuid.uuid4()), "signature": "forged"})
        if stranger is None or stranger.status_code != 401:
            said = stranger.status_code if stranger is not None else "nothing"
            yield ill(f"the webhook address answers a forged call with {said}, not 401", "make deploy")
            return
        if self._settings is None:
            return
        now = int(time.time())
        claims = {"iat": now, "nbf": now, "exp": now + 3600, "source": "CamPay"}
        signature = jwt.encode(claims, self._settings.campay.webhook_keys[0], algorithm="HS256")
        answer = _post(url, {"external_reference": str(uuid.uuid4()), "signature": signature})
        if answer is None or answer.status_code != 200:
            yield ill(
                "the API refuses a webhook that is signed with the secret's key",
                "wait a minute and call again: the API reads a changed secret after a refusal; else see its log",
            )
        else:
            yield well(f"webhooks come through; enter this address in CamPay's dashboard: {url}")

    def _gateway(self) -> Iterator[Finding]:
        at = self._deployment
        handshake = _get(f"{at.gateway_url}/socket.io/?EIO=4&transport=polling", Origin=at.frontend_url)
        if handshake is None or handshake.status_code >= 500:
            said = handshake.status_code if handshake is not None else "nothing"
            yield ill(f"the gateway takes no browsers: it answers {said}", "look at its log and at its health")
        elif handshake.status_code != 200:
            yield ill(
                f"the gateway refuses browsers on {at.frontend_url}",
                "set FRONTEND_URL to the shop's exact origin in infra/stages.py",
            )
        else:
            yield well("the gateway takes browsers of the shop")

    def _alarms(self) -> Iterator[Finding]:
        topic = self._deployment.alarm_topic
        try:
            told = listeners(self._aws.client("sns"), topic)
            name = ring(self._aws.client("cloudwatch"), topic, self._alarm_within_seconds)
        except AlarmUnheard as error:
            yield ill(str(error), error.mend)
            return
        if told:
            yield well(f"alarms reach {', '.join(told)}: {name} was just put into ALARM and back")
        elif self._deployment.stage == "prod":
            yield ill("nobody is told of alarms", "set alarm_email of prod in infra/stages.py, then make deploy")
        else:
            yield well(f"alarms are published, and nobody is subscribed: {name} was just put into ALARM and back")

    def _payment(self) -> Iterator[Finding]:
        """Only where no money moves."""
        if not self._deployment.is_demo and self._deployment.stage != "local":
            return
        if self._settings is None:
            return
        try:
            seen = pay_and_track(self._deployment, self._settings.merchant_api_keys[0], self._payment_within_seconds)
        except SmokeTestFailed as error:
            yield ill(f"a test payment did not go through: {error}", error.mend)
        else:
            yield well(f"a test payment went through, and its browser saw {', '.join(seen)}")


def _get(url: str, **headers: str) -> requests.Response | None:
    try:
        return requests.get(url, headers=headers, timeout=_SECONDS)
    except requests.RequestException:
        return None


def _post(url: str, body: dict[str, str]) -> requests.Response | None:
    try:
        return requests.post(url, json=body, timeout=_SECONDS)
    except requests.RequestException:
        return None


def report(findings: Iterator[Finding]) -> int:
    """Prints each finding as it is made; the number of those that are ill."""
    faults = 0
    for finding in findings:
        print(f"  {'ok  ' if finding.is_well else 'WRONG'} {finding.what}", flush=True)
        if not finding.is_well:
            faults += 1
            print(f"        -> {finding.mend}", flush=True)
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(prog="make doctor", description=__doc__)
    parser.add_argument("stage", help="dev or prod")
    stage = parser.parse_args().stage
    try:
        sign_in()
        deployment = Deployment.of_stage(stage, boto3.client("cloudformation"))
    except (NoAccount, NotDeployed) as error:
        print(f"make doctor: {error}", file=sys.stderr)
        return 1
    faults = report(Doctor(deployment, boto3).examine())
    print(f"\n{faults} to mend." if faults else "\nAll is well.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
