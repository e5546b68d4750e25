"""Shows that the simulation's queues in memory take, refuse, hide and hand over messages as SQS does.

moto stands for SQS, behind the product's client. Time passes for it by when its messages can be taken.
"""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sqs.models import sqs_backends

from chalicelib.adapters.work_queue import LONGEST_DELAY_SECONDS, WorkQueue
from chalicelib.domain.hints import CheckHint
from chalicelib.runtime import aws as aws_calls
from chalicelib.runtime.clock import machine_now
from gauntlet.simulation.clients import AwsClient
from gauntlet.simulation.faults import Likelihood
from gauntlet.simulation.machine import simulated_machine
from gauntlet.simulation.queues import Queues
from local.embedded import EmbeddedAws
from tests.conftest import aws_environment
from tests.harness.fakes import HandClock
from tests.harness.simulated import AWS_REFUSALS, Simulated, Twins, outcome, read_of

REFERENCE = "73c0dd0e-3d1c-4fd6-9a3e-7f2d3f5d9d5c"
HIDDEN, MOST_RECEIVED = 350, 3
PASSES = 60
DELAYS = (0, 25, 875, LONGEST_DELAY_SECONDS + 1)
"""No message can be taken within ten seconds of when it is looked for, but one that comes at once."""
_NAMES = (f"twin-{number}" for number in itertools.count(1))


class Sqs:
    """Is the two of them, with one queue that has the same URL in both: their clients as `twins`."""

    def __init__(self, client: Any) -> None:
        self.simulated = Simulated()
        name = next(_NAMES)
        self._names = name, f"{name}-dead"
        dead = client.create_queue(QueueName=self._names[1])["QueueUrl"]
        arn = client.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        redrive = f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": {MOST_RECEIVED}}}'
        attributes = {"VisibilityTimeout": str(HIDDEN), "RedrivePolicy": redrive}
        self.url: str = client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self.will_show: list[int] = []
        self.in_memory = Queues(
            lambda: self.simulated.scheduler.now,
            [self.url],
            HIDDEN * 1000,
            MOST_RECEIVED,
            lambda: [0],
            lambda _, at: self.will_show.append(at),
        )
        memory_client = AwsClient("sqs", self.in_memory, self.simulated.faults)
        self.twins: Any = Twins(memory_client, client, _comparable, AWS_REFUSALS)
        self._receipts: dict[str, tuple[str, str]] = {}

    def messages(self, *, dead: bool = False) -> list[Any]:
        """Lists moto's own messages."""
        backend: Any = sqs_backends[DEFAULT_ACCOUNT_ID]["eu-west-1"]
        found: list[Any] = backend.queues[self._names[dead]]._messages
        return found

    def forward(self, seconds: int) -> None:
        self.simulated.scheduler.now += seconds * 1000
        for message in self.messages():
            message.delayed_until -= seconds * 1000
            message.visible_at -= seconds * 1000

    def receive(self, most: int) -> list[str]:
        """Takes messages. Returns their bodies."""
        answers: list[Any] = [
            outcome(lambda: client.receive_message(QueueUrl=self.url, MaxNumberOfMessages=most), (ClientError,))  # noqa: B023 called at once
            for client in (self.twins.simulated, self.twins.real)
        ]
        assert _comparable(answers[0]) == _comparable(answers[1])
        if isinstance(answers[1], Exception):
            raise answers[1]
        taken = [answer.get("Messages", []) for answer in answers]
        for one, other in zip(*taken, strict=True):
            self._receipts[other["Body"]] = one["ReceiptHandle"], other["ReceiptHandle"]
        return [message["Body"] for message in taken[1]]

    def delete(self, body: str) -> None:
        """Deletes a message that was taken, and was not taken too often since."""
        if all(dead != body for _, dead in self.in_memory.dead):
            receipts = self._receipts.pop(body)
            for client, receipt in zip((self.twins.simulated, self.twins.real), receipts, strict=True):
                client.delete_message(QueueUrl=self.url, ReceiptHandle=receipt)

    def agree(self) -> None:
        """Compares all messages: how often each was taken, and when it can be taken again."""
        dead = [body for _, body in self.in_memory.dead]
        assert dead == [message.body for message in self.messages(dead=True)]
        kept, there = self.in_memory.waiting[self.url], self.messages()
        assert [(it.body, it.received) for it in kept] == [(it.body, it.approximate_receive_count) for it in there]
        moment = machine_now()
        for one, other in zip(kept, there, strict=True):
            left = max(0, one.shown_at - self.simulated.scheduler.now)
            assert abs(left - max(0, other.delayed_until - moment, other.visible_at - moment)) < 10_000


def _comparable(found: Any) -> Any:
    """Returns what the product and Lambda read of an answer or a refusal."""
    if isinstance(found, Exception):
        return read_of(found)
    failed = [(it["Id"], it["SenderFault"], it["Code"]) for it in found.get("Failed", ())]
    return [it["Body"] for it in found.get("Messages", ())], failed, [it["Id"] for it in found.get("Successful", ())]


