"""Makes the exceptions by which the services of AWS refuse a call."""

from typing import Any

from botocore.exceptions import ClientError


def refusal(operation: str, code: str, message: str, **fields: Any) -> ClientError:
    """Returns the exception of chalicelib/runtime/aws.py."""
    metadata = {"HTTPStatusCode": 400, "RequestId": ""}
    return ClientError({**fields, "Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}, operation)
