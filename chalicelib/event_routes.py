"""Routes what a shop asks for that takes order events by itself, beside those that it is sent."""

from chalice.app import Blueprint, Response

from chalicelib.bootstrap import request_secrets_reload, service
from chalicelib.domain.event_cursor import write_cursor
from chalicelib.web import callers, event_query, replies

routes = Blueprint(__name__)
told_as_problems = replies.answers_problems(lambda: routes.current_request, not_authenticated=request_secrets_reload)


@routes.route("/api/payment/events", methods=["GET"])
@told_as_problems
def order_events() -> Response:
    """Lists the order events after a cursor or since a time, oldest first."""
    payments, request = service(), routes.current_request
    callers.require_key(request, payments.settings.merchant_api_keys)
    begin, limit = event_query.event_query(request, payments.clock.now())
    page = payments.list_order_events(begin, limit)
    events, cursor = event_query.told(page.events), write_cursor(page.following)
    return replies.reply({"events": events, "next": cursor, "hasMore": page.has_more})
