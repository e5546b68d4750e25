"""Reads from CloudFormation what is deployed as a stage: the outputs of its two stacks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from infra.stages import STAGES

STACK_NAME = "BraidsterPayments-{stage}"
SECRETS_ID = "SecretsId"
"""Name of the only output of the secret's stack."""
FUNCTIONS = "Functions"
"""Name of the output with the names of the stage's functions, by commas."""


class NotDeployed(Exception):
    """Says in one line what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A deployed stage. URLs have no slash at the end; `api_url` ends with API Gateway's stage, before `/api/payment`.

    `alarm_topic`: the ARN of what the alarms publish to. Queues are URLs.
    """

    stage: str
    api_url: str
    gateway_url: str
    frontend_url: str
    campay_api_url: str
    secrets_id: str
    table: str
    event_bus: str
    alarm_topic: str
    checks_queue: str
    deliveries_queue: str
    shop_queue: str
    checks_dead_letters: str
    deliveries_dead_letters: str
    shop_dead_letters: str

    @property
    def moves_no_money(self) -> bool:
        """Whether CamPay is its demo host, or the simulator of a developer's machine."""
        return self.stage == "local" or "//demo.campay.net/" in self.campay_api_url

    @property
    def is_to_move_money(self) -> bool:
        """Whether infra/stages.py says that it does, whatever was deployed."""
        return self.stage in STAGES and STAGES[self.stage].moves_money

    @property
    def webhook_url(self) -> str:
        return f"{self.api_url}/api/payment/webhook"

    @classmethod
    def of_stage(cls, stage: str, cloudformation: Any) -> Self:
        """Reads a stage's outputs. `cloudformation`: boto3's client. Raises NotDeployed."""
        name = STACK_NAME.format(stage=stage)
        outputs = _outputs(name, cloudformation)
        wanted = {
            "api_url": "ApiUrl",
            "gateway_url": "GatewayUrl",
            "frontend_url": "FrontendUrl",
            "campay_api_url": "CampayApiUrl",
            "table": "PaymentsTable",
            "event_bus": "EventBus",
            "alarm_topic": "AlarmTopic",
            "checks_queue": "ChecksQueue",
            "deliveries_queue": "DeliveriesQueue",
            "shop_queue": "ShopQueue",
            "checks_dead_letters": "ChecksDeadLetters",
            "deliveries_dead_letters": "DeliveriesDeadLetters",
            "shop_dead_letters": "ShopDeadLetters",
        }
        if missing := sorted(set(wanted.values()) - set(outputs)):
            raise NotDeployed(f"the stack {name} has no output {', '.join(missing)}: deploy it again")
        found = {field: outputs[output].rstrip("/") for field, output in wanted.items()}
        return cls(stage=stage, secrets_id=secret_of_stage(stage, cloudformation), **found)


def secret_of_stage(stage: str, cloudformation: Any) -> str:
    """Returns the ARN of a stage's secret, which is deployed before the rest. Raises NotDeployed."""
    name = f"{STACK_NAME.format(stage=stage)}-secrets"
    try:
        return _outputs(name, cloudformation)[SECRETS_ID]
    except KeyError:
        raise NotDeployed(f"the stack {name} has no output {SECRETS_ID}: deploy it again") from None


def functions_of_stage(stage: str, cloudformation: Any) -> list[str]:
    """Returns the names of a stage's functions. Raises NotDeployed, also while a deployment is underway."""
    name = STACK_NAME.format(stage=stage)
    stack = _stack(name, cloudformation)
    if stack["StackStatus"] == "UPDATE_IN_PROGRESS":
        stop = f"aws cloudformation cancel-update-stack --stack-name {name}"
        raise NotDeployed(f"a deployment of {name} is underway; this takes it back: {stop}")
    try:
        return _outputs_of(stack)[FUNCTIONS].split(",")
    except KeyError:
        raise NotDeployed(f"the stack {name} has no output {FUNCTIONS}: deploy it again") from None


def _outputs(name: str, cloudformation: Any) -> dict[str, str]:
    return _outputs_of(_stack(name, cloudformation))


def _stack(name: str, cloudformation: Any) -> dict[str, Any]:
    try:
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except cloudformation.exceptions.ClientError as error:
        raise NotDeployed(f"there is no stack {name} in this account and region") from error
    found: dict[str, Any] = stack
    return found


def _outputs_of(stack: Mapping[str, Any]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
