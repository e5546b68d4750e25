"""Routes the calls of the shop's people, who give a key or have a session: what they see, and what they do."""

from chalice.app import Blueprint, CORSConfig, Response

from chalicelib.bootstrap import request_secrets_reload, service
from chalicelib.domain.contract import to_event
from chalicelib.domain.errors import NotFound
from chalicelib.domain.operator_actions import OperatorAction
from chalicelib.domain.operators import Right
from chalicelib.domain.rollup import day_of
from chalicelib.runtime import log
from chalicelib.settings import allowed_origin
from chalicelib.web import callers, operator_page, operator_session, replies, requests
from chalicelib.web.history_query import history_query
from chalicelib.web.payments_csv import CSV, payments_csv
from chalicelib.web.search_request import payment_search
from chalicelib.web.statement_request import compared_days, sign_off

routes = Blueprint(__name__)
cors = CORSConfig(
    allow_origin=allowed_origin(),
    allow_headers=["Accept-Language", "Content-Type", "X-Api-Key", operator_session.PAGE_HEADER],
    expose_headers=["Content-Disposition", "Next-Cursor"],
    allow_credentials=True,
    max_age=600,
)
"""Of the operators' routes: a page of the shop's origin may call them with the session's cookie."""
told_as_problems = replies.answers_problems(lambda: routes.current_request, not_authenticated=request_secrets_reload)


@routes.route(operator_page.PATH, methods=["GET"])
@told_as_problems
def operators_page() -> Response:
    """Shows the operators' page, where a stage serves it."""
    return operator_page.index(routes.current_request, service().settings)


@routes.route(operator_page.ADDRESSES, methods=["GET"])
@told_as_problems
def addresses_of_page() -> Response:
    """Tells the operators' page where the API and the gateway are."""
    return operator_page.addresses(routes.current_request, service().settings)


@routes.route(f"{operator_page.PATH}/assets/{{name}}", methods=["GET"])
@told_as_problems
def asset_of_page(name: str) -> Response:
    """Returns a script or a style of the operators' page."""
    return operator_page.asset(name, service().settings)


@routes.route("/api/payment/operator/session", methods=["POST"], cors=cors)
@told_as_problems
def sign_in() -> Response:
    """Begins a session of the operators' page: a cookie in place of the key."""
    payments, request = service(), routes.current_request
    key = callers.require_operator_key(request, payments.settings)
    log.info("operator-signed-in", by=key.operator.name, right=key.operator.right)
    return replies.nothing(operator_session.begun(request, key, payments.settings, payments.clock.now()))


@routes.route("/api/payment/operator/session", methods=["GET"], cors=cors)
@told_as_problems
def session() -> Response:
    """Tells a page whose session it has, and gives it a ticket for the gateway."""
    payments, request = service(), routes.current_request
    now = payments.clock.now()
    held = callers.require_operator_session(request, payments.settings, now)
    return replies.reply(operator_session.told(held, now))


@routes.route("/api/payment/operator/session", methods=["DELETE"], cors=cors)
@told_as_problems
def sign_out() -> Response:
    """Ends a session of the operators' page: the browser forgets its cookie."""
    payments, request = service(), routes.current_request
    callers.require_operator(request, payments.settings, Right.VIEW, payments.clock.now())
    return replies.nothing(operator_session.ended(request, payments.settings))


@routes.route("/api/payment/operator/search", methods=["POST"], cors=cors)
@told_as_problems
def search_payments() -> Response:
    """Finds payments for an operator who knows one thing of them."""
    payments, request = service(), routes.current_request
    by = callers.require_operator(request, payments.settings, Right.VIEW, payments.clock.now()).name
    return replies.reply(payments.search(payment_search(request), by=by))


@routes.route("/api/payment/history", methods=["GET"], cors=cors)
@told_as_problems
def history() -> Response:
    """Lists payments for an operator, newest first, as JSON or as CSV."""
    payments, request = service(), routes.current_request
    callers.require_operator(request, payments.settings, Right.VIEW, payments.clock.now())
    query, csv_language = history_query(request, payments.clock.now(), payments.campay.currencies)
    page = payments.history(query)
    if csv_language:
        name = f"payments-{query.filter.first}-{query.filter.last}.csv"
        following = {"Next-Cursor": page.cursor} if page.cursor else {}
        return replies.file(payments_csv(page.payments, csv_language), CSV, name, headers=following)
    now = payments.clock.now()
    shown = [to_event(each, now) for each in page.payments]
    phones = {"phones": page.phones, "phoneMarks": page.phone_marks}
    return replies.reply({"payments": shown, **phones, "cursor": page.cursor})


