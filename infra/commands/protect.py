"""Switches DynamoDB's deletion protection of the ledger on: `python -m infra.commands.protect STAGE`.

`make deploy` runs it last.
"""

import argparse
import sys
from typing import Any

import boto3

from infra.commands.account import NoAccount, sign_in
from infra.deployment import Deployment, NotDeployed
from infra.stages import UnknownStage, stage_of


def protect(table: str, dynamodb: Any) -> bool:
    """Switches the table's protection against deletion on. True where it was off."""
    if dynamodb.describe_table(TableName=table)["Table"].get("DeletionProtectionEnabled"):
        return False
    dynamodb.update_table(TableName=table, DeletionProtectionEnabled=True)
    return True


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m infra.commands.protect", description="Protects a stage's ledger.")
    parser.add_argument("stage")
    try:
        stage = stage_of(parser.parse_args().stage)
        sign_in()
        table = Deployment.of_stage(stage.name, boto3.client("cloudformation")).table
    except (NoAccount, NotDeployed, UnknownStage) as error:
        sys.exit(str(error))
    protect(table, boto3.client("dynamodb"))
    print(f"DynamoDB refuses to delete {table}.")


if __name__ == "__main__":
    main()
