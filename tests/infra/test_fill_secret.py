"""Tests that a stage's secret is filled completely, and that existing values are never changed."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from chalicelib import settings as api_settings
from chalicelib.domain.event_signature import SECRET_PREFIX, read_secret
from infra.commands.fill_secret import CAMPAY_KEYS, OUR_KEYS, Ask, CannotFill, add_operator, fill
from local.embedded import EmbeddedAws
from socket_gateway import settings as gateway_settings
from tests.conftest import aws_environment

SECRETS_ID = "braidster-payments/filled-by-a-test"
PLAIN = {
    "CAMPAY_API_URL": "https://demo.campay.net/api",
    "FRONTEND_URL": "https://shop.test",
    "REDIS_HOST": "redis.test",
    "PAYMENTS_TABLE": "payments",
    "EVENT_BUS": "orders",
    "CHECKS_QUEUE_URL": "https://sqs.example/1/checks",
    "DELIVERIES_QUEUE_URL": "https://sqs.example/1/deliveries",
    "SHOP_QUEUE_URL": "https://sqs.example/1/shop",
    "API_URL": "https://api.test",
    "SECRETS_ID": SECRETS_ID,
}


@pytest.fixture
def client(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Makes the secret as CloudFormation does, with the password of Redis alone."""
    for name, value in aws_environment(aws).items():
        monkeypatch.setenv(name, value)
    client = boto3.client("secretsmanager")
    client.create_secret(Name=SECRETS_ID, SecretString=json.dumps({"REDIS_PASSWORD": "made-by-cloudformation"}))
    yield client
    client.delete_secret(SecretId=SECRETS_ID, ForceDeleteWithoutRecovery=True)
    client.close()


def answers(**values: str) -> Ask:
    return lambda name: values.get(name, "")


TOKEN = answers(CAMPAY_WEBHOOK_KEY="webhook-key", CAMPAY_PERMANENT_ACCESS_TOKEN="token")
PASSWORD = answers(CAMPAY_WEBHOOK_KEY="webhook-key", CAMPAY_USERNAME="shop", CAMPAY_APP_PASSWORD="password")


def content(client: Any) -> dict[str, str]:
    values: dict[str, str] = json.loads(client.get_secret_value(SecretId=SECRETS_ID)["SecretString"])
    return values


@pytest.mark.parametrize("ask", [TOKEN, PASSWORD])
def test_once_filled_the_api_and_the_gateway_start(client: Any, ask: Ask) -> None:
    filled = fill(client, SECRETS_ID, ask)
    assert filled.missing == []
    assert set(OUR_KEYS) < set(filled.added)
    settings = api_settings.read_settings(PLAIN)
    assert settings.redis is not None
    assert settings.redis.password == "made-by-cloudformation"
    assert gateway_settings.read_settings(PLAIN).tracking_token_keys == settings.tracking_token_keys


def test_what_is_there_stays_as_it_is(client: Any) -> None:
    """A new tracking key would refuse every customer, and a new phone key would reset the limits of prompts."""
    fill(client, SECRETS_ID, TOKEN)
    before = content(client)
    again = fill(client, SECRETS_ID, answers(CAMPAY_WEBHOOK_KEY="another", CAMPAY_USERNAME="another"))
    assert (again.added, again.missing) == ([], [])
    assert content(client) == before


def test_an_operator_gets_a_key_beside_those_that_there_are(client: Any) -> None:
    for operator in ("amina:view", "paul:act", "paul:act"):
        add_operator(client, SECRETS_ID, operator)
    filled = fill(client, SECRETS_ID, TOKEN)
    assert "OPERATOR_API_KEY" not in filled.added, "a key without a name, where all have names"
    keys = api_settings.read_settings(PLAIN).operator_keys
    assert [(key.operator.name, key.operator.right) for key in keys] == [
        *(("amina", "view"), ("paul", "act"), ("paul", "act")),
    ]
    assert len({key.secret for key in keys}) == 3


@pytest.mark.parametrize("operator", ["amina", "amina:look", "Amina:view", ":view", "amina:view,paul"])
def test_a_malformed_operator_changes_nothing(client: Any, operator: str) -> None:
    before = content(client)
    with pytest.raises(CannotFill, match="NAME:RIGHT"):
        add_operator(client, SECRETS_ID, operator)
    assert content(client) == before


def test_our_keys_are_long_and_all_different(client: Any) -> None:
    fill(client, SECRETS_ID, TOKEN)
    keys = [content(client)[name] for name in OUR_KEYS]
    assert len(set(keys)) == len(OUR_KEYS)
    assert all(len(key) == 64 for key in keys if not key.startswith(SECRET_PREFIX))
    (of_events,) = (read_secret(key) for key in keys if key.startswith(SECRET_PREFIX))
    assert len(of_events) == 32


def test_what_campay_has_not_given_yet_is_named_and_can_be_added_later(client: Any) -> None:
    first = fill(client, SECRETS_ID, answers())
    assert first.missing == list(CAMPAY_KEYS)
    kept = content(client)
    second = fill(client, SECRETS_ID, PASSWORD)
    assert second.added == ["CAMPAY_APP_PASSWORD", "CAMPAY_USERNAME", "CAMPAY_WEBHOOK_KEY"]
    assert second.missing == []
    assert {name: content(client)[name] for name in OUR_KEYS} == {name: kept[name] for name in OUR_KEYS}


def test_with_a_permanent_token_nobody_is_asked_for_a_password(client: Any) -> None:
    asked = []

    def ask(name: str) -> str:
        asked.append(name)
        return TOKEN(name)

    fill(client, SECRETS_ID, ask)
    assert asked == ["CAMPAY_WEBHOOK_KEY", "CAMPAY_PERMANENT_ACCESS_TOKEN"]


def test_without_the_secret_it_says_what_to_deploy_first(client: Any) -> None:
    with pytest.raises(CannotFill, match="there is no secret braidster-payments/none"):
        fill(client, "braidster-payments/none", TOKEN)
