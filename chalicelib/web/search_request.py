"""Reads what an operator looks for payments by."""

import re
from collections.abc import Callable, Mapping

from chalice.app import Request

from chalicelib.domain.errors import InvalidRequest
from chalicelib.domain.payment_search import PaymentSearch, SearchField
from chalicelib.domain.phone_number import is_phone_number
from chalicelib.web.requests import ORDER_ID_FORM, PHONE_NUMBER_FORM, is_order_id, is_reference, json_object

_VISIBLE = re.compile(r"[\x21-\x7e]{1,128}")


def _is_foreign_reference(text: str) -> bool:
    return _VISIBLE.fullmatch(text) is not None


_VISIBLE_FORM = "must be 1 to 128 visible ASCII characters"
_FORMS: Mapping[SearchField, tuple[Callable[[str], bool], str]] = {
    SearchField.ORDER_ID: (is_order_id, ORDER_ID_FORM),
    SearchField.REFERENCE: (is_reference, "must be a payment's reference: a UUID in lower case"),
    SearchField.PROVIDER_REFERENCE: (_is_foreign_reference, _VISIBLE_FORM),
    SearchField.OPERATOR_REFERENCE: (_is_foreign_reference, _VISIBLE_FORM),
    SearchField.PHONE_NUMBER: (is_phone_number, PHONE_NUMBER_FORM),
}


def payment_search(request: Request) -> PaymentSearch:
    """Reads the one field that the body must have. Raises InvalidRequest with every wrong field, never with its value.

    Fields that are not known here are not read.
    """
    body = json_object(request)
    given = [name for name in SearchField if name in body]
    if not given:
        raise InvalidRequest(fields={"body": f"must have one of {', '.join(SearchField)}"})
    faults: dict[str, str] = {name: "must be the only field of a search" for name in given if len(given) > 1}
    for name in given:
        is_valid, form = _FORMS[name]
        if not isinstance(body[name], str) or not is_valid(body[name]):
            faults[name] = form
    if faults:
        raise InvalidRequest(fields=faults)
    return PaymentSearch(given[0], body[given[0]])
