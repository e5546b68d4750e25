"""Defines the stages by all in which they differ. A shop edits this file, and no other of `infra`."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass

from chalicelib.runtime.public_address import is_public_https
from chalicelib.settings import (
    DEMO_API_URL,
    KEPT_DAYS,
    MOST_DAY_SHARDS,
    PAYMENTS_KEPT_DAYS,
    STATEMENT_ROWS,
    STATEMENT_SECONDS,
)
from infra.functions import Work
from infra.package import LINK_PAGE, OPERATOR_PAGE

APP = "braidster-payments"
EXAMPLE_MARKS = ("shop.example", ":000000000000:")
"""Parts of a value by which it is known as an example. A stage that has one can be synthesised but not deployed."""

WORK_MAXIMUM = 1_000
"""Most functions that Lambda lets a queue invoke at once."""


class UnknownStage(Exception):
    """Raised for a name that no stage has; the message lists the stages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A domain name and its certificate, of AWS Certificate Manager in the stage's own region."""

    name: str
    certificate_arn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSize:
    """The API's limits.

    `concurrency`: what Lambda reserves for it. Rates are requests a second and route, the burst is as many:
    `initiate_rate` also of what a page calls about as often (current, health, giving up), `look_rate` of status and
    tracking, `operator_rate` of the operator's routes. `posts_per_address`: calls of one address in 5 minutes, webhooks
    not counted, with `has_firewall`.

    The rates are low on purpose: where CamPay hangs, each call of initiate holds its Lambda for 20 s and each look for
    2 s, and all of them together must leave room for webhooks, which have no limit. Many mobile customers share an
    address: the service itself allows 60 prompts a minute and address. A shop's server may start any number; one that
    starts more than two payments a second needs more `posts_per_address`.
    """

    concurrency: int
    initiate_rate: int
    look_rate: int
    operator_rate: int
    posts_per_address: int = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkSize:
    """How many functions take work from each queue at once, which Lambda also reserves for them.

    `checks`: each asks CamPay for ten payments at a time, so that this times ten is what CamPay is asked at once; it
    names no limit. 16 of them make 80 checks a second where CamPay takes 2 s. A payment needs about six where no
    webhook comes at all (three in ten are declined, three in twenty unanswered), so that this is enough for 13 payments
    a second, which is more than `initiate_rate` lets through.

    `deliveries`: each takes milliseconds with Redis and the event bus; this bounds how many wait for one that hangs.

    `shop`: each sends the order events of ten payments at a time, so that this times ten is what the shop is asked at
    once, and where it does not answer, each asks ten in ten seconds.

    Neither loads DynamoDB: every payment is a partition of its own. With the API and the schedules they must fit into
    what Lambda lets an account reserve: its concurrency (1,000 by default) but 100.
    """

    checks: int
    deliveries: int
    shop: int

    def __post_init__(self) -> None:
        if not all(2 <= self.of(work) <= WORK_MAXIMUM for work in Work):
            raise ValueError("the sizes of work must be from 2 to 1,000: Lambda takes no other limit for a queue")

    def of(self, work: Work) -> int:
        return {Work.CHECKS: self.checks, Work.DELIVERIES: self.deliveries, Work.SHOP: self.shop}[work]


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySize:
    """The gateway's size: Fargate's CPU units and MiB, and the number of containers.

    `connections`: browsers per container above which another one is started. `is_spot`: on capacity that AWS may take
    back at two minutes' notice. `has_insights`: whether CloudWatch measures each container.
    """

    cpu: int
    memory: int
    minimum: int
    maximum: int
    connections: int
    is_spot: bool = False
    has_insights: bool = True

    @property
    def environment(self) -> dict[str, str]:
        """Returns the variables that follow from the size: a process for each processor, where there are several."""
        processes = self.cpu // 1024
        return {"GATEWAY_PROCESSES": str(processes)} if processes > 1 else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisSize:
    """How large Redis is. `shards`: in cluster mode only, each a primary and its `replicas`."""

    node_type: str
    cluster: bool = False
    shards: int = 2
    replicas: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredTable:
    """The table that the ledger was restored into, and its stream, which has to be switched on before."""

    name: str
    stream_arn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A deployment.

    `campay_api_url` decides whether money moves. `order_events_url`: ORDER_EVENTS_URL of the functions, the shop's, for
    order events by HTTPS; without it they go to the bus only. `float_threshold`: the balance at CamPay, in XAF,
    below which there is an alarm. `traffic_shift`: how a deployment moves calls to the API's new version, by the end of
    a name of CodeDeploy's configurations for Lambda; AllAtOnce is the fastest.

    `day_shards`: DAY_SHARDS of the functions, from 1 to 5, one for each 160 payments a second at the busiest moment. It
    may rise from one deployment to the next and must not fall: a shard that is gone is in no list of a day.

    `payments_kept_days`: PAYMENTS_KEPT_DAYS of the functions, how long after its claim a payment is deleted with its
    history. A payment that was claimed before a change keeps its end.

    `statement_rows`, `statement_seconds`: STATEMENT_MAXIMUM_ROWS and STATEMENT_SECONDS of the functions, the longest
    statement of a day of CamPay's that is read. 500,000 rows are 58 payments a second at the busiest moment, where
    that is ten times the average.

    `has_operator_page`: whether the API serves the operators' page, at `/operator`.

    `merchant_name`, `merchant_support`: MERCHANT_NAME and MERCHANT_SUPPORT of the functions, for payment links' pages.

    `prompts_paused`: PROMPTS_PAUSED of the functions: no payment starts, nothing is paid back. `restored_table`: the
    ledger, in place of the stack's own table, which stays as it is. Both are for the time after a loss:
    docs/operations.md, "The ledger has to be restored".

    `refunds`: REFUNDS of the functions: operators may pay charges back.

    `usual_hours`: the first hour and the one after the last, in UTC, in which a payment always comes; without them,
    none at all raises no alarm.

    `nat_instance`: a type of instance that stands in place of `nat_gateways`. `has_firewall`: whether WAF holds each
    address to `ApiSize.posts_per_address`. `cloudfront_addresses`: puts CloudFront before the gateway, in place of a
    domain and a certificate; it is AWS's list of CloudFront's addresses in the stage's region, as
    `aws ec2 describe-managed-prefix-lists` has it for `com.amazonaws.global.cloudfront.origin-facing`.
    """

    name: str
    campay_api_url: str
    frontend_url: str
    api: ApiSize
    work: WorkSize
    gateway: GatewaySize
    redis: RedisSize
    api_domain: Domain | None = None
    gateway_domain: Domain | None = None
    order_events_url: str | None = None
    alarm_email: str | None = None
    float_threshold: int = 0
    log_retention_days: int = 30
    nat_gateways: int = 1
    traffic_shift: str = "Linear10PercentEvery1Minute"
    nat_instance: str | None = None
    has_firewall: bool = False
    cloudfront_addresses: str | None = None
    usual_hours: tuple[int, int] | None = None
    has_operator_page: bool = True
    merchant_name: str = ""
    merchant_support: str = ""
    day_shards: int = 1
    payments_kept_days: int = KEPT_DAYS
    statement_rows: int = 500_000
    statement_seconds: int = 120
    prompts_paused: bool = False
    refunds: bool = False
    restored_table: RestoredTable | None = None
    tags: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.moves_money and not (self.gateway_domain or self.cloudfront_addresses):
            raise ValueError(f"{self.name} needs gateway_domain or cloudfront_addresses, or the gateway has no TLS")
        if self.gateway_domain and self.cloudfront_addresses:
            raise ValueError(f"{self.name}: behind CloudFront the gateway has CloudFront's name, and no gateway_domain")
        if self.order_events_url and not is_public_https(self.order_events_url):
            raise ValueError(f"{self.name}: order_events_url must be HTTPS, on port 443, to a host on the internet")
        for name, (least, most) in _BOUNDS.items():
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{self.name}: {name} must be from {least:,} to {most:,}")

    @property
    def moves_money(self) -> bool:
        return self.campay_api_url != DEMO_API_URL

    @property
    def environment(self) -> dict[str, str]:
        """Returns the variables of the functions that are the stage's own."""
        return {
            **({"OPERATOR_PAGE_DIR": OPERATOR_PAGE} if self.has_operator_page else {}),
            "LINK_PAGE_DIR": LINK_PAGE,
            **({"ORDER_EVENTS_URL": self.order_events_url} if self.order_events_url else {}),
            **({"MERCHANT_NAME": self.merchant_name} if self.merchant_name else {}),
            **({"MERCHANT_SUPPORT": self.merchant_support} if self.merchant_support else {}),
            **({"PROMPTS_PAUSED": "true"} if self.prompts_paused else {}),
            **({"REFUNDS": "true"} if self.refunds else {}),
            "DAY_SHARDS": str(self.day_shards),
            "PAYMENTS_KEPT_DAYS": str(self.payments_kept_days),
            "STATEMENT_MAXIMUM_ROWS": str(self.statement_rows),
            "STATEMENT_SECONDS": str(self.statement_seconds),
        }

    @property
    def full_name(self) -> str:
        return f"{APP}-{self.name}"

    def examples(self) -> list[str]:
        """Returns the names of the settings that still are examples."""
        return [name for name, value in _texts(self) if any(mark in value for mark in EXAMPLE_MARKS)]


