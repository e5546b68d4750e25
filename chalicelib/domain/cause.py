"""Names what led to a version of a payment. The ledger keeps it with the version, the log counts by it. Pure."""

from enum import StrEnum

_BEFORE_NOTE = ": "


class Cause(StrEnum):
    """What led to a version. A note may say more: an operator's reason, for example."""

    INITIATED = "initiated"
    """The order and the phone were claimed."""
    PROMPTED = "prompted"
    """CamPay's reply to our own `/collect/` accepted it."""
    REFUSED = "refused"
    """CamPay's reply to our own `/collect/` refused it."""
    NEVER_SENT = "never sent"
    """The sender has proof that CamPay was not asked for the prompt, which so does not count against the phone."""
    WEBHOOK = "webhook"
    STATUS = "status"
    """Somebody looked at the payment."""
    CHECK = "check"
    """The payment's check was due."""
    STATEMENT = "statement"
    """CamPay's statement of a day lists a charge that the payment had not noted."""
    FURTHER_ATTEMPT = "a further attempt"
    """Another call for the order, or for the phone, re-read this attempt before its own."""
    WAITED_LONG_ENOUGH = "waited long enough"
    GIVEN_UP = "given up"
    """The customer ended the wait."""
    ORDER_PAID = "order paid"
    """Another attempt paid the order while this one was active."""
    OPERATOR = "operator"
    REFUND_REQUESTED = "refund requested"
    """An operator asked for money to go back. Nothing was sent before this version."""
    REFUND_ANSWERED = "refund answered"
    """CamPay's reply to our own `/withdraw/`, or the proof that it was never sent."""
    RECOVERED = "recovered"
    """The ledger was restored, and the log names a version that it had lost: `flows/recover_payments.py`."""

    def with_note(self, note: str) -> str:
        """Returns the text that the ledger keeps: `operator: refunded by hand`, or the cause alone."""
        return f"{self.value}{_BEFORE_NOTE}{note}" if note else self.value


def split_note(text: str) -> tuple[str, str]:
    """Returns the cause and the note of a text that `Cause.with_note` wrote; the note is empty where there is none.

    The cause may be the word of an earlier release.
    """
    cause, _, note = text.partition(_BEFORE_NOTE)
    return cause, note
