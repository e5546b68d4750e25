"""Tests initiate on the real parts: one order is charged once, whatever is sent and however often."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from chalicelib.adapters.campay.client import Campay
from chalicelib.bootstrap import Service
from chalicelib.domain import errors
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.payment_request import PaymentRequest
from chalicelib.flows.earlier_attempts import KEYS_PER_ORDER
from chalicelib.flows.initiate_payment import Initiated
from chalicelib.settings import Settings
from local.embedded import EmbeddedAws, Valkey, free_port
from tests.conftest import Shop
from tests.harness.fakes import HandClock
from tests.harness.workers import sweep_once

S = PaymentStatus
PHONE = "237677777777"
REQUEST = PaymentRequest("order-1", Money(5000, "XAF"), PHONE, "Braids", "en", address="41.202.0.1")


def newest(service: Service, reference: str) -> Payment:
    stored = service.ledger.load(reference)
    assert stored is not None
    return stored.payment


def with_key(key: str, **changes: object) -> PaymentRequest:
    return replace(REQUEST, idempotency_key=key, **changes)  # type: ignore[arg-type]  # a test's shorthand


def test_a_prompt_is_sent_and_the_payment_is_stored_and_published(service: Service, shop: Shop) -> None:
    result = service.initiate(REQUEST)
    payment = result.payment
    assert (result.replayed, payment.status, payment.version) == (False, S.PENDING, 2)
    assert (payment.operator, payment.ussd_code, payment.phone_mask) == ("MTN", "*126#", "2376******77")
    transaction = shop.transactions[0]
    assert transaction["externalReference"] == payment.reference
    assert transaction["reference"] == payment.provider_reference
    kept = service.live_store.read(payment.reference)
    assert kept is not None
    assert (kept["status"], kept["version"], kept["phoneNumber"]) == ("PENDING", 2, "2376******77")
    assert list(service.ledger.undelivered(service.clock.now(), 10)) == []


def test_the_same_again_is_the_same_payment_and_costs_nothing(service: Service, shop: Shop) -> None:
    first = service.initiate(REQUEST).payment
    for _ in range(10):
        assert service.initiate(REQUEST) == Initiated(first, replayed=True)
    assert len(shop.transactions) == 1
    assert service.live_store.take_prompt("41.202.0.1")[0] == 2, "one real prompt, and the one that this line takes"


def test_fifty_clicks_at_once_charge_once(service: Service, shop: Shop) -> None:
    with ThreadPoolExecutor(50) as threads:
        results = list(threads.map(service.initiate, [REQUEST] * 50))
    assert len({result.payment.reference for result in results}) == 1
    assert [result.replayed for result in results].count(False) == 1
    assert len(shop.transactions) == 1


@pytest.mark.parametrize(
    "other",
    [{"money": Money(4000, "XAF")}, {"phone_number": "237670000099"}],
)
def test_other_fields_for_an_order_in_progress_are_a_conflict(
    service: Service, shop: Shop, other: dict[str, object]
) -> None:
    service.initiate(REQUEST)
    with pytest.raises(errors.PaymentInProgress):
        service.initiate(replace(REQUEST, **other))  # type: ignore[arg-type]  # a test's shorthand
    assert len(shop.transactions) == 1


def test_a_key_answers_with_its_payment_whatever_became_of_it(service: Service, shop: Shop) -> None:
    first = service.initiate(with_key("a")).payment
    shop.customer(first.provider_reference, "FAILED")
    service.settle.handle_webhook(first.reference, first.provider_reference)
    again = service.initiate(with_key("a"))
    assert (again.replayed, again.payment.reference, again.payment.status) == (True, first.reference, S.FAILED)
    with pytest.raises(errors.IdempotencyKeyReused):
        service.initiate(with_key("a", money=Money(1, "XAF")))
    second = service.initiate(with_key("b"))
    assert not second.replayed
    assert second.payment.reference != first.reference
    assert len(shop.transactions) == 2


def test_a_second_tab_joins_the_attempt_in_progress_and_its_key_stays_with_it(service: Service, shop: Shop) -> None:
    first = service.initiate(with_key("tab-1")).payment
    assert service.initiate(with_key("tab-2")) == Initiated(first, replayed=True)
    shop.customer(first.provider_reference, "FAILED")
    service.settle.handle_webhook(first.reference, None)
    late_repetition = service.initiate(with_key("tab-2"))
    assert (late_repetition.replayed, late_repetition.payment.status) == (True, S.FAILED)
    assert len(shop.transactions) == 1


def test_a_rotated_hash_key_knows_the_phones_of_the_key_before(service: Service, shop: Shop) -> None:
    first = service.initiate(REQUEST).payment
    rotated = replace(service.initiate, phone_hash_keys=("a-new-key", *service.initiate.phone_hash_keys))
    assert rotated(REQUEST) == Initiated(first, replayed=True)
    assert len(shop.transactions) == 1


def test_a_rotated_hash_key_knows_the_prompt_in_flight_and_the_prompts_before(
    service: Service, shop: Shop, clock: HandClock
) -> None:
    old = service.initiate
    rotated = replace(old, phone_hash_keys=("a-new-key", *old.phone_hash_keys))
    before, after = old(REQUEST).payment, replace(REQUEST, order_id="order-2")
    with pytest.raises(errors.LimitReached, match="a prompt to answer first"):
        rotated(after)

    def decline(payment: Payment) -> None:
        shop.customer(payment.provider_reference, "FAILED")
        service.settle.handle_webhook(payment.reference, payment.provider_reference)
        clock.forward(60)

    decline(before)
    decline(rotated(after).payment)
    decline(old(replace(REQUEST, order_id="order-3")).payment)
    with pytest.raises(errors.LimitReached, match="too many prompts") as refused:
        rotated(replace(REQUEST, order_id="order-4"))
    assert refused.value.retry_after == 15 * 60 - 3 * 60
    assert len(shop.transactions) == 3


def test_while_a_hash_key_is_rotated_a_phone_gets_one_prompt_at_a_time(service: Service, shop: Shop) -> None:
    """During a rotation some processes have the new key first, others have it second."""
    keys = ("a-new-key", *service.initiate.phone_hash_keys)
    fleet = [replace(service.initiate, phone_hash_keys=order) for order in (keys, keys[::-1])]

    def start(number: int) -> bool:
        try:
            fleet[number % 2](replace(REQUEST, order_id=f"order-{number}", address=None))
        except errors.LimitReached:
            return False
        return True

    with ThreadPoolExecutor(20) as threads:
        started = list(threads.map(start, range(20)))
    assert started.count(True) == 1
    assert len(shop.transactions) == 1


def test_a_paid_order_is_not_paid_again(service: Service, shop: Shop) -> None:
    first = service.initiate(with_key("a")).payment
    shop.customer(first.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(first.reference, first.provider_reference)
    for request in (REQUEST, with_key("b")):
        with pytest.raises(errors.OrderAlreadyPaid):
            service.initiate(request)
    assert service.initiate(with_key("a")).payment.status is S.SUCCESSFUL
    assert len(shop.transactions) == 1


def test_a_new_attempt_re_reads_the_old_one_first(service: Service, shop: Shop, clock: HandClock) -> None:
    """The customer approved after the expiry and the webhook was lost: a second attempt must not charge again."""
    first = service.initiate(REQUEST).payment
    clock.forward(601)
    assert service.settle.refresh(first.reference).status is S.EXPIRED
    shop.customer(first.provider_reference, "SUCCESSFUL")
    with pytest.raises(errors.OrderAlreadyPaid):
        service.initiate(REQUEST)
    assert len(shop.transactions) == 1
    assert newest(service, first.reference).late


def test_a_new_attempt_waits_for_a_readable_campay(service: Service, shop: Shop, clock: HandClock) -> None:
    first = service.initiate(REQUEST).payment
    clock.forward(601)
    service.settle.refresh(first.reference)
    shop.faults(transaction=["502", "200-html"])
    for _ in range(2):
        with pytest.raises(errors.ProviderUnavailable):
            service.initiate(REQUEST)
    assert len(shop.transactions) == 1
    second = service.initiate(REQUEST).payment
    assert second.status is S.PENDING
    assert len(shop.transactions) == 2


def test_an_overdue_attempt_is_expired_by_the_next(service: Service, shop: Shop, clock: HandClock) -> None:
    first = service.initiate(REQUEST).payment
    clock.forward(601)
    second = service.initiate(REQUEST)
    assert not second.replayed
    assert newest(service, first.reference).status is S.EXPIRED
    assert len(shop.transactions) == 2


def test_an_order_under_review_is_not_charged_again(service: Service, shop: Shop) -> None:
    first = service.initiate(replace(REQUEST, phone_number="237670000006")).payment
    shop.customer(first.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(first.reference, first.provider_reference)
    assert newest(service, first.reference).status is S.CONFLICTED
    for phone in ("237670000006", PHONE):
        with pytest.raises(errors.PaymentInProgress):
            service.initiate(replace(REQUEST, phone_number=phone))
    assert len(shop.transactions) == 1
    another_order = replace(REQUEST, order_id="order-2", phone_number="237670000006")
    assert service.initiate(another_order).payment.status is S.PENDING, "no prompt is on that phone any more"


ODD_PHONE = "237670000006"
"""A number whose payments have another amount in CamPay's record."""


