"""Tests secrets from Secrets Manager: read once, and again after a refused key."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from chalicelib.bootstrap import SECRETS_RELOAD_INTERVAL_MS, Process
from chalicelib.runtime.settings_reader import InvalidSettings
from chalicelib.settings import read_settings
from local.embedded import EmbeddedAws
from tests.conftest import aws_environment
from tests.harness.fakes import HandClock
from tests.unit.test_settings import KEYS, PRODUCTION

SECRET_NAMES = (*KEYS, "CAMPAY_WEBHOOK_KEY", "CAMPAY_PERMANENT_ACCESS_TOKEN", "REDIS_PASSWORD")
SECRET = {name: PRODUCTION.get(name, "a-password") for name in SECRET_NAMES}
ENVIRONMENT = {name: value for name, value in PRODUCTION.items() if name not in SECRET_NAMES}


@pytest.fixture
def secrets_manager(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Yields boto3's client, with the secret `braidster/test` stored and named in the environment."""
    for name, value in {**aws_environment(aws), **ENVIRONMENT, "SECRETS_ID": "braidster/test"}.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("secretsmanager")
    client.create_secret(Name="braidster/test", SecretString=json.dumps(SECRET))
    yield client
    client.delete_secret(SecretId="braidster/test", ForceDeleteWithoutRecovery=True)
    client.close()


@pytest.mark.usefixtures("secrets_manager")
def test_what_is_secret_is_not_in_the_environment() -> None:
    settings = read_settings()
    assert settings.order_token_keys == (SECRET["ORDER_TOKEN_KEY"],)
    assert settings.redis is not None
    assert settings.redis.password == "a-password"


def test_a_name_that_the_secret_lacks_is_named(secrets_manager: Any) -> None:
    shortened = {name: value for name, value in SECRET.items() if name != "MERCHANT_API_KEY"}
    secrets_manager.put_secret_value(SecretId="braidster/test", SecretString=json.dumps(shortened))
    with pytest.raises(InvalidSettings, match=r"^MERCHANT_API_KEY is missing$"):
        read_settings()


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"ORDER_TOKEN_KEY": 7}'])
def test_a_malformed_secret_is_reported_without_its_text(secrets_manager: Any, text: str) -> None:
    secrets_manager.put_secret_value(SecretId="braidster/test", SecretString=text)
    with pytest.raises(InvalidSettings) as refused:
        read_settings()
    assert str(refused.value) == "SECRETS_ID braidster/test: must hold a JSON object of names and texts"


def test_a_secret_that_is_not_there_is_named(secrets_manager: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert secrets_manager
    monkeypatch.setenv("SECRETS_ID", "braidster/other")
    with pytest.raises(InvalidSettings, match="braidster/other: ResourceNotFoundException"):
        read_settings()


def test_after_a_refused_key_the_secrets_are_read_again_once_a_minute_at_most(secrets_manager: Any) -> None:
    """After a rotation, running containers reload the keys at the first call with the new one."""
    clock = HandClock()
    process = Process(clock)
    first = process.service()
    rotated = SECRET | {"MERCHANT_API_KEY": f"another-merchant-key-with-enough-bytes,{SECRET['MERCHANT_API_KEY']}"}
    secrets_manager.put_secret_value(SecretId="braidster/test", SecretString=json.dumps(rotated))
    process.request_secrets_reload()
    assert process.service() is first, "read a moment ago"
    clock.forward(SECRETS_RELOAD_INTERVAL_MS / 1000 + 1)
    assert process.service() is first, "nobody was refused since"
    process.request_secrets_reload()
    second = process.service()
    assert second.settings.merchant_api_keys[0] == "another-merchant-key-with-enough-bytes"
    assert process.service() is second
    first.close()
    process.close()


def test_a_secrets_manager_that_is_away_does_not_stop_what_works(secrets_manager: Any) -> None:
    clock = HandClock()
    process = Process(clock)
    first = process.service()
    secrets_manager.put_secret_value(SecretId="braidster/test", SecretString="not readable")
    clock.forward(SECRETS_RELOAD_INTERVAL_MS / 1000 + 1)
    process.request_secrets_reload()
    assert process.service() is first
    process.close()
