"""Shapes the answers that API Gateway gives by itself as the API's problems, with the CORS headers that browsers need.

They stand in the API's definition, not in resources beside it: a deployment is made of the definition, and a resource
might be created after it.
"""

import json
from dataclasses import dataclass
from typing import Any

from chalicelib.domain.errors import InvalidRequest, InvalidToken, LimitReached, NotFound, PaymentError
from chalicelib.web.replies import ON_EVERY_REPLY

_LANGUAGE = "fr"
"""The API's default language; a mapping template cannot read Accept-Language."""
_OUTCOME_UNKNOWN = (
    "La réponse s'est fait attendre. Ne payez pas une seconde fois : rouvrez la page pour voir où en est le paiement."
)
"""Takes the place of the API's sentence: whoever gets this answer may have been charged."""


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
    """Makes the part of the API's definition that has them. `origin`: the shop's, which browsers call from."""
    headers = {
        "Access-Control-Allow-Credentials": "true",  # a page of the operators calls with a cookie
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": "Retry-After",
        "Cache-Control": "no-store",
        "Content-Language": _LANGUAGE,
        "Content-Type": "application/problem+json",
        **{name: ON_EVERY_REPLY[name] for name in ("Strict-Transport-Security", "X-Content-Type-Options")},
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
