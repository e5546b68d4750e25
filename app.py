"""Routes requests, messages and schedules to the flows: each function reads its input, calls one flow, and replies."""

import gc

gc.disable()  # until the service is built: what is made until then is kept, and to look for garbage in it takes long

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from chalice.app import Chalice, CloudWatchEvent, CORSConfig, Cron, Rate, Request, Response

from chalicelib import event_routes, link_routes, operator_routes
from chalicelib.bootstrap import Service, clock, request_secrets_reload, service
from chalicelib.domain import tokens
from chalicelib.domain.contract import to_event, to_iso
from chalicelib.domain.errors import InvalidRequest, InvalidToken, NotAuthenticated, NotFound
from chalicelib.domain.hints import CheckHint, DeliveryHint, ShopHint
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.phone_number import OPERATORS
from chalicelib.domain.tokens import TrackingGrant
from chalicelib.domain.webhooks import WebhookOutcome, outcome_of
from chalicelib.flows.batch import unfinished
from chalicelib.flows.initiate_payment import Initiated
from chalicelib.runtime import deadline, log, metrics
from chalicelib.settings import allowed_origin, handler_name, runs_in_lambda
from chalicelib.web import callers, invocation, messages, replies, requests, statement_events

HANDLER = handler_name()
WEBHOOK = "/api/payment/webhook"
OPERATOR_NOTICE = "Operator-Notice"
"""Says with an answer that has no body what `operatorNotice` says in one."""

app = Chalice(app_name="braidster-payments", configure_logs=False)
app.register_blueprint(event_routes.routes)
app.register_blueprint(link_routes.routes)
app.register_blueprint(operator_routes.routes)
cors = CORSConfig(
    allow_origin=allowed_origin(),
    allow_headers=["Accept-Language", "Authorization", "Content-Type", "Idempotency-Key", "X-Api-Key"],
    expose_headers=["Idempotent-Replayed", OPERATOR_NOTICE, "Retry-After"],
    max_age=600,
)
told_as_problems = replies.answers_problems(lambda: app.current_request, not_authenticated=request_secrets_reload)

if runs_in_lambda():
    log.configure()
    log.hook_uncaught()
    service()  # a deployment with wrong settings fails when it starts, not when somebody pays
    gc.freeze()  # later collections need not look through it either
gc.enable()


@app.middleware("all")
def with_log_context(call: Any, get_response: Callable[[Any], Any]) -> Any:
    """Has every line say which invocation it is of, and ends with the lines of what it has measured."""
    log.begin(**invocation.log_fields(call, HANDLER))
    with metrics.collected(service().settings.metrics_namespace):
        return get_response(call)


@app.middleware("all")
def log_failures(call: Any, get_response: Callable[[Any], Any]) -> Any:
    """Logs an exception of a schedule, which Lambda would write in a form of its own. A route's never comes here."""
    try:
        return get_response(call)
    except Exception:
        log.failure("function-failed")
        raise


@app.middleware("all")
def within_the_lambdas_time(call: Any, get_response: Callable[[Any], Any]) -> Any:
    """Sets the deadline by which CamPay must have answered, so that the outcome can still be recorded."""
    with deadline.until(invocation.answer_by(call, clock.now())):
        return get_response(call)


@app.middleware("http")
def whole_reply(request: Request, get_response: Callable[[Request], Response]) -> Response:
    """Turns Chalice's own refusals into problem+json, and adds what every reply has."""
    response = get_response(request)
    if request.path == WEBHOOK and response.status_code == HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
        service().live_store.webhooks.note(WebhookOutcome.MALFORMED)
    return replies.guarded(replies.of_framework(response, requests.locale_of(request)))


@app.route("/api/payment/initiate", methods=["POST"], cors=cors)
@told_as_problems
def initiate() -> Response:
    """Starts a payment for a shop's page (order token) or for the shop itself (merchant key)."""
    payments, request = service(), current_request()
    by_key = "x-api-key" in request.headers
    if by_key:
        callers.require_key(request, payments.settings.merchant_api_keys)
    try:
        wanted = requests.payment_request(
            request,
            merchant=by_key or payments.settings.development,
            order_token_keys=payments.settings.order_token_keys,
            now=payments.clock.now(),
        )
    except (InvalidRequest, NotAuthenticated):
        if not by_key:
            payments.address_limits.count_refusal(callers.address_of(request))
        raise
    log.note(order=wanted.order_id)
    if not by_key and "orderToken" not in requests.json_object(request):
        log.warning("unsigned-order-accepted")
    return initiated(payments, payments.initiate(wanted))


