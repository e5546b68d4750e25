"""Simulates CamPay's hosted payment page: creates links for a shop, and serves the page of each, for mobile money only.

`/transaction/` does not know a link's reference until somebody has paid with it.
"""

import html
import ipaddress
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from local.simulator.customers import Customers
from local.simulator.fields import (
    Refused,
    choice,
    fields_of,
    phone_and_operator,
    refusal,
    required,
    text_of,
    whole_amount,
)
from local.simulator.http_server import Answer, Request
from local.simulator.records import ECHOED, redirect_fields
from local.simulator.settings import SimulatorSettings
from local.simulator.transactions import Prompt, Transaction, TransactionLedger

PREFIX = "/pay/"
_PAGE = re.compile(r"/pay/([^/]+)/")
_OPTIONS = ("MOMO", "CARD", "MOMO,CARD")


@dataclass(frozen=True, slots=True)
class PaymentLink:
    """Describes what a link asks to pay: an amount of whole francs, and the fields that CamPay echoes."""

    amount: int
    external_reference: str
    echoed: Mapping[str, str]


class PaymentLinks:
    """Creates payment links and serves their pages."""

    def __init__(self, settings: SimulatorSettings, ledger: TransactionLedger, customers: Customers) -> None:
        self._settings = settings
        self._ledger = ledger
        self._customers = customers
        self._links: dict[str, PaymentLink] = {}

    def create(self, request: Request) -> Answer:
        """Answers `/get_payment_link/`. Raises Refused."""
        fields = fields_of(request)
        amount = whole_amount(required(fields, "amount"))
        choice(fields, "currency", ("XAF",))
        required(fields, "description")
        choice(fields, "payment_options", _OPTIONS, "MOMO")
        choice(fields, "payer_can_pay_more", ("yes", "no"), "no")
        echoed = {name: text_of(fields.get(name)) for name in ECHOED}
        for name in ("first_name", "last_name", "email"):
            echoed[f"extra_{name}"] = text_of(fields.get(name))
        for name in ("redirect_url", "failure_redirect_url"):
            if echoed[name] and not _is_public(echoed[name]):
                raise refusal(f"Invalid {name}")
        reference = str(uuid.uuid4())
        self._links[reference] = PaymentLink(amount, text_of(fields.get("external_reference")), echoed)
        return Answer(200, {"link": f"http://{request.host}{PREFIX}{reference}/", "reference": reference})

    def respond(self, request: Request) -> Answer:
        """Serves a link's page to a browser, and takes the form on it."""
        match = _PAGE.fullmatch(request.path)
        link = self._links.get(match[1]) if match else None
        if match is None or link is None:
            return Answer(404, "<h1>Not Found</h1>")
        transaction = self._ledger.find(match[1])
        if transaction is not None:
            return _after(transaction)
        return self._pay(request, match[1], link) if request.method == "POST" else _form(link)

    def _pay(self, request: Request, reference: str, link: PaymentLink) -> Answer:
        try:
            phone_number, operator = phone_and_operator(required(fields_of(request), "from"))
        except Refused:
            return _form(link, "This number is not served.")
        prompt = Prompt(phone_number, operator, link.amount, link.external_reference, link.echoed)
        transaction, is_new = self._ledger.open(prompt, reference)
        if is_new:
            self._customers.prompt(transaction)
        return Answer(302, headers={"Location": request.path})


def _after(transaction: Transaction) -> Answer:
    """Serves the page after a payment began: it reloads until the transaction is final, then goes to the shop."""
    if transaction.status == "PENDING":
        return _page('<meta http-equiv="refresh" content="2"><p>Please confirm on your phone.</p>')
    echoed = transaction.prompt.echoed
    failed = echoed["failure_redirect_url"] if transaction.status == "FAILED" else ""
    if target := failed or echoed["redirect_url"]:
        return Answer(302, headers={"Location": _with_query(target, redirect_fields(transaction))})
    return _page(f"<p>{transaction.status}</p>")


def _form(link: PaymentLink, problem: str = "") -> Answer:
    told = f"<p>{html.escape(link.echoed['description'])}: {link.amount} XAF</p><p>{problem}</p>"
    field = '<input name="from" placeholder="2376..." required>'
    return _page(f'{told}<form method="post">{field}<button>Pay</button></form>')


def _page(body: str) -> Answer:
    return Answer(200, f"<!doctype html><title>CamPay simulator</title>{body}")


def _with_query(url: str, fields: Mapping[str, Any]) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=urlencode([*parse_qsl(parts.query), *fields.items()])))


def _is_public(url: str) -> bool:
    """Says whether CamPay would accept a redirect URL: it refuses those of a private host."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        return parts.scheme in ("http", "https") and ipaddress.ip_address(host).is_global
    except ValueError:
        return parts.scheme in ("http", "https") and "." in host and not host.endswith((".localhost", ".local"))
