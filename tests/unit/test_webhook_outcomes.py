"""Tests in which word a refused webhook is counted."""

import pytest

from chalicelib.domain import errors
from chalicelib.domain.webhooks import WebhookOutcome, outcome_of

Word = WebhookOutcome


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (errors.InvalidSignature(), Word.INVALID_SIGNATURE),
        (errors.ExpiredSignature(), Word.EXPIRED_SIGNATURE),
        (errors.InvalidRequest(), Word.MALFORMED),
        (errors.ProviderBusy(), Word.PROVIDER_BUSY),
        (errors.ProviderUnavailable(), Word.PROVIDER_UNAVAILABLE),
        (errors.LedgerUnavailable(), Word.LEDGER_UNAVAILABLE),
        (errors.NotFound(), Word.INTERNAL_ERROR),
        (KeyError("x"), Word.INTERNAL_ERROR),
    ],
)
def test_each_refusal_has_its_word(error: Exception, outcome: WebhookOutcome) -> None:
    assert outcome_of(error) is outcome
