"""Tests how the figures of a rollup are shown to people."""

from collections import Counter
from datetime import date

from chalicelib.domain.analytics import analytics_of
from chalicelib.domain.rollup import Figure, Group

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
