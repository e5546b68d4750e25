"""Routes what concerns payment links: the shop makes and cancels them, and whoever has one sees what it asks for."""

from typing import Any

from chalice.app import Blueprint, Response

from chalicelib.bootstrap import request_secrets_reload, service
from chalicelib.domain.errors import LedgerUnavailable, LimitReached, NotFound
from chalicelib.domain.payment_link import LINK_PATH, is_link_id
from chalicelib.domain.tokens import TRACKING_TOKEN_LIFE_MS
from chalicelib.runtime import log
from chalicelib.web import callers, link_page, link_request, replies
from chalicelib.web.link_request import LINKS

routes = Blueprint(__name__)
told_as_problems = replies.answers_problems(lambda: routes.current_request, not_authenticated=request_secrets_reload)


@routes.route(LINKS, methods=["POST"])
@told_as_problems
def make_link() -> Response:
    """Makes a payment link for the shop, or answers with the order's open one where that asks for the same."""
    payments, request = service(), routes.current_request
    callers.require_key(request, payments.settings.merchant_api_keys)
    order_id, money, description, seconds = link_request.link_request(request)
    log.note(order=order_id)
    made = payments.links.create(order_id, money, description, seconds)
    body = link_request.told_to_shop(made.link, made.status, request, payments.settings)
    if made.replayed:
        return replies.reply(body, headers={"Idempotent-Replayed": "true"})
    return replies.reply(body, status=201)


@routes.route(f"{LINKS}/{{link_id}}", methods=["GET"])
@told_as_problems
def link(link_id: str) -> Response:
    """Shows a payment link to whoever has it, with the order token that its page pays with."""
    return replies.reply(_shown(link_id))


@routes.route(f"{LINK_PATH}/{{link_id}}", methods=["GET"])
@told_as_problems
def page_of_link(link_id: str) -> Response:
    """Shows the page of a payment link. What cannot be told now, the page asks for, and says why it got nothing."""
    try:
        shown = _shown(link_id)
    except (LedgerUnavailable, LimitReached, NotFound):
        shown = None
    return link_page.page(shown, service().settings)


@routes.route(f"{LINKS}/{{link_id}}", methods=["DELETE"])
@told_as_problems
def cancel_link(link_id: str) -> Response:
    """Cancels a payment link for the shop. A payment that is on its way goes on."""
    payments, request = service(), routes.current_request
    callers.require_key(request, payments.settings.merchant_api_keys)
    cancelled = payments.links.cancel(_checked(link_id))
    return replies.reply(link_request.told_to_shop(cancelled.link, cancelled.status, request, payments.settings))


def _shown(link_id: str) -> dict[str, Any]:
    """Returns what a link's page shows. Raises NotFound, and LimitReached for who has asked for many that are not."""
    payments = service()
    try:
        shown = payments.links.show(_checked(link_id))
    except NotFound:
        payments.address_limits.count_refusal(callers.address_of(routes.current_request))
        raise
    log.note(order=shown.link.order_id)
    ends_at = max(shown.link.expires_at, payments.clock.now()) + TRACKING_TOKEN_LIFE_MS
    return link_request.told_to_page(shown.link, shown.status, payments.settings, ends_at)


def _checked(link_id: str) -> str:
    """Returns a payment link's id as it is. Raises NotFound for what cannot be one."""
    if not is_link_id(link_id):
        raise NotFound
    return link_id
