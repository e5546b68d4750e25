"""Calls every route with bad input: each call is refused as a problem, and nothing comes of it."""

import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from gauntlet.inputs.bad_calls import PHONE, ROUTES, Route, Target, drawn
from gauntlet.inputs.calls import Call, fault_of, send
from gauntlet.inputs.schema_calls import SchemaCalls
from gauntlet.row import Row
from gauntlet.rows.webhooks import NO_CHECKS
from gauntlet.shop import Customer, Shop

AT_ONCE = 8
MOST_REPORTED = 10
_OF_PAYMENTS = ("payment#", "order#", "phone#", "link#")


def run(shop: Shop, size: int, chance: random.Random) -> int:
    """Makes calls while one payment waits. No prompt goes out, no row comes, and that payment stays as it is."""
    shop.rest()  # the ledger keeps that the shop was told of the rows before, a little later
    customer = shop.started()[0]
    target = _target(shop, customer)
    before = _seen(shop, customer)
    secrets = [customer.phone_number, PHONE, *(value for _, value in target.credentials.values())]
    by_document = SchemaCalls(shop.system.ports.api, target, secrets)
    by_document.run(size // 3, chance)
    faults = by_document.faults + _by_grammar(shop, size - by_document.made, chance, target, secrets)
    for found in faults[:MOST_REPORTED]:
        shop.report(found)
    if len(faults) > MOST_REPORTED:
        shop.report(f"{len(faults)} calls were answered wrongly")
    if (after := _seen(shop, customer)) != before:
        shop.report(f"bad input has changed {before} into {after}")
    shop.decide(customer.reference, "SUCCESSFUL", webhook=True)
    return size


def _by_grammar(shop: Shop, size: int, chance: random.Random, target: Target, secrets: Sequence[str]) -> list[str]:
    """Makes calls of our own grammar, of each route at least one. Returns what was wrong with answers."""
    calls = [
        (route, drawn(chance, route, target)) for route in (*ROUTES, *chance.choices(ROUTES, k=size - len(ROUTES)))
    ]

    def fault(made: tuple[Route, Call]) -> str | None:
        route, call = made
        found = fault_of(call, send(shop.system.ports.api, call), may_succeed=not route.writes, secrets=secrets)
        return found and f"{route.method} {route.path} {found}; {call}"

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return [found for found in threads.map(fault, calls) if found]


def _target(shop: Shop, customer: Customer) -> Target:
    keys = shop.system.environment
    return Target(
        customer.reference,
        customer.order_id,
        {
            "merchant": ("X-Api-Key", keys["MERCHANT_API_KEY"]),
            "operator": ("X-Api-Key", keys["OPERATOR_API_KEY"]),
            "customer": ("Authorization", f"Bearer {customer.token}"),
        },
    )


def _seen(shop: Shop, customer: Customer) -> dict[str, object]:
    """Returns what bad input must not change."""
    payment = shop.system.payment(customer.reference)
    return {
        "prompts": len(shop.system.transactions()),
        "rows": sorted(_partitions(shop)),
        "payment": (payment.status, payment.version),
    }


def _partitions(shop: Shop) -> Iterator[str]:
    """Yields the partitions of payments, orders, phones and links, one for each of their rows."""
    pages = shop.system.table_client.get_paginator("scan")
    for page in pages.paginate(TableName=shop.system.environment["PAYMENTS_TABLE"], ProjectionExpression="pk"):
        yield from (row["pk"]["S"] for row in page["Items"] if row["pk"]["S"].startswith(_OF_PAYMENTS))


ROWS = [Row("bad-input", f"bad input to all {len(ROUTES)} routes", run, 150, 20_000, NO_CHECKS)]
