"""Tests the queues of checks and deliveries, and how Lambda invokes a function with their messages."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.adapters.work_queue import LONGEST_HIDDEN_SECONDS
from chalicelib.domain.order_event_schedule import LONGEST_PAUSE_MS, TRIED_MS
from infra.functions import FUNCTIONS, Function, Work
from infra.stages import PROD, STAGES, WorkSize
from tests import ROOT
from tests.infra.templates.policies import granted, role_allows
from tests.infra.templates.synthesis import Properties, Template, Variant, plain, statements_of

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(400)]

MINUTE, HOUR, DAY = 60, 3_600, 86_400
LONGEST_DELAY_SECONDS = 900
ACCOUNT_CONCURRENCY = 1_000
"""Lambda's default quota of an account."""
KEPT_FOR_OTHERS = 100
"""Concurrency of an account that Lambda lets nobody reserve."""
CONSUMERS = {it.takes: it for it in FUNCTIONS if it.takes}


@pytest.fixture(params=list(Work))
def work(request: pytest.FixtureRequest) -> Work:
    kind: Work = request.param
    return kind


def id_of(stack: Template, work: Work) -> str:
    """Returns the id of a queue, by the variable in which the functions are given its URL."""
    urls = {
        plain(function["Environment"]["Variables"][f"{work.upper()}_QUEUE_URL"])
        for function in stack.of_type("Lambda::Function").values()
    }
    (url,) = urls
    return url.strip("<>")


def queue(stack: Template, work: Work) -> Properties:
    return stack.of_type("SQS::Queue")[id_of(stack, work)]


def dead_letters_id(stack: Template, work: Work) -> str:
    return plain(queue(stack, work)["RedrivePolicy"]["deadLetterTargetArn"]).strip("<>")


def mapping(stack: Template, work: Work) -> Properties:
    mappings = stack.of_type("Lambda::EventSourceMapping").values()
    (found,) = (it for it in mappings if plain(it["EventSourceArn"]) == f"<{id_of(stack, work)}>")
    return found


def function_of(stack: Template, function: Function) -> Properties:
    return stack.of_type("Lambda::Function")[function.resource]


def test_each_kind_of_work_has_a_queue_of_its_own_and_one_function_that_takes_from_it(stack: Template) -> None:
    """It is the function's alias, so that a rollback counts for the work too."""
    assert len({id_of(stack, work) for work in Work}) == len(Work)
    assert {it.name for it in CONSUMERS.values()} == set(Work)
    assert len(stack.of_type("Lambda::EventSourceMapping")) == len(Work) + 1, "and one of the ledger's stream"
    for work in Work:
        assert mapping(stack, work)["FunctionName"] == {"Ref": f"{CONSUMERS[work].resource}Aliaslive"}


def test_a_message_stays_hidden_until_its_batch_is_surely_over(stack: Template, work: Work) -> None:
    """AWS recommends six times the function's timeout. A shorter time would have it taken twice while Lambda waits."""
    timeout = function_of(stack, CONSUMERS[work])["Timeout"]
    assert queue(stack, work)["VisibilityTimeout"] == 6 * timeout


@pytest.mark.parametrize("work", [Work.CHECKS, Work.DELIVERIES])
def test_a_hint_is_kept_for_an_hour_and_tried_five_times_within_it(stack: Template, work: Work) -> None:
    """What is older the sweep has sent again; and an hour has room for all attempts after the longest delay."""
    it = queue(stack, work)
    attempts = it["RedrivePolicy"]["maxReceiveCount"]
    assert (it["MessageRetentionPeriod"], attempts) == (HOUR, 5)
    assert LONGEST_DELAY_SECONDS + attempts * it["VisibilityTimeout"] <= HOUR


def test_a_hint_for_the_shop_outlasts_all_attempts(stack: Template) -> None:
    """Nothing sends it again: a row of the ledger says when the shop is given up, never the queue."""
    it = queue(stack, Work.SHOP)
    assert it["MessageRetentionPeriod"] * 1_000 > 2 * TRIED_MS
    longest = TRIED_MS / 1_000 / it["RedrivePolicy"]["maxReceiveCount"]
    assert longest < it["VisibilityTimeout"], "as where a function fails each time and cannot put it off"
    assert LONGEST_PAUSE_MS < LONGEST_HIDDEN_SECONDS * 1_000


