"""How a transaction is shown: as CamPay's record, as a row of its statement, and as a row of our books.

CamPay has four ways to say "absent"; the measured ones are the empty string and the word None.
"""

from decimal import Decimal
from typing import Any

from local.simulator.phone_numbers import DEMO_NUMBERS
from local.simulator.settings import SimulatorSettings
from local.simulator.transactions import Transaction

ECHOED = (
    "external_user",
    "extra_first_name",
    "extra_last_name",
    "extra_email",
    "redirect_url",
    "failure_redirect_url",
    "description",
)
_FEE = Decimal("0.02")


def campay_record(transaction: Transaction, signature: str, settings: SimulatorSettings) -> dict[str, Any]:
    """The fields of `/transaction/`, and of a webhook."""
    prompt = transaction.prompt
    amount = _shown_amount(transaction, settings)
    record: dict[str, Any] = {
        "reference": transaction.reference,
        "status": transaction.status,
        "amount": f"{amount:.2f}",
        "app_amount": f"{amount - _fee(amount):.2f}",
        "currency": "XAF",
        "operator": prompt.operator,
        "code": _code(transaction),
        "operator_reference": _operator_reference(transaction, settings),
        "endpoint": "collect",
        "signature": signature,
        "external_reference": prompt.external_reference,
        "phone_number": prompt.phone_number,
        "reason": transaction.reason or "None",
        **{name: prompt.echoed.get(name, "") for name in ECHOED},
    }
    return _in_number_style(record) if settings.number_style else record


def statement_row(transaction: Transaction, settings: SimulatorSettings) -> dict[str, Any]:
    """A row of `/history/`: no external_reference, numbers for amounts, a local time without zone."""
    prompt = transaction.prompt
    amount = _shown_amount(transaction, settings)
    credit = amount - _fee(amount) if transaction.money_moved else Decimal(0)
    return {
        "datetime": transaction.created_at.replace(tzinfo=None).isoformat(timespec="microseconds"),
        "code": _code(transaction),
        "operator_tx_code": _operator_reference(transaction, settings) or None,
        "operator": prompt.operator,
        "phone_number": prompt.phone_number,
        "description": prompt.echoed.get("description", ""),
        "external_user": prompt.echoed.get("external_user", ""),
        "amount": float(amount),
        "charge_amount": float(_fee(amount)),
        "debit": 0.0,
        "credit": float(credit),
        "status": transaction.status,
        "reference_uuid": transaction.reference,
    }


def ledger_row(transaction: Transaction) -> dict[str, Any]:
    """Ours, not CamPay's. `amount` is what the customer was asked for and, if so, paid: whole XAF."""
    return {
        "reference": transaction.reference,
        "externalReference": transaction.prompt.external_reference,
        "phoneNumber": transaction.prompt.phone_number,
        "amount": transaction.prompt.amount,
        "currency": "XAF",
        "status": transaction.status,
        "moneyMoved": transaction.money_moved,
    }


def net_amount(transaction: Transaction) -> Decimal:
    """What the app receives."""
    return transaction.prompt.amount - _fee(Decimal(transaction.prompt.amount))


def _fee(amount: Decimal) -> Decimal:
    return (amount * _FEE).quantize(Decimal("0.01"))


def _shown_amount(transaction: Transaction, settings: SimulatorSettings) -> Decimal:
    return Decimal(0) if _is_of_the_demo(transaction, settings) else Decimal(transaction.shown_amount)


def _is_of_the_demo(transaction: Transaction, settings: SimulatorSettings) -> bool:
    return settings.demo_zero_amounts and transaction.prompt.phone_number in DEMO_NUMBERS


def _code(transaction: Transaction) -> str:
    """CamPay's own code, not the operator's."""
    return f"CP{transaction.created_at:%y%m%d}T{transaction.number:05d}"


def _operator_reference(transaction: Transaction, settings: SimulatorSettings) -> str:
    if transaction.status != "SUCCESSFUL" or _is_of_the_demo(transaction, settings):
        return ""
    if transaction.prompt.operator == "MTN":
        return f"{10_000_000_000 + transaction.number}"
    return f"MP{transaction.created_at:%y%m%d.%H%M}.A{transaction.number:05d}"


def _in_number_style(record: dict[str, Any]) -> dict[str, Any]:
    numbers = {name: float(record[name]) for name in ("amount", "app_amount")}
    return {name: None if value in ("", "None") else value for name, value in record.items()} | numbers
