"""Stands for Lambda's triggers: hands messages of the queues to the functions of `app.py`, and starts its schedules.

`python -m local.worker` does so until SIGTERM or SIGINT, with the API's environment. It sweeps every SWEEP_SECONDS.
"""

import importlib
import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import boto3
from chalice.local import LambdaContext

from chalicelib.bootstrap import service
from chalicelib.runtime import aws, log
from chalicelib.runtime.settings_reader import InvalidSettings
from local.embedded import Embedded

logger = logging.getLogger("local.worker")

Function = Callable[[Mapping[str, Any]], Any]
"""Runs a function of `app.py` for an event."""

CHECKS_AT_ONCE, DELIVERIES_AT_ONCE, SHOP_AT_ONCE = 4, 2, 1
"""How many functions of each kind run at a time."""
FUNCTION_MS = 60_000
"""Time limit of one run, as in `.chalice/config.json`."""
LATE_PAYMENTS_SECONDS = 3600.0
_BATCH = 10
_WAIT_SECONDS = 1
_PAUSE_SECONDS = 0.2
_STREAM_PAUSE_SECONDS = 0.5
SCHEDULED: Mapping[str, Any] = {
    "version": "0",
    "id": "local",
    "source": "aws.events",
    "detail-type": "Scheduled Event",
    "account": "local",
    "region": "local",
    "time": "1970-01-01T00:00:00Z",
    "resources": [],
    "detail": {},
}


class Worker(Embedded):
    """Runs every trigger on threads of its own, until it is stopped."""

    def __init__(self, product: Any, queue_urls: tuple[str, str, str], table: str, sweep_seconds: float = 60.0) -> None:
        checks, deliveries, shop = queue_urls
        self._sqs = aws.make_client("sqs")
        self._stopped = threading.Event()
        triggers = [
            *[partial(self._poll, checks, partial(_run, "checks", product.checks))] * CHECKS_AT_ONCE,
            *[partial(self._poll, deliveries, partial(_run, "deliveries", product.deliveries))] * DELIVERIES_AT_ONCE,
            *[partial(self._poll, shop, partial(_run, "shop", product.shop))] * SHOP_AT_ONCE,
            partial(self._repeat, sweep_seconds, partial(_run, "sweep", product.sweep)),
            partial(self._follow, table, partial(_run, "rollups", product.rollups)),
            partial(self._repeat, LATE_PAYMENTS_SECONDS, partial(_run, "late_payments", product.late_payments)),
        ]
        self._threads = [threading.Thread(target=trigger, daemon=True) for trigger in triggers]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(timeout=_WAIT_SECONDS + 1)

    def _poll(self, url: str, function: Function) -> None:
        while not self._stopped.is_set():
            try:
                self._hand_over(url, function)
            except Exception:
                logger.exception("the queue or its function failed; its messages come again")
                self._stopped.wait(_PAUSE_SECONDS)

    def _hand_over(self, url: str, function: Function) -> None:
        """Hands the messages that are there to the function, and deletes those that it does not report as failed."""
        received = self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=_BATCH, WaitTimeSeconds=_WAIT_SECONDS)
        messages = received.get("Messages", [])
        if not messages:
            return
        names = {"messageId": "MessageId", "body": "Body", "receiptHandle": "ReceiptHandle"}
        event = {"Records": [{name: it[key] for name, key in names.items()} for it in messages]}
        answer = function(event)
        failed = {it["itemIdentifier"] for it in answer["batchItemFailures"]}
        done = [it for it in messages if it["MessageId"] not in failed]
        entries = [{"Id": str(number), "ReceiptHandle": it["ReceiptHandle"]} for number, it in enumerate(done)]
        if entries:
            self._sqs.delete_message_batch(QueueUrl=url, Entries=entries)

    def _follow(self, table: str, function: Function) -> None:
        """Hands the records of the table's stream to the function, those that it fails with again."""
        shards = Shards(table)
        while not self._stopped.wait(_STREAM_PAUSE_SECONDS):
            try:
                for event in shards.events():
                    function(event)
            except Exception:
                logger.exception("the stream or its function failed; its records come again")

    def _repeat(self, seconds: float, function: Function) -> None:
        while not self._stopped.wait(seconds):
            try:
                function(SCHEDULED)
            except Exception:
                logger.exception("the schedule failed and goes on")


class Shards:
    """Reads the shards of a table's stream, each from its oldest record on."""

    def __init__(self, table: str) -> None:
        self._client = boto3.client("dynamodbstreams")
        self._table = table
        self._iterators: dict[str, str] = {}

    def events(self) -> Iterator[Mapping[str, Any]]:
        """Yields an event for the new records of each shard. They come again unless the next event is asked for."""
        for shard, iterator in {**self._found(), **self._iterators}.items():
            answer = self._client.get_records(ShardIterator=iterator)
            if answer["Records"]:
                yield {"shardId": shard, "Records": answer["Records"], "state": {}}
            self._iterators[shard] = answer["NextShardIterator"]

    def _found(self) -> Mapping[str, str]:
        """Returns an iterator of each shard, before any record was read."""
        if self._iterators:
            return {}
        (stream,) = self._client.list_streams(TableName=self._table)["Streams"]
        arn = stream["StreamArn"]
        shards = [it["ShardId"] for it in self._client.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]]
        return {
            shard: self._client.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")[
                "ShardIterator"
            ]
            for shard in shards
        }


def _run(name: str, function: Callable[[Mapping[str, Any], LambdaContext], Any], event: Mapping[str, Any]) -> Any:
    return function(event, LambdaContext(name, 512, max_runtime_ms=FUNCTION_MS))


def main() -> None:
    log.configure()
    log.hook_uncaught()
    product = importlib.import_module("app")
    try:
        settings = service().settings
    except InvalidSettings as error:
        sys.exit(f"the environment is not complete: {error}")
    ends = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    urls = (settings.checks_queue_url, settings.deliveries_queue_url, settings.shop_queue_url)
    with Worker(product, urls, settings.payments_table, settings.sweep_seconds):
        log.info("working")
        signal.sigwait(ends)


if __name__ == "__main__":
    main()
