"""Lists the lines of the product's log that CloudWatch counts. A test holds that the product writes each of them."""

from dataclasses import dataclass

from infra.functions import API, FUNCTIONS, SHOP, STATEMENT, SWEEP

GATEWAY = "Gateway"
_FUNCTIONS = tuple(it.name for it in FUNCTIONS)


@dataclass(frozen=True, slots=True)
class Line:
    """A pattern of log lines that CloudWatch counts.

    `metric`: also the name of its alarm, where there is a `sentence`. The alarm changes to ALARM at `threshold` in
    `minutes`, that often `in_a_row`.

    `value`: what is counted, 1 or a field of the line. `logs`: of the functions and of the gateway, by name.
    """

    metric: str
    pattern: str
    sentence: str = ""
    threshold: float = 1
    value: str = "1"
    statistic: str = "Sum"
    minutes: int = 5
    in_a_row: int = 1
    logs: tuple[str, ...] = _FUNCTIONS


SETTLED = Line("settled", '{ ($.event = "payment-changed") && ($.status = "SUCCESSFUL") }')
SETTLED_BY_WEBHOOK = Line(
    "settled-by-webhook", '{ ($.event = "payment-changed") && ($.status = "SUCCESSFUL") && ($.cause = "webhook") }'
)
BALANCE = Line("balance", '{ $.event = "campay-balance" }', value="$.amount", logs=(STATEMENT.name,))

LINES = (
    SETTLED,
    SETTLED_BY_WEBHOOK,
    BALANCE,
    Line(
        "payment-conflicted",
        '{ $.event = "payment.conflicted" }',
        "CamPay's record of a payment has another amount, currency or direction: a person decides.",
    ),
    Line(
        "payment-duplicate",
        '{ $.event = "payment.duplicate" }',
        "Somebody was charged twice for one order: one charge has to be paid back.",
    ),
    Line(
        "alarm-line",
        "{ $.alarm IS TRUE }",
        "The log has a line that says that somebody must look.",
        logs=(*_FUNCTIONS, GATEWAY),
    ),
    Line(
        "unexpected-failure",
        '{ ($.level = "ERROR") && ($.alarm NOT EXISTS) }',
        "The log has an exception that nobody expected, with its trace.",
        logs=(*_FUNCTIONS, GATEWAY),
    ),
    Line(
        "undelivered-old",
        '{ ($.event = "sweep-behind") && ($.undelivered_seconds >= 300) }',
        "A change has waited 5 minutes for Redis or for the event bus.",
        threshold=300,
        value="$.undelivered_seconds",
        statistic="Maximum",
        logs=(SWEEP.name,),
    ),
    Line(
        "due-old",
        '{ ($.event = "sweep-behind") && ($.due_seconds >= 600) }',
        "A payment has waited 10 minutes for its check with CamPay.",
        threshold=600,
        value="$.due_seconds",
        statistic="Maximum",
        logs=(SWEEP.name,),
    ),
    Line(
        "shop-away",
        '{ ($.event = "order-event-refused") && ($.waited_seconds >= 600) }',
        "The shop has not taken an order event for 10 minutes: an order may be paid and not say so.",
        threshold=600,
        value="$.waited_seconds",
        statistic="Maximum",
        logs=(SHOP.name,),
    ),
    Line(
        "undelivered-order-events",
        '{ $.event = "order-event-given-up" }',
        "The shop has not taken an order event for three days, and is not asked any more.",
        logs=(SHOP.name,),
    ),
    Line(
        "signature-failures",
        '{ ($.event = "call-refused") && ($.code = "invalid_signature") }',
        "5 or more webhooks in 5 minutes had a signature that is not CamPay's.",
        threshold=5,
        logs=(API.name,),
    ),
    Line(
        "campay-errors",
        '{ (($.event = "collect") && (($.outcome = "OutcomeUnknown") || ($.outcome = "NeverSent"))) '
        '|| ((($.event = "campay-read") || ($.event = "campay-statement")) && ($.outcome = "UNAVAILABLE")) }',
        "5 or more calls of CamPay in 5 minutes had no answer that can be trusted.",
        threshold=5,
    ),
    Line(
        "ledger-unavailable",
        '{ ($.event = "ledger-unreachable") || ($.event = "ledger-refused") || ($.event = "sweep-without-ledger") }',
        "DynamoDB did not answer 3 or more times in 5 minutes: payments pause.",
        threshold=3,
    ),
    Line(
        "queues-unreachable",
        '{ $.event = "not-queued" }',
        "SQS did not take messages 3 or more times in 5 minutes: checks and repeated deliveries wait.",
        threshold=3,
    ),
    Line(
        "gateway-not-ready",
        '{ $.event = "gateway-not-ready" }',
        "A gateway has not been ready for 5 minutes: it does not reach Redis, or is full.",
        minutes=1,
        in_a_row=5,
        logs=(GATEWAY,),
    ),
)
