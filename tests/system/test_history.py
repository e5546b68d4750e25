"""Tests the operators' list of payments, called as API Gateway calls it."""

import csv
import io
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from chalicelib.domain.history import HistoryFilter, Position
from chalicelib.domain.history_cursor import sign_cursor
from chalicelib.domain.money import Money
from chalicelib.settings import Settings
from local.embedded import EmbeddedAws
from tests.conftest import ORDER
from tests.harness.api_gateway import Reply, call
from tests.harness.ledger_rows import put_payments
from tests.parts.test_payment_history import DAY_MS, LAST, a_payment

PATH = "/api/payment/history"


def listed(headers: dict[str, str], **query: object) -> Reply:
    names = {"from_day": "from", "to_day": "to"}
    return call(
        "GET", f"{PATH}?{urlencode({names.get(it, it): value for it, value in query.items()})}", headers=headers
    )


def this_week() -> dict[str, object]:
    """Returns days that are right whenever the test runs, around midnight too."""
    today = datetime.now(UTC).date()
    return {"from_day": today - timedelta(days=2), "to_day": today + timedelta(days=1)}


def test_an_operator_sees_what_was_started_the_newest_first(merchant: dict[str, str], operator: dict[str, str]) -> None:
    for number in (1, 2):
        body = ORDER | {"orderId": f"order-{number}", "phoneNumber": f"23767777777{number}", "amount": 1000 * number}
        assert call("POST", "/api/payment/initiate", body, headers=merchant).status == 201
    reply = listed(operator, **this_week())
    assert [(row["orderId"], row["amount"], row["status"]) for row in reply.json["payments"]] == [
        ("order-2", 2000, "PENDING"),
        ("order-1", 1000, "PENDING"),
    ]
    assert reply.json["cursor"] is None
    assert reply.json["payments"][0]["phoneNumber"] == "2376******72"
    dear = listed(operator, **this_week(), minAmount=1001, operator="MTN", status="PENDING")
    assert [row["orderId"] for row in dear.json["payments"]] == ["order-2"]


def test_an_amount_is_compared_within_its_currency(api: Settings, operator: dict[str, str], dynamodb: Any) -> None:
    moneys = (Money(5000, "XAF"), Money(5001, "XAF"), Money(500_000, "EUR"))
    payments = [replace(a_payment(number, at=number), money=money) for number, money in enumerate(moneys)]
    put_payments(dynamodb, api.payments_table, payments)
    dear = listed(operator, from_day=LAST, to_day=LAST, minAmount=5001).json["payments"]
    assert [(row["amount"], row["currency"]) for row in dear] == [(5001, "XAF")]


def test_pages_are_walked_by_cursor_as_json_and_as_csv(api: Settings, operator: dict[str, str], dynamodb: Any) -> None:
    put_payments(dynamodb, api.payments_table, [a_payment(number, at=number) for number in range(5)])
    days = {"from_day": LAST, "to_day": LAST, "limit": 2}
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = listed(operator, **days, cursor=cursor).json
        seen += [row["orderId"] for row in page["payments"]]
        cursor = page["cursor"]
    assert seen == [f"order-{number}" for number in (4, 3, 2, 1, 0)]
    rows: list[list[str]] = []
    following: str | None = ""
    while following is not None:
        reply = listed(operator, **days, cursor=following, format="csv", language="fr")
        assert reply.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert reply.headers["Content-Disposition"] == 'attachment; filename="payments-2026-03-31-2026-03-31.csv"'
        rows += list(csv.reader(io.StringIO(reply.text[1:], newline=""), delimiter=";"))[1:]
        following = reply.headers.get("Next-Cursor")
    assert [row[2] for row in rows] == seen


def test_what_was_settled_without_a_webhook_is_listed_as_json_and_as_csv(
    api: Settings, operator: dict[str, str], dynamodb: Any
) -> None:
    payments = [replace(a_payment(number, at=number), webhook_missing_at=number or None) for number in range(3)]
    put_payments(dynamodb, api.payments_table, payments)
    days = {"from_day": LAST, "to_day": LAST, "webhook": "missing"}
    assert [row["orderId"] for row in listed(operator, **days).json["payments"]] == ["order-2", "order-1"]
    rows = listed(operator, **days, format="csv").text.splitlines()[1:]
    assert [row.split(";")[2] for row in rows] == ["order-2", "order-1"]
    refused = listed(operator, **days, cursor=listed(operator, from_day=LAST, to_day=LAST, limit=1).json["cursor"])
    assert (refused.status, refused.json["fields"].keys()) == (400, {"cursor"})


def test_the_csv_is_in_the_language_that_is_asked_for_or_else_the_callers(
    api: Settings, operator: dict[str, str], dynamodb: Any
) -> None:
    put_payments(dynamodb, api.payments_table, [a_payment(1, at=1)])
    days = {"from_day": LAST, "to_day": LAST, "format": "csv"}
    assert listed(operator, **days, language="en").text.startswith("\ufeffCreated (UTC),")
    assert listed({**operator, "Accept-Language": "en"}, **days).text.startswith("\ufeffCreated (UTC),")
    assert listed(operator, **days).text.startswith("\ufeffCréé (UTC);")


def test_a_page_says_of_how_many_phones_its_payments_are(
    api: Settings, operator: dict[str, str], dynamodb: Any
) -> None:
    hashes = ("one", "two", "one", "three", "one")
    payments = [replace(a_payment(number, at=number), phone_hash=phone) for number, phone in enumerate(hashes)]
    put_payments(dynamodb, api.payments_table, payments)
    days = {"from_day": LAST, "to_day": LAST}
    assert listed(operator, **days).json["phones"] == 3
    assert listed(operator, **days, limit=1).json["phones"] == 1
    assert listed(operator, **days, status="FAILED").json["phones"] == 0


