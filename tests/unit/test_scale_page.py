"""Tests docs/scale.md and docs/cost.md: they are what the program makes, and what it makes is right."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.scale import command, counted, prices, resources
from benchmarks.scale.bill import batches_of_changes, fixed, for_stage, total, used
from benchmarks.scale.cost_page import SMALL_LIMIT
from benchmarks.scale.limits import Kind
from benchmarks.scale.pages import COST, SCALE, pages
from benchmarks.scale.parts import parts
from benchmarks.scale.scale_page import RATES, TO_CHANGE, beyond_help
from benchmarks.scale.setup import AS_IT_IS
from benchmarks.scale.sizing import AIM, quotas, sized
from benchmarks.scale.traffic import MIX, Traffic
from infra.functions import BATCH_SECONDS, CHANGES_A_BATCH
from infra.stages import STAGES, Stage


@pytest.mark.parametrize("page", [SCALE, COST], ids=lambda page: str(page.name))
def test_the_page_is_what_the_program_makes(page: Path) -> None:
    assert page.read_text("utf-8") == pages()[page], "make it anew: .venv/bin/python -m benchmarks scale"


def traffic(rate: float, **mix: float) -> Traffic:
    return Traffic(rate, counted.read(), mix or MIX)


def load(name: str, of: Traffic) -> float:
    (part,) = (it for it in parts(of, AS_IT_IS) if it.name == name)
    return part.load


def test_a_load_is_what_was_counted_of_each_outcome_by_its_share() -> None:
    counts = counted.read()
    writes = 0.5 * counts["paid"].write_units + 0.5 * counts["declined"].write_units
    half = traffic(10, paid=0.5, declined=0.5, unanswered=0)
    assert load("DynamoDB: writes", half) == pytest.approx(10 * writes)
    day = 0.5 * counts["paid"].index_units["day"] + 0.5 * counts["declined"].index_units["day"]
    assert load("DynamoDB: index `day`, a partition", half) == pytest.approx(10 * day)
    due = 0.5 * counts["paid"].index_units["due"] + 0.5 * counts["declined"].index_units["due"]
    assert load("DynamoDB: index `due`, a partition", half) == pytest.approx(10 * due / 16)


def test_the_entries_of_the_indexes_are_part_of_the_write_units() -> None:
    for counts in counted.read().values():
        assert 0 < sum(counts.index_units.values()) < counts.write_units


@pytest.mark.parametrize("rate", RATES)
def test_settings_and_quotas_are_enough_for_each_rate_of_the_page(rate: float) -> None:
    assert [(it.name, it.share) for it in beyond_help(traffic(rate))] == []


@pytest.mark.parametrize("rate", [*RATES, 2_000])
def test_what_is_over_the_aim_with_other_settings_is_named_with_what_would_have_to_change(rate: float) -> None:
    assert {it.name for it in beyond_help(traffic(rate))} <= TO_CHANGE.keys()


@pytest.mark.parametrize("rate", RATES)
def test_no_quota_is_over_the_aim_once_it_is_raised_as_told(rate: float) -> None:
    it = traffic(rate)
    needed = {quota.name: max(quota.needed, quota.limit.value) for quota in quotas(it, sized(it))}
    for part in parts(it, sized(it)):
        if part.kind is Kind.QUOTA and part.name in needed:
            assert part.load <= AIM * needed[part.name] * 1.000_001
        elif part.kind is Kind.QUOTA:
            assert part.share is not None
            assert part.share <= AIM, f"{part.name} is in no row of the quotas"


def test_a_rate_that_prod_carries_changes_no_setting() -> None:
    assert sized(traffic(1)) == AS_IT_IS


@pytest.mark.parametrize("stage", STAGES.values(), ids=lambda stage: stage.name)
def test_what_was_counted_is_of_the_stage_as_it_is_now(stage: Stage) -> None:
    """`tests/infra/templates/test_cost.py` compares all of it with the templates, which takes minutes."""
    recorded = resources.read()
    assert recorded.keys() == STAGES.keys()
    assert for_stage(recorded[stage.name], stage, traffic(1)) == recorded[stage.name]


def test_the_stage_for_a_small_shop_costs_less_than_45_dollars_a_month() -> None:
    assert total(fixed(resources.read()["small"])) < SMALL_LIMIT == 45


def test_a_change_of_what_a_stage_has_changes_its_bill() -> None:
    prod = resources.read()["prod"]
    another = replace(prod, nat_gateways=prod.nat_gateways + 1, public_ipv4=prod.public_ipv4 + 1)
    assert total(fixed(another)) - total(fixed(prod)) == pytest.approx(730 * (0.048 + 0.005))


def test_what_aws_gives_to_each_account_is_not_billed() -> None:
    price = prices.Price(2.0, "thing", "page", free=10)
    assert [price.of(units) for units in (0, 10, 13)] == [0, 0, 6]


@pytest.mark.parametrize("name", ["Hourly pass", "Nightly comparison"])
def test_the_statement_is_billed_once_for_each_shard_and_the_ledger_once(name: str) -> None:
    """A shard's function reads all of CamPay's statement, and its own part of the ledger's day."""

    def units(day_shards: int) -> dict[str, float]:
        prod = replace(resources.read()["prod"], day_shards=day_shards)
        of_name = (line for line in used(prod, traffic(100)) if line.name == name)
        return {what: float(number.replace(",", "")) for number, _, what in (it.sum.partition(" ") for it in of_name)}

    once, thrice = units(1), units(3)
    assert thrice["GB through the NAT gateway"] == pytest.approx(3 * once["GB through the NAT gateway"], rel=0.01)
    assert thrice["GB-seconds"] > once["GB-seconds"]
    assert thrice["read units"] == once["read units"]