@app.route("/api/payment/current", methods=["GET"], cors=cors)
@told_as_problems
def current() -> Response:
    """Shows the payment that an order has: the one that paid it, or the one in progress, with its tracking token."""
    payments, request = service(), current_request()
    by_key = "x-api-key" in request.headers
    if by_key:
        callers.require_key(request, payments.settings.merchant_api_keys)
    order_id = requests.order_asked_for(
        request,
        merchant=by_key or payments.settings.development,
        order_token_keys=payments.settings.order_token_keys,
        now=payments.clock.now(),
    )
    log.note(order=order_id)
    payment = payments.track.current(order_id)
    if payment is None:
        in_trouble = payments.live_store.operators_in_trouble()
        return replies.nothing({OPERATOR_NOTICE: ", ".join(in_trouble)} if in_trouble else None)
    return replies.reply(opened(payments, payment))


@app.route(WEBHOOK, methods=["GET", "POST"], content_types=[requests.JSON, requests.FORM])
@told_as_problems
def webhook() -> Response:
    """Takes CamPay's notice that a payment may have changed, re-reads that payment, and counts what came of it."""
    payments = service()
    try:
        outcome = handle_webhook(payments, current_request())
    except Exception as error:
        payments.live_store.webhooks.note(outcome_of(error))
        raise
    if outcome is not WebhookOutcome.TOLD:  # what it has told is counted with the change
        payments.live_store.webhooks.note(outcome)
    return replies.reply({"received": True})


@app.route("/api/payment/status/{order_id}", methods=["GET"], cors=cors)
@told_as_problems
def status(order_id: str) -> Response:
    """Shows the order's payment: the one that paid it, else the latest."""
    payments, request = service(), current_request()
    order_id = unquote(order_id)  # API Gateway hands path parameters over as they came
    require_key_or_grant(payments, request, lambda grant: grant.order_id == order_id)
    if not requests.is_order_id(order_id):
        raise NotFound
    log.note(order=order_id)
    return replies.reply(payments.track.order(order_id))


@app.route("/api/payment/tracking/{reference}", methods=["GET"], cors=cors)
@told_as_problems
def tracking(reference: str) -> Response:
    """Shows one payment."""
    payments, request = service(), current_request()
    require_key_or_grant(payments, request, lambda grant: grant.reference == reference)
    if not requests.is_reference(reference):
        raise NotFound
    log.note(reference=reference)
    return replies.reply(payments.track.payment(reference))


@app.route(
    "/api/payment/tracking/{reference}/give-up",
    methods=["POST"],
    cors=cors,
    content_types=[requests.JSON, requests.FORM],
)
@told_as_problems
def give_up(reference: str) -> Response:
    """Ends the customer's wait. Only the customer's tracking token may: the merchant key does not open it."""
    payments, request = service(), current_request()
    require_grant(payments, request, lambda grant: grant.reference == reference)
    log.note(reference=reference)
    return replies.reply(to_event(payments.give_up(reference), payments.clock.now()))


@app.route("/api/payment/health", methods=["GET"], cors=cors)
@told_as_problems
def health() -> Response:
    """Says whether Redis answers, to anyone."""
    payments = service()
    storage = payments.live_store.storage()
    state = "degraded" if storage == "degraded" else "healthy"
    return replies.reply({"status": state, "storage": storage, "timestamp": to_iso(payments.clock.now())})


@app.route("/api/payment/test/simulate", methods=["POST"])
@told_as_problems
def simulate() -> Response:
    """Starts a payment whose outcome is named, against the simulator. Unknown outside development."""
    payments, request = service(), current_request()
    if not payments.settings.development:
        raise NotFound
    return initiated(payments, payments.initiate(requests.simulation(request)))


@app.lambda_function(name="checks")
def checks(event: Mapping[str, Any], _context: Any) -> Any:
    """Checks the payments that messages of the queue `checks` name, where they are due."""
    check = service().check
    return messages.handle(event, CheckHint.from_body, lambda hints: unfinished(hints, check))


@app.lambda_function(name="deliveries")
def deliveries(event: Mapping[str, Any], _context: Any) -> Any:
    """Delivers what messages of the queue `deliveries` name, where it is undelivered."""
    catch_up = service().catch_up
    return messages.handle(event, DeliveryHint.from_body, lambda hints: unfinished(hints, catch_up))