def test_a_case_that_opens_after_expiry_holds_its_order_whatever_its_age(
    service: Service, shop: Shop, clock: HandClock
) -> None:
    """The order was free, and attempts older than 72 h are not read: only the order's row has the open case."""
    first = service.initiate(replace(REQUEST, phone_number=ODD_PHONE)).payment
    clock.forward(601)
    assert service.settle.refresh(first.reference).status is S.EXPIRED
    shop.customer(first.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(first.reference, first.provider_reference)
    assert newest(service, first.reference).status is S.CONFLICTED
    for hours in (0, 100, 1000):
        clock.forward(hours * 3600)
        with pytest.raises(errors.PaymentInProgress):
            service.initiate(REQUEST)
    assert len(shop.transactions) == 1
    another_order = replace(REQUEST, order_id="order-2", phone_number=ODD_PHONE)
    assert service.initiate(another_order).payment.status is S.PENDING, "a case holds no phone"
    service.operate.resolve(first.reference, S.FAILED, "paid back", version=4, by="paul")
    assert service.initiate(REQUEST).payment.status is S.PENDING, "the case is closed"


def test_a_case_holds_its_order_beyond_the_attempt_that_was_live_when_it_opened(
    service: Service, shop: Shop, clock: HandClock
) -> None:
    first = service.initiate(replace(REQUEST, phone_number=ODD_PHONE)).payment
    clock.forward(601)
    second = service.initiate(with_key("second")).payment
    shop.customer(first.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(first.reference, first.provider_reference)
    assert newest(service, first.reference).status is S.CONFLICTED
    assert service.initiate(with_key("second")).replayed
    shop.customer(second.provider_reference, "FAILED")
    service.settle.handle_webhook(second.reference, second.provider_reference)
    assert service.ledger.order("order-1").active is None
    clock.forward(100 * 3600)
    with pytest.raises(errors.PaymentInProgress):
        service.initiate(with_key("third"))
    assert len(shop.transactions) == 2


# --------------------------------------------------------------------------- outcomes of collect


@pytest.mark.parametrize("fault", ["reset-after-accept", "502-after-accept", "200-html"])
def test_an_unknown_outcome_stays_open_and_is_found_in_the_statement(
    service: Service, shop: Shop, clock: HandClock, fault: str
) -> None:
    shop.faults(collect=[fault])
    payment = service.initiate(REQUEST).payment
    assert (payment.status, payment.version, payment.provider_reference) == (S.INITIATING, 1, None)
    assert service.initiate(REQUEST).replayed, "nobody starts a second one meanwhile"
    transaction = shop.transactions[0]
    shop.customer(transaction["reference"], "SUCCESSFUL")
    clock.forward(6)
    settled = service.settle.refresh(payment.reference)
    assert (settled.status, settled.provider_reference) == (S.SUCCESSFUL, transaction["reference"])
    assert len(shop.transactions) == 1


def test_an_unknown_outcome_is_found_by_its_webhook(service: Service, shop: Shop) -> None:
    shop.faults(collect=["reset-after-accept"])
    payment = service.initiate(REQUEST).payment
    provider_reference = shop.transactions[0]["reference"]
    shop.customer(provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(payment.reference, provider_reference)
    assert newest(service, payment.reference).status is S.SUCCESSFUL


def test_a_refusal_is_failed_with_its_reason_and_frees_order_and_phone(service: Service, shop: Shop) -> None:
    with pytest.raises(errors.PaymentRefused) as refused:
        service.initiate(replace(REQUEST, phone_number="237620000000"))
    assert "ER102" in refused.value.detail
    payment = newest(service, str(refused.value.reference))
    assert (payment.status, payment.version) == (S.FAILED, 2)
    assert shop.order_events == [("payment.failed", 2)]
    assert service.initiate(REQUEST).payment.status is S.PENDING


@pytest.mark.parametrize(
    ("faults", "error"),
    [
        ({"collect": ["rate-limit"]}, errors.ProviderBusy),
        ({"collect": ["unauthorized"]}, errors.ProviderBusy),
    ],
)
def test_a_refusal_for_now_is_retryable_and_nothing_went_out(
    service: Service, shop: Shop, faults: dict[str, list[str]], error: type[errors.PaymentError]
) -> None:
    shop.faults(**faults)
    with pytest.raises(error) as refused:
        service.initiate(REQUEST)
    assert refused.value.retryable
    assert shop.transactions == []
    assert service.initiate(REQUEST).payment.status is S.PENDING


def test_a_webhook_before_collects_answer_settles_once(service: Service, shop: Shop) -> None:
    """Collect's outcome comes after the settlement: it adds nothing and announces nothing twice."""
    claimed = service.initiate(REQUEST).payment
    shop.customer(claimed.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(claimed.reference, claimed.provider_reference)
    settled = newest(service, claimed.reference)
    assert settled.prompted(str(claimed.provider_reference), "*126#", "MTN", service.clock.now()) is None
    assert shop.order_events == [("payment.successful", 3)]


def test_another_currency_is_refused_before_any_call(service: Service, shop: Shop) -> None:
    with pytest.raises(errors.CurrencyNotSupported) as refused:
        service.initiate(replace(REQUEST, money=Money(1000, "EUR")))
    assert refused.value.fields == {"currency": "must be one of XAF"}
    assert refused.value.supported == sorted(service.campay.currencies) == ["XAF"]
    assert shop.transactions == []
    assert service.ledger.order("order-1").latest is None


# --------------------------------------------------------------------------- limits


def test_one_prompt_at_a_time_on_a_phone(service: Service, shop: Shop, clock: HandClock) -> None:
    service.initiate(REQUEST)
    clock.forward(100)
    with pytest.raises(errors.LimitReached) as refused:
        service.initiate(replace(REQUEST, order_id="order-2"))
    assert (refused.value.code, refused.value.retry_after) == ("prompt_in_flight", 200)
    clock.forward(refused.value.retry_after)
    assert not service.initiate(replace(REQUEST, order_id="order-2")).replayed
    assert len(shop.transactions) == 2


def test_three_prompts_in_fifteen_minutes_and_six_a_day(service: Service, shop: Shop, clock: HandClock) -> None:
    orders = itertools.count(1)
    begun = clock.now()

    def prompt() -> None:
        payment = service.initiate(replace(REQUEST, order_id=f"order-{next(orders)}")).payment
        shop.customer(payment.provider_reference, "FAILED")
        service.settle.handle_webhook(payment.reference, payment.provider_reference)
        clock.forward(60)

    for _ in range(3):
        prompt()
    with pytest.raises(errors.LimitReached) as refused:
        prompt()
    wait = 15 * 60 - 3 * 60
    assert (refused.value.code, refused.value.retry_after) == ("phone_limit", wait), "from the first of the three"
    clock.forward(refused.value.retry_after)
    for _ in range(3):
        prompt()
        clock.forward(300)
    clock.forward(900)
    with pytest.raises(errors.LimitReached) as refused:
        prompt()
    assert begun + 86_400_000 == clock.now() + refused.value.retry_after * 1000
    assert len(shop.transactions) == 6
    clock.forward(refused.value.retry_after)
    prompt()


@pytest.mark.parametrize("fault", ["filter", "rate-limit", "unauthorized"])
def test_what_campay_refused_counts_for_the_phone(service: Service, shop: Shop, clock: HandClock, fault: str) -> None:
    """A refusal proves that no money moves, but still counts for the limits of prompts."""
    for number in range(3):
        shop.faults(collect=[fault])
        with pytest.raises((errors.PaymentRefused, errors.ProviderBusy)):
            service.initiate(replace(REQUEST, order_id=f"order-{number}"))
        clock.forward(1)
    with pytest.raises(errors.LimitReached) as refused:
        service.initiate(replace(REQUEST, order_id="order-4"))
    assert refused.value.code == "phone_limit"


def test_a_refusal_that_proves_nothing_stays_open_and_holds_the_phone(service: Service, shop: Shop) -> None:
    """A prompt may be on the phone, so that no second one may follow within seconds."""
    shop.faults(collect=["refused-after-accept"])
    payment = service.initiate(REQUEST).payment
    assert payment.status is S.INITIATING
    with pytest.raises(errors.LimitReached):
        service.initiate(replace(REQUEST, order_id="order-2"))
    assert len(shop.transactions) == 1


def test_what_was_never_sent_does_not_count(service: Service, settings: Settings, shop: Shop, clock: HandClock) -> None:
    nowhere = replace(settings.campay, api_url=f"http://127.0.0.1:{free_port()}")
    unreachable = replace(service.initiate, campay=Campay(nowhere, service.clock))
    for number in range(4):
        with pytest.raises(errors.ProviderUnavailable) as failed:
            unreachable(replace(REQUEST, order_id=f"order-{number}"))
        clock.forward(1)
    stored = service.ledger.load(str(failed.value.reference))
    assert stored is not None
    assert stored.was_never_sent
    assert service.initiate(REQUEST).payment.status is S.PENDING
    assert len(shop.transactions) == 1


def test_sixty_prompts_a_minute_from_one_address_and_none_for_the_merchant(service: Service, clock: HandClock) -> None:
    address = "41.202.0.9"
    for _ in range(60):
        service.live_store.take_prompt(address)
    with pytest.raises(errors.LimitReached) as refused:
        service.initiate(replace(REQUEST, address=address))
    assert refused.value.code == "address_limit"
    assert service.ledger.order("order-1").latest is None
    assert service.initiate(replace(REQUEST, address=None)).payment.status is S.PENDING
    clock.forward(refused.value.retry_after)
    other = replace(REQUEST, order_id="order-2", phone_number="237670000099", address=address)
    assert service.initiate(other).payment.status is S.PENDING


def test_ten_refused_calls_a_minute_from_one_address(service: Service) -> None:
    for _ in range(10):
        service.address_limits.count_refusal("41.202.0.8")
    with pytest.raises(errors.LimitReached):
        service.address_limits.count_refusal("41.202.0.8")
    with pytest.raises(errors.LimitReached):
        service.initiate(replace(REQUEST, address="41.202.0.8"))
    assert service.initiate(REQUEST).payment.status is S.PENDING


# --------------------------------------------------------------------------- when something is away


def test_without_redis_payments_go_on_and_limits_are_open(service: Service, valkey: Valkey) -> None:
    valkey.stop()
    try:
        payment = service.initiate(REQUEST).payment
        assert payment.status is S.PENDING
        assert list(service.ledger.undelivered(service.clock.now(), 10)) == [payment.reference]
        assert service.live_store.storage() == "degraded"
    finally:
        valkey.start()


def test_without_the_ledger_nothing_starts(service: Service, aws: EmbeddedAws, shop: Shop) -> None:
    aws.faults.set({"operation": "TransactWriteItems", "kind": "throttle", "count": 20})
    with pytest.raises(errors.LedgerUnavailable):
        service.initiate(REQUEST)
    aws.faults.set()
    assert shop.transactions == []
    assert service.ledger.order("order-1").active is None
    assert service.initiate(REQUEST).payment.status is S.PENDING


def test_an_outcome_that_cannot_be_written_is_unknown_not_lost(
    service: Service, aws: EmbeddedAws, shop: Shop, clock: HandClock
) -> None:
    """The claim is written, and the ledger fails before CamPay's answer can be written."""

    class AwayAfterClaim(type(service.campay)):  # type: ignore[misc]  # the class is only known at run time
        def collect(self, *arguments: object) -> object:
            outcome = super().collect(*arguments)
            aws.faults.set({"operation": "TransactWriteItems", "kind": "throttle", "count": 20})
            return outcome

    campay = AwayAfterClaim(service.settings.campay, clock)
    payment = replace(service.initiate, campay=campay)(REQUEST).payment
    aws.faults.set()
    campay.close()
    assert payment.status is S.INITIATING
    shop.customer(shop.transactions[0]["reference"], "SUCCESSFUL")
    clock.forward(10)
    assert service.settle.refresh(payment.reference).status is S.SUCCESSFUL


def test_a_further_attempt_re_reads_every_one_before(service: Service, shop: Shop, clock: HandClock) -> None:
    """The first prompt was approved after the second had expired too: a third attempt would charge again."""
    first = service.initiate(REQUEST).payment
    clock.forward(601)
    assert service.initiate(REQUEST).payment.reference != first.reference
    clock.forward(601)
    shop.customer(first.provider_reference, "SUCCESSFUL")
    with pytest.raises(errors.OrderAlreadyPaid) as refused:
        service.initiate(REQUEST)
    assert refused.value.reference == first.reference
    assert len(shop.transactions) == 2


def test_an_attempt_that_was_refused_does_not_hide_the_one_before(
    service: Service, shop: Shop, clock: HandClock
) -> None:
    first = service.initiate(REQUEST).payment
    clock.forward(601)
    shop.faults(collect=["rate-limit"])
    with pytest.raises(errors.ProviderBusy):
        service.initiate(REQUEST)
    shop.customer(first.provider_reference, "SUCCESSFUL")
    with pytest.raises(errors.OrderAlreadyPaid):
        service.initiate(REQUEST)
    assert len(shop.transactions) == 1


def test_attempts_of_last_week_are_not_read(service: Service, shop: Shop, clock: HandClock) -> None:
    service.initiate(REQUEST)
    clock.forward(601)
    sweep_once(service)
    clock.forward(73 * 3600)
    shop.faults(transaction=["502"])
    assert service.initiate(REQUEST).payment.status is PaymentStatus.PENDING
    assert service.ledger.order("order-1").attempts == (service.ledger.order("order-1").latest,)


def test_where_both_limits_are_reached_the_longer_wait_is_returned(
    service: Service, shop: Shop, clock: HandClock
) -> None:
    def attempt() -> None:
        payment = service.initiate(replace(REQUEST, order_id=f"order-{clock.now()}")).payment
        shop.customer(payment.provider_reference, "FAILED")
        service.settle.handle_webhook(payment.reference, payment.provider_reference)
        clock.forward(3)

    for pause in (0, 0, 0, 901, 0, 0):
        clock.forward(pause)
        attempt()
    with pytest.raises(errors.LimitReached) as reached:
        attempt()
    clock.forward(reached.value.retry_after)
    attempt()


def test_an_order_has_so_many_keys_and_no_more(service: Service, shop: Shop, clock: HandClock) -> None:
    """A page with a new key for each call would otherwise fill the order's row until it could not be written."""
    for number in range(KEYS_PER_ORDER):
        first = service.initiate(replace(REQUEST, idempotency_key=f"key-{number}")).payment
    one_more = replace(REQUEST, idempotency_key="one-more")
    with pytest.raises(errors.PaymentInProgress):
        service.initiate(one_more)
    assert service.initiate(replace(REQUEST, idempotency_key="key-7")).replayed
    assert service.initiate(REQUEST).replayed
    shop.customer(first.provider_reference, "FAILED")
    service.settle.handle_webhook(first.reference, first.provider_reference)
    with pytest.raises(errors.InvalidRequest) as refused:
        service.initiate(one_more)
    assert "Idempotency-Key" in refused.value.fields
    assert len(shop.transactions) == 1
    clock.forward(72 * 3600)
    assert not service.initiate(one_more).replayed, "its keys are forgotten"
