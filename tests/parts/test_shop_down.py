"""Tests that a shop which was down for three days catches up, on the clock of the test."""

import json
from collections import defaultdict
from dataclasses import replace

from chalicelib.bootstrap import Service
from chalicelib.domain.hints import ShopHint
from chalicelib.domain.order_event_schedule import LONGEST_PAUSE_MS
from infra.functions import HIDDEN_SECONDS
from local.embedded import EmbeddedAws
from tests.conftest import Shop
from tests.harness.fakes import HandClock, ProcessDied, ScriptedServer, Seen, SimulatedProcess
from tests.harness.service import rebuilt
from tests.harness.workers import SHOP, queues_of, work_off
from tests.parts.test_attention import pay
from tests.parts.test_order_events import start
from tests.parts.test_tell_shop import PATH, REFUSED, TAKEN, server, telling

__all__ = ["server", "telling"]
PAYMENTS, HOUR = 8, 3600
DOWN_SECONDS = 72 * HOUR


class Bus:
    """Hands each new event of EventBridge to the shop's queue as a hint, as the rule does."""

    def __init__(self, aws: EmbeddedAws) -> None:
        self._aws = aws
        self._handed = 0

    def hand_over(self, service: Service) -> None:
        new = list(self._aws.events)[self._handed :]
        self._handed += len(new)
        for entry in new:
            reference = json.loads(entry["Detail"])["reference"]
            queues_of(service).put(service.clock.now(), SHOP, ShopHint(reference).to_body())


def pass_time(service: Service, clock: HandClock, bus: Bus, seconds: float) -> None:
    """Lets time pass from message to message."""
    until = clock.now() + int(seconds * 1000)
    while True:
        bus.hand_over(service)
        work_off(service)
        following = min((message.at for message in queues_of(service).waiting), default=until)
        if following >= until:
            break
        clock.forward(max(following - clock.now(), 1) / 1000)
    clock.forward((until - clock.now()) / 1000)


def ids_by_payment(calls: list[Seen]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for call in calls:
        event_id = call.headers["webhook-id"]
        found[event_id.partition(":")[0]].append(event_id)
    return found


def test_after_three_days_it_hears_everything_in_order_and_nothing_twice_but_under_the_same_id(
    telling: Service, shop: Shop, server: ScriptedServer, clock: HandClock, aws: EmbeddedAws
) -> None:
    """Each payment expires and is paid late, the first one as the shop goes down; the process dies once in between."""
    server.answer(PATH, REFUSED)
    bus, payments = Bus(aws), []
    for number in range(PAYMENTS):
        payments.append(start(telling, number))
        telling.give_up(payments[-1].reference)
        pass_time(telling, clock, bus, HOUR)
        pay(telling, shop, payments[-1])
        pass_time(telling, clock, bus, DOWN_SECONDS / PAYMENTS - HOUR - 1)
    refused = len(server.calls(PATH))
    assert all(ids == ids[:1] * len(ids) for ids in ids_by_payment(server.calls(PATH)).values()), "in order"

    server.answer(PATH, TAKEN)
    dying = rebuilt(telling)
    watched = SimulatedProcess("after send").watch(dying.tell_shop.shop)
    died = 0
    try:
        pass_time(replace(dying, tell_shop=replace(dying.tell_shop, shop=watched)), clock, bus, LONGEST_PAUSE_MS / 1000)
    except ProcessDied:
        died = 1
        for payment in payments:  # SQS shows a message again that nobody has deleted
            shown_at = clock.now() + HIDDEN_SECONDS * 1000
            queues_of(telling).put(shown_at, SHOP, ShopHint(payment.reference).to_body())
    assert died
    pass_time(telling, clock, bus, LONGEST_PAUSE_MS / 1000 + HOUR)

    taken = server.calls(PATH)[refused:]
    by_payment = ids_by_payment(taken)
    for payment in payments:
        once = list(dict.fromkeys(by_payment[payment.reference]))
        assert once == [f"{payment.reference}:{version}" for version in (3, 4)]
        assert by_payment[payment.reference] == sorted(by_payment[payment.reference])
    bodies = defaultdict(set)
    for call in server.calls(PATH):
        bodies[call.headers["webhook-id"]].add(call.body)
    assert all(len(different) == 1 for different in bodies.values())
    assert len(taken) == 2 * PAYMENTS + died, "only what the process died with came twice"
