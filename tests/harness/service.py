"""Rebuilds the service under test with other adapters."""

from typing import Any

from chalicelib import bootstrap
from chalicelib.bootstrap import Service


def rebuilt(service: Service, **adapters: Any) -> Service:
    """Returns a service whose flows, all of them, stand on `adapters` (named as the fields of Service) and, for the
    rest, on those of `service`.
    """
    names = ("clock", "campay", "ledger", "live_store", "order_events")
    return bootstrap.compose(service.settings, **({name: getattr(service, name) for name in names} | adapters))
