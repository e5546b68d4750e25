"""Defines the errors that may be answered instead of a payment.

    PaymentError
    ├── InvalidRequest            400  invalid_request          names every wrong field
    │   └── CurrencyNotSupported  400  currency_not_supported
    ├── NotAuthenticated          401
    │   ├── InvalidToken          401  invalid_token            order or tracking token
    │   ├── InvalidApiKey         401  invalid_api_key
    │   ├── InvalidSession        401  invalid_session          of the operators' page
    │   └── InvalidSignature      401  invalid_signature        webhook
    ├── Forbidden                 403  forbidden                an operator without the right, or a foreign page
    ├── NotFound                  404  not_found                also: not yours
    ├── MethodNotAllowed          405  method_not_allowed
    ├── Conflict                  409
    │   ├── PaymentInProgress     409  payment_in_progress
    │   ├── OrderAlreadyPaid      409  order_already_paid
    │   ├── IdempotencyKeyReused  409  idempotency_key_reused
    │   ├── LinkClosed            409  link_closed              a payment link that is cancelled or over
    │   ├── LinkExists            409  link_exists              the order's open link asks for something else
    │   ├── NotAllowed            409  not_allowed              an operator's action that the status forbids
    │   ├── PaymentChanged        409  payment_changed          an operator decided on an earlier state
    │   ├── RefundsOff            409  refunds_off
    │   ├── RefundTooHigh         409  refund_too_high          more than is left of the charge
    │   ├── RefundNotCovered      409  refund_not_covered       the float at that operator is too low
    │   └── DifferencesChanged    409  differences_changed      a signature under what is no more as it was seen
    ├── PaymentRefused            422  payment_refused          the operator or CamPay said no; proven
    ├── LimitReached              429  prompt_in_flight, phone_limit, address_limit; in the gateway LIMITS_OF_GATEWAY
    └── Unavailable               503
        ├── ProviderUnavailable   503  provider_unavailable     CamPay: nothing is known to have happened
        ├── ProviderBusy          503  provider_busy            CamPay refused for now
        └── LedgerUnavailable     503  ledger_unavailable

`retryable` tells a program whether the same call may succeed later without a change.
"""

from collections.abc import Iterable, Mapping
from typing import ClassVar

Locale = str
"""`fr` or `en`."""


class PaymentError(Exception):
    """The base of all errors that have a place in the API.

    `detail` is for the developer and never holds a phone number, a token or a key;
    `sentence` is for the person in front of the screen.
    """

    code: str = "internal_error"
    http_status: ClassVar[int] = 500
    retryable: bool = False
    sentence: Mapping[Locale, str] = {
        "en": "Something went wrong on our side. You have not been charged by this call.",
        "fr": "Un problème est survenu chez nous. Cet appel n’a pas débité votre compte.",
    }

    def __init__(self, detail: str = "", *, reference: str | None = None) -> None:
        super().__init__(detail or self.sentence["en"])
        self.detail = detail
        self.reference = reference


