"""Tests when a payment is checked at CamPay without anybody asking."""

import zlib
from dataclasses import replace

import pytest

from chalicelib.domain.check_schedule import AGES_SECONDS, FAILED_AGES_SECONDS, REFUND_AGES_SECONDS, CheckSchedule
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.refund import Refund
from tests.unit.test_payment import CLAIMED

S = PaymentStatus
CREATED = CLAIMED.created_at
REFERENCES = ["a", "b", "c", "73c0dd0e-3d1c-4fd6-9a3e-7f2d3f5d9d5c"]


def ages(payment: Payment) -> list[float]:
    """Returns the ages of all checks of a payment that stays as it is, in seconds."""
    schedule, now, seen = CheckSchedule(), payment.created_at, []
    while (following := schedule.next_check(payment, now)) is not None:
        seen.append((following - payment.created_at) / 1000)
        now = following
    return seen


@pytest.mark.parametrize("reference", REFERENCES)
@pytest.mark.parametrize(("status", "expected"), [(S.EXPIRED, AGES_SECONDS), (S.FAILED, FAILED_AGES_SECONDS)])
def test_every_age_comes_once_never_early_and_at_most_half_an_hour_late(
    reference: str, status: PaymentStatus, expected: tuple[float, ...]
) -> None:
    """This includes the last check: before 72 h CamPay may still charge the customer."""
    seen = ages(replace(CLAIMED, reference=reference, status=status))
    assert len(seen) == len(expected)
    assert expected[-1] == 72 * 3600
    assert all(age <= at <= age + min(age / 10, 1800) for at, age in zip(seen, expected, strict=True))


def test_an_open_refund_is_checked_at_ages_of_its_own() -> None:
    """They count from its claim, however old the payment is."""
    claimed_at = CREATED + 30 * 24 * 3_600_000
    paid = replace(CLAIMED, status=S.SUCCESSFUL, charges=("A",))
    claimed = paid.refund_claimed(Refund(reference="r", charge="A", amount=1, charged=5000, at=claimed_at), claimed_at)
    seen = [age - 30 * 24 * 3600 for age in ages(claimed)]
    assert len(seen) == len(REFUND_AGES_SECONDS)
    expected = zip(seen, REFUND_AGES_SECONDS, strict=True)
    assert all(age <= at <= age + min(age / 10, 1800) for at, age in expected)
    assert ages(paid) == []


def test_payments_that_began_together_are_spread_over_the_whole_delay() -> None:
    last = [ages(replace(CLAIMED, reference=str(number), status=S.EXPIRED))[-1] for number in range(200)]
    assert min(last) < 72 * 3600 + 60
    assert max(last) > 72 * 3600 + 1740
    shares = [zlib.crc32(str(number).encode()) / 2**32 for number in range(200)]
    assert [sorted(last).index(at) for at in last] == [sorted(shares).index(share) for share in shares]


def test_a_payment_that_waits_is_checked_when_it_expires() -> None:
    waiting = replace(CLAIMED, status=S.PENDING, expires_at=CREATED + 1234)
    assert CheckSchedule().next_check(waiting, CREATED) == CREATED + 1234
    over = replace(waiting, status=S.EXPIRED)
    assert CheckSchedule().next_check(over, CREATED) != CREATED + 1234
    assert CheckSchedule().next_check(replace(waiting, status=S.SUCCESSFUL), CREATED) is None


def test_the_first_check_is_the_first_age_or_else_the_expiry() -> None:
    assert CREATED + 10_000 <= CheckSchedule().first_check(CLAIMED) <= CREATED + 11_000
    assert CheckSchedule([0]).first_check(CLAIMED) == CLAIMED.expires_at
    assert CheckSchedule([0]).first_check(replace(CLAIMED, expires_at=CREATED)) == CREATED
