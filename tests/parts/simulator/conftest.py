"""Provides a simulator for each file, and a receiver of webhooks for each test."""

from collections.abc import Callable, Iterator

import pytest

from local.campay_simulator import CampaySimulator
from local.simulator.http_server import Answer, LoopbackServer, Request
from tests.parts.simulator.calls import FAST, HTTP, Receiver


@pytest.fixture(scope="module", autouse=True)
def _http() -> Iterator[None]:
    yield
    HTTP.close()


@pytest.fixture(scope="module")
def receivers() -> Iterator[Callable[[], Receiver]]:
    by_path: dict[str, Receiver] = {}

    def respond(request: Request) -> Answer:
        by_path[request.path].requests.put(request)
        return Answer(by_path[request.path].status, {})

    def add() -> Receiver:
        path = f"/webhook/{len(by_path)}"
        by_path[path] = Receiver(f"http://127.0.0.1:{server.server_port}{path}")
        return by_path[path]

    server = LoopbackServer(0, respond)
    server.start()
    yield add
    server.stop()


@pytest.fixture
def receiver(receivers: Callable[[], Receiver]) -> Receiver:
    return receivers()


@pytest.fixture(scope="module")
def shared_simulator() -> Iterator[CampaySimulator]:
    with CampaySimulator(FAST) as running:
        yield running


@pytest.fixture
def simulator(shared_simulator: CampaySimulator, receiver: Receiver) -> CampaySimulator:
    shared_simulator.control.reset()
    shared_simulator.webhook_url = receiver.url
    return shared_simulator
