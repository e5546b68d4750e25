"""Before `make destroy`: refuses where payments would be lost or orphaned, and says how it is done on purpose."""

import sys
from typing import Any

import boto3

from infra.commands.account import NoAccount, sign_in
from infra.deployment import Deployment, NotDeployed
from infra.stages import UnknownStage, stage_of

_PROD = (
    "prod is not destroyed by a command. Whoever means it: export the ledger's table to S3, switch off the stack's "
    "termination protection and the table's deletion protection in the AWS console, and delete "
    "the stack there."
)
_PROTECTED = (
    "the ledger's table {table} is protected against deletion, and the payments in it would be left with nothing that "
    "reads them. If nobody needs them: aws dynamodb update-table --table-name {table} "
    "--no-deletion-protection-enabled, then make destroy again. The table itself and the secret stay even then."
)


class Refused(Exception):
    """Says why, and how it is done on purpose."""


def check(stage: str, session: Any) -> None:
    """`session`: boto3's, or boto3 itself. Raises Refused, NotDeployed, UnknownStage."""
    if stage_of(stage).is_prod:
        raise Refused(_PROD)
    table = Deployment.of_stage(stage, session.client("cloudformation")).table
    client = session.client("dynamodb")
    try:
        described = client.describe_table(TableName=table)["Table"]
    except client.exceptions.ResourceNotFoundException:
        return
    if described.get("DeletionProtectionEnabled"):
        raise Refused(_PROTECTED.format(table=table))


def main() -> None:
    try:
        sign_in()
        check(sys.argv[1] if len(sys.argv) > 1 else "", boto3)
    except (NoAccount, Refused, NotDeployed, UnknownStage) as error:
        sys.exit(f"make destroy: {error}")


if __name__ == "__main__":
    main()
