"""Tests that a claim sends at most one prompt, and sends it even if the call that claimed died before."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.bootstrap import Service
from chalicelib.domain.errors import LedgerUnavailable
from chalicelib.domain.money import Money
from chalicelib.domain.payment import PaymentStatus
from chalicelib.domain.payment_request import PaymentRequest
from chalicelib.flows.initiate_payment import InitiatePayment
from local.embedded import EmbeddedAws
from tests.conftest import Shop
from tests.harness.fakes import HandClock, ProcessDied, SimulatedProcess
from tests.harness.service import rebuilt

S = PaymentStatus
REQUEST = PaymentRequest("order-1", Money(5000, "XAF"), "237677777777", "Braids", "en", address="41.202.0.1")


class Calls:
    """Runs initiate in simulated processes that may die. `collects` counts the prompts of all of them."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._lives: list[SimulatedProcess] = []

    @property
    def collects(self) -> int:
        return sum(life.steps.count("before collect") - (life.steps[-1] == "before collect") for life in self._lives)

    def initiate(self, life: SimulatedProcess) -> InitiatePayment:
        """Builds initiate for a process of its own, with the ledger and CamPay of the others."""
        self._lives.append(life)
        service = self._service
        shared = service.ledger
        ledger = Ledger(life.watch(shared._table.client), shared._table.name, service.clock)
        return replace(rebuilt(service, ledger=ledger).initiate, campay=life.watch(service.campay))

    def unsent_claim(self, request: PaymentRequest) -> None:
        """Makes a claim whose process dies right after it."""
        life = SimulatedProcess(ends_at="after transact_write_items")
        with pytest.raises(ProcessDied):
            self.initiate(life)(request)


@pytest.fixture
def calls(service: Service) -> Calls:
    return Calls(service)


@pytest.mark.parametrize("key", [None, "key-1"])
def test_wherever_a_call_dies_the_next_one_sends_what_was_not_sent_and_nothing_else(
    service: Service, calls: Calls, key: str | None
) -> None:
    whole = SimulatedProcess()
    calls.initiate(whole)(replace(REQUEST, order_id="order-0", phone_number="237670010100", idempotency_key=key))
    may_be_sent_after = whole.steps.index("after update_item")
    assert whole.steps.index("before collect") == may_be_sent_after + 1, "the mark is the last step before the prompt"
    for last in range(1, len(whole.steps) + 1):
        before, life = calls.collects, SimulatedProcess(ends_at=last)
        request = replace(REQUEST, order_id=f"order-{last}", phone_number=f"2376700101{last:02}", idempotency_key=key)
        with pytest.raises(ProcessDied):
            calls.initiate(life)(request)
        sent_by_the_dead = calls.collects - before
        result = calls.initiate(SimulatedProcess())(request)
        story = f"died {life.steps[-1]!r}, step {last}"
        takes_over = last <= may_be_sent_after
        assert calls.collects - before == (1 if takes_over else sent_by_the_dead), story
        assert result.replayed is not takes_over, story
        is_recorded = takes_over or life.steps.count("after transact_write_items") == 2
        assert result.payment.status is (S.PENDING if is_recorded else S.INITIATING), story
        assert calls.initiate(SimulatedProcess())(request) == replace(result, replayed=True), story
        assert service.ledger.order(request.order_id).attempts == (result.payment.reference,), story


def test_a_claim_whose_answer_was_lost_is_sent_by_the_call_that_repeats_it(
    service: Service, calls: Calls, aws: EmbeddedAws
) -> None:
    aws.faults.set({"operation": "TransactWriteItems", "kind": "lost-answer", "count": 3})
    with pytest.raises(LedgerUnavailable):
        calls.initiate(SimulatedProcess())(REQUEST)
    claimed = service.ledger.order("order-1").active
    result = calls.initiate(SimulatedProcess())(REQUEST)
    assert (result.payment.status, result.payment.reference, result.replayed) == (S.PENDING, claimed, False)
    assert calls.collects == 1


def test_a_mark_whose_answer_was_lost_is_withdrawn(calls: Calls, aws: EmbeddedAws) -> None:
    """The process is alive and has sent nothing."""
    aws.faults.set({"operation": "UpdateItem", "kind": "lost-answer", "count": 3})
    with pytest.raises(LedgerUnavailable):
        calls.initiate(SimulatedProcess())(REQUEST)
    assert calls.initiate(SimulatedProcess())(REQUEST).payment.status is S.PENDING
    assert calls.collects == 1


