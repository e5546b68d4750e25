"""What API Gateway answers by itself, told as the API tells it, and with CORS: a browser cannot read an answer without.

They are a part of the API's definition, and not resources beside it, since only what is in the definition is certain
to be in the deployment that is made from it.
"""

import json
from dataclasses import dataclass
from typing import Any

from chalicelib.domain.errors import InvalidRequest, InvalidToken, LimitReached, NotFound, PaymentError

_LANGUAGE = "fr"
"""As the API's own where a browser does not say; a mapping template cannot read what it says."""
_OUTCOME_UNKNOWN = (
    "La réponse s'est fait attendre. Ne payez pas une seconde fois : rouvrez la page pour voir où en est le paiement."
)
"""Not the API's own sentence: whoever is told this may have been charged."""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    title: str
    error: PaymentError
    detail: str = ""

    def body(self) -> str:
        error = self.error
        problem = {
            "type": f"urn:braidster-payments:{error.code}",
            "title": self.title,
            "status": self.status,
            "code": error.code,
            "detail": self.detail or error.sentence[_LANGUAGE],
            "retryable": error.retryable,
        }
        return json.dumps(problem, ensure_ascii=False)


_ANSWERS = {
    "UNAUTHORIZED": _Answer(401, "Unauthorized", InvalidToken()),
    "ACCESS_DENIED": _Answer(403, "Forbidden", InvalidToken()),
    # All that it blocks is an address that posts too much; how long is known to it alone.
    "WAF_FILTERED": _Answer(429, "Too Many Requests", LimitReached("address_limit", 60)),
    # It says this of an unknown path and of a method that a path does not take (405), and nothing here is signed.
    "MISSING_AUTHENTICATION_TOKEN": _Answer(404, "Not Found", NotFound()),
    "RESOURCE_NOT_FOUND": _Answer(404, "Not Found", NotFound()),
    "REQUEST_TOO_LARGE": _Answer(413, "Content Too Large", InvalidRequest()),
    "UNSUPPORTED_MEDIA_TYPE": _Answer(415, "Unsupported Media Type", InvalidRequest()),
    "THROTTLED": _Answer(429, "Too Many Requests", LimitReached("address_limit", 1)),
    "DEFAULT_4XX": _Answer(400, "Bad Request", InvalidRequest()),
    "INTEGRATION_FAILURE": _Answer(504, "Gateway Timeout", PaymentError(), _OUTCOME_UNKNOWN),
    "INTEGRATION_TIMEOUT": _Answer(504, "Gateway Timeout", PaymentError(), _OUTCOME_UNKNOWN),
    "DEFAULT_5XX": _Answer(500, "Internal Server Error", PaymentError(), _OUTCOME_UNKNOWN),
}


def gateway_responses(origin: str) -> dict[str, Any]:
    """`origin`: the one that browsers call from."""
    headers = {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": "Retry-After",
        "Cache-Control": "no-store",
        "Content-Language": _LANGUAGE,
        "Content-Type": "application/problem+json",
    }
    return {name: _response(answer, headers) for name, answer in _ANSWERS.items()}


def _response(answer: _Answer, headers: dict[str, str]) -> dict[str, Any]:
    if isinstance(answer.error, LimitReached):
        headers = {**headers, "Retry-After": str(answer.error.retry_after)}
    return {
        "statusCode": str(answer.status),
        "responseParameters": {f"gatewayresponse.header.{name}": f"'{value}'" for name, value in headers.items()},
        "responseTemplates": {"application/json": answer.body()},
    }
