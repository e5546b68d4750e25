"""Creates a stage's secret, in a stack of its own: it has to be filled before anything starts that reads it.

CloudFormation makes the password of Redis, which ElastiCache is told by reference, and nothing else;
`infra/commands/fill_secret.py` adds the other keys. No value is ever in a template. The secret outlives the stack, and
so has no fixed name: one would be taken when the stage is made anew.
"""

from aws_cdk import CfnOutput, RemovalPolicy, Stack
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.acknowledged import acknowledge
from infra.deployment import SECRETS_ID
from infra.stages import Stage

REDIS_PASSWORD = "REDIS_PASSWORD"  # noqa: S105 - its name
_ROTATED_BY_HAND = (
    "a key is rotated by adding a new one before the old one (new,old), which a function that replaces values cannot "
    "do, and CamPay's are changed in its dashboard: docs/operations.md, Rotating a key"
)


class SecretsStack(Stack):
    def __init__(self, scope: Construct, construct_id: str, stage: Stage) -> None:
        super().__init__(
            scope,
            construct_id,
            description=f"BraidSter Payments, {stage.name}: the secret",
            termination_protection=True,
        )
        self.secret = secretsmanager.Secret(
            self,
            "Secret",
            description="Every key of the API and of the gateway, by the name of its variable",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template="{}",  # noqa: S106 - what the generated key is put into
                generate_string_key=REDIS_PASSWORD,
                password_length=64,
                exclude_punctuation=True,  # ElastiCache takes few of them
            ),
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )
        CfnOutput(self, SECRETS_ID, value=self.secret.secret_arn)
        acknowledge(self.secret, "AwsSolutions-SMG4", _ROTATED_BY_HAND)
