"""Builds the service once per process, and decides once which Redis and which AWS it uses."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from chalicelib.adapters.campay.client import Campay
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.adapters.ledger.table import create_table
from chalicelib.adapters.live_store import LiveStore
from chalicelib.adapters.order_events import OrderEvents
from chalicelib.adapters.redis_client import connect
from chalicelib.adapters.shop import Shop
from chalicelib.adapters.work_queue import WorkQueue
from chalicelib.domain.check_schedule import CheckSchedule
from chalicelib.flows.address_limits import AddressLimits
from chalicelib.flows.analytics import Analytics
from chalicelib.flows.attention import Attention
from chalicelib.flows.catch_up_deliveries import CatchUpDeliveries
from chalicelib.flows.check_payments import CheckPayments
from chalicelib.flows.commit_payment import CommitPayment
from chalicelib.flows.compare_statement import CompareStatement
from chalicelib.flows.compared_days import ComparedDays
from chalicelib.flows.count_changes import CountChanges
from chalicelib.flows.deliver_payment import DeliverPayment
from chalicelib.flows.earlier_attempts import EarlierAttempts
from chalicelib.flows.failing_operators import FailingOperators
from chalicelib.flows.give_up_payment import GiveUpPayment
from chalicelib.flows.initiate_payment import InitiatePayment
from chalicelib.flows.late_payments import LatePayments
from chalicelib.flows.list_order_events import ListOrderEvents
from chalicelib.flows.mend_live_store import MendLiveStore
from chalicelib.flows.operate_payment import OperatePayment
from chalicelib.flows.payment_history import PaymentHistory
from chalicelib.flows.payment_links import PaymentLinks
from chalicelib.flows.payment_story import PaymentStory
from chalicelib.flows.read_payment import ReadPayment
from chalicelib.flows.refund_payment import RefundPayment
from chalicelib.flows.search_payments import SearchPayments
from chalicelib.flows.settle_payment import SettlePayment
from chalicelib.flows.settle_refunds import SettleRefunds
from chalicelib.flows.sweep_ledger import SweepLedger
from chalicelib.flows.tell_operators import TellOperators
from chalicelib.flows.tell_shop import TellShop
from chalicelib.flows.track_payment import TrackPayment
from chalicelib.runtime import aws, log
from chalicelib.runtime.clock import Clock
from chalicelib.runtime.settings_reader import InvalidSettings
from chalicelib.settings import Settings, read_settings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_QUEUE_READ_SECONDS = 1.0
"""How long SQS is waited for, three times at most: nothing depends on a message, and webhooks' answers wait for it."""


@dataclass(frozen=True, slots=True)
class Service:
    """Holds the settings, the adapters and the flows of one process."""

    settings: Settings
    clock: Clock
    campay: Campay
    ledger: Ledger
    live_store: LiveStore
    order_events: OrderEvents
    work_queue: WorkQueue
    address_limits: AddressLimits
    initiate: InitiatePayment
    settle: SettlePayment
    track: TrackPayment
    give_up: GiveUpPayment
    links: PaymentLinks
    check: CheckPayments
    catch_up: CatchUpDeliveries
    tell_shop: TellShop
    list_order_events: ListOrderEvents
    sweep: SweepLedger
    late_payments: LatePayments
    operate: OperatePayment
    refund: RefundPayment
    history: PaymentHistory
    story: PaymentStory
    search: SearchPayments
    compare_statement: CompareStatement
    compared_days: ComparedDays
    count_changes: CountChanges
    analytics: Analytics
    attention: Attention
    failing_operators: FailingOperators

    def close(self) -> None:
        """Closes the connections to CamPay and to Redis."""
        self.campay.close()
        self.live_store.close()


SECRETS_RELOAD_INTERVAL_MS = 60_000
"""Shortest time between two reads of the secrets: invalid keys must not generate load on Secrets Manager."""


