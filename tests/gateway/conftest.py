"""Provides the driver on which a module's gateways run."""

from collections.abc import Iterator

import pytest

from socket_gateway.settings import DRIVERS


@pytest.fixture(scope="module", params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> Iterator[str]:
    """Runs the tests that use it on each driver: the harness reads it where it makes a gateway's settings.

    A gateway that several tests share has to be a fixture that uses this one.
    """
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("GATEWAY_DRIVER", request.param)
        yield request.param
