"""Reads what became of a `/collect/`: which answers of CamPay prove that no prompt went out. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from chalicelib.adapters.campay.fields import operator_of, reason_of, text_of
from chalicelib.domain.provider import OutcomeUnknown, Prompted, PromptOutcome, Refused

_PROVING_CODES = re.compile(r"ER(101|102|201)")
"""Invalid number, operator not supported, invalid amount. ER301 (balance) is not of a collect and proves nothing."""
_PROVING_FIELDS = frozenset({"amount", "currency", "from", "description"})
"""Not the two references: that one of them "has been used" may say that the prompt of its first use went out."""


def outcome_of(status: int, fields: Mapping[str, Any]) -> PromptOutcome:
    """Reads the answer to a collect: HTTP status and the JSON object, empty where the body is none.

    Refused only by the list of what is proof; whatever is not on it is OutcomeUnknown.
    """
    if status == 200:
        return _prompted(fields)
    sentence = _sentence(fields)
    if status == 429 or (400 <= status < 500 and "rate limit" in sentence.lower()):
        return Refused(sentence, for_now=True)
    if status == 401 and fields:
        return Refused("CamPay does not accept our credentials", for_now=True)
    if 400 <= status < 500 and fields.get("code") == "malicious_payload_rejected":
        return Refused(sentence)
    if status == 403 and fields:
        return Refused(sentence, for_now=True)
    if status == 400 and (_has_proving_code(fields) or _has_field_errors(fields)):
        return Refused(sentence)
    return OutcomeUnknown(f"HTTP {status}")


def _prompted(fields: Mapping[str, Any]) -> PromptOutcome:
    reference = text_of(fields.get("reference"))
    if not reference:
        return OutcomeUnknown("200 without a reference")
    return Prompted(reference, text_of(fields.get("ussd_code")), operator_of(fields.get("operator")))


def _has_proving_code(fields: Mapping[str, Any]) -> bool:
    code = text_of(fields.get("error_code"))
    if code:
        return _PROVING_CODES.fullmatch(code) is not None
    return re.match(rf"{_PROVING_CODES.pattern}\b", text_of(fields.get("message")) or "") is not None


def _has_field_errors(fields: Mapping[str, Any]) -> bool:
    """Django REST Framework's own shape: `{"amount": ["A valid integer is required."]}`."""
    return bool(fields) and all(
        name in _PROVING_FIELDS and isinstance(errors, list) and errors and all(isinstance(it, str) for it in errors)
        for name, errors in fields.items()
    )


def _sentence(fields: Mapping[str, Any]) -> str:
    """The sentence in any of the shapes that an error body has."""
    for name in ("message", "detail"):
        if sentence := reason_of(fields.get(name)):
            code = text_of(fields.get("error_code"))
            return f"{sentence} ({code})" if code else sentence
    for name, value in fields.items():
        first = value[0] if isinstance(value, list) and value else value
        if sentence := reason_of(first):
            return sentence if name == "non_field_errors" else f"{name}: {sentence}"
    return "refused"
