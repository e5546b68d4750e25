"""Tests how the gateway's settings are read from the environment, and how wrong ones are reported."""

import re
from dataclasses import fields
from typing import Any

import pytest

from chalicelib.domain.operators import UNNAMED, Operator, OperatorKey, Right
from chalicelib.runtime.settings_reader import InvalidSettings
from socket_gateway.settings import Bounds, Timing, read_settings

PRODUCTION = {
    "FRONTEND_URL": "https://shop.example, https://www.shop.example/",
    "REDIS_HOST": "redis.internal",
    "TRACKING_TOKEN_KEY": "a" * 32 + "," + "b" * 32,
    "API_URL": "https://api.example/v1/",
}


def test_unset_app_env_means_production() -> None:
    settings = read_settings(PRODUCTION)
    assert not settings.development
    assert settings.origins == ("https://shop.example", "https://www.shop.example", "https://api.example")
    assert settings.tracking_token_keys == ("a" * 32, "b" * 32)
    assert settings.api_url == "https://api.example/v1"
    assert (settings.host, settings.port, settings.trusted_proxies) == ("0.0.0.0", 8080, 1)  # noqa: S104 - a container's port
    assert settings.bounds == Bounds()
    assert settings.timing == Timing()
    assert (settings.timing.drain_accept_seconds, settings.timing.drain_close_seconds) == (15, 45)


def test_all_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(InvalidSettings) as caught:
        read_settings({})
    for name in PRODUCTION:
        assert f"{name} is missing" in str(caught.value)


@pytest.mark.parametrize("variable", ["APP_ENV", "NODE_ENV"])
def test_development_needs_little(variable: str) -> None:
    settings = read_settings({variable: "development", "TRACKING_TOKEN_KEY": "short", "PORT": "9001"})
    assert settings.development
    assert settings.origins == ("http://localhost:9001", "http://127.0.0.1:9001")
    api = ("http://127.0.0.1:9000", "http://localhost:9000")  # a browser may know it by either name
    named = {variable: "development", "TRACKING_TOKEN_KEY": "short", "API_URL": api[0]}
    assert read_settings(named).origins[-2:] == api
    assert (settings.host, settings.trusted_proxies) == ("127.0.0.1", 0)
    assert settings.redis.host == "127.0.0.1"
    assert (settings.timing.drain_accept_seconds, settings.timing.drain_close_seconds) == (0, 1)


