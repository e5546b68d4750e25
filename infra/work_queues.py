"""Creates the queues of the work that is due: payments to check with CamPay, changes to deliver, the shop to tell.

A message is a hint and names a payment at most; the ledger decides what is done. So no message of checks and deliveries
is worth keeping: what one said and did not bring about, the sweep finds in the ledger within a minute and sends again.
Of what the shop has not been told there is no such list: its messages stay until it is told, or given up.
"""

from typing import Any

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.functions import BATCH, HIDDEN_SECONDS, Work
from infra.queues import dead_letter_queue, encrypted_queue

_KEPT = {Work.CHECKS: Duration.hours(1), Work.DELIVERIES: Duration.hours(1), Work.SHOP: Duration.days(14)}
"""How long a message is kept. The sweep repeats what is overdue each minute: longer queues of checks and deliveries
would be the same payments again and again. The shop is told for three days, and then again with the next version."""
_ATTEMPTS = {Work.CHECKS: 5, Work.DELIVERIES: 5, Work.SHOP: 1_000}
"""AWS recommends 5 at least, since a batch that Lambda could not invoke the function with counts as an attempt. 1,000
is SQS's maximum: how often the shop is tried the function decides, which puts its messages off."""


class WorkQueues(Construct):
    """The queues by kind of work, and `dead_letters`: those of messages that failed each time they were taken."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = {
            work: dead_letter_queue(self, f"{work}DeadLetters", RemovalPolicy.DESTROY) for work in Work
        }
        self.queues = {work: self._queue(work) for work in Work}

    def environment(self) -> dict[str, str]:
        """Returns the variables by which a function finds the queues."""
        return {f"{work.upper()}_QUEUE_URL": queue.queue_url for work, queue in self.queues.items()}

    def outputs(self) -> dict[str, str]:
        """Returns the stack's outputs about the queues: their URLs."""
        return {
            **{f"{work}Queue": queue.queue_url for work, queue in self.queues.items()},
            **{f"{work}DeadLetters": queue.queue_url for work, queue in self.dead_letters.items()},
        }

    def event(self, work: Work, concurrency: int) -> dict[str, Any]:
        """Returns the event of a SAM function that makes Lambda invoke it with the work, no more than so often at once.

        As SAM's event, it invokes the function's alias where there is one. A batch is invoked as soon as there is a
        message. The function names the messages that failed, and only these come again.
        """
        properties = {
            "Queue": self.queues[work].queue_arn,
            "BatchSize": BATCH,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "ScalingConfig": {"MaximumConcurrency": concurrency},
        }
        return {"Type": "SQS", "Properties": properties}

    def _queue(self, work: Work) -> sqs.Queue:
        return encrypted_queue(
            self,
            work,
            _KEPT[work],
            visibility_timeout=Duration.seconds(HIDDEN_SECONDS),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters[work], max_receive_count=_ATTEMPTS[work]),
        )