def test_a_message_that_fails_each_time_is_kept_for_two_weeks(stack: Template, work: Work) -> None:
    kept = stack.of_type("SQS::Queue")[dead_letters_id(stack, work)]
    assert kept["MessageRetentionPeriod"] == 14 * DAY
    assert "RedrivePolicy" not in kept


def test_no_two_queues_share_their_dead_letters(stack: Template) -> None:
    assert len({dead_letters_id(stack, work) for work in Work}) == len(Work)


def test_every_queue_is_encrypted(stack: Template) -> None:
    assert all(it["SqsManagedSseEnabled"] is True for it in stack.of_type("SQS::Queue").values())


def test_a_message_comes_in_over_tls_alone(stack: Template, work: Work) -> None:
    for function in (it for it in FUNCTIONS if work in it.sends):
        statements = [*statements_of(stack, plain(function_of(stack, function)["Role"])), *of_queue(stack, work)]
        call = ("sqs:SendMessage", f"<{id_of(stack, work)}>")
        assert role_allows(statements, *call, {"aws:SecureTransport": "true"})
        assert not role_allows(statements, *call, {"aws:SecureTransport": "false"})


def of_queue(stack: Template, work: Work) -> list[Properties]:
    policies = stack.of_type("SQS::QueuePolicy").values()
    (policy,) = (it for it in policies if it["Queues"] == [{"Ref": id_of(stack, work)}])
    statements: list[Properties] = policy["PolicyDocument"]["Statement"]
    return statements


def test_a_batch_is_invoked_at_once_and_only_what_failed_comes_again(stack: Template, work: Work) -> None:
    """A window would keep each check of a waiting customer back."""
    it = mapping(stack, work)
    assert it["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert (it["BatchSize"], it.get("MaximumBatchingWindowInSeconds", 0)) == (10, 0)


def test_lambda_takes_no_more_batches_than_it_may_invoke_the_function_with(
    stack: Template, variant: Variant, work: Work
) -> None:
    """It would throttle the others, and each throttled attempt brings a message nearer to the dead letters."""
    limit = mapping(stack, work)["ScalingConfig"]["MaximumConcurrency"]
    assert limit == STAGES[variant.stage].work.of(work)
    assert function_of(stack, CONSUMERS[work])["ReservedConcurrentExecutions"] == limit


def test_all_that_is_reserved_fits_into_an_account_and_is_documented(stack: Template, variant: Variant) -> None:
    reserved = [it["ReservedConcurrentExecutions"] for it in stack.of_type("Lambda::Function").values()]
    assert len(reserved) == len(FUNCTIONS)
    assert sum(reserved) <= ACCOUNT_CONCURRENCY - KEPT_FOR_OTHERS
    assert f"`{variant.stage}` {sum(reserved)}" in (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("size", [{"checks": 1}, {"deliveries": 1}, {"shop": 1}, {"checks": 1_001}])
def test_a_concurrency_that_lambda_does_not_take_is_no_stage(size: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="from 2 to 1,000"):
        replace(PROD.work, **size)
    assert WorkSize(checks=2, deliveries=1_000, shop=2).of(Work.DELIVERIES) == 1_000


def test_lambda_may_take_from_the_functions_own_queue_and_no_other(stack: Template) -> None:
    for function in FUNCTIONS:
        allowed = granted(statements_of(stack, plain(function_of(stack, function)["Role"])))
        taken = {(action, it) for action, it in allowed if action.startswith("sqs:") and action != "sqs:SendMessage"}
        own = [f"<{id_of(stack, function.takes)}>"] if function.takes else []
        puts_off = ["sqs:ChangeMessageVisibility"] if function.takes is Work.SHOP else []
        actions = ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", *puts_off)
        assert taken == {(action, it) for action in actions for it in own}, function.name
