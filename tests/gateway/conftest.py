"""Provides the driver on which a module's gateways run, and the Redis that they read."""

from collections.abc import Iterator

import pytest

from local.embedded import Valkey
from socket_gateway.settings import DRIVERS
from tests.harness.gateway_stack import LiveStore


@pytest.fixture(scope="module", params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> Iterator[str]:
    """Runs the tests that use it on each driver: the harness reads it where it makes a gateway's settings.

    A gateway that several tests share has to be a fixture that uses this one.
    """
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("GATEWAY_DRIVER", request.param)
        yield request.param


@pytest.fixture
def store(valkey: Valkey) -> Iterator[LiveStore]:
    store = LiveStore(valkey)
    yield store
    store.close()