_BOUNDS = {
    "day_shards": (1, MOST_DAY_SHARDS),
    "payments_kept_days": PAYMENTS_KEPT_DAYS,
    "statement_rows": STATEMENT_ROWS,
    "statement_seconds": STATEMENT_SECONDS,
}


def _texts(settings: object, prefix: str = "") -> Iterator[tuple[str, str]]:
    if not is_dataclass(settings):
        return
    for each in fields(settings):
        value = getattr(settings, each.name)
        if isinstance(value, str):
            yield f"{prefix}{each.name}", value
        yield from _texts(value, f"{prefix}{each.name}.")


DEV = Stage(
    name="dev",
    campay_api_url=DEMO_API_URL,
    frontend_url="http://localhost:8080",
    api=ApiSize(concurrency=100, initiate_rate=1, look_rate=4, operator_rate=1),
    work=WorkSize(checks=2, deliveries=2, shop=2),
    gateway=GatewaySize(cpu=256, memory=512, minimum=1, maximum=2, connections=1_000),
    redis=RedisSize(node_type="cache.t4g.micro"),
    log_retention_days=7,
    payments_kept_days=100,
    traffic_shift="AllAtOnce",
    tags={"app": APP, "stage": "dev"},
)

PROD = Stage(
    name="prod",
    campay_api_url="https://www.campay.net/api",
    frontend_url="https://shop.example",
    api=ApiSize(concurrency=860, initiate_rate=12, look_rate=40, operator_rate=5),
    work=WorkSize(checks=16, deliveries=4, shop=4),
    gateway=GatewaySize(cpu=512, memory=1024, minimum=2, maximum=10, connections=8_000),
    redis=RedisSize(node_type="cache.t4g.small"),
    api_domain=Domain(
        name="payments.shop.example",
        certificate_arn="arn:aws:acm:eu-west-1:000000000000:certificate/00000000-0000-4000-8000-000000000000",
    ),
    gateway_domain=Domain(
        name="payments-live.shop.example",
        certificate_arn="arn:aws:acm:eu-west-1:000000000000:certificate/00000000-0000-4000-8000-000000000000",
    ),
    order_events_url="https://shop.example/payment-events",
    alarm_email="payments@shop.example",
    float_threshold=50_000,
    usual_hours=(6, 21),  # 7 to 22 in Cameroon
    log_retention_days=90,
    has_firewall=True,
    tags={"app": APP, "stage": "prod"},
)

