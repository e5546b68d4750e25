"""Tests amounts and phone numbers, which are read exactly or refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.currencies import EXPONENT_OF
from chalicelib.domain.money import Money
from chalicelib.domain.phone_number import hash_phone, is_phone_number, mask_phone, operator_hint, without_phone_numbers
from tests import ROOT

GOLDEN = json.loads((ROOT / "tests" / "contract" / "currencies.json").read_text("utf-8"))


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("5", "XAF", 5),
        ("5.00", "XAF", 5),
        ("5000.0", "XAF", 5000),
        ("0.00", "XAF", 0),
        ("100000000000000", "XAF", 10**14),
        ("5", "XOF", 5),
        ("5.5", "EUR", 550),
        ("5.00", "EUR", 500),
        ("19.99", "USD", 1999),
        ("0.01", "EUR", 1),
        ("5.5", "TND", 5500),
        ("0.001", "KWD", 1),
    ],
)
def test_an_exact_amount_is_read_in_minor_units(text: str, currency: str, amount: int) -> None:
    assert Money.from_decimal(text, currency) == Money(amount, currency)


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        *(("5.5", "XAF"), ("0.01", "XOF"), ("0.001", "EUR"), ("19.999", "USD")),
        *(("5.0001", "TND"), ("5", "BTC"), ("5", "xaf"), ("5", "")),
        *((text, "XAF") for text in ("NaN", "sNaN", "-NaN", "Infinity", "-Infinity", "inf", "1e400", "-1e400", "1e16")),
        *(
            (text, "XAF")
            for text in (
                "",
                " ",
                "None",
                "five",
                "5,00",
                "5 000",
                "0x10",
                "5.0.0",
                "1/2",
                "5 XAF",
                "\0",
                "²",
                "٥٠٠",
                "５",
                "1_000",
                " 5 ",
                "5\n",
                "5e3",
                "-5",
            )
        ),
        *((text, "EUR") for text in ("1" * 31, "10000000000000000", "0." + "0" * 40 + "1", "1e9999999", "1e-9999999")),
    ],
)
def test_what_is_no_exact_amount_is_none(text: str, currency: str) -> None:
    assert Money.from_decimal(text, currency) is None


@given(st.integers(0, 10**13), st.sampled_from(sorted(EXPONENT_OF)))
def test_an_amount_survives_being_written_and_read(amount: int, currency: str) -> None:
    money = Money(amount, currency)
    assert Money.from_decimal(money.to_decimal(), currency) == money


@pytest.mark.parametrize("case", GOLDEN["amounts"], ids=lambda case: case["decimal"])
def test_an_amount_is_written_with_its_currencys_digits(case: dict[str, Any]) -> None:
    money = Money(case["amount"], case["currency"])
    assert money.to_decimal() == case["decimal"]
    assert Money.from_decimal(case["decimal"], case["currency"]) == money


def test_the_exponents_are_those_that_screens_have() -> None:
    """A browser's own table says how people write amounts: without decimals where ISO 4217 gives some."""
    assert GOLDEN["exponents"] == EXPONENT_OF
    assert not any(map(Money.knows, ("xaf", "BTC", "FCFA", "XAF ", "")))


@pytest.mark.parametrize("number", ["237677777777", "237699999999", "237600000000", "237655000001"])
def test_a_mobile_number_of_cameroon(number: str) -> None:
    assert is_phone_number(number)


@pytest.mark.parametrize(
    "number",
    [
        *("", "677777777", "+237677777777", "00237677777777", "2376777777777", "23767777777", "237222222222"),
        *(" 237677777777", "237677777777\n", "237 677 777 777", "237-677777777", "23767777777a", "238677777777"),
        *("23767777777\u0667", "\uff12\uff13\uff17677777777", "23767777777²"),
    ],
)
def test_no_mobile_number_of_cameroon(number: str) -> None:
    assert not is_phone_number(number)


@pytest.mark.parametrize(
    ("prefix", "operator"),
    [
        *((prefix, "MTN") for prefix in ("670", "677", "679", "650", "654", "680", "683")),
        *((prefix, "Orange") for prefix in ("690", "699", "655", "659", "640", "685", "689")),
        *((prefix, None) for prefix in ("684", "620", "641", "660", "600")),
    ],
)
def test_the_prefix_hints_at_the_operator(prefix: str, operator: str | None) -> None:
    assert operator_hint(f"237{prefix}000001") == operator


def test_a_mask_shows_six_digits_of_twelve() -> None:
    assert mask_phone("237677123456") == "2376******56"


def test_a_phone_has_a_hash_by_each_key_and_the_first_is_written() -> None:
    by_old, by_new = hash_phone("237677777777", ["old key", "new key"])
    assert by_old == "324f25e8873302c976b2bcebd19c8f63a893a411ff34a70dda941d0c4711ac2b"
    assert by_old != by_new
    assert hash_phone("237677777777", ["new key"]) == [by_new]
    assert hash_phone("237677777778", ["new key"]) != [by_new]


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("he called from 237677123456", "he called from [number]"),
        ("+237 677 12 34 56, then 699-12-34-56.", "[number], then [number]."),
        ("677.123.456 is hers", "[number] is hers"),
        ("SMS 12345678901, paid 6000 and 67712345", "SMS 12345678901, paid 6000 and 67712345"),
        ("refunded 2026-11-29, order-677", "refunded 2026-11-29, order-677"),
    ],
)
def test_no_mobile_number_is_left_in_a_persons_words(words: str, shown: str) -> None:
    assert without_phone_numbers(words) == shown
