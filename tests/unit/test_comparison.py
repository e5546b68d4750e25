"""Tests what a comparison of CamPay's statement keeps of a day, and what a signature covers."""

from collections import Counter
from datetime import date

import pytest

from chalicelib.domain.charges import RecordedCharge
from chalicelib.domain.comparison import (
    DIFFERENCES,
    KEPT,
    ComparedDay,
    Comparison,
    Finding,
    Kind,
    keys_of,
    shortened,
)
from chalicelib.domain.money import Money

DAY = date(2026, 1, 31)
CHARGE = RecordedCharge("c-1", Money(5000, "XAF"), 100)
MONEY = Counter({"charges.XAF": 1, "gross.XAF": 5000, "fee.XAF": 100})


def found(*findings: tuple[Kind, str], at: int = 1) -> Comparison:
    comparison = Comparison(DAY, at)
    for kind, name in findings:
        comparison.note(kind, Finding(reference=name, provider_reference=f"of {name}"))
    return comparison


def day_of(*shards: Comparison) -> ComparedDay:
    return ComparedDay(DAY, shards, ())


def test_a_charge_that_both_have_counts_with_its_money_and_one_made_good_with_its_money_alone() -> None:
    comparison = Comparison(DAY)
    comparison.match(CHARGE)
    assert (comparison.matched, comparison.money) == (1, MONEY)
    comparison.take(CHARGE)
    assert (comparison.matched, comparison.money) == (1, MONEY + MONEY)


def test_the_order_in_which_differences_are_found_changes_nothing() -> None:
    pairs = [(kind, name) for kind in Kind for name in ("a", "b")]
    assert found(*pairs).digest == found(*pairs[::-1]).digest
    assert len({found((kind, "a")).digest for kind in DIFFERENCES}) == len(DIFFERENCES)
    assert found((Kind.MISSING_HERE, "a")).digest != found((Kind.MISSING_HERE, "b")).digest
    assert found((Kind.MADE_GOOD, "a")).digest == 0, "what was made good is no difference"
    assert 2**120 < found((Kind.MISSING_HERE, "a"), (Kind.MISSING_HERE, "b")).digest < 2**128


def test_beyond_what_is_kept_a_finding_is_counted() -> None:
    comparison = found(*((Kind.MISSING_HERE, str(number)) for number in range(KEPT + 5)))
    assert comparison.counts == {Kind.MISSING_HERE: KEPT + 5}
    assert len(comparison.found[Kind.MISSING_HERE]) == KEPT
    assert comparison.difference_count == KEPT + 5


def test_a_finding_is_looked_up_by_our_reference_and_by_the_statements_where_we_have_none() -> None:
    comparison = found(*((kind, "a") for kind in Kind))
    assert comparison.names(Kind.MISSING_HERE) == ["of a"]
    assert [comparison.names(kind) for kind in Kind if kind is not Kind.MISSING_HERE] == [["a"]] * 3
    assert Comparison(DAY).names(Kind.MADE_GOOD) == []


def test_the_key_of_a_difference_has_both_references() -> None:
    assert Finding(reference="a", provider_reference="c").key(Kind.AMOUNT_DIFFERS) == "amountDiffers/a/c"
    assert Finding().key(Kind.MISSING_HERE) == "missingHere//"
    both = found((Kind.MISSING_THERE, "a"), (Kind.MADE_GOOD, "b"))
    assert keys_of(both) == {"missingThere/a/of a"}


def test_shards_are_shown_as_one_day() -> None:
    first, second = found((Kind.MISSING_HERE, "a"), at=7), found((Kind.MISSING_HERE, "b"), (Kind.MADE_GOOD, "c"), at=5)
    first.match(CHARGE)
    second.match(CHARGE)
    whole = day_of(first, second).whole
    together = found((Kind.MISSING_HERE, "a"), (Kind.MISSING_HERE, "b"), (Kind.MADE_GOOD, "c"), at=5)
    together.match(CHARGE)
    together.match(CHARGE)
    assert whole == together
    assert day_of(first, second).compared_at == 5
    assert day_of(first, second).fingerprint == f"{together.digest:032x}"
    assert len(day_of(Comparison(DAY)).fingerprint) == 32


def test_of_all_shards_together_no_more_is_kept_than_of_one() -> None:
    shards = [found(*((Kind.MISSING_HERE, f"{shard}-{number}") for number in range(60))) for shard in range(2)]
    whole = day_of(*shards).whole
    assert (len(whole.found[Kind.MISSING_HERE]), whole.counts[Kind.MISSING_HERE]) == (KEPT, 120)


def test_a_signature_covers_what_was_seen_and_no_more() -> None:
    one, two = found((Kind.MISSING_HERE, "a")), found((Kind.MISSING_HERE, "a"), (Kind.MISSING_THERE, "b"))
    signature = day_of(two).signed("paul", "a link", 9)
    assert (signature.by, signature.reason, signature.at) == ("paul", "a link", 9)
    assert signature.counts == {"missingHere": 1, "missingThere": 1}
    assert signature.digest == two.digest
    assert signature.keys == {"missingHere/a/of a", "missingThere/b/of b"}
    assert day_of(two).is_open
    assert not ComparedDay(DAY, [two], [signature]).is_open
    assert not ComparedDay(DAY, [one], [signature]).is_open, "one of two that were signed"
    of_both = [day_of(it).signed("paul", "a link", 9) for it in (one, found((Kind.MISSING_THERE, "b")))]
    assert not ComparedDay(DAY, [two], of_both).is_open, "two that were signed one by one"
    other = day_of(found((Kind.MISSING_HERE, "c"))).signed("paul", "a link", 9)
    assert ComparedDay(DAY, [one], [other]).is_open
    assert ComparedDay(DAY, [two], [day_of(one).signed("paul", "a link", 9), other]).is_open
    assert not day_of(found((Kind.MADE_GOOD, "a"))).is_open
    assert ComparedDay(DAY, [two], [signature, other]).signed_keys == signature.keys | other.keys


def test_differences_that_are_only_counted_are_covered_by_a_signature_of_the_very_same() -> None:
    many = [(Kind.MISSING_HERE, str(number)) for number in range(KEPT + 1)]
    signature = day_of(found(*many)).signed("paul", "a link", 9)
    assert not ComparedDay(DAY, [found(*many)], [signature]).is_open
    assert ComparedDay(DAY, [found(*many[:-1], (Kind.MISSING_HERE, "x"))], [signature]).is_open


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (None, None),
        ("", None),
        ("a" * 64, "a" * 64),
        ("a" * 65, "a" * 64),
        ("a" * 63 + "é", "a" * 63),
    ],
)
def test_a_text_of_the_providers_is_cut_between_two_letters(text: str | None, kept: str | None) -> None:
    assert shortened(text) == kept
