"""Says to the customer what has become of a payment, in English and French. Pure."""

from collections.abc import Mapping

from chalicelib.domain.payment import Payment, PaymentStatus

_S = PaymentStatus
_MESSAGES: Mapping[str, Mapping[str, str]] = {
    "order_paid_elsewhere": {
        "en": "This order is already paid. Please decline the prompt on your phone.",
        "fr": "Cette commande est déjà payée. Refusez la demande sur votre téléphone.",
    },
    "duplicate": {
        "en": "This order was paid twice. The shop has been told and will contact you.",
        "fr": "Cette commande a été payée deux fois. La boutique vous remboursera le second paiement.",
    },
    "reviewed": {
        "en": "The shop has checked this payment and did not accept it. It will contact you.",
        "fr": "La boutique a vérifié ce paiement et ne l’a pas accepté. Elle vous contactera.",
    },
    "late": {
        "en": "Your payment arrived late, and it has been accepted.",
        "fr": "Votre paiement est arrivé en retard, et il a bien été pris en compte.",
    },
    "given_up": {
        "en": "You ended this payment. If you approve it on your phone all the same, it still counts.",
        "fr": "Vous avez mis fin à ce paiement. Si vous le validez malgré tout, il sera pris en compte.",
    },
    _S.INITIATING: {
        "en": "We are sending the request to your phone.",
        "fr": "Nous envoyons la demande sur votre téléphone.",
    },
    _S.PENDING: {
        "en": "Check your phone and enter your PIN to pay.",
        "fr": "Regardez votre téléphone et saisissez votre code PIN pour payer.",
    },
    _S.SUCCESSFUL: {"en": "Your payment is confirmed.", "fr": "Votre paiement est confirmé."},
    _S.FAILED: {
        "en": "The payment was not made. You have not been charged.",
        "fr": "Le paiement n’a pas abouti. Votre compte n’a pas été débité.",
    },
    _S.EXPIRED: {
        "en": "We received no confirmation in time. An approval that comes later still counts.",
        "fr": "Confirmation non reçue à temps. Si vous validez plus tard, votre paiement sera pris en compte.",
    },
    _S.CONFLICTED: {
        "en": "The shop is checking this payment. Please do not pay again.",
        "fr": "La boutique vérifie ce paiement. Ne payez pas une deuxième fois.",
    },
}


def message_of(payment: Payment) -> str:
    """Returns a sentence for the customer, in the payment's language."""
    if payment.duplicate:
        case = "duplicate"
    elif payment.disputed and payment.status is PaymentStatus.FAILED:
        case = "reviewed"
    elif payment.order_paid_by and payment.is_active:
        case = "order_paid_elsewhere"
    elif payment.late and payment.is_final:
        case = "late"
    elif payment.was_given_up:
        case = "given_up"
    else:
        case = payment.status
    sentences = _MESSAGES[case]
    return sentences.get(payment.locale, sentences["fr"])
