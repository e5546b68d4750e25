"""Tests that processes tell each other through a real Valkey that CamPay does not answer."""

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace

import pytest

from chalicelib import bootstrap
from chalicelib.adapters.campay.client import Campay
from chalicelib.adapters.shared_breaker import SharedBreaker
from chalicelib.bootstrap import Service
from chalicelib.domain.errors import ProviderUnavailable
from chalicelib.domain.money import Money
from chalicelib.domain.payment import PaymentStatus
from chalicelib.domain.payment_request import PaymentRequest
from chalicelib.domain.provider import NeverSent, OutcomeUnknown, Prompted, PromptOutcome
from chalicelib.runtime.clock import Clock
from chalicelib.runtime.settings_reader import RedisSettings
from chalicelib.settings import Settings
from local.embedded import free_port
from tests.conftest import Shop
from tests.harness.fakes import Answer, HandClock, ScriptedServer
from tests.harness.stack import wait_until

PRICE = Money(5000, "XAF")
READ, COLLECT = "/transaction/c-1/", "/collect/"
RECORD = Answer(body=b'{"reference":"c-1","status":"PENDING"}')
HANGS = Answer(hold_seconds=30)
LOST = Answer(reset=True)
"""A connection that ends after the request was sent, as a time-out does, but at once."""
PROMPTED = Answer(body=b'{"reference":"c-2"}')
MakeProcess = Callable[[], Campay]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as scripted:
        yield scripted


@pytest.fixture
def here(service: Service, settings: Settings, server: ScriptedServer) -> Settings:
    """The settings of processes whose CamPay is the scripted server. `service` has emptied Redis."""
    assert service.live_store.storage() == "redis"
    return replace(settings, campay=replace(settings.campay, api_url=server.url))


@pytest.fixture
def process(here: Settings, clock: HandClock) -> Iterator[MakeProcess]:
    """Makes a further process: its own clients of CamPay and of Redis."""
    with ExitStack() as stack:

        def make(settings: Settings = here) -> Campay:
            built = bootstrap.build(settings, clock)
            stack.callback(built.close)
            return built.campay

        yield make


def is_refused(campay: Campay) -> bool:
    try:
        with campay.within(0.5):
            campay.read("c-1")
    except ProviderUnavailable:
        return True
    return False


def collect(campay: Campay) -> PromptOutcome:
    return campay.collect("ref-1", "237677777777", PRICE, "d")


def test_one_process_that_finds_campay_gone_tells_the_others(server: ScriptedServer, process: MakeProcess) -> None:
    first, others = process(), [process() for _ in range(3)]
    server.answer(READ, HANGS)
    assert is_refused(first)
    assert all(is_refused(other) for other in others)
    assert len(server.seen) == 1, "only the first has waited for CamPay"


def test_of_all_processes_one_probes_at_a_time(server: ScriptedServer, process: MakeProcess, clock: HandClock) -> None:
    first, probing, other = process(), process(), process()
    server.answer(READ, HANGS)
    assert is_refused(first)
    clock.forward(2)
    probe = threading.Thread(target=is_refused, args=(probing,))
    probe.start()
    wait_until(lambda: len(server.seen) == 2, "it probes")
    assert is_refused(other)
    assert is_refused(first)
    probe.join()
    assert is_refused(other)
    assert len(server.seen) == 2, "two seconds after the probe the next one is due, and not before"


def test_of_processes_that_ask_at_the_same_moment_one_probes(
    service: Service, settings: Settings, clock: HandClock
) -> None:
    service.live_store.shared_breaker("campay", "reads").open_until(clock.now())
    others = [bootstrap.build(settings, clock) for _ in range(16)]
    breakers = [it.live_store.shared_breaker("campay", "reads") for it in others]
    assert all(breaker.is_open() for breaker in breakers)
    together = threading.Barrier(len(breakers))

    def take(breaker: SharedBreaker) -> bool:
        together.wait()
        return breaker.take_probe()

    with ThreadPoolExecutor(len(breakers)) as threads:
        assert sorted(threads.map(take, breakers)) == [False] * 15 + [True]
    for it in others:
        it.close()


