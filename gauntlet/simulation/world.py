"""Is the world of one run: the stores, CamPay, the processes of the service, and what all of them have told."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from chalicelib import bootstrap
from chalicelib.adapters.campay.client import Campay
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.adapters.live_store import LiveStore
from chalicelib.adapters.order_events import OrderEvents
from chalicelib.adapters.work_queue import WorkQueue
from chalicelib.bootstrap import Service
from chalicelib.domain.check_schedule import AGES_SECONDS
from chalicelib.runtime import deadline
from chalicelib.runtime.clock import Clock
from chalicelib.settings import CampaySettings, Limits, Settings
from gauntlet.invariants import Asked, Evidence, Watched
from gauntlet.simulation.campay_http import CampayHttp
from gauntlet.simulation.clients import AwsClient, ProcessClock
from gauntlet.simulation.event_bus import EventBus
from gauntlet.simulation.faults import Faults, Invocation
from gauntlet.simulation.queues import Queues
from gauntlet.simulation.redis_store import RedisClient, RedisStore
from gauntlet.simulation.scheduler import Died, Scheduler
from gauntlet.simulation.table import Table
from local.simulator.api import CampayApi
from local.simulator.customers import Customers
from local.simulator.faults import FaultQueue
from local.simulator.payment_links import PaymentLinks
from local.simulator.records import ledger_row
from local.simulator.settings import SimulatorSettings
from local.simulator.transactions import CAMEROON, Transaction, TransactionLedger

T = TypeVar("T")
TABLE, CHECKS, DELIVERIES = "payments", "checks", "deliveries"
_KEY = "key-of-the-simulation-with-thirty-two-bytes-or-more"
_MOST_SKEW_MS = 1_500
INVOCATION_MS = 29_000
"""How long an invocation lasts at most, as app.py's routes and queues have it."""
_SIMULATOR = SimulatorSettings()
SETTINGS = Settings(
    development=False,
    campay=CampaySettings("http://campay.invalid/api", (_KEY,), _SIMULATOR.permanent_token),
    redis=None,
    frontend_url="http://localhost:8080",
    order_token_keys=(_KEY,),
    tracking_token_keys=(_KEY,),
    phone_hash_keys=(_KEY,),
    merchant_api_keys=(_KEY,),
    operator_keys=(),
    payments_table=TABLE,
    event_bus="default",
    limits=Limits(address_prompts_per_minute=4),
    expires_after_seconds=300.0,
    check_ages_seconds=AGES_SECONDS,
    checks_queue_url=CHECKS,
    deliveries_queue_url=DELIVERIES,
)


class NoReply(Exception):
    """Raised where whoever called a process got no reply: it has died, or takes too long."""


class _PhoneCustomers(Customers):
    """Hands each prompt to an actor."""

    def __init__(self, prompted: Callable[[Transaction], object]) -> None:
        self._prompted = prompted

    def prompt(self, transaction: Transaction) -> None:
        self._prompted(transaction)