@pytest.fixture
def client(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in aws_environment(aws).items():
        monkeypatch.setenv(name, value)
    aws.faults.set()
    yield aws_calls.make_client("sqs")
    aws.faults.set()


@pytest.fixture
def sqs(client: Any) -> Sqs:
    return Sqs(client)


def an_entry(number: int, delay: int = 0) -> dict[str, Any]:
    return {"Id": str(number), "MessageBody": f"body {number}", "DelaySeconds": delay}


_CALLS = st.one_of(
    st.tuples(st.just("send"), st.lists(st.sampled_from(DELAYS), max_size=11)),
    st.tuples(st.just("receive"), st.integers(1, 10)),
    st.tuples(st.just("delete"), st.integers(0, 20)),
    st.tuples(st.just("pass"), st.integers(1, 8)),
)


@pytest.mark.timeout(120)
def test_drawn_calls_get_the_same_answers(client: Any) -> None:
    """Messages are sent, taken, deleted or not, and taken again, until they were taken too often."""
    refused, dead = [], []

    @settings(max_examples=30, derandomize=True, database=None, phases=[Phase.generate])  # to shrink takes minutes
    @given(st.lists(_CALLS, min_size=10, max_size=40))
    def agree(drawn: list[Any]) -> None:
        sqs, sent, taken = Sqs(client), itertools.count(), list[str]()

        def make(kind: str, what: Any) -> None:
            if kind == "send":
                entries = [an_entry(next(sent), delay) for delay in what]
                outcome(lambda: sqs.twins.send_message_batch(QueueUrl=sqs.url, Entries=entries), (ClientError,))
            elif kind == "receive":
                taken.extend(sqs.receive(what))
            elif kind == "delete" and what < len(taken):
                body = taken[what]
                taken[:] = [it for it in taken if it != body]
                sqs.delete(body)
            elif kind == "pass":
                sqs.forward(what * PASSES)

        for call in drawn:
            sqs.simulated.run(lambda: make(*call))  # noqa: B023 called at once
            sqs.agree()
        refused.extend(sqs.twins.refused)
        dead.extend(sqs.in_memory.dead)

    agree()
    assert refused
    assert dead


@pytest.mark.parametrize("entries", [[], [an_entry(1), an_entry(1)], [an_entry(it) for it in range(11)]])
def test_what_sqs_does_not_take_is_refused(sqs: Sqs, entries: list[Any]) -> None:
    send = {"QueueUrl": sqs.url, "Entries": entries}
    with pytest.raises(ClientError):
        sqs.simulated.run(lambda: sqs.twins.send_message_batch(**send))
    with pytest.raises(ClientError, match="QueueDoesNotExist"):
        sqs.simulated.run(lambda: sqs.twins.send_message_batch(QueueUrl=f"{sqs.url}-none", Entries=[an_entry(1)]))
    for most in (0, 11):
        with pytest.raises(ClientError):
            sqs.simulated.run(lambda: sqs.receive(most))  # noqa: B023 called at once
    assert not sqs.in_memory.waiting[sqs.url]
    sqs.agree()


def test_hints_are_sent_and_come_at_the_same_time(sqs: Sqs, clock: HandClock) -> None:
    """The product's queue sends hints for now, for later, and for later than SQS takes, more than fit into one call."""
    queue = WorkQueue(lambda: sqs.twins, sqs.url, sqs.url, clock)
    references, others = ([f"{number:08x}{REFERENCE[8:]}" for number in range(*of)] for of in ((25,), (25, 29)))
    times = [clock.now() + seconds * 1000 for seconds in (-5, 0, 25, 875, 5_000)]
    began = sqs.simulated.scheduler.now

    def send() -> None:
        queue.check_all((CheckHint(reference), at) for reference, at in zip(references, times * 5, strict=True))
        queue.deliver_all(others[:3])
        queue.deliver(others[3], times[2])
        queue.look_for_undelivered()

    with simulated_machine(sqs.simulated.scheduler):
        sqs.simulated.run(send)
    sqs.agree()
    assert len(sqs.will_show) == 30
    assert max(sqs.will_show) - began < (LONGEST_DELAY_SECONDS + 10) * 1000
    counts = []
    for seconds in (0, PASSES, 1_000):
        sqs.forward(seconds)
        taken: list[str] = []
        while found := sqs.simulated.run(lambda: sqs.receive(10)):
            taken += found
        counts.append(len(taken))
        for body in taken:
            sqs.simulated.run(lambda: sqs.delete(body))  # noqa: B023 called at once
    assert sum(counts) == 30


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize(
    ("kind", "likely"), [("unavailable", Likelihood(refuse=1.0)), ("lost-answer", Likelihood(lose=1.0))]
)
def test_a_call_that_fails_is_made_three_times(
    sqs: Sqs, aws: EmbeddedAws, clock: HandClock, kind: str, likely: Likelihood, times: int
) -> None:
    """A message whose answer is lost is sent again: it comes as often. What fails each time raises nothing."""
    sqs.twins.comparable = lambda found: "away" if isinstance(found, Exception) else _comparable(found)
    aws.faults.set({"operation": "SendMessageBatch", "kind": kind, "count": times})
    sqs.simulated.fail("sqs", likely, times)
    queue = WorkQueue(lambda: sqs.twins, sqs.url, "", clock)
    sqs.simulated.run(lambda: queue.check(CheckHint(REFERENCE)))
    aws.faults.set()
    assert len(sqs.twins.refused) == (times == 3)
    assert len(sqs.messages()) == (times + (times < 3) if kind == "lost-answer" else times < 3)
    sqs.agree()
