"""Tests what a customer is told of a payment, in each language."""

from dataclasses import replace

import pytest

from chalicelib.domain.customer_message import message_of
from tests.unit.test_contract import EVENTS, PAYMENTS


@pytest.mark.parametrize("case", EVENTS)
def test_each_language_has_its_own_sentence_and_french_is_the_one_for_all_others(case: str) -> None:
    english, french, german = (message_of(replace(PAYMENTS[case], locale=locale)) for locale in ("en", "fr", "de"))
    assert english != french == german
    assert english.endswith(".")
    assert french.endswith(".")


@pytest.mark.parametrize(("locale", "words"), [("en", "did not accept it"), ("fr", "ne l’a pas accepté")])
def test_a_payment_that_the_shop_has_not_accepted_after_a_review_says_so(locale: str, words: str) -> None:
    payment = replace(PAYMENTS["failedDeclined"], disputed=("A",), locale=locale)
    assert words in message_of(payment)
