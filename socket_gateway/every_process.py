"""Answers `/metrics` and `/readyz` for all processes of a gateway: a request reaches any one of them."""

import asyncio
import json
from collections.abc import Iterator, Mapping

from prometheus_client import generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from socket_gateway.asgi_http import Application, Receive, Scope, Send, respond, respond_json
from socket_gateway.metrics import CONTENT_TYPE
from socket_gateway.moving import Moving

_PATIENCE_SECONDS = 1.0


class EveryProcess:
    """Asks every process and joins the answers. It is an ASGI application, and leaves other paths to its own one.

    Metrics get the label `process`; those of a process that does not answer are missing. The gateway is ready where
    every process is. Whether it is alive each process says of itself: the supervisor restarts one that is not.
    """

    def __init__(self, application: Application, moving: Moving) -> None:
        self._application = application
        self._moving = moving

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = (
            scope["path"] if scope["type"] == "http" and scope["client"] else ""
        )  # a process that asks has no address
        if path == "/metrics":
            await respond(send, 200, generate_latest(_Joined(await self._ask(path))), CONTENT_TYPE)
        elif path == "/readyz":
            reasons = _reasons(await self._ask(path))
            await respond_json(send, 503 if reasons else 200, ready=not reasons, reasons=reasons)
        else:
            await self._application(scope, receive, send)

    async def _ask(self, path: str) -> dict[int, str | None]:
        """Returns the answer of each process; None where it gives none."""
        numbers = range(self._moving.count)
        return dict(
            zip(numbers, await asyncio.gather(*(self._ask_one(number, path) for number in numbers)), strict=True)
        )

    async def _ask_one(self, number: int, path: str) -> str | None:
        request = f"GET {path} HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\r\n"
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                reader, writer = await asyncio.open_unix_connection(sock=self._moving.connect(number, request.encode()))
                try:
                    answer = await reader.read()
                finally:
                    writer.close()
        except OSError:  # TimeoutError is one
            return None
        return answer.partition(b"\r\n\r\n")[2].decode()


class _Joined(Collector):
    """Joins the metrics of processes, in Prometheus' text format."""

    def __init__(self, texts: Mapping[int, str | None]) -> None:
        self._texts = texts

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        for number, text in self._texts.items():
            for family in text_string_to_metric_families(text or ""):
                joined = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                for sample in family.samples:
                    joined.add_sample(sample.name, {**sample.labels, "process": str(number)}, sample.value)
        yield from families.values()


def _reasons(answers: Mapping[int, str | None]) -> list[str]:
    """Returns why one process or another is not ready. One that does not answer counts as dead."""
    found = [
        reason for answer in answers.values() for reason in (json.loads(answer)["reasons"] if answer else ["dead"])
    ]
    return list(dict.fromkeys(found))
