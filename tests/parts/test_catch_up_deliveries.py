"""Tests that the hints by which undelivered changes are looked for do not become more while Redis is away."""

from typing import Any

from chalicelib.adapters.work_queue import WorkQueue
from chalicelib.bootstrap import Service
from chalicelib.domain.hints import DeliveryHint
from tests.harness.fakes import HandClock
from tests.harness.service import rebuilt
from tests.harness.workers import queues_of


class Away:
    """Stands for a live store whose Redis does not answer."""

    def storage(self) -> str:
        return "degraded"


def process_of(service: Service) -> Service:
    """Returns another process of the service: what one has sent lately, the others do not know."""
    queues: Any = queues_of(service)
    urls = (service.settings.checks_queue_url, service.settings.deliveries_queue_url)
    return rebuilt(service, live_store=Away(), work_queue=WorkQueue(lambda: queues, *urls, service.clock))


def test_of_all_hints_of_a_second_one_comes_back(service: Service, clock: HandClock) -> None:
    queues = queues_of(service)
    for _ in range(5):
        process_of(service).work_queue.look_for_undelivered()
    assert len(queues.waiting) == 5
    for _ in range(3):
        clock.forward(1)
        for _ in queues.take():
            process_of(service).catch_up(DeliveryHint())
        (hint,) = queues.waiting
        assert (hint.body, hint.at) == (DeliveryHint().to_body(), clock.now() + 1000)
