"""Writes payments as CSV (RFC 4180), so that a spreadsheet opens the file as it is, in French or English."""

import csv
import io
from collections.abc import Mapping, Sequence

from chalicelib.domain.contract import to_iso
from chalicelib.domain.payment import Payment

CSV = "text/csv; charset=utf-8"
BYTE_ORDER_MARK = "\ufeff"
"""Without it Excel reads UTF-8 as the computer's own code page."""
_SEPARATOR: Mapping[str, str] = {"en": ",", "fr": ";"}
"""What a spreadsheet of the language expects: a French one has the comma in its decimal numbers."""
_HEADER: Mapping[str, Sequence[str]] = {
    "en": (
        *("Created (UTC)", "Changed (UTC)", "Order", "Reference", "Status", "Amount", "Currency", "Operator"),
        *("Phone number (masked)", "Provider's reference", "Operator's reference", "Reason", "Late", "Duplicate"),
    ),
    "fr": (
        *("Créé (UTC)", "Modifié (UTC)", "Commande", "Référence", "État", "Montant", "Devise", "Opérateur"),
        *("Téléphone (masqué)", "Référence du prestataire", "Référence de l'opérateur", "Motif", "Tardif", "Doublon"),
    ),
}
_YES_NO: Mapping[str, tuple[str, str]] = {"en": ("no", "yes"), "fr": ("non", "oui")}
_BEGINS_A_FORMULA = tuple("=+-@\t\r\n")


def payments_csv(payments: Sequence[Payment], language: str) -> str:
    """Returns a file with a header and a row for each payment, in their order."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=_SEPARATOR[language], lineterminator="\r\n")
    writer.writerow(_HEADER[language])
    writer.writerows(map(_without_formula, _row(payment, language)) for payment in payments)
    return BYTE_ORDER_MARK + file.getvalue()


def _row(payment: Payment, language: str) -> Sequence[str]:
    amount, yes_no = payment.money.to_decimal(), _YES_NO[language]
    return (
        to_iso(payment.created_at),
        to_iso(payment.updated_at),
        payment.order_id,
        payment.reference,
        payment.status.value,
        amount.replace(".", ",") if language == "fr" else amount,
        payment.money.currency,
        payment.operator or "",
        payment.phone_mask,
        payment.provider_reference or "",
        payment.operator_reference or "",
        payment.reason or "",
        yes_no[payment.late],
        yes_no[payment.duplicate],
    )


def _without_formula(cell: str) -> str:
    """Returns a cell that no spreadsheet computes: what others wrote into a payment could read the whole file."""
    return f"'{cell}" if cell.startswith(_BEGINS_A_FORMULA) else cell
