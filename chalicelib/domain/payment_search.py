"""Defines what an operator may look for payments by. Pure."""

import dataclasses
from enum import StrEnum


class SearchField(StrEnum):
    """What payments can be looked for by: the names of the request's fields."""

    ORDER_ID = "orderId"
    REFERENCE = "reference"
    PROVIDER_REFERENCE = "providerReference"
    OPERATOR_REFERENCE = "operatorReference"
    """The id in the customer's SMS."""
    PHONE_NUMBER = "phoneNumber"


@dataclasses.dataclass(frozen=True, slots=True)
class PaymentSearch:
    """A checked search. `value` may be a phone number, so that the object's text does not have it."""

    field: SearchField
    value: str = dataclasses.field(repr=False)