@routes.route("/api/payment/attention", methods=["GET"], cors=cors)
@told_as_problems
def attention() -> Response:
    """Lists for an operator what needs a person, the oldest first, and says whose payments all fail."""
    payments, request = service(), routes.current_request
    callers.require_operator(request, payments.settings, Right.VIEW, payments.clock.now())
    return replies.reply({**payments.attention(), "failing": payments.failing_operators()})


@routes.route("/api/payment/operator/{reference}", methods=["GET"], cors=cors)
@told_as_problems
def payment_story(reference: str) -> Response:
    """Tells an operator one payment's story."""
    payments, request = service(), routes.current_request
    callers.require_operator(request, payments.settings, Right.VIEW, payments.clock.now())
    if not requests.is_reference(reference):
        raise NotFound
    log.note(reference=reference)
    return replies.reply(payments.story(reference))


@routes.route("/api/payment/operator/{reference}/{action}", methods=["POST"], cors=cors)
@told_as_problems
def operate(reference: str, action: str) -> Response:
    """Carries out an operator's action on one payment."""
    payments, request = service(), routes.current_request
    operator = callers.require_operator(request, payments.settings, Right.ACT, payments.clock.now())
    by = operator.name
    if not requests.is_reference(reference):
        raise NotFound
    log.note(reference=reference)
    if action == OperatorAction.RECHECK:
        payment = payments.operate.recheck(reference, by=by)
    elif action == OperatorAction.REDELIVER:
        payment = payments.operate.redeliver(reference, by=by)
    elif action == OperatorAction.RESOLVE:
        status, reason, version = requests.decision(request)
        payment = payments.operate.resolve(reference, status, reason, version=version, by=by)
    elif action == OperatorAction.ACKNOWLEDGE:
        reason, version = requests.acknowledgement(request)
        payment = payments.operate.acknowledge(reference, reason, version=version, by=by)
    elif action == OperatorAction.REFUND:
        callers.require_name(operator, payments.settings)
        payment = payments.refund(reference, requests.refund(request), by=by)
    else:
        raise NotFound
    return replies.reply(to_event(payment, payments.clock.now()))


@routes.route("/api/payment/debug/connections", methods=["GET"], cors=cors)
@told_as_problems
def connections() -> Response:
    """Shows an operator who is connected to which gateway, and what they track."""
    payments, request = service(), routes.current_request
    callers.require_operator(request, payments.settings, Right.VIEW, payments.clock.now())
    return replies.reply(payments.track.connections(*requests.page(request)))


@routes.route("/api/payment/analytics", methods=["GET"], cors=cors)
@told_as_problems
def analytics() -> Response:
    """Shows an operator the figures of days: what was started, paid, declined, how fast, and why not."""
    payments, request = service(), routes.current_request
    callers.require_operator(request, payments.settings, Right.VIEW, payments.clock.now())
    return replies.reply(payments.analytics(*requests.days(request, day_of(payments.clock.now()))))


@routes.route("/api/payment/statement", methods=["GET"], cors=cors)
@told_as_problems
def comparisons() -> Response:
    """Shows an operator what the nightly comparisons with CamPay's statement found."""
    payments, request = service(), routes.current_request
    now = payments.clock.now()
    callers.require_operator(request, payments.settings, Right.VIEW, now)
    return replies.reply(payments.compared_days(*compared_days(request, day_of(now))))


@routes.route("/api/payment/statement", methods=["POST"], cors=cors)
@told_as_problems
def sign_comparison() -> Response:
    """Takes an operator's signature under a day's differences."""
    payments, request = service(), routes.current_request
    now = payments.clock.now()
    by = callers.require_operator(request, payments.settings, Right.ACT, now).name
    seen = sign_off(request, day_of(now))
    return replies.reply(payments.compared_days.sign(seen.day, seen.fingerprint, seen.reason, by=by))
