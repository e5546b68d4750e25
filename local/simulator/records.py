"""Renders a transaction as CamPay's record, as a row of CamPay's statement, and as a row of the simulator's ledger.

CamPay was measured to send the empty string or the word None for what is absent; its page has two further ways.
"""

from collections.abc import Mapping
from typing import Any

from local.simulator.phone_numbers import DEMO_NUMBERS
from local.simulator.settings import SimulatorSettings
from local.simulator.transactions import Endpoint, Transaction

ECHOED = (
    "external_user",
    "extra_first_name",
    "extra_last_name",
    "extra_email",
    "redirect_url",
    "failure_redirect_url",
    "description",
)
_FEE_PERCENT: Mapping[Endpoint, int] = {"collect": 2, "withdraw": 1}


def campay_record(transaction: Transaction, signature: str, settings: SimulatorSettings) -> dict[str, Any]:
    """Renders the fields of `/transaction/`, which a webhook has too."""
    prompt = transaction.prompt
    amount = _shown_amount(transaction, settings)
    record: dict[str, Any] = {
        "reference": transaction.reference,
        "status": transaction.status,
        "amount": f"{amount:.2f}",
        "app_amount": f"{abs(_net(amount, prompt.endpoint)):.2f}",
        "currency": "XAF",
        "operator": prompt.operator,
        "code": _code(transaction),
        "operator_reference": _operator_reference(transaction),
        "endpoint": prompt.endpoint,
        "signature": signature,
        "external_reference": prompt.external_reference,
        "phone_number": prompt.phone_number,
        "reason": transaction.reason or "None",
        **{name: prompt.echoed.get(name, "") for name in ECHOED},
    }
    return _in_number_style(record) if settings.number_style else record


def statement_row(transaction: Transaction, settings: SimulatorSettings) -> dict[str, Any]:
    """Renders a row of `/history/`: without external_reference, amounts as numbers, local time without a zone."""
    prompt = transaction.prompt
    amount = _shown_amount(transaction, settings)
    moved = _net(amount, prompt.endpoint) if transaction.money_moved else 0
    return {
        "datetime": transaction.created_at.replace(tzinfo=None).isoformat(timespec="microseconds"),
        "code": _code(transaction),
        "operator_tx_code": _operator_reference(transaction) or None,
        "operator": prompt.operator,
        "phone_number": prompt.phone_number,
        "description": prompt.echoed.get("description", ""),
        "external_user": prompt.echoed.get("external_user", ""),
        "amount": float(amount),
        "charge_amount": float(_fee(amount, prompt.endpoint)),
        "debit": float(max(-moved, 0)),
        "credit": float(max(moved, 0)),
        "status": transaction.status,
        "reference_uuid": transaction.reference,
    }


def ledger_row(transaction: Transaction) -> dict[str, Any]:
    """Renders a row of the simulator's ledger.

    In whole francs: `amount` is what the customer was asked for, `fee` what CamPay keeps of it once the money moves.
    """
    return {
        "reference": transaction.reference,
        "endpoint": transaction.prompt.endpoint,
        "externalReference": transaction.prompt.external_reference,
        "phoneNumber": transaction.prompt.phone_number,
        "amount": transaction.prompt.amount,
        "fee": _fee(transaction.prompt.amount, transaction.prompt.endpoint),
        "currency": "XAF",
        "status": transaction.status,
        "moneyMoved": transaction.money_moved,
        "asked": transaction.asked,
    }


def redirect_fields(transaction: Transaction) -> dict[str, str]:
    """Renders the query of the redirect from a payment page to the shop. It proves nothing: anybody can send it."""
    return {
        "external_reference": transaction.prompt.external_reference,
        "status": transaction.status,
        "operator": transaction.prompt.operator,
        "code": _code(transaction),
        "operator_reference": _operator_reference(transaction),
        "reference": transaction.reference,
    }


def net_amount(transaction: Transaction) -> int:
    """Returns what a transaction adds to the app's balance, in francs; a payout's is negative."""
    return _net(transaction.prompt.amount, transaction.prompt.endpoint)


def cost_of_payout(amount: int) -> int:
    """Returns what a payout takes from the balance, its fee included, in francs."""
    return -_net(amount, "withdraw")


def _net(amount: int, endpoint: Endpoint) -> int:
    fee = _fee(amount, endpoint)
    return amount - fee if endpoint == "collect" else -amount - fee


def _fee(amount: int, endpoint: Endpoint) -> int:
    """Returns CamPay's fee in whole francs, rounded up."""
    return -(-amount * _FEE_PERCENT[endpoint] // 100)


def _shown_amount(transaction: Transaction, settings: SimulatorSettings) -> int:
    return 0 if settings.demo_zero_amounts and _is_simulated(transaction) else transaction.shown_amount


def _is_simulated(transaction: Transaction) -> bool:
    """Says whether the number is one of those that CamPay's demo host simulates too."""
    return transaction.prompt.phone_number in DEMO_NUMBERS


def _code(transaction: Transaction) -> str:
    """Returns CamPay's own code, not the operator's, in the demo host's style: DyymmddDnnnnXX."""
    thousands, number = divmod(transaction.number, 10_000)
    letters = "".join(chr(ord("A") + part) for part in divmod(thousands % 676, 26))
    return f"D{transaction.created_at:%y%m%d}D{number:04d}{letters}"


def _operator_reference(transaction: Transaction) -> str:
    """Returns the operator's reference. A real payer's record has it from the beginning, whatever its status."""
    if _is_simulated(transaction):
        return ""
    if transaction.prompt.operator == "MTN":
        return f"{10_000_000_000 + transaction.number}"
    return f"MP{transaction.created_at:%y%m%d.%H%M}.A{transaction.number:05d}"


def _in_number_style(record: dict[str, Any]) -> dict[str, Any]:
    numbers = {name: float(record[name]) for name in ("amount", "app_amount")}
    return {name: None if value in ("", "None") else value for name, value in record.items()} | numbers