def test_four_days_are_compared_each_night() -> None:
    it = traffic(100)
    (nightly,) = (
        line.dollars
        for line in used(resources.read()["prod"], it)
        if line.name == "Nightly comparison" and "NAT" in line.sum
    )
    gigabytes = 730 / 24 * 4 * it.assumed.compared_statements * it.payments_a_day * it.assumed.statement_bytes / 1e9
    assert nightly == pytest.approx(gigabytes * prices.NAT_GB.dollars)


def test_ten_times_the_payments_cost_about_ten_times_as_much() -> None:
    prod = resources.read()["prod"]
    once, tenfold = (
        total([line for line in used(prod, traffic(rate)) if line.name != "Rollups"]) for rate in (10, 100)
    )
    assert 9.9 * once < tenfold < 11 * once, "what is free counts once, and batches of changes grow instead of more"


def test_a_batch_of_changes_is_gathered_until_its_time_is_up_or_it_is_full() -> None:
    month = 730 * 3600
    assert batches_of_changes(0) == 0
    assert batches_of_changes(10) == pytest.approx(10, rel=0.01), "each change is a batch of its own"
    assert batches_of_changes(4e9) == pytest.approx(4 * month / BATCH_SECONDS, rel=0.02)
    assert batches_of_changes(1e10) == pytest.approx(1e10 / CHANGES_A_BATCH, rel=0.01)


def test_other_shares_and_assumptions_are_printed_and_change_no_page(capsys: pytest.CaptureFixture[str]) -> None:
    before = SCALE.read_text("utf-8")
    command.run(["--rates", "5", "--paid", "0.9", "--declined", "0.1", "--assume", "peak=4"])
    printed = capsys.readouterr().out
    assert "4 times the average" in printed
    assert "payments 90 % are paid" in printed
    assert SCALE.read_text("utf-8") == before


@pytest.mark.parametrize(
    "wrong", [["--paid", "0.9", "--declined", "0.2"], ["--rates", "0"], ["--assume", "weather=1"], ["--assume", "peak"]]
)
def test_what_makes_no_sense_is_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.run(wrong)
    assert "error:" in capsys.readouterr().err