def test_redis_in_every_form() -> None:
    extra = {
        "REDIS_PORT": "6380",
        "REDIS_USERNAME": "gateway",
        "REDIS_PASSWORD": "secret",
        "REDIS_DB": "2",
        "REDIS_TLS": "true",
        "REDIS_CLUSTER": "1",
    }
    redis = read_settings(PRODUCTION | extra).redis
    assert (redis.host, redis.port, redis.username, redis.password) == ("redis.internal", 6380, "gateway", "secret")
    assert (redis.database, redis.tls, redis.cluster) == (2, True, True)


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("MAX_MESSAGE_BYTES", "2000", lambda it: it.bounds.max_message_bytes == 2000),
        ("MAX_SOCKETS", "30", lambda it: it.bounds.max_sockets == 30),
        ("MAX_CONNECTIONS", "70", lambda it: it.bounds.max_connections == 70),
        ("REQUEST_SECONDS", "2.5", lambda it: it.bounds.request_seconds == 2.5),
        ("KEEP_ALIVE_SECONDS", "65", lambda it: it.timing.keep_alive_seconds == 65),
        ("LOG_CLIENTS", "false", lambda it: not it.log_clients),
        ("PAYMENTS_PER_SOCKET", "3", lambda it: it.bounds.payments_per_socket == 3),
        ("SOCKETS_PER_PAYMENT", "4", lambda it: it.bounds.sockets_per_payment == 4),
        ("SOCKETS_PER_ADDRESS", "5", lambda it: it.bounds.sockets_per_address == 5),
        ("OPERATORS_PER_ADDRESS", "6", lambda it: it.bounds.operators_per_address == 6),
        ("TRACK_DEADLINE_SECONDS", "2.5", lambda it: it.bounds.track_deadline_seconds == 2.5),
        ("EVENTS_PER_SECOND", "7", lambda it: it.bounds.events_per_second == 7.0),
        ("EVENTS_BURST", "8", lambda it: it.bounds.events_burst == 8),
        ("PROBE_SECONDS", "1", lambda it: it.timing.probe_seconds == 1.0),
        ("DRAIN_ACCEPT_SECONDS", "6", lambda it: it.timing.drain_accept_seconds == 6.0),
        ("DRAIN_CLOSE_SECONDS", "9", lambda it: it.timing.drain_close_seconds == 9.0),
        ("TRUSTED_PROXIES", "2", lambda it: it.trusted_proxies == 2),
        ("GATEWAY_PROCESSES", "4", lambda it: it.processes == 4),
        ("GATEWAY_HOST", "10.0.0.1", lambda it: it.host == "10.0.0.1"),
    ],
)
def test_each_bound_is_a_variable(name: str, value: str, read: Any) -> None:
    assert not read(read_settings(PRODUCTION))
    assert read(read_settings(PRODUCTION | {name: value}))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"APP_ENV": "staging"}, "APP_ENV must be"),
        ({"TRACKING_TOKEN_KEY": "a" * 32 + ",short"}, "TRACKING_TOKEN_KEY must have at least 32 bytes"),
        ({"FRONTEND_URL": "*"}, "FRONTEND_URL must be exact"),
        ({"PORT": "eighty"}, "PORT must be a whole number from 1 to 65535"),
        ({"REDIS_PORT": "0"}, "REDIS_PORT must be a whole number from 1 to 65535"),
        ({"REDIS_TLS": "maybe"}, "REDIS_TLS must be true or false"),
        ({"LOG_CLIENTS": "maybe"}, "LOG_CLIENTS must be true or false"),
    ],
)
def test_what_is_wrong_is_named_without_its_value(change: dict[str, str], fault: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        read_settings(PRODUCTION | change)
    assert fault in str(caught.value)
    assert "short" not in str(caught.value)


NUMBERS = (
    *("PORT", "REDIS_PORT", "REDIS_DB", "TRUSTED_PROXIES", "API_CONCURRENCY", "GATEWAY_PROCESSES"),
    *(each.name.upper() for part in (Bounds, Timing) for each in fields(part)),
)
MAY_BE_ZERO = {
    "REDIS_DB",
    "TRUSTED_PROXIES",
    "DRAIN_ACCEPT_SECONDS",
    "DRAIN_CLOSE_SECONDS",
    "SECRETS_RELOAD_INTERVAL_SECONDS",
}


@pytest.mark.parametrize(
    "value", ["-1", "-0.5", "nan", "inf", "-inf", "1e999", "999999999999", "many", "0x10", "٣", "1;2"]
)
def test_no_number_is_negative_endless_or_none_at_all_and_every_wrong_one_is_named_at_once(value: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        read_settings(PRODUCTION | dict.fromkeys(NUMBERS, value))
    faults = str(caught.value).split("; ")
    assert {fault.split()[0] for fault in faults} == set(NUMBERS)
    assert all(re.fullmatch(r"[A-Z_]+ must be a (whole )?number from [0-9.]+ to [0-9.]+", fault) for fault in faults)


def test_zero_is_refused_where_it_makes_no_sense() -> None:
    with pytest.raises(InvalidSettings) as caught:
        read_settings(PRODUCTION | dict.fromkeys(NUMBERS, "0"))
    assert {fault.split()[0] for fault in str(caught.value).split("; ")} == set(NUMBERS) - MAY_BE_ZERO


def test_operators_keys_are_optional_and_read_as_the_api_reads_them() -> None:
    assert read_settings(PRODUCTION).operator_keys == ()
    keys = {"OPERATOR_API_KEY": "u" * 32, "OPERATOR_KEYS": f"amina:view:{'v' * 32},paul:act:{'w' * 32}"}
    assert read_settings(PRODUCTION | keys).operator_keys == (
        OperatorKey(UNNAMED, "u" * 32),
        OperatorKey(Operator("amina", Right.VIEW), "v" * 32),
        OperatorKey(Operator("paul", Right.ACT), "w" * 32),
    )
    with pytest.raises(InvalidSettings) as caught:
        read_settings(PRODUCTION | {"OPERATOR_API_KEY": "short", "OPERATOR_KEYS": "amina:view:short"})
    assert str(caught.value) == (
        "OPERATOR_API_KEY must have at least 32 bytes; OPERATOR_KEYS entry 1: its key must have at least 32 bytes"
    )


def test_the_limits_in_all_are_shared_by_the_processes() -> None:
    extra = {"MAX_SOCKETS": "100", "MAX_CONNECTIONS": "300", "API_CONCURRENCY": "2", "DRAIN_CLOSES_PER_SECOND": "60"}
    settings = read_settings(PRODUCTION | extra | {"GATEWAY_PROCESSES": "3"})
    part = settings.of_one_process()
    assert (part.bounds.max_sockets, part.bounds.max_connections, part.api_concurrency) == (34, 100, 1)
    assert part.timing.drain_closes_per_second == 20
    assert part.bounds.sockets_per_address == settings.bounds.sockets_per_address
    assert read_settings(PRODUCTION).of_one_process() == read_settings(PRODUCTION)


def test_what_is_usual_is_within_its_own_bounds() -> None:
    usual = {each.name.upper(): str(getattr(part, each.name)) for part in (Bounds(), Timing()) for each in fields(part)}
    settings = read_settings(PRODUCTION | usual)
    assert (settings.bounds, settings.timing) == (Bounds(), Timing())


def test_an_error_never_shows_what_was_written() -> None:
    misplaced = "tok-3f9a77c1e2"
    with pytest.raises(InvalidSettings) as caught:
        read_settings(PRODUCTION | {"PORT": misplaced, "REDIS_TLS": misplaced, "APP_ENV": misplaced})
    assert misplaced not in str(caught.value)
    assert [fault.split()[0] for fault in str(caught.value).split("; ")] == ["APP_ENV", "PORT", "REDIS_TLS"]
