"""Reads secrets from AWS Secrets Manager. The secret is a JSON object of variable names and their values."""

import json
from collections.abc import Mapping


class SecretsUnavailable(Exception):
    """Raised where secrets cannot be read. The message has the id and the reason in one line, never a value."""


def read_secrets(secrets_id: str) -> Mapping[str, str]:
    """Returns the values by name. Every call reads them again. Raises SecretsUnavailable."""
    from botocore.exceptions import BotoCoreError, ClientError

    from chalicelib.runtime import aws

    try:
        text = aws.make_client("secretsmanager").get_secret_value(SecretId=secrets_id)["SecretString"]
    except ClientError as error:
        raise SecretsUnavailable(f"SECRETS_ID {secrets_id}: {error.response['Error']['Code']}") from error
    except (BotoCoreError, KeyError) as error:
        raise SecretsUnavailable(f"SECRETS_ID {secrets_id}: {type(error).__name__}") from error
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise SecretsUnavailable(f"SECRETS_ID {secrets_id}: must hold a JSON object of names and texts")
    return values
