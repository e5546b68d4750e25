"""Calls the tracking route of the API for payments that Redis does not have."""

import asyncio

import httpx

from chalicelib.domain.contract import MalformedEvent, PaymentEvent, decode
from chalicelib.domain.errors import NotFound
from chalicelib.runtime import log
from socket_gateway.metrics import Metrics
from socket_gateway.settings import Settings


class TrackingApi:
    """Calls the route at most once at a time per payment, and `api_concurrency` times in all."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._base = settings.api_url
        self.timeout = settings.timing.api_timeout_seconds
        self._client = httpx.AsyncClient(timeout=self.timeout, trust_env=False)
        self._free = asyncio.Semaphore(settings.api_concurrency)
        self._metrics = metrics
        self._answers = True
        self._asked: dict[str, asyncio.Task[PaymentEvent | None]] = {}

    async def ask(self, reference: str, token: str) -> PaymentEvent | None:
        """Returns the payment's newest version; None where the API does not answer in time or fails.

        Raises NotFound where there is no such payment, or the token is not for it.
        """
        task = self._asked.get(reference)
        if task is None:
            task = self._asked[reference] = asyncio.create_task(self._ask(reference, token))
            task.add_done_callback(lambda _: self._asked.pop(reference, None))
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Cancels the calls under way and closes the HTTP client."""
        for task in tuple(self._asked.values()):
            task.cancel()
        await self._client.aclose()

    async def _ask(self, reference: str, token: str) -> PaymentEvent | None:
        async with self._free:
            try:
                async with asyncio.timeout(self.timeout):
                    response = await self._client.get(
                        f"{self._base}/api/payment/tracking/{reference}",
                        headers={"authorization": f"Bearer {token}"},
                    )
                event = _read(response, reference)
            except (httpx.HTTPError, TimeoutError, MalformedEvent) as error:
                self._metrics.api_calls.labels("failed").inc()
                if self._answers:  # one line per outage; the metric counts each call
                    log.warning("api-lost", error=type(error).__name__)
                self._answers = False
                return None
        self._metrics.api_calls.labels("answered").inc()
        if not self._answers:
            log.info("api-back")
        self._answers = True
        return event


def _read(response: httpx.Response, reference: str) -> PaymentEvent:
    if response.status_code == httpx.codes.NOT_FOUND:
        raise NotFound
    if response.status_code != httpx.codes.OK:
        raise MalformedEvent(f"status {response.status_code}")
    event = decode(response.content)
    if event["reference"] != reference:
        raise MalformedEvent("another payment")
    return event
