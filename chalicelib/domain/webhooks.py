"""Says what becomes of the webhooks that arrive, in words that are counted. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from chalicelib.domain.errors import (
    ExpiredSignature,
    InvalidRequest,
    InvalidSignature,
    LedgerUnavailable,
    ProviderBusy,
    ProviderUnavailable,
)


class WebhookOutcome(StrEnum):
    """What has become of a webhook. There are no others, whatever a stranger sends."""

    TOLD = "told"
    """It was the first to tell of a change."""
    UNCHANGED = "unchanged"
    """It told what was known already."""
    INVALID_SIGNATURE = "invalidSignature"
    EXPIRED_SIGNATURE = "expiredSignature"
    """CamPay's signature, out of its hour."""
    MALFORMED = "malformed"
    UNKNOWN_PAYMENT = "unknownPayment"
    """It was signed, and names no payment of this ledger."""
    PROVIDER_UNAVAILABLE = "providerUnavailable"
    """CamPay did not say how the payment stands."""
    PROVIDER_BUSY = "providerBusy"
    """CamPay asked for a pause, or too many reads were of references that are not known to be the payment's."""
    LEDGER_UNAVAILABLE = "ledgerUnavailable"
    INTERNAL_ERROR = "internalError"


_OF_ERRORS: Mapping[type[Exception], WebhookOutcome] = {
    ExpiredSignature: WebhookOutcome.EXPIRED_SIGNATURE,
    InvalidSignature: WebhookOutcome.INVALID_SIGNATURE,
    InvalidRequest: WebhookOutcome.MALFORMED,
    ProviderBusy: WebhookOutcome.PROVIDER_BUSY,
    ProviderUnavailable: WebhookOutcome.PROVIDER_UNAVAILABLE,
    LedgerUnavailable: WebhookOutcome.LEDGER_UNAVAILABLE,
}


def outcome_of(error: Exception) -> WebhookOutcome:
    """Returns what has become of a webhook that an error refused."""
    return next((it for kind, it in _OF_ERRORS.items() if isinstance(error, kind)), WebhookOutcome.INTERNAL_ERROR)


@dataclass(frozen=True, slots=True)
class Arrived:
    """Webhooks with one outcome: how many, and when the first and the last came, in milliseconds since the epoch."""

    count: int
    first_at: int
    last_at: int


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The webhooks of a day, counted from `since` on.

    There were at least so many: what a process has not told before it ends is lost.
    """

    since: int
    outcomes: Mapping[WebhookOutcome, Arrived]


@dataclass(frozen=True, slots=True)
class WebhookNews:
    """How webhooks come; None is what is not known. Times are in milliseconds since the epoch.

    `told_at`: when one last told of a change. `missing_at`: when a payment was last settled without one. `arrivals`: of
    this day.
    """

    told_at: int | None = None
    missing_at: int | None = None
    arrivals: Arrivals | None = None