class Process:
    """Holds this process's one service, and builds it anew after its secrets have been rotated."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._service: Service | None = None
        self._built_at = 0
        self._reload_is_requested = False
        self._lock = threading.Lock()

    def service(self) -> Service:
        """Returns the service, built when it is first asked for. Raises InvalidSettings."""
        with self._lock:
            if self._service is None:
                log.configure()
                self._service = build(read_settings(), self._clock, self.request_secrets_reload)
                self._built_at = self._clock.now()
            elif self._reload_is_requested:
                self._service = self._rebuilt(self._service)
                self._built_at, self._reload_is_requested = self._clock.now(), False
            return self._service

    def _rebuilt(self, old: Service) -> Service:
        """Builds the service with the secrets of now. Returns the old one where they cannot be read or are the same."""
        try:
            settings = read_settings()
        except InvalidSettings as error:
            log.alarm("secrets-not-read-again", reason=str(error))
            return old
        if settings == old.settings:
            return old
        log.info("secrets-changed")
        return build(settings, self._clock, self.request_secrets_reload)

    def request_secrets_reload(self) -> None:
        """Lets the next call of `service` read the secrets again, unless they were read within the last minute.

        Call it when a credential is rejected, a caller's or our own.
        """
        if self._service is None or not self._service.settings.secrets_id:
            return
        if self._clock.now() - self._built_at > SECRETS_RELOAD_INTERVAL_MS:
            self._reload_is_requested = True

    def close(self) -> None:
        with self._lock:
            if self._service is not None:
                self._service.close()
            self._service = None


clock = Clock()
process = Process(clock)
service = process.service
request_secrets_reload = process.request_secrets_reload


def build(settings: Settings, clock: Clock, request_secrets_reload: Callable[[], None] = lambda: None) -> Service:
    """Builds the adapters that the settings name, and the flows on them.

    `request_secrets_reload`: called when Redis or CamPay rejects our credentials.
    """
    in_memory = _is_alone(settings)
    dynamodb = _in_memory_dynamodb() if in_memory else aws.make_client("dynamodb")
    table = settings.payments_table or _IN_MEMORY_TABLE
    ledger = Ledger(dynamodb, table, clock, settings.day_shards, settings.payments_kept_days)
    live_store = _live_store(settings, clock, request_secrets_reload)
    campay = Campay(settings.campay, clock, request_secrets_reload, live_store.shared_breaker)
    order_events = OrderEvents(lambda: aws.make_client("events"), "" if in_memory else settings.event_bus)
    urls = ("", "") if in_memory else (settings.checks_queue_url, settings.deliveries_queue_url)
    work_queue = WorkQueue(
        lambda: aws.make_client("sqs", _QUEUE_READ_SECONDS), *urls, clock, shop_url=settings.shop_queue_url
    )
    return compose(settings, clock, campay, ledger, live_store, order_events, work_queue)


def compose(
    settings: Settings,
    clock: Clock,
    campay: Campay,
    ledger: Ledger,
    live_store: LiveStore,
    order_events: OrderEvents,
    work_queue: WorkQueue,
) -> Service:
    """Builds every flow on the given adapters."""
    schedule = CheckSchedule(settings.check_ages_seconds)
    deliver = DeliverPayment(ledger, live_store, order_events, work_queue, clock)
    commit = CommitPayment(ledger, deliver, schedule, clock)
    read = ReadPayment(campay, ledger, commit)
    settle = SettlePayment(campay, ledger, read, commit, clock)
    settle_refunds = SettleRefunds(campay, commit)
    address_limits = AddressLimits(live_store, settings.limits)
    expires_after_ms = int(settings.expires_after_seconds * 1000)
    return Service(
        settings=settings,
        clock=clock,
        campay=campay,
        ledger=ledger,
        live_store=live_store,
        order_events=order_events,
        work_queue=work_queue,
        address_limits=address_limits,
        initiate=InitiatePayment(
            campay,
            ledger,
            deliver,
            commit,
            work_queue,
            EarlierAttempts(ledger, settle, clock),
            address_limits,
            schedule,
            clock,
            settings.limits,
            settings.phone_hash_keys,
            expires_after_ms,
            settings.prompts_paused,
        ),
        settle=settle,
        track=TrackPayment(ledger, live_store, settle, clock),
        give_up=GiveUpPayment(ledger, settle, commit),
        links=PaymentLinks(ledger, clock, campay.currencies),
        check=CheckPayments(campay, ledger, settle, read, settle_refunds, commit, work_queue, schedule, clock),
        catch_up=CatchUpDeliveries(ledger, live_store, deliver, work_queue, clock),
        tell_shop=TellShop(ledger, _shop(settings, clock), clock),
        list_order_events=ListOrderEvents(ledger, clock),
        sweep=SweepLedger(
            ledger,
            live_store,
            work_queue,
            MendLiveStore(ledger, live_store, clock, expires_after_ms),
            clock,
            expires_after_ms,
            int(settings.sweep_seconds * 1000),
        ),
        late_payments=LatePayments(campay, ledger, work_queue, clock),
        operate=OperatePayment(ledger, settle, settle_refunds, commit, deliver, clock),
        refund=RefundPayment(
            campay, ledger, commit, work_queue, schedule, clock, settings.refunds, settings.prompts_paused
        ),
        history=PaymentHistory(ledger, settings.tracking_token_keys),
        story=PaymentStory(ledger, clock, settings.refunds),
        search=SearchPayments(ledger, clock, settings.phone_hash_keys),
        compare_statement=CompareStatement(campay, ledger, settle, clock),
        compared_days=ComparedDays(ledger, clock),
        count_changes=CountChanges(ledger, clock, TellOperators(live_store, clock)),
        analytics=Analytics(ledger, live_store, clock),
        attention=Attention(ledger, clock, settings.refunds),
        failing_operators=FailingOperators(ledger, live_store, clock),
    )


def _shop(settings: Settings, clock: Clock) -> Shop | None:
    shop = settings.shop
    return Shop(shop.url, shop.keys, clock, only_public=shop.only_public) if shop else None


_IN_MEMORY_TABLE = "payments"


def _is_alone(settings: Settings) -> bool:
    """Whether this process is all there is, as in development without a table: it keeps the ledger in its memory."""
    return settings.development and not settings.payments_table


def _in_memory_dynamodb() -> "DynamoDBClient":
    """Returns a DynamoDB client on moto in this process, for development. Everything is lost when the process ends."""
    import boto3
    from moto import mock_aws

    log.warning("ledger-in-memory")
    mock_aws().start()
    client = boto3.client("dynamodb", region_name="eu-west-1")
    create_table(client, _IN_MEMORY_TABLE)
    return cast("DynamoDBClient", _OneAtATime(client))


class _OneAtATime:
    """Lets one call at a time through, since moto's transactions are not atomic under threads."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._client, name)

        def call(**arguments: Any) -> Any:
            with self._lock:
                return operation(**arguments)

        return call


def _live_store(
    settings: Settings, clock: Clock, request_secrets_reload: Callable[[], None] = lambda: None
) -> LiveStore:
    """Returns the live store: Redis, whether or not it answers; memory for a process that is alone, unless it does.

    Where there are other processes, each with a memory of its own, no screen would hear of what this one publishes.
    """
    if settings.redis is not None:
        where = settings.redis
        live_store = LiveStore(
            lambda: connect(where), clock, in_memory=False, credentials_refused=request_secrets_reload
        )
        if not _is_alone(settings) or live_store.storage() == "redis":
            return live_store
        log.warning("redis-does-not-answer", host=settings.redis.host, instead="memory")
        live_store.close()
    import fakeredis

    return LiveStore(fakeredis.FakeRedis, clock, in_memory=True)