def test_an_answer_to_one_process_lets_all_call_again(
    server: ScriptedServer, process: MakeProcess, clock: HandClock
) -> None:
    first, other = process(), process()
    server.answer(READ, HANGS, RECORD)
    assert is_refused(first)
    assert is_refused(other)
    clock.forward(2)
    assert not is_refused(other)
    assert not is_refused(first)
    assert not is_refused(process())


def test_where_the_process_that_probes_has_died_another_one_probes_later(
    server: ScriptedServer, process: MakeProcess, clock: HandClock
) -> None:
    first, dying, other = process(), process(), process()
    server.answer(READ, HANGS, RECORD)
    assert is_refused(first)
    clock.forward(2)
    dying._reads._admit()
    assert is_refused(other)
    clock.forward(29)
    assert is_refused(other)
    clock.forward(2)
    assert not is_refused(other)


def test_a_prompt_is_refused_only_while_neither_reads_nor_prompts_are_answered(
    server: ScriptedServer, process: MakeProcess
) -> None:
    """A CamPay that is slow with reads takes prompts, and one prompt that takes too long is no outage."""
    first, other = process(), process()
    server.answer(READ, HANGS)
    server.answer(COLLECT, PROMPTED, LOST)
    assert is_refused(first)
    assert collect(other) == Prompted("c-2", None, None), "reads alone say nothing of prompts"
    assert isinstance(collect(first), OutcomeUnknown)
    assert isinstance(collect(other), OutcomeUnknown), "a prompt alone says nothing either"
    assert is_refused(process())
    assert len(server.calls(COLLECT)) == 3
    for campay in (first, process()):
        assert isinstance(collect(campay), NeverSent), "it was not sent, and says so"
    assert len(server.calls(COLLECT)) == 3


def test_a_prompt_probes_too_and_its_answer_lets_all_pass(
    server: ScriptedServer, process: MakeProcess, clock: HandClock
) -> None:
    first, other = process(), process()
    server.answer(READ, HANGS, RECORD)
    server.answer(COLLECT, LOST, PROMPTED)
    assert isinstance(collect(first), OutcomeUnknown)
    assert is_refused(first)
    assert isinstance(collect(other), NeverSent)
    clock.forward(2)
    assert collect(other) == Prompted("c-2", None, None)
    assert collect(first) == Prompted("c-2", None, None)
    assert not is_refused(first)


def test_an_initiate_that_is_refused_has_sent_nothing_and_may_be_repeated(
    service: Service, settings: Settings, shop: Shop, clock: HandClock
) -> None:
    request = PaymentRequest("order-1", PRICE, "237677777777", "Braids", "fr")
    shop.faults(collect=["reset"], transaction=["reset"] * 2)
    assert service.initiate(replace(request, order_id="order-0", phone_number="237677777770")).payment.is_active
    with pytest.raises(ProviderUnavailable):
        service.campay.read("c-1")
    other = bootstrap.build(settings, clock)
    with pytest.raises(ProviderUnavailable):
        other.initiate(request)
    assert shop.transactions == []
    clock.forward(1)
    assert other.initiate(request).payment.status is PaymentStatus.PENDING
    assert len(shop.transactions) == 1
    other.close()


@pytest.mark.parametrize("where", ["unset", "gone"])
def test_without_redis_each_process_is_alone(
    server: ScriptedServer, process: Callable[[Settings], Campay], here: Settings, where: str
) -> None:
    redis = RedisSettings("127.0.0.1", free_port()) if where == "gone" else None
    server.answer(READ, HANGS)
    for number, campay in enumerate([process(replace(here, redis=redis)) for _ in range(2)], 1):
        assert is_refused(campay)
        assert is_refused(campay)
        assert len(server.seen) == number


def test_the_time_that_redis_hangs_is_not_taken_from_campay(server: ScriptedServer, here: Settings) -> None:
    """A webhook that found no time left for CamPay would be answered 503, and CamPay may not send it again."""
    server.answer(READ, replace(RECORD, hold_seconds=0.8))
    with socket.create_server(("127.0.0.1", 0)) as never_answers:
        hanging = replace(here, redis=RedisSettings(*never_answers.getsockname()))
        built = bootstrap.build(hanging, Clock())
        with built.campay.within(1.5):
            assert built.campay.read("c-1") is not None
        built.close()