class World:
    """Holds what outlives a process. `prompted`: is told of each prompt."""

    def __init__(
        self,
        scheduler: Scheduler,
        faults: Faults,
        prompted: Callable[[Transaction], object],
        queues: Queues,
        ledger: type[Ledger],
    ) -> None:
        self._ledger = ledger
        self.scheduler, self.faults = scheduler, faults
        self.began = scheduler.now
        self.table = Table()
        self.asked: list[Asked] = []
        self.shown: dict[str, list[int]] = defaultdict(list)
        self.campay = TransactionLedger(lambda: datetime.fromtimestamp(scheduler.now / 1000, CAMEROON))
        self.redis = RedisStore(scheduler, self._show)
        self._bus, self.queues = EventBus(), queues
        customers = _PhoneCustomers(prompted)
        links = PaymentLinks(_SIMULATOR, self.campay, customers)
        self._api = CampayApi(_SIMULATOR, self.campay, FaultQueue(), customers, links)
        self._idle: list[Service] = []

    # ------------------------------------------------------------------ processes

    def call(self, name: str, work: Callable[[Service], T], within_ms: int = INVOCATION_MS + 1_000) -> T:
        """Has a process do some work. Raises NoReply, and what the work raises.

        The caller waits a time, and the process goes on without.
        """
        results: list[T] = []
        errors: list[Exception] = []
        actor = self.scheduler.spawn(name, lambda: self._invoke(work, results, errors))
        self.scheduler.join(actor, within_ms)
        if errors:
            raise errors[0]
        if not results:
            raise NoReply
        return results[0]

    def _invoke(self, work: Callable[[Service], T], results: list[T], errors: list[Exception]) -> None:
        actor = self.scheduler.current()
        chance, invocation = actor.chance, Invocation()
        is_new = not self._idle or chance.random() < 0.2
        service = (
            self._process(chance.randint(-_MOST_SKEW_MS, _MOST_SKEW_MS)) if is_new else self._take(chance.random())
        )
        actor.invocation = invocation
        try:
            with deadline.until(service.clock.now() + INVOCATION_MS):
                results.append(work(service))
        except Died:
            return
        except Exception as error:
            errors.append(error)
        self._idle.append(service)

    def _take(self, dice: float) -> Service:
        return self._idle.pop(int(dice * len(self._idle)))

    def _process(self, skew: int) -> Service:
        clock = ProcessClock(self.scheduler, self.faults, skew)
        redis, dynamodb = RedisClient(self.redis, self.faults), AwsClient("dynamodb", self.table, self.faults)
        live_store = LiveStore(lambda: redis, clock, in_memory=False)
        campay = Campay(SETTINGS.campay, clock, shared_breaker=live_store.shared_breaker)
        campay._http = CampayHttp(self._api, clock, self.faults)  # noqa: SLF001 the one place at which it reaches a network
        ledger: Any = dynamodb
        events, queues = AwsClient("events", self._bus, self.faults), AwsClient("sqs", self.queues, self.faults)
        return bootstrap.compose(
            SETTINGS,
            clock,
            campay,
            self._ledger(ledger, TABLE, clock),
            live_store,
            OrderEvents(lambda: events, SETTINGS.event_bus),  # type: ignore[arg-type, return-value]  # as far as it calls them
            WorkQueue(lambda: queues, CHECKS, DELIVERIES, clock),  # type: ignore[arg-type, return-value]  # as far as it calls them
        )

    # ------------------------------------------------------------------ what was seen

    def _show(self, payload: Mapping[str, Any]) -> None:
        """Shows a version to the browsers, as a gateway does: none that is older than one it has shown."""
        shown = self.shown[payload["reference"]]
        if not shown or payload["version"] > shown[-1]:
            shown.append(payload["version"])

    @property
    def ledger(self) -> Ledger:
        """Returns a ledger that reads the table without steps."""
        table: Any = self.table
        return Ledger(table, TABLE, Clock())

    def days(self) -> list[date]:
        first, last = (datetime.fromtimestamp(at / 1000, UTC).date() for at in (self.began, self.scheduler.now))
        return [first + timedelta(days=number) for number in range(-1, (last - first).days + 2)]

    def evidence(self) -> Evidence:
        ledger = self.ledger
        payments = {it.reference: it for day in self.days() for it in ledger.claimed_on(day)}
        return Evidence(
            transactions=[ledger_row(it) for it in self.campay.all()],
            payments=payments,
            versions={reference: ledger.versions_of(reference) for reference in payments},
            told=self._bus.told,
            announced=self._bus.told,
            asked=self.asked,
            watched=[Watched(reference, self.shown[reference]) for reference in payments],
            prompts_per_phone=SETTINGS.limits.phone_prompts_per_day,
        )

    def next_due(self) -> int | None:
        """Returns when the ledger's next check or delivery is due; None where nothing waits."""
        states = (rows["state"] for key, rows in self.table.rows.items() if key.startswith("payment#"))
        times = [int(row[name]["N"]) for row in states for name in ("checkAt", "undeliveredSince") if name in row]
        return min(times, default=None)
