"""Computes what a rate of payments asks of each part, from what `make bench` counts and from what is assumed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from benchmarks.scale.counted import PaymentCounts

MIX = {"paid": 0.55, "declined": 0.30, "unanswered": 0.15}
"""Share of each outcome. Nobody has published CamPay's; these are on the pessimistic side."""


@dataclass(frozen=True, slots=True)
class Assumed:
    """What is neither counted nor set. All of it can be given on the command line."""

    peak: float = 10.0
    """The busiest second of a month beside its average. Loads are at the peak, bills are of the average."""
    screen_seconds: float = 180.0
    """How long a customer's page stays open, with one connection to the gateway."""
    collect_seconds: float = 2.0
    """CamPay's answer to a prompt. Nobody has published a measurement."""
    read_seconds: float = 1.0
    """CamPay's answer to a read, likewise."""
    hanging_seconds: float = 20.0
    """How long a start of a payment waits for a CamPay that does not answer: COLLECT_BUDGET_SECONDS."""
    hanging_read_seconds: float = 2.0
    """How long a look or a webhook waits for it: LOOK_SECONDS."""
    shop_seconds: float = 1.0
    """The shop's answer to an order event."""
    own_seconds: float = 0.1
    """A function's own time beside CamPay: DynamoDB, Redis, the event bus."""
    looks: float = 2.0
    """Calls of tracking for each payment: the page's own and the gateway's snapshot."""
    healths: float = 1.0
    preflights: float = 2.0
    """Calls by OPTIONS before those of another origin. API Gateway answers them itself, and bills them."""
    versions: float = 3.0
    """Changes of a payment that are published."""
    events_per_version: float = 2.0
    event_microseconds: float = 17.3
    """Of the gateway's processor, as docs/performance.md has it."""
    connect_microseconds: float = 790.0
    heartbeat_microseconds: float = 40.0
    """Of a ping and its answer, every 25 s. Estimated."""
    redis_bytes: float = 1_500.0
    """Of an active payment's key, for an hour, with Redis' own overhead."""
    browser_bytes: float = 400.0
    """Of a browser's entry in the registry, kept for a day."""
    ledger_bytes: float = 4_000.0
    """Of a payment's rows and of their index entries."""
    log_bytes: float = 4_000.0
    payment_metrics: float = 20.0
    """Combinations of a metric and its dimensions' values that payments write, such as started by operator."""
    nat_bytes: float = 30_000.0
    """Of a payment's calls of CamPay, of the event bus and of the queues, most of it TLS."""
    out_bytes: float = 12_000.0
    """To the browser and to the shop."""
    statement_microseconds: float = 8.0
    """Of a whole processor for a row of CamPay's: read, and looked for among the ledger's charges or left to the shard
    of its reference. Measured with `CompareStatement` over 20,000 rows and a ledger that has its charges in memory, in
    one shard and in five: 7.8 and 7.8 to 8.2 us in the fastest of four runs, 3.4 of it the parser. Without TLS.
    `python -m benchmarks large-statement` prints what reading alone takes: 7.8 us of 20,000 rows, beside other work."""
    ledger_microseconds: float = 46.0
    """Likewise for a payment of the ledger's day, without the network's time: `large-statement` with 20,000 rows."""
    open_days: float = 4.1
    """Days' rows that the hourly pass reads: those of 72 h and of the 14 h of time zones, and half of today's."""
    compared_statements: float = 3.0
    """Statements that the comparison of a day reads at most: the day's, and those beside while a charge is missing."""
    known_bytes: float = 150.0
    """Of a charge that the hourly pass keeps in mind."""
    compared_bytes: float = 400.0
    """Of a payment of the day that is compared: 100,000 took 113 MB in all (docs/performance.md)."""
    statement_bytes: float = 400.0
    """Of a row of CamPay's."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """A rate of payments a second, at the peak. `counts`: by outcome; `mix`: the share of each."""

    rate: float
    counts: Mapping[str, PaymentCounts]
    mix: Mapping[str, float] = field(default_factory=lambda: MIX)
    assumed: Assumed = Assumed()

    def per_payment(self, of: Callable[[PaymentCounts], float]) -> float:
        """Returns the mean of a figure over the outcomes."""
        return sum(share * of(self.counts[outcome]) for outcome, share in self.mix.items())

    @property
    def webhooks(self) -> float:
        """Returns the webhooks of a payment: CamPay sends none for one that nobody answers."""
        return 1 - self.mix["unanswered"]

    @property
    def checks(self) -> float:
        """Returns the reads of CamPay for a payment that no webhook causes."""
        return self.per_payment(lambda it: it.campay_reads) - self.webhooks

    @property
    def order_events(self) -> float:
        return self.per_payment(lambda it: it.aws_calls.get("PutEvents", 0))

    @property
    def shop_seconds(self) -> float:
        """Returns how long it takes to tell the shop of a payment."""
        return self.order_events * (self.assumed.shop_seconds + self.assumed.own_seconds)

    @property
    def messages(self) -> float:
        """Returns the messages that a payment sends to the work queues while Redis and the event bus are there."""
        return self.per_payment(lambda it: it.messages)

    @property
    def api_calls(self) -> float:
        """Returns what API Gateway is asked for a payment: preflights, health, start, looks, webhook."""
        return self.assumed.preflights + self.assumed.healths + 1 + self.assumed.looks + self.webhooks

    @property
    def api_seconds(self) -> float:
        """Returns how long the API's functions run for a payment."""
        it = self.assumed
        calls = 1 + it.looks + it.healths + self.webhooks
        return it.collect_seconds + self.webhooks * it.read_seconds + calls * it.own_seconds

    @property
    def hanging_seconds(self) -> float:
        """Returns how long they run for it while CamPay does not answer."""
        it = self.assumed
        calls = 1 + it.looks + it.healths + self.webhooks
        return it.hanging_seconds + (it.looks + self.webhooks) * it.hanging_read_seconds + calls * it.own_seconds

    @property
    def check_seconds(self) -> float:
        """Returns how long the checks of a payment take, one after the other."""
        return self.checks * (self.assumed.read_seconds + self.assumed.own_seconds)

    @property
    def delivery_seconds(self) -> float:
        """Returns how long it takes to deliver a payment's versions through the queue, as while Redis is away."""
        return self.assumed.versions * self.assumed.own_seconds

    @property
    def browsers(self) -> float:
        return self.rate * self.assumed.screen_seconds

    @property
    def gateway_processors(self) -> float:
        """Returns the processors that the gateway's events and connections take."""
        it = self.assumed
        events = it.versions * it.events_per_version * it.event_microseconds
        heartbeats = it.screen_seconds / 25 * it.heartbeat_microseconds
        return self.rate * (events + heartbeats + it.connect_microseconds) / 1_000_000

    @property
    def redis_calls(self) -> float:
        """Returns Redis' round trips a second: of the API, of the screens' looks, of the gateway's registry."""
        registry = 4  # connect, track, leave, and a renewal
        return self.rate * (self.per_payment(lambda it: it.redis) + self.assumed.looks + registry)

    @property
    def redis_bytes(self) -> float:
        day = 86_400 * self.rate / self.assumed.peak
        return self.rate * 3_600 * self.assumed.redis_bytes + day * self.assumed.browser_bytes

    @property
    def payments_a_month(self) -> float:
        return self.rate / self.assumed.peak * 730 * 3_600

    @property
    def payments_a_day(self) -> float:
        return self.rate / self.assumed.peak * 86_400