def test_a_mark_that_cannot_be_withdrawn_stays_unknown(calls: Calls, aws: EmbeddedAws) -> None:
    faults = [{"operation": "UpdateItem", "kind": kind, "count": 3} for kind in ("lost-answer", "unavailable")]
    aws.faults.set(*faults)
    with pytest.raises(LedgerUnavailable):
        calls.initiate(SimulatedProcess())(REQUEST)
    result = calls.initiate(SimulatedProcess())(REQUEST)
    assert (result.payment.status, result.replayed, calls.collects) == (S.INITIATING, True, 0)


@pytest.mark.parametrize("keys", [[None], ["key-1"], ["key-1", "key-2"]])
def test_of_many_calls_that_find_an_unsent_claim_one_sends_it(calls: Calls, keys: list[str | None]) -> None:
    calls.unsent_claim(replace(REQUEST, idempotency_key=keys[0]))
    together = Barrier(16)

    def repeat(number: int) -> bool:
        together.wait()
        return calls.initiate(SimulatedProcess())(replace(REQUEST, idempotency_key=keys[number % len(keys)])).replayed

    with ThreadPoolExecutor(16) as threads:
        replayed = list(threads.map(repeat, range(16)))
    assert replayed.count(False) == 1
    assert calls.collects == 1


def test_an_unsent_claim_whose_time_is_over_is_not_sent_any_more(
    service: Service, calls: Calls, shop: Shop, clock: HandClock
) -> None:
    """Its process was frozen rather than dead, and a second attempt has the order and the phone meanwhile."""
    calls.unsent_claim(replace(REQUEST, idempotency_key="key-1"))
    frozen = service.ledger.order("order-1").active
    assert frozen is not None
    clock.forward(601)
    repeated = calls.initiate(SimulatedProcess())(replace(REQUEST, idempotency_key="key-1"))
    assert (repeated.replayed, repeated.payment.reference) == (True, frozen)
    assert not service.ledger.begin_prompt(frozen), "not even before somebody has written down that it is expired"
    assert service.settle.refresh(frozen).status is S.EXPIRED
    shop.faults(history=["502"])
    second = calls.initiate(SimulatedProcess())(replace(REQUEST, idempotency_key="key-2"))
    assert (second.replayed, second.payment.status) == (False, S.PENDING), "CamPay need not be asked: nothing was sent"
    assert not service.ledger.begin_prompt(frozen)
    assert calls.collects == 1


def test_an_unsent_claim_is_not_sent_while_a_case_of_its_order_is_open(
    service: Service, calls: Calls, shop: Shop, clock: HandClock
) -> None:
    odd = service.initiate(replace(REQUEST, phone_number="237670000006")).payment
    clock.forward(601)
    assert service.settle.refresh(odd.reference).status is S.EXPIRED
    keyed = replace(REQUEST, idempotency_key="key-1")
    calls.unsent_claim(keyed)
    shop.customer(odd.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(odd.reference, odd.provider_reference)
    result = calls.initiate(SimulatedProcess())(keyed)
    assert (result.payment.status, result.replayed) == (S.INITIATING, True)
    assert (calls.collects, len(shop.transactions)) == (0, 1)


def test_an_unsent_claim_is_not_sent_once_its_order_is_paid(
    service: Service, calls: Calls, shop: Shop, clock: HandClock
) -> None:
    first = service.initiate(REQUEST).payment
    clock.forward(601)
    assert service.settle.refresh(first.reference).status is S.EXPIRED
    keyed = replace(REQUEST, idempotency_key="key-1")
    calls.unsent_claim(keyed)
    shop.customer(first.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(first.reference, first.provider_reference)
    result = calls.initiate(SimulatedProcess())(keyed)
    assert (result.payment.order_paid_by, result.replayed) == (first.reference, True)
    assert (calls.collects, len(shop.transactions)) == (0, 1)


def test_a_row_that_says_nothing_of_its_prompt_may_have_sent_it(service: Service, calls: Calls) -> None:
    """An earlier version of the service wrote rows without the mark."""
    calls.unsent_claim(REQUEST)
    reference = service.ledger.order("order-1").active
    service.ledger._table.client.update_item(
        TableName=service.ledger._table.name,
        Key={"pk": {"S": f"payment#{reference}"}, "sk": {"S": "state"}},
        UpdateExpression="REMOVE #prompt",
        ExpressionAttributeNames={"#prompt": "prompt"},
    )
    assert calls.initiate(SimulatedProcess())(REQUEST).replayed
    assert calls.collects == 0