@app.lambda_function(name="shop")
def shop(event: Mapping[str, Any], _context: Any) -> Any:
    """Tells the shop of the payments that messages of the queue `shop` name. What it does not take comes again."""
    payments, taken = service(), messages.read(event, ShopHint.from_body)
    again = payments.tell_shop.of_all(taken.hints)
    payments.work_queue.put_off({taken.receipts[it]: at for it, at in again.items() if at is not None})
    return taken.answer(again)


@app.lambda_function(name="rollups")
def rollups(event: Mapping[str, Any], _context: Any) -> Any:
    """Counts the changes that a shard of the ledger's stream names. Lambda asks for a `state`, which is not used."""
    service().count_changes(event["shardId"], event["Records"])
    return {"state": {}, "batchItemFailures": []}


@app.schedule(Rate(1, unit=Rate.MINUTES))
def sweep(_event: CloudWatchEvent) -> None:
    """Finds what is due or undelivered, and sends it to the queues."""
    for operator in OPERATORS:
        metrics.count("PaymentsStarted", 0, operator=operator)  # an alarm needs a number where nobody pays
    service().sweep()


@app.schedule(Rate(1, unit=Rate.HOURS))
def late_payments(event: CloudWatchEvent) -> None:
    """Finds in CamPay's statement the charges that no check has told, and sends them to the queue `checks`.

    The event may name a day and a shard, as each of infra/statement_parts.py does.
    """
    payments = service()
    day = statement_events.day(event.detail, payments.clock.now())
    payments.late_payments(day, statement_events.shard(event.detail))


@app.schedule(Cron(30, 2, "*", "*", "?", "*"))
def statement(event: CloudWatchEvent) -> None:
    """Compares CamPay's statement of the last four days with the ledger.

    The event may name a day and a shard, as each of infra/statement_parts.py does; a person may ask for one day:
    `{"detail": {"day": "2026-01-31"}}`.
    """
    payments = service()
    days = statement_events.days(event.detail, payments.clock.now())
    payments.compare_statement.days(days, statement_events.shard(event.detail))


def current_request() -> Request:
    """Returns the request that is being served."""
    request = app.current_request
    if request is None:
        raise RuntimeError("there is a request only inside a route")
    return request


def handle_webhook(payments: Service, request: Request) -> WebhookOutcome:
    """Re-reads the payment that a webhook names. Raises what refuses the webhook."""
    call = requests.webhook_call(request)
    tokens.check_webhook_signature(call.signature, payments.settings.campay.webhook_keys, payments.clock.now())
    log.note(reference=call.reference)
    log.info("webhook")
    if call.reference is None:
        return WebhookOutcome.UNKNOWN_PAYMENT
    return payments.settle.handle_webhook(call.reference, call.provider_reference)


def require_key_or_grant(payments: Service, request: Request, covers: Callable[[TrackingGrant], bool]) -> None:
    """Raises InvalidToken unless the caller has the merchant key, or a tracking token that covers what is asked for.

    It comes before the payment is looked for, so that an unknown token and an unknown payment look the same.
    """
    if not callers.has_key(request, payments.settings.merchant_api_keys):
        require_grant(payments, request, covers)


def require_grant(payments: Service, request: Request, covers: Callable[[TrackingGrant], bool]) -> None:
    """Raises InvalidToken unless the caller has a tracking token that covers what is asked for."""
    grant = callers.tracking_grant(request, payments.settings.tracking_token_keys, payments.clock.now())
    if not covers(grant):
        raise InvalidToken


def initiated(payments: Service, result: Initiated) -> Response:
    """Returns initiate's reply: 201 the prompt is out, 202 that is not known yet, 200 the payment existed already."""
    body = opened(payments, result.payment)
    if result.replayed:
        return replies.reply(body, headers={"Idempotent-Replayed": "true"})
    return replies.reply(body, status=202 if result.payment.status is PaymentStatus.INITIATING else 201)


def opened(payments: Service, payment: Payment) -> dict[str, Any]:
    """Returns a payment as its customer sees it, with the token that opens it, and which operators are in trouble."""
    grant = TrackingGrant(payment.reference, payment.order_id)
    until = payment.created_at + tokens.TRACKING_TOKEN_LIFE_MS
    token = tokens.sign_tracking_token(grant, payments.settings.tracking_token_keys, until)
    return {
        **to_event(payment, payments.clock.now()),
        "trackingToken": token,
        "operatorNotice": [*payments.live_store.operators_in_trouble()],
    }
