"""Tests that a gateway reads its secrets from Secrets Manager, and notices rotated ones while it runs."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
import redis

from chalicelib.runtime.settings_reader import InvalidSettings
from local.embedded import LOOPBACK, EmbeddedAws, Valkey
from socket_gateway.settings import read_settings
from tests.conftest import aws_client, aws_environment
from tests.harness.fakes import Answer, ScriptedServer
from tests.harness.gateway_stack import KEY, ORIGIN, PATIENCE_SECONDS, Running, running, token_for, until
from tests.harness.operator_clients import AMINA, PAUL, python_client, ticket_of

ANOTHER_KEY = "another-tracking-key-of-the-tests-0123"
PASSWORD = "the-password-of-redis"
ANOTHER_PASSWORD = "another-password-of-redis"
SECRETS_ID = "gateway/test"


class Secret:
    """Changes the gateway's secret as an operator does."""

    def __init__(self, aws: EmbeddedAws) -> None:
        self._client = aws_client("secretsmanager", aws)
        self._calls = aws.calls
        self._client.create_secret(Name=SECRETS_ID, SecretString="{}")

    @property
    def reads(self) -> int:
        return self._calls["GetSecretValue"]

    def put(self, **values: str) -> None:
        self._client.put_secret_value(SecretId=SECRETS_ID, SecretString=json.dumps(values))
        self._calls.clear()

    def close(self) -> None:
        self._client.delete_secret(SecretId=SECRETS_ID, ForceDeleteWithoutRecovery=True)
        self._client.close()


@pytest.fixture
def secret(aws: EmbeddedAws) -> Iterator[Secret]:
    created = Secret(aws)
    yield created
    created.close()


@pytest.fixture
def own_valkey() -> Iterator[Valkey]:
    with Valkey() as server:
        yield server


