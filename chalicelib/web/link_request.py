"""Reads what a shop asks a payment link for, and shapes what is answered about one."""

from collections.abc import Mapping
from typing import Any

from chalice.app import Request

from chalicelib.domain import tokens
from chalicelib.domain.contract import to_iso
from chalicelib.domain.errors import InvalidRequest
from chalicelib.domain.money import Money
from chalicelib.domain.payment_link import (
    LINK_PATH,
    LONGEST_SECONDS,
    SHORTEST_SECONDS,
    USUAL_SECONDS,
    LinkStatus,
    PaymentLink,
)
from chalicelib.settings import Settings
from chalicelib.web.requests import checked_description, checked_money, checked_order_id, json_object

LINKS = "/api/payment/links"


def link_request(request: Request) -> tuple[str, Money, str, int]:
    """Reads order, money, description and the seconds that the link is good for.

    Raises InvalidRequest with every wrong field.
    """
    body = json_object(request)
    faults: dict[str, str] = {}
    order_id = checked_order_id(body.get("orderId"), faults)
    money = checked_money(body.get("amount"), body.get("currency"), faults)
    description = checked_description(body.get("description", f"Order {order_id}"), faults)
    seconds = body.get("expiresInSeconds", USUAL_SECONDS)
    if type(seconds) is not int or not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
        faults["expiresInSeconds"] = f"must be a whole number from {SHORTEST_SECONDS} to {LONGEST_SECONDS}"
    if faults or money is None:
        raise InvalidRequest(fields=faults)
    return order_id, money, description, int(str(seconds))


def told_to_shop(link: PaymentLink, status: LinkStatus, request: Request, settings: Settings) -> dict[str, Any]:
    """Returns what the shop is told of a link: all of it, and its URL."""
    return {**_told(link, status), "url": _url(link, request, settings)}


def told_to_page(link: PaymentLink, status: LinkStatus, settings: Settings, ends_at: int) -> dict[str, Any]:
    """Returns what the link's page shows, and the order token that it pays and looks up the order with.

    `ends_at`: when the token ends. It opens the order's payment also where the link is over, and starts none then.
    """
    return {
        **_told(link, status),
        "merchantName": settings.merchant_name or None,
        "support": settings.merchant_support or None,
        "orderToken": tokens.sign_link_token(link, settings.order_token_keys, ends_at),
    }


def _told(link: PaymentLink, status: LinkStatus) -> Mapping[str, Any]:
    return {
        "linkId": link.link_id,
        "status": status.value,
        "orderId": link.order_id,
        "amount": link.money.amount,
        "currency": link.money.currency,
        "description": link.description,
        "createdAt": to_iso(link.created_at),
        "expiresAt": to_iso(link.expires_at),
    }


def _url(link: PaymentLink, request: Request, settings: Settings) -> str:
    """Returns the link's address at the host that is called: with the stage in front where the API has no domain."""
    scheme = "http" if settings.development else "https"
    host = request.context.get("domainName") or request.headers.get("host")
    before = str(request.context.get("path") or request.path).partition(LINKS)[0]
    return f"{scheme}://{host}{before}{LINK_PATH}/{link.link_id}"
