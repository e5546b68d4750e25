"""Defines a version of a payment with what led to it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.domain.payment import Payment


@dataclass(frozen=True, slots=True)
class Version:
    """A version as the ledger keeps it.

    `cause`: as `Cause.with_note` writes it. `at`: its time in milliseconds. `evidence`: the provider's record that led
    to it; empty where none did. `by`: the name of the operator who caused it; empty where none did.
    """

    payment: Payment
    cause: str
    at: int
    evidence: Mapping[str, Any] = field(default_factory=dict)
    by: str = ""
