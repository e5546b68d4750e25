"""Tests how the figures of a rollup are shown to people."""

from collections import Counter
from datetime import date, timedelta

from chalicelib.domain.analytics import analytics_of
from chalicelib.domain.rollup import Detail, Figure, Group

DAY = date(2026, 1, 15)


def test_what_waits_or_is_under_review_does_not_count_in_the_success_rate() -> None:
    figures = Counter(
        {Figure.STARTED.value: 6, Figure.PAID.value: 3, Figure.EXPIRED.value: 1, Figure.CONFLICTED.value: 1}
    )
    shown = analytics_of({Group(DAY, "MTN"): figures}, DAY, DAY)["total"]
    assert (shown["waiting"], shown["successRate"]) == (1, 0.75)


def test_there_is_no_success_rate_where_nothing_has_ended() -> None:
    figures = Counter({Figure.STARTED.value: 2, Figure.CONFLICTED.value: 1})
    assert analytics_of({Group(DAY, "MTN"): figures}, DAY, DAY)["total"]["successRate"] is None


def test_every_figure_is_shown_by_day_and_operator_and_of_all_together() -> None:
    """Two days: on the first nobody but MTN's customers pays, on the second each operator has one payment."""
    money = {
        "charges.XAF": 2,
        "gross.XAF": 9_000,
        "fee.XAF": 180,
        "charges.EUR": 1,
        "gross.EUR": 1_999,
        "feeUnknown.EUR": 1,
    }
    first = Counter(
        {
            "started": 9,
            "prompted": 8,
            "paid": 3,
            "declined": 2,
            "refused": 1,
            "expired": 1,
            "givenUp": 1,
            "late": 1,
            "duplicate": 1,
            "webhookMissing": 2,
            "amount.XAF": 15_000,
            "charges.XOF": 0,
            **money,
            "reason.b": 1,
            "reason.a": 1,
            "reason.c": 2,
            "approved.8": 1,
            "approved.20": 1,
            "further": 2,
            "furtherPaid": 1,
            "furtherAmount.XAF": 5_000,
            "furtherAfter.declined": 2,
            "furtherAfter.unknown": 1,
            "furtherPaidAfter.declined": 1,
            "retried": 2,
            "retriedPaid": 1,
        }
    )
    later, one = DAY + timedelta(days=1), Counter({"started": 1})
    rollup = {Group(later, "Orange"): one, Group(DAY, "MTN"): first, Group(later, "MTN"): one}
    shown = analytics_of(rollup, DAY, later)
    assert (shown["from"], shown["to"], shown["timeZone"]) == ("2026-01-15", "2026-01-16", "Africa/Douala")
    figures = {
        "started": 9,
        "prompted": 8,
        "paid": 3,
        "declined": 2,
        "refused": 1,
        "expired": 1,
        "givenUp": 1,
        "conflicted": 0,
        "waiting": 1,
        "late": 1,
        "duplicate": 1,
        "webhooksMissing": 2,
        "successRate": 0.375,
        "paidAmounts": {"XAF": 15_000},
        "money": {
            "EUR": {"charges": 1, "gross": 1_999, "fee": 0, "net": None, "feesUnknown": 1},
            "XAF": {"charges": 2, "gross": 9_000, "fee": 180, "net": 8_820, "feesUnknown": 0},
        },
        "secondsToApprove": {"p50": 3.7, "p95": 29.3},
        "reasons": {"c": 2, "a": 1, "b": 1},
        "furtherAttempts": {
            "started": 2,
            "paid": 1,
            "paidAmounts": {"XAF": 5_000},
            "after": {"declined": {"started": 2, "paid": 1}, "unknown": {"started": 1, "paid": 0}},
        },
        "promptRetries": {"payments": 2, "paid": 1},
    }
    assert [day["day"] for day in shown["days"]] == ["2026-01-15", "2026-01-16"]
    assert shown["days"][0]["operators"] == [{"operator": "MTN", "figures": figures}]
    assert list(shown["days"][0]["operators"][0]["figures"]["reasons"]) == ["c", "a", "b"]
    assert [it["operator"] for it in shown["days"][1]["operators"]] == ["MTN", "Orange"]
    assert [(it["operator"], it["figures"]["started"]) for it in shown["operators"]] == [("MTN", 10), ("Orange", 1)]
    assert (shown["total"]["started"], shown["total"]["waiting"], shown["total"]["paid"]) == (11, 3, 3)


def test_without_a_payment_there_are_no_days_and_no_times() -> None:
    shown = analytics_of({}, DAY, DAY)
    assert (shown["days"], shown["operators"], shown["total"]["started"]) == ([], [], 0)
    assert shown["total"]["secondsToApprove"] == {"p50": None, "p95": None}


def test_charges_of_nothing_have_no_net_to_invent() -> None:
    figures = Counter({Figure.STARTED.value: 1, Detail.CHARGES.of("XAF"): 1})
    shown = analytics_of({Group(DAY, "MTN"): figures}, DAY, DAY)["total"]["money"]
    assert shown == {"XAF": {"charges": 1, "gross": 0, "fee": 0, "net": 0, "feesUnknown": 0}}


def test_a_success_rate_has_four_digits() -> None:
    figures = Counter({Figure.STARTED.value: 3, Figure.PAID.value: 2, Figure.EXPIRED.value: 1})
    assert analytics_of({Group(DAY, "MTN"): figures}, DAY, DAY)["total"]["successRate"] == 0.6667
