"""Rebuilds the service under test with other adapters, and starts payments with it."""

from dataclasses import replace
from typing import Any

from chalicelib import bootstrap
from chalicelib.bootstrap import Service
from chalicelib.domain.payment import Payment
from chalicelib.domain.payment_request import PaymentRequest


def rebuilt(service: Service, **adapters: Any) -> Service:
    """Returns a copy of a service whose flows all use `adapters` in place of its own.

    `adapters`: named as the fields of Service.
    """
    names = ("clock", "campay", "ledger", "live_store", "order_events", "work_queue")
    return bootstrap.compose(service.settings, **({name: getattr(service, name) for name in names} | adapters))


def start_many(service: Service, request: PaymentRequest, count: int) -> list[Payment]:
    """Starts payments that differ in order and phone."""
    return [
        service.initiate(replace(request, order_id=f"order-{n}", phone_number=f"2376700001{n:02}")).payment
        for n in range(count)
    ]
