"""Tests how the list's filter by amount is read: as people write amounts, in a currency that can be paid."""

from urllib.parse import parse_qs

import pytest
from chalice.app import Request

from chalicelib.domain.errors import InvalidRequest
from chalicelib.web.history_query import history_query

NOW = 1_768_500_000_000


def asked(query: str) -> Request:
    context = {"httpMethod": "GET", "resourcePath": "/api/payment/history"}
    parameters = parse_qs(query) or None
    rest = {"pathParameters": None, "stageVariables": None, "body": None, "isBase64Encoded": False}
    return Request({"requestContext": context, "headers": {}, "multiValueQueryStringParameters": parameters, **rest})


@pytest.mark.parametrize(
    ("query", "currencies", "filtered"),
    [
        ("minAmount=5000", {"XAF"}, ("XAF", 5000, None)),
        ("minAmount=5000.00&maxAmount=100000000", {"XAF"}, ("XAF", 5000, 100_000_000)),
        ("maxAmount=0", {"XAF"}, ("XAF", None, 0)),
        ("currency=XAF", {"XAF"}, ("XAF", None, None)),
        ("minAmount=&maxAmount=", {"XAF"}, (None, None, None)),
        ("minAmount=19.99&maxAmount=20", {"EUR"}, ("EUR", 1999, 2000)),
        ("minAmount=0.5", {"TND"}, ("TND", 500, None)),
        ("maxAmount=7&currency=XAF", {"EUR", "XAF"}, ("XAF", None, 7)),
        ("maxAmount=7", {"XAF", "EUR"}, ("EUR", None, 700)),
    ],
)
def test_an_amount_is_read_by_its_currencys_exponent(
    query: str, currencies: set[str], filtered: tuple[str | None, int | None, int | None]
) -> None:
    wanted = history_query(asked(query), NOW, currencies)[0].filter
    assert (wanted.currency, wanted.minimum, wanted.maximum) == filtered


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("minAmount=0.5", "must be an amount in XAF from 0 to 100000000, with a point if any"),
        ("minAmount=5 000", "must be an amount in XAF from 0 to 100000000, with a point if any"),
        ("minAmount=5,5&currency=EUR", "must be an amount in EUR from 0 to 1000000.00, with a point if any"),
        ("minAmount=1000000.01&currency=EUR", "must be an amount in EUR from 0 to 1000000.00, with a point if any"),
        ("minAmount=2&maxAmount=1.5&currency=EUR", "must not be above `maxAmount`"),
        ("minAmount=-1", "must be an amount in XAF from 0 to 100000000, with a point if any"),
    ],
)
def test_what_is_no_amount_of_the_currency_is_refused(query: str, fault: str) -> None:
    currencies = {"XAF", "EUR"} if "currency" in query else {"XAF"}
    with pytest.raises(InvalidRequest) as refused:
        history_query(asked(query), NOW, currencies)
    assert refused.value.fields == {"minAmount": fault}
