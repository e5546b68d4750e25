"""Tests payment links over HTTP: what the shop makes, what whoever has a link sees and pays, and what nobody may do."""

import re
from collections.abc import Mapping
from typing import Any

import jwt
import pytest
import requests

from chalicelib import bootstrap
from chalicelib.domain import tokens
from chalicelib.domain.payment_link import LinkStatus
from chalicelib.settings import Settings
from tests.conftest import Shop
from tests.harness.api_gateway import DOMAIN, Reply, call
from tests.system.test_routes import bearer

LINKS = "/api/payment/links"
LINK = {"orderId": "order-1", "amount": 5000, "currency": "XAF", "description": "Two chairs"}


def made(merchant: dict[str, str], **changes: object) -> dict[str, Any]:
    reply = call("POST", LINKS, LINK | changes, headers=merchant)
    assert reply.status == 201, reply.text
    return dict(reply.json)


def opened(link: Mapping[str, Any]) -> dict[str, Any]:
    reply = call("GET", f"{LINKS}/{link['linkId']}")
    assert reply.status == 200, reply.text
    return dict(reply.json)


def pay(page: Mapping[str, Any], phone_number: str = "237677777777", **more: object) -> Reply:
    return call(
        "POST", "/api/payment/initiate", {"orderToken": page["orderToken"], "phoneNumber": phone_number, **more}
    )


def description_at_campay(charge: Mapping[str, Any], api: Settings) -> str:
    """Returns what CamPay says that the money is for."""
    token = {"Authorization": f"Token {api.campay.permanent_token}"}
    record = requests.get(f"{api.campay.api_url}/transaction/{charge['reference']}/", headers=token, timeout=5)
    return str(record.json()["description"])


def cancel(link: Mapping[str, Any], merchant: dict[str, str]) -> str:
    reply = call("DELETE", f"{LINKS}/{link['linkId']}", headers=merchant)
    assert reply.status == 200, reply.text
    return str(reply.json["status"])


def test_a_shop_makes_a_link_and_its_customer_pays_the_order(
    api: Settings, merchant: dict[str, str], operator: dict[str, str], shop: Shop
) -> None:
    link = made(merchant)
    assert re.fullmatch(rf"https://{re.escape(DOMAIN)}/(\w+/)?pay/[a-z2-7]{{26}}", link["url"])
    assert link["url"].endswith(link["linkId"])
    page = opened(link)
    assert (page["status"], page["amount"], page["description"]) == ("open", 5000, "Two chairs")
    started = pay(page).json
    assert (started["status"], started["orderId"], started["amount"]) == ("PENDING", "order-1", 5000)
    (charge,) = shop.transactions
    assert description_at_campay(charge, api) == "Two chairs"
    assert opened(link)["status"] == "open"
    shop.customer(charge["reference"], "SUCCESSFUL")
    call("POST", f"/api/payment/operator/{started['reference']}/recheck", headers=operator)
    after = opened(link)
    assert after["status"] == "paid"
    assert current(after)["status"] == "SUCCESSFUL"


def current(page: Mapping[str, Any]) -> dict[str, Any]:
    return dict(call("GET", "/api/payment/current", headers=bearer(page["orderToken"])).json)


def test_a_link_on_two_phones_charges_once(merchant: dict[str, str], shop: Shop) -> None:
    link = made(merchant)
    here, there = opened(link), opened(link)
    assert pay(here).status == 201
    refused = pay(there, "237699999999")
    assert (refused.status, refused.json["code"]) == (409, "payment_in_progress")
    assert current(there)["status"] == "PENDING"
    assert len(shop.transactions) == 1


def test_no_page_changes_the_price_the_description_or_the_end(
    api: Settings, merchant: dict[str, str], shop: Shop
) -> None:
    page = opened(made(merchant))
    claims = jwt.decode(page["orderToken"], options={"verify_signature": False})
    forged = {"orderToken": jwt.encode({**claims, "amount": 5}, "another key of thirty-two bytes or more")}
    assert pay(forged).json["code"] == "invalid_token"
    assert pay(page, amount=5).json["fields"].keys() == {"amount"}
    assert pay(page, description="nothing at all").status == 201
    (charge,) = shop.transactions
    assert (charge["amount"], description_at_campay(charge, api)) == (5000, "Two chairs")
    assert tokens.read_order_token(page["orderToken"], api.order_token_keys, 0)["payUntil"] > 0


