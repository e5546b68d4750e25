"""Runs all checks of the doctor, in the order of their dependencies."""

from collections.abc import Iterator
from typing import Any

from infra.commands.doctor import alarms, api, keys, screens, smoke_test, stores
from infra.commands.doctor.finding import Finding
from infra.deployment import Deployment
from infra.stages import STAGES, Stage


def examine(
    deployment: Deployment,
    aws: Any,
    *,
    stage: Stage | None = None,
    payment_within_seconds: float = smoke_test.WITHIN_SECONDS,
    alarm_within_seconds: float = alarms.WITHIN_SECONDS,
) -> Iterator[Finding]:
    """Examines a stage check by check. `aws`: boto3's session for its account and region, or boto3 itself.

    `stage`: what infra/stages.py says of it; without it, the entry of its name.
    """
    settings = yield from keys.check_secret(deployment, stage or STAGES.get(deployment.stage))
    if settings is not None:
        yield from keys.check_campay(settings.campay)
    yield from stores.check_ledger(deployment, aws.client("dynamodb"))
    yield from stores.check_event_bus(deployment.event_bus, aws.client("events"))
    yield from stores.check_work_queues(deployment, aws.client("sqs"))
    yield from stores.check_dead_letters(deployment, aws.client("sqs"))
    yield from api.check_health(deployment.api_url)
    yield from api.check_browser_access(deployment)
    yield from api.check_webhook(deployment.webhook_url, settings)
    yield from screens.check_gateway(deployment)
    yield from alarms.check_alarms(deployment, aws, alarm_within_seconds)
    if settings is not None and deployment.moves_no_money:
        yield from screens.check_payment(deployment, settings.merchant_api_keys[0], payment_within_seconds)
