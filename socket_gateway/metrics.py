"""Defines the gateway's metrics, in Prometheus' text format. No label has a reference, a phone number or an address."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Holds the metrics of one gateway in a registry of its own, so that several gateways can share a process."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.events_sent = 0
        self.relay_messages = 0
        registry.register(_Counted(self))
        self.refusals = Counter(
            "gateway_refusals", "Requests of browsers that were refused", ["code"], registry=registry
        )
        self.closes = Counter("gateway_closes", "Connections that the gateway ended", ["reason"], registry=registry)
        self.relay_lost = Counter("gateway_relay_lost", "Losses of the connection to Redis", registry=registry)
        self.catch_ups = Counter("gateway_catch_ups", "Reads of all snapshots after a gap", registry=registry)
        self.api_calls = Counter(
            "gateway_api_calls", "Calls of the tracking route of the API", ["outcome"], registry=registry
        )
        self.track_seconds = Histogram(
            "gateway_track_seconds",
            "From a valid track-payment to its answer",
            buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
            registry=registry,
        )

    def sent(self, events: int) -> None:
        """Counts events that were put on the way to a browser."""
        self.events_sent += events

    def relayed(self) -> None:
        """Counts a payment message from Redis."""
        self.relay_messages += 1

    def gauge(self, name: str, description: str, read: Callable[[], float]) -> None:
        """Adds a gauge whose value is read at each scrape."""
        Gauge(name, description, registry=self._registry).set_function(read)

    def text(self) -> bytes:
        """Renders all metrics as CONTENT_TYPE says."""
        return generate_latest(self._registry)


class _Counted(Collector):
    """Reads the plain numbers at each scrape: a Counter's lock would cost a microsecond for each event."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[CounterMetricFamily]:
        metrics = self._metrics
        yield CounterMetricFamily("gateway_events_sent", "Events put on the way to a browser", metrics.events_sent)
        yield CounterMetricFamily("gateway_relay_messages", "Payment messages from Redis", metrics.relay_messages)
