"""Rebuilds the service under test with other adapters."""

from typing import Any

from chalicelib import bootstrap
from chalicelib.bootstrap import Service


def rebuilt(service: Service, **adapters: Any) -> Service:
    """Returns a copy of a service whose flows all use `adapters` in place of its own.

    `adapters`: named as the fields of Service.
    """
    names = ("clock", "campay", "ledger", "live_store", "order_events", "work_queue")
    return bootstrap.compose(service.settings, **({name: getattr(service, name) for name in names} | adapters))