@pytest.fixture
def environment(aws: EmbeddedAws, own_valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Sets the environment of this process, from which a reload reads too."""
    known = {
        **aws_environment(aws),
        "FRONTEND_URL": ORIGIN,
        "REDIS_HOST": LOOPBACK,
        "REDIS_PORT": str(own_valkey.port),
        "API_URL": "http://127.0.0.1:9",
        "SECRETS_ID": SECRETS_ID,
    }
    for name, value in known.items():
        monkeypatch.setenv(name, value)
    return known


@asynccontextmanager
async def gateway(environment: Mapping[str, str], reload_interval: float = 0) -> AsyncIterator[Running]:
    """Runs a gateway with production's settings, on a free port and with short times."""
    settings = read_settings(environment)
    timing = replace(
        settings.timing,
        secrets_reload_interval_seconds=reload_interval,
        redis_timeout_seconds=5,
        reconnect_max_seconds=0.1,
        probe_seconds=0.3,
        drain_accept_seconds=0.0,
    )
    async with running(replace(settings, host=LOOPBACK, port=0, timing=timing)) as gateway:
        yield gateway


async def ack_of(gateway: Running, key: str) -> Any:
    reference = str(uuid4())
    async with gateway.browser() as browser:
        return await browser.track(reference, token_for(reference, key))


def test_what_is_secret_is_not_in_the_environment(environment: dict[str, str], secret: Secret) -> None:
    secret.put(TRACKING_TOKEN_KEY=KEY, REDIS_PASSWORD=PASSWORD, ORDER_TOKEN_KEY="of the API alone")
    settings = read_settings(environment)
    assert (settings.tracking_token_keys, settings.redis.password) == ((KEY,), PASSWORD)


def test_a_name_that_the_secret_lacks_is_named(environment: dict[str, str], secret: Secret) -> None:
    secret.put(REDIS_PASSWORD=PASSWORD)
    with pytest.raises(InvalidSettings, match=r"^TRACKING_TOKEN_KEY is missing$"):
        read_settings(environment)


def test_a_secret_that_is_not_there_is_named(environment: dict[str, str]) -> None:
    with pytest.raises(InvalidSettings, match=r"^SECRETS_ID gateway/test: ResourceNotFoundException$"):
        read_settings(environment)


async def test_a_new_key_is_learnt_from_the_first_token_that_it_signed(
    environment: dict[str, str], secret: Secret
) -> None:
    """The browser with that token is accepted; the old key stays valid for as long as the secret has it."""
    secret.put(TRACKING_TOKEN_KEY=KEY)
    async with gateway(environment) as running:
        assert (await ack_of(running, ANOTHER_KEY))["code"] == "invalid_token"
        secret.put(TRACKING_TOKEN_KEY=f"{ANOTHER_KEY},{KEY}")
        assert (await ack_of(running, ANOTHER_KEY))["ok"] is True
        assert (await ack_of(running, KEY))["ok"] is True
        secret.put(TRACKING_TOKEN_KEY=ANOTHER_KEY)
        await ack_of(running, "a-key-that-nobody-knows-0123456789")
        assert (await ack_of(running, KEY))["code"] == "invalid_token"


async def test_invalid_keys_cannot_keep_secrets_manager_busy(environment: dict[str, str], secret: Secret) -> None:
    secret.put(TRACKING_TOKEN_KEY=KEY)
    async with gateway(environment, reload_interval=60) as running:
        secret.put(TRACKING_TOKEN_KEY=f"{ANOTHER_KEY},{KEY}")
        assert [(await ack_of(running, ANOTHER_KEY))["ok"] for _ in range(3)] == [False] * 3
        assert secret.reads == 0, "read a moment ago"
        running.gateway.credentials._loaded_at -= 60
        forged = [ack_of(running, "a-key-that-nobody-knows-0123456789") for _ in range(10)]
        assert [ack["code"] for ack in await asyncio.gather(*forged)] == ["invalid_token"] * 10
        assert secret.reads == 1


async def test_a_secret_that_cannot_be_read_leaves_the_keys_as_they_were(
    environment: dict[str, str], secret: Secret
) -> None:
    secret.put(TRACKING_TOKEN_KEY=KEY)
    async with gateway(environment) as running:
        secret.put(TRACKING_TOKEN_KEY="")
        assert (await ack_of(running, ANOTHER_KEY))["code"] == "invalid_token"
        assert (await ack_of(running, KEY))["ok"] is True


async def test_no_caller_waits_while_the_secrets_are_read(
    environment: dict[str, str], secret: Secret, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a forged token makes the gateway wait for Secrets Manager, a customer with a valid one is answered."""
    secret.put(TRACKING_TOKEN_KEY=KEY)
    async with gateway(environment) as running:
        with ScriptedServer() as slow:
            slow.answer("/", Answer(hold_seconds=3))
            monkeypatch.setenv("AWS_ENDPOINT_URL", slow.url)
            caller = asyncio.create_task(ack_of(running, ANOTHER_KEY))
            while not slow.seen:
                await asyncio.sleep(0.01)
            assert (await ack_of(running, KEY))["ok"] is True
            assert not caller.done()
            assert (await caller)["code"] == "invalid_token"


async def test_who_leaves_while_the_secrets_are_read_is_not_followed(
    environment: dict[str, str], secret: Secret, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its payment would stay subscribed until the gateway stops, since no disconnect would follow."""
    secret.put(TRACKING_TOKEN_KEY=KEY)
    rotated = json.dumps({"SecretString": json.dumps({"TRACKING_TOKEN_KEY": ANOTHER_KEY})}).encode()
    async with gateway(environment) as running:
        with ScriptedServer() as slow:
            slow.answer("/", Answer(body=rotated, content_type="application/x-amz-json-1.1", hold_seconds=0.5))
            monkeypatch.setenv("AWS_ENDPOINT_URL", slow.url)
            reference = str(uuid4())
            async with running.browser() as browser:
                request = {"reference": reference, "token": token_for(reference, ANOTHER_KEY)}
                await browser.client.emit("track-payment", request)
                await until(lambda: slow.seen)
            await until(lambda: len(running.gateway.sockets) == 0)
            keys = running.gateway.credentials
            await until(lambda: keys.tracking_token_keys == (ANOTHER_KEY,))
            await asyncio.sleep(0.2)
            assert len(running.gateway.tracked_payments) == 0


async def test_an_operator_whose_key_is_withdrawn_is_disconnected(environment: dict[str, str], secret: Secret) -> None:
    """The secret is read again while somebody watches; the other one goes on."""
    keys = {it.operator.name: f"{it.operator.name}:{it.operator.right}:{it.secret}" for it in (AMINA, PAUL)}
    secret.put(TRACKING_TOKEN_KEY=KEY, OPERATOR_KEYS=keys["paul"])
    async with gateway(environment) as running:
        secret.put(TRACKING_TOKEN_KEY=KEY, OPERATOR_KEYS=",".join(keys.values()))
        async with (
            python_client(running.url, {"ticket": ticket_of(AMINA)}) as amina,  # learnt from her first ticket
            python_client(running.url, {"ticket": ticket_of(PAUL)}) as paul,
        ):
            await until(lambda: amina.events and paul.events)
            secret.put(TRACKING_TOKEN_KEY=KEY, OPERATOR_KEYS=keys["paul"])
            await until(lambda: amina.disconnects)
            assert (paul.disconnects, len(running.gateway.operators)) == (0, 1)


async def test_a_new_password_of_redis_is_learnt_when_the_old_one_is_refused(
    environment: dict[str, str], secret: Secret, own_valkey: Valkey
) -> None:
    with redis.Redis(port=own_valkey.port) as administrator:
        administrator.config_set("requirepass", PASSWORD)
        secret.put(TRACKING_TOKEN_KEY=KEY, REDIS_PASSWORD=PASSWORD)
        async with gateway(environment) as running:
            administrator.config_set("requirepass", ANOTHER_PASSWORD)
            administrator.client_kill_filter(_type="pubsub")
            administrator.client_kill_filter(_type="normal", skipme=True)
            await until(lambda: not running.gateway.relay.connected)
            secret.put(TRACKING_TOKEN_KEY=KEY, REDIS_PASSWORD=ANOTHER_PASSWORD)
            await until(lambda: running.gateway.relay.connected and running.gateway.ready)
            assert (await ack_of(running, KEY))["ok"] is True
            await until(lambda: administrator.get(f"gateway:{running.gateway.id}"), PATIENCE_SECONDS)
