"""Classifies the answers to `/collect/` and `/withdraw/`: which of them prove that nothing was begun. Does no I/O."""

import re
from collections.abc import Mapping
from typing import Any

from chalicelib.adapters.campay.fields import operator_of, reason_of, text_of
from chalicelib.domain.provider import Accepted, OutcomeUnknown, PayoutOutcome, Prompted, PromptOutcome, Refused

_PROVING_CODES = re.compile(r"ER(101|102|201)")
"""Invalid number, operator not supported, invalid amount. ER301 (balance) belongs to other calls and proves nothing."""
_PAYOUT_CODES = re.compile(r"ER(101|102|201|301)")
_NOT_ALLOWED = "not_allowed"
_PAYOUT_FIELDS = frozenset({"amount", "currency", "to", "description"})
_PROVING_FIELDS = frozenset({"amount", "currency", "from", "description"})
"""The reference fields are left out: "has been used" may mean that its first use did send a prompt."""


def outcome_of(status: int, fields: Mapping[str, Any]) -> PromptOutcome:
    """Classifies the answer to a collect by its HTTP status and JSON object (empty where the body is none).

    Only the answers listed as proof are Refused; every other one that is no success is OutcomeUnknown.
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
    if status == 400 and (_proving_code(fields, _PROVING_CODES) or _has_field_errors(fields, _PROVING_FIELDS)):
        return Refused(sentence)
    return OutcomeUnknown(f"HTTP {status}")


def payout_of(status: int, fields: Mapping[str, Any]) -> PayoutOutcome:
    """Classifies the answer to a withdraw. A refusal's reason is its code, or the field, and no text of CamPay's.

    Only what is listed as proof is Refused; a limit of calls or a filter's page is not. Credentials, and whether the
    app may withdraw, are looked at before anything else: then `detail` is all that CamPay says.
    """
    if status == 200:
        reference = text_of(fields.get("reference"))
        return Accepted(reference) if reference else OutcomeUnknown("200 without a reference")
    if status == 400 and (code := _proving_code(fields, _PAYOUT_CODES)):
        return Refused(code)
    if status == 400 and _has_field_errors(fields, _PAYOUT_FIELDS):
        return Refused(", ".join(sorted(fields)))
    if status in (401, 403) and fields.keys() == {"detail"}:
        return Refused(_NOT_ALLOWED)
    return OutcomeUnknown(f"HTTP {status}")


def _prompted(fields: Mapping[str, Any]) -> PromptOutcome:
    reference = text_of(fields.get("reference"))
    if not reference:
        return OutcomeUnknown("200 without a reference")
    return Prompted(reference, text_of(fields.get("ussd_code")), operator_of(fields.get("operator")))


def _proving_code(fields: Mapping[str, Any], codes: re.Pattern[str]) -> str | None:
    code = text_of(fields.get("error_code"))
    found = codes.fullmatch(code) if code else re.match(rf"{codes.pattern}\b", text_of(fields.get("message")) or "")
    return found[0] if found else None


def _has_field_errors(fields: Mapping[str, Any], proving: frozenset[str]) -> bool:
    """Returns whether the body rejects fields, in Django's form: `{"amount": ["A valid integer is required."]}`."""
    return bool(fields) and all(
        name in proving and isinstance(errors, list) and errors and all(isinstance(it, str) for it in errors)
        for name, errors in fields.items()
    )


def _sentence(fields: Mapping[str, Any]) -> str:
    """Returns the message, in whichever form the error body has it."""
    for name in ("message", "detail"):
        if sentence := reason_of(fields.get(name)):
            code = text_of(fields.get("error_code"))
            return f"{sentence} ({code})" if code else sentence
    for name, value in fields.items():
        first = value[0] if isinstance(value, list) and value else value
        if sentence := reason_of(first):
            return sentence if name == "non_field_errors" else f"{name}: {sentence}"
    return "refused"