SMALL = Stage(
    name="small",
    campay_api_url=PROD.campay_api_url,
    frontend_url="https://shop.example",
    api=ApiSize(concurrency=170, initiate_rate=2, look_rate=8, operator_rate=1),
    work=WorkSize(checks=4, deliveries=2, shop=2),
    gateway=GatewaySize(cpu=256, memory=512, minimum=1, maximum=2, connections=2_000, is_spot=True, has_insights=False),
    redis=RedisSize(node_type="cache.t4g.micro", replicas=0),
    order_events_url="https://shop.example/payment-events",
    alarm_email="payments@shop.example",
    float_threshold=50_000,
    nat_instance="t4g.nano",
    cloudfront_addresses="pl-4fa04526",  # in eu-west-1
    tags={"app": APP, "stage": "small"},
)
"""`prod` for a shop that cannot pay for two of everything: docs/cost.md says what it gives up."""

STAGES = {stage.name: stage for stage in (DEV, PROD, SMALL)}


def stage_of(name: str) -> Stage:
    """Returns a stage by its name. Raises UnknownStage."""
    try:
        return STAGES[name]
    except KeyError:
        *others, last = STAGES
        there_are = f"{', '.join(others)} or {last}"
        raise UnknownStage(f"there is no stage {name or 'without a name'}: STAGE is {there_are}") from None