def test_a_cancelled_link_starts_nothing_also_on_a_page_that_was_open(merchant: dict[str, str], shop: Shop) -> None:
    link = made(merchant)
    page = opened(link)
    assert cancel(link, merchant) == "cancelled"
    refused = pay(page)
    assert (refused.status, refused.json["code"]) == (409, "link_closed")
    assert opened(link)["status"] == "cancelled"
    assert not shop.transactions
    assert cancel(link, merchant) == "cancelled"


def test_a_prompt_that_is_out_goes_on_when_the_link_is_cancelled(
    merchant: dict[str, str], operator: dict[str, str], shop: Shop
) -> None:
    link = made(merchant)
    page = opened(link)
    started = pay(page).json
    assert cancel(link, merchant) == "cancelled"
    assert current(opened(link))["reference"] == started["reference"]
    assert pay(page).json["reference"] == started["reference"], "the same call finds the payment that began"
    shop.customer(shop.transactions[0]["reference"], "SUCCESSFUL")
    call("POST", f"/api/payment/operator/{started['reference']}/recheck", headers=operator)
    assert opened(link)["status"] == "paid"
    assert cancel(link, merchant) == "paid", "there is nothing left to cancel"


def test_an_order_has_one_open_link(merchant: dict[str, str]) -> None:
    link = made(merchant)
    again = call("POST", LINKS, LINK, headers=merchant)
    assert (again.status, again.headers["Idempotent-Replayed"]) == (200, "true")
    assert again.json == link
    dearer = call("POST", LINKS, LINK | {"amount": 6000}, headers=merchant)
    assert (dearer.status, dearer.json["code"]) == (409, "link_exists")
    assert link["linkId"] in dearer.json["reason"]
    cancel(link, merchant)
    other = made(merchant, amount=6000)
    assert pay(opened(link)).json["code"] == "link_closed"
    assert pay(opened(other)).json["amount"] == 6000


def test_a_paid_order_gets_no_link(merchant: dict[str, str], operator: dict[str, str], shop: Shop) -> None:
    started = pay(opened(made(merchant))).json
    shop.customer(shop.transactions[0]["reference"], "SUCCESSFUL")
    call("POST", f"/api/payment/operator/{started['reference']}/recheck", headers=operator)
    reply = call("POST", LINKS, LINK, headers=merchant)
    assert (reply.status, reply.json["code"]) == (409, "order_already_paid")
    assert reply.json["reference"] == started["reference"]


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": 5000.5}, "amount"),
        ({"amount": "5000"}, "amount"),
        ({"orderId": "no order"}, "orderId"),
        ({"description": "two\nlines"}, "description"),
        ({"expiresInSeconds": 299}, "expiresInSeconds"),
        ({"expiresInSeconds": 30 * 86_400 + 1}, "expiresInSeconds"),
        ({"expiresInSeconds": True}, "expiresInSeconds"),
        ({"currency": "EUR"}, "currency"),
    ],
)
def test_what_is_wrong_with_a_link_is_named(changes: dict[str, object], wrong: str, merchant: dict[str, str]) -> None:
    reply = call("POST", LINKS, LINK | changes, headers=merchant)
    assert (reply.status, [*reply.json["fields"]]) == (400, [wrong])


@pytest.mark.usefixtures("api")
def test_only_the_shop_makes_and_cancels_links(merchant: dict[str, str], operator: dict[str, str]) -> None:
    link = made(merchant)
    for headers in ({}, operator, bearer(opened(link)["orderToken"])):
        for method, path, body in (("POST", LINKS, LINK), ("DELETE", f"{LINKS}/{link['linkId']}", None)):
            assert call(method, path, body, headers=headers).status == 401
    assert opened(link)["status"] == LinkStatus.OPEN


def test_who_tries_ids_is_refused_after_a_while(api: Settings, merchant: dict[str, str]) -> None:
    link = made(merchant)
    for number in range(api.limits.address_refusals_per_minute):
        guess = ("b" * 26, "%00", "../health", link["linkId"].upper())[number % 4]
        assert call("GET", f"{LINKS}/{guess.replace('/', '%2F')}").status == 404
    assert call("GET", f"{LINKS}/{'b' * 26}").status == 429
    assert opened(link)["status"] == "open", "customers who share the address go on"


@pytest.mark.usefixtures("api")
def test_the_page_names_the_shop_and_where_it_is_reached(
    merchant: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    link = made(merchant)
    assert (opened(link)["merchantName"], opened(link)["support"]) == (None, None)
    monkeypatch.setenv("MERCHANT_NAME", "Chez Awa")
    monkeypatch.setenv("MERCHANT_SUPPORT", "https://wa.me/237677777777")
    bootstrap.process.close()
    assert (opened(link)["merchantName"], opened(link)["support"]) == ("Chez Awa", "https://wa.me/237677777777")