def test_the_phones_of_several_pages_can_be_told_apart_in_one_list_only(
    api: Settings, operator: dict[str, str], dynamodb: Any
) -> None:
    hashes = ("one", "two", "one", "three", "one")
    payments = [replace(a_payment(number, at=number), phone_hash=phone) for number, phone in enumerate(hashes)]
    put_payments(dynamodb, api.payments_table, payments)
    days = {"from_day": LAST, "to_day": LAST}
    marks: list[str] = []
    page = listed(operator, **days, limit=2).json
    while True:
        marks += page["phoneMarks"]
        if page["cursor"] is None:
            break
        page = listed(operator, **days, limit=2, cursor=page["cursor"]).json
    assert len(marks) == 5
    assert [marks.index(it) for it in marks] == [0, 1, 0, 3, 0], "newest first: one, three, one, two, one"
    others = listed(operator, **days, operator="MTN").json["phoneMarks"]
    assert not set(others) & set(marks), "another list has other marks"


def test_a_short_reference_is_found_among_the_newest(api: Settings, operator: dict[str, str], dynamodb: Any) -> None:
    wanted = replace(a_payment(1, at=1), reference="0b8f6c1e-5d0a-4a37-9a53-2f1f4f0f9a11")
    put_payments(dynamodb, api.payments_table, [wanted, a_payment(2, at=2), a_payment(3, at=3)])
    days = {"from_day": LAST, "to_day": LAST}
    found = listed(operator, **days, short="0b8f6c1e").json
    assert [it["reference"] for it in found["payments"]] == [wanted.reference]
    assert listed(operator, **days, short="0b8f6c1f").json["payments"] == []
    for wrong in ("0b8f", "0B8F6C1E", "0b8f-6c1e"):
        assert listed(operator, **days, short=wrong).status == 400


def test_no_answer_has_a_hash(api: Settings, operator: dict[str, str], dynamodb: Any) -> None:
    put_payments(dynamodb, api.payments_table, [replace(a_payment(1, at=1), phone_hash="a-hash-of-a-phone")])
    for form in ("json", "csv"):
        reply = listed(operator, from_day=LAST, to_day=LAST, format=form)
        assert "2376******77" in reply.text
        assert "a-hash-of-a-phone" not in reply.text


def test_a_list_that_was_begun_yesterday_goes_on_without_its_days(
    api: Settings, operator: dict[str, str], dynamodb: Any
) -> None:
    """Without days, today is listed, and midnight passes between two pages."""
    put_payments(dynamodb, api.payments_table, [a_payment(number, at=number - DAY_MS) for number in range(3)])
    day = LAST - timedelta(days=1)
    begun = Position(a_payment(2, at=2 - DAY_MS).created_at, 0, a_payment(2, at=0).reference)
    cursor = sign_cursor(begun, HistoryFilter(day, day), api.tracking_token_keys)
    assert [row["orderId"] for row in listed(operator, cursor=cursor).json["payments"]] == ["order-1", "order-0"]
    assert listed(operator, cursor=cursor, to_day=day).status == 200
    refused = listed(operator, cursor=cursor, to_day=LAST)
    assert (refused.status, refused.json["fields"].keys()) == (400, {"cursor"})


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("from=2026-02-30", {"from"}),
        ("from=20260101", {"from"}),
        ("to=yesterday", {"to"}),
        ("from=2026-01-02&to=2026-01-01", {"from"}),
        ("from=2026-01-01&to=2026-04-03", {"from"}),
        ("status=PAID", {"status"}),
        ("status=FAILED&status=EXPIRED", {"status"}),
        ("operator=mtn", {"operator"}),
        ("minAmount=-1", {"minAmount"}),
        ("minAmount=1.5&maxAmount=1e3", {"minAmount", "maxAmount"}),
        ("maxAmount=%D9%A5", {"maxAmount"}),
        ("minAmount=100000001", {"minAmount"}),
        ("currency=EUR&minAmount=5", {"currency"}),
        ("minAmount=2&maxAmount=1", {"minAmount"}),
        ("limit=0", {"limit"}),
        ("limit=101", {"limit"}),
        ("cursor=x", {"cursor"}),
        ("cursor=%F0%9F%92%B8", {"cursor"}),
        ("webhook=lost", {"webhook"}),
        ("format=xml&language=de", {"format", "language"}),
        ("state=FAILED", {"state"}),
        ("from=x&to=y&status=z&limit=-1&cursor=%00&format=", {"from", "to", "status", "limit", "cursor"}),
    ],
)
def test_a_bad_query_names_all_that_is_wrong_and_reads_nothing(
    operator: dict[str, str], aws: EmbeddedAws, query: str, wrong: set[str]
) -> None:
    aws.calls.clear()
    reply = call("GET", f"{PATH}?{query}", headers=operator)
    assert (reply.status, reply.json["code"], set(reply.json["fields"])) == (400, "invalid_request", wrong)
    assert not aws.calls


def test_ninety_two_days_are_taken(operator: dict[str, str]) -> None:
    assert listed(operator, from_day=date(2026, 1, 1), to_day=date(2026, 4, 2)).status == 200


def test_nobody_else_sees_it(merchant: dict[str, str], aws: EmbeddedAws) -> None:
    aws.calls.clear()
    for headers in ({}, merchant, {"X-Api-Key": "x" * 43}):
        reply = listed(headers, status="no matter what")
        assert (reply.status, reply.json["code"]) == (401, "invalid_api_key")
    assert not aws.calls
