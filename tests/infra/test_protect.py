"""Tests that a deployment protects the ledger's table from deletion."""

from typing import Any

from infra.commands.protect import protect


def test_the_ledger_is_protected_once(dynamodb: Any, table: str) -> None:
    assert protect(table, dynamodb)
    assert dynamodb.describe_table(TableName=table)["Table"]["DeletionProtectionEnabled"] is True
    assert not protect(table, dynamodb)