class InvalidRequest(PaymentError):
    """The request is wrong. `fields` maps every wrong field, not only the first, to what is wrong with it."""

    code = "invalid_request"
    http_status = 400
    sentence = {
        "en": "Some of the details are not right. Please check them and try again.",
        "fr": "Certaines informations sont incorrectes. Vérifiez-les puis réessayez.",
    }

    def __init__(self, detail: str = "", *, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.fields = dict(fields or {})


class CurrencyNotSupported(InvalidRequest):
    """The provider takes no payment in this currency. `supported`: those that it takes; the sentence names them."""

    code = "currency_not_supported"
    sentence = {
        "en": "This currency cannot be paid with mobile money.",
        "fr": "Cette devise ne peut pas être payée par mobile money.",
    }

    def __init__(self, supported: Iterable[str] = ()) -> None:
        self.supported = sorted(supported)
        known = ", ".join(self.supported)
        super().__init__(fields={"currency": f"must be one of {known}"} if known else None)
        if known:
            english, french = self.sentence["en"], self.sentence["fr"]
            self.sentence = {"en": f"{english} Possible: {known}.", "fr": f"{french} Possible : {known}."}


class NotAuthenticated(PaymentError):
    """The call lacks a valid credential."""

    http_status = 401


class InvalidToken(NotAuthenticated):
    """The order token or the tracking token is not valid, has expired, or is for something else."""

    code = "invalid_token"
    sentence = {
        "en": "This payment page is no longer valid. Please go back to the shop and open it again.",
        "fr": "Cette page de paiement n’est plus valable. Retournez à la boutique et rouvrez-la.",
    }


class InvalidApiKey(NotAuthenticated):
    code = "invalid_api_key"
    sentence = {"en": "The API key is not valid.", "fr": "La clé d’API n’est pas valable."}


class InvalidSession(NotAuthenticated):
    """An operator's session is not valid, or has ended."""

    code = "invalid_session"
    sentence = {
        "en": "Your session has ended. Please sign in again.",
        "fr": "Votre session est terminée. Reconnectez-vous.",
    }


class InvalidSignature(NotAuthenticated):
    code = "invalid_signature"
    sentence = {"en": "The signature is not valid.", "fr": "La signature n’est pas valable."}


class ExpiredSignature(InvalidSignature):
    """It is CamPay's signature, and its time is over, or has not begun by our clock."""


class Forbidden(PaymentError):
    """The caller is known, and may not do this; or a page of another origin makes the call in the caller's name."""

    code = "forbidden"
    http_status = 403
    sentence = {
        "en": "You are not allowed to do this. Nothing was done.",
        "fr": "Vous n’avez pas le droit de faire cela. Rien n’a été fait.",
    }


class NotFound(PaymentError):
    """The payment is unknown, or not the caller's: the two look the same from outside."""

    code = "not_found"
    http_status = 404
    sentence = {"en": "There is no such payment.", "fr": "Ce paiement n’existe pas."}


class MethodNotAllowed(PaymentError):
    code = "method_not_allowed"
    http_status = 405
    sentence = {
        "en": "This call is not possible here. Nothing was done.",
        "fr": "Cet appel n’est pas possible ici. Rien n’a été fait.",
    }


class Conflict(PaymentError):
    """The state of the order or of the payment forbids the call."""

    http_status = 409


class PaymentInProgress(Conflict):
    """Another attempt of the order is active."""

    code = "payment_in_progress"
    sentence = {
        "en": "A payment for this order is already in progress. Please finish it on your phone.",
        "fr": "Un paiement est déjà en cours pour cette commande. Terminez-le sur votre téléphone.",
    }


class OrderAlreadyPaid(Conflict):
    code = "order_already_paid"
    sentence = {
        "en": "This order is already paid.",
        "fr": "Cette commande est déjà payée.",
    }


class IdempotencyKeyReused(Conflict):
    """The key stands for a call with other fields."""

    code = "idempotency_key_reused"
    sentence = {
        "en": "This request was already sent with other details.",
        "fr": "Cette demande a déjà été envoyée avec d’autres informations.",
    }


class LinkClosed(Conflict):
    """The payment link was cancelled, or its time is over: no payment begins by it."""

    code = "link_closed"
    sentence = {
        "en": "This payment link is no longer valid. Please ask the shop for a new one.",
        "fr": "Ce lien de paiement n’est plus valable. Demandez-en un nouveau à la boutique.",
    }


class LinkExists(Conflict):
    """The order has an open link that asks for another amount, or says something else."""

    code = "link_exists"
    sentence = {
        "en": "This order already has a payment link with other details. Cancel it first.",
        "fr": "Cette commande a déjà un lien de paiement avec d’autres informations. Annulez-le d’abord.",
    }


class NotAllowed(Conflict):
    """The payment's status forbids an operator's action."""

    code = "not_allowed"
    sentence = {
        "en": "The payment's status does not allow this.",
        "fr": "L’état du paiement ne permet pas cette action.",
    }


class PaymentChanged(Conflict):
    """The payment is no longer as the operator saw it when the decision was made."""

    code = "payment_changed"
    sentence = {
        "en": "The payment has changed meanwhile. Nothing was done; look at it again.",
        "fr": "Le paiement a changé entre-temps. Rien n’a été fait\u00a0; regardez-le de nouveau.",
    }


class RefundsOff(Conflict):
    """No money is paid back through this API unless REFUNDS is set."""

    code = "refunds_off"
    sentence = {
        "en": "Refunds are switched off. Nothing was paid back.",
        "fr": "Les remboursements sont désactivés. Rien n’a été remboursé.",
    }


class RefundTooHigh(Conflict):
    """More is to go back than is left of the charge."""

    code = "refund_too_high"
    sentence = {
        "en": "This is more than is left of the charge. Nothing was paid back.",
        "fr": "C’est plus que ce qui reste du débit. Rien n’a été remboursé.",
    }


class RefundNotCovered(Conflict):
    """The float at the customer's operator does not cover the refund: it is one for each operator."""

    code = "refund_not_covered"
    sentence = {
        "en": "Your CamPay balance with this operator is too low. Nothing was paid back.",
        "fr": "Votre solde CamPay chez cet opérateur est insuffisant. Rien n’a été remboursé.",
    }


class DifferencesChanged(Conflict):
    """A comparison with CamPay's statement has found something else since the operator looked."""

    code = "differences_changed"
    sentence = {
        "en": "The differences have changed since you looked. Nothing was signed.",
        "fr": "Les écarts ont changé depuis que vous les avez vus. Rien n’a été signé.",
    }


class PaymentRefused(PaymentError):
    """The provider refused with proof: no prompt went out, no money moved."""

    code = "payment_refused"
    http_status = 422
    sentence = {
        "en": "The payment was refused. You have not been charged.",
        "fr": "Le paiement a été refusé. Votre compte n’a pas été débité.",
    }


SENTENCE_OF_LIMIT: Mapping[str, Mapping[Locale, str]] = {
    "prompt_in_flight": {
        "en": "A payment prompt is on this phone already: answer it, or wait until it ends.",
        "fr": "Une demande de paiement est déjà sur ce téléphone\u00a0: répondez-y, ou attendez qu’elle prenne fin.",
    },
    "phone_limit": {
        "en": "This phone has had too many payment prompts for now.",
        "fr": "Ce téléphone a reçu trop de demandes de paiement pour le moment.",
    },
    "address_limit": {
        "en": "There have been too many attempts for now.",
        "fr": "Il y a eu trop de tentatives pour le moment.",
    },
    "too_many_payments": {
        "en": "This page follows too many payments already.",
        "fr": "Cette page suit déjà trop de paiements.",
    },
    "too_many_sockets": {
        "en": "This payment is followed in too many places already.",
        "fr": "Ce paiement est déjà suivi à trop d’endroits.",
    },
    "rate_limited": {
        "en": "Too many messages. Please slow down.",
        "fr": "Trop de messages. Veuillez ralentir.",
    },
}
"""Of each code that LimitReached takes."""
LIMITS_OF_GATEWAY = frozenset({"too_many_payments", "too_many_sockets", "rate_limited"})
"""Those that the gateway has, and the API has not."""


class LimitReached(PaymentError):
    """A limit is reached. `code` says which one it is, and each has its own sentence.

    `retry_after` is in whole seconds, rounded up: waiting that long is enough.
    """

    http_status = 429
    retryable = True

    def __init__(self, code: str, retry_after: int, detail: str = "") -> None:
        self.code = code
        self.sentence = SENTENCE_OF_LIMIT[code]
        self.retry_after = retry_after
        super().__init__(detail)


class Unavailable(PaymentError):
    """Something that the call needs is away. The same call may succeed later."""

    http_status = 503
    retryable = True


class ProviderUnavailable(Unavailable):
    """CamPay cannot be reached, or what it says cannot be read."""

    code = "provider_unavailable"
    sentence = {
        "en": "Mobile money cannot be reached right now. You have not been charged; please try again shortly.",
        "fr": "Le mobile money est injoignable. Votre compte n’a pas été débité\u00a0; réessayez bientôt.",
    }


class ProviderBusy(Unavailable):
    """CamPay refused for now: it limits our calls, or our own limit on reading it is reached."""

    code = "provider_busy"
    sentence = {
        "en": "Mobile money asks for a short pause. You have not been charged; please try again in a minute.",
        "fr": "Le mobile money demande une pause. Votre compte n’a pas été débité\u00a0; réessayez dans une minute.",
    }


class LedgerUnavailable(Unavailable):
    """DynamoDB does not answer, or refuses; nothing was half written."""

    code = "ledger_unavailable"
    sentence = {
        "en": "Payments are paused for a moment. Please try again shortly.",
        "fr": "Les paiements sont suspendus un instant. Réessayez bientôt.",
    }
