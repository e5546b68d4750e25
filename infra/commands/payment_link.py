"""Makes a payment link: `make link ORDER=order-1042 AMOUNT=5000 [DESCRIPTION="Two chairs"] [DAYS=3] [STAGE=…]`.

Prints its URL, and a message in French and in English for the customer. `make link CANCEL=<its id or its URL>` cancels
one. Without a stage it is the `make run` that is running. It writes into the ledger, by the caller's own credentials.
"""

import argparse
import sys
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import quote

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.adapters.campay.client import Campay
from chalicelib.domain.errors import LedgerUnavailable, LinkExists, NotFound, OrderAlreadyPaid
from chalicelib.domain.payment_link import LINK_PATH, LONGEST_SECONDS, PaymentLink, is_link_id
from chalicelib.flows.payment_links import PaymentLinks
from chalicelib.runtime.clock import Clock
from chalicelib.web.requests import checked_description, checked_money, checked_order_id
from infra.commands.account import NoAccount
from infra.commands.ledger_days import NotPossible, ledger_of
from infra.deployment import Deployment, NotDeployed
from infra.stages import UnknownStage
from local import last_run

CAMEROON = timezone(timedelta(hours=1))
_DAY_SECONDS = 86_400


def main() -> int:
    parser = argparse.ArgumentParser(prog="make link", description=__doc__)
    for name, meaning in (
        ("--order", "the order's id"),
        ("--amount", "francs CFA"),
        ("--description", "what the customer reads; without it the order"),
        ("--days", "how many days it is good for"),
        ("--cancel", "a link to cancel"),
        ("--stage", "dev, prod or small; without it the running `make run`"),
    ):
        parser.add_argument(name, default="", help=meaning)
    given = parser.parse_args()
    clock = Clock()
    try:
        links = PaymentLinks(ledger_of(given.stage, clock), clock, Campay.currencies)
        said = cancelled(links, given.cancel) if given.cancel else made(links, given, _address(given.stage))
    except (NoAccount, NotDeployed, UnknownStage, NotPossible) as error:
        return _refused(str(error))
    except OrderAlreadyPaid:
        return _refused("this order is paid already")
    except LinkExists as error:
        return _refused(f"the order has a link with other details: {error.detail} Cancel it first: make link CANCEL=…")
    except (LedgerUnavailable, BotoCoreError, ClientError):
        return _refused("the ledger does not answer; try again")
    print(said)
    return 0


def made(links: PaymentLinks, given: argparse.Namespace, address: str) -> str:
    """Makes the link, or finds the order's. Returns what is printed. Raises NotPossible, and what `create` raises."""
    faults: dict[str, str] = {}
    order_id = checked_order_id(given.order, faults)
    amount = int(given.amount) if given.amount.isascii() and given.amount.isdecimal() else None
    money = checked_money(amount, "XAF", faults)
    description = checked_description(given.description or f"Order {order_id}", faults)
    days = given.days or "3"
    if not days.isascii() or not days.isdecimal() or not 1 <= int(days) <= LONGEST_SECONDS // _DAY_SECONDS:
        faults["days"] = f"must be from 1 to {LONGEST_SECONDS // _DAY_SECONDS}"
    if faults or money is None:
        names = {"orderId": "ORDER"}
        raise NotPossible("; ".join(f"{names.get(name, name.upper())} {fault}" for name, fault in faults.items()))
    link = links.create(order_id, money, description, int(days) * _DAY_SECONDS).link
    url = f"{address}{LINK_PATH}/{link.link_id}"
    return "\n\n".join([url, *(f"{text}\n{_whatsapp(text)}" for text in messages(link, url))])


def cancelled(links: PaymentLinks, named: str) -> str:
    """Cancels a link. Returns what has become of it. Raises NotPossible."""
    link_id = named.rstrip("/").rpartition("/")[2]
    try:
        if not is_link_id(link_id):
            raise NotFound
        status = links.cancel(link_id).status
    except NotFound:
        raise NotPossible("there is no such link") from None
    return f"The link is {status}. A payment that is on its way goes on."


def messages(link: PaymentLink, url: str) -> tuple[str, str]:
    """Returns what the shop may write to its customer, in French and in English."""
    francs = f"{link.money.amount:,}"
    ends = datetime.fromtimestamp(link.expires_at / 1000, UTC).astimezone(CAMEROON)
    until = f"{ends:%d/%m/%Y}", f"{ends:%H:%M}"
    french_francs = francs.replace(",", "\u00a0")
    return (
        f"Bonjour, voici le lien pour payer votre commande {link.order_id} ({french_francs}\u00a0FCFA)\u00a0: {url}\n"
        f"Il est valable jusqu’au {until[0]} à {until[1]}.",
        f"Hello, here is the link to pay for your order {link.order_id} (FCFA {francs}): {url}\n"
        f"It is good until {until[0]}, {until[1]}.",
    )


def _whatsapp(text: str) -> str:
    """Returns the address that opens WhatsApp with a message, and asks whom it goes to."""
    return f"https://wa.me/?text={quote(text)}"


def _address(stage: str) -> str:
    """Returns the API's URL. Raises NotDeployed, NotPossible."""
    if stage:
        return Deployment.of_stage(stage, boto3.client("cloudformation")).api_url
    return last_run.api_url()


def _refused(reason: str) -> int:
    print(f"make link: {reason}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
