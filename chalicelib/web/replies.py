"""Shapes what is answered: JSON, and each error as problem+json (RFC 9457)."""

import json
from collections.abc import Callable, Mapping
from functools import wraps
from http import HTTPStatus
from typing import Any, ParamSpec

from chalice.app import Request, Response

from chalicelib.domain.errors import (
    CurrencyNotSupported,
    InvalidRequest,
    LimitReached,
    MethodNotAllowed,
    NotAuthenticated,
    PaymentError,
)
from chalicelib.runtime import log
from chalicelib.web.requests import JSON, locale_of

PROBLEM = "application/problem+json"
ON_EVERY_REPLY: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
}
"""What a reply has unless it says otherwise: it says how things are now, and a browser that opens it as a page runs
nothing of it.
"""
P = ParamSpec("P")


def reply(body: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Returns a JSON response."""
    headers = {"Content-Type": JSON, **(headers or {})}
    return Response(json.dumps(body, ensure_ascii=False), status_code=status, headers={**headers})


def nothing(headers: Mapping[str, str] | None = None) -> Response:
    """Returns a response without a body (204)."""
    return Response("", status_code=204, headers={**(headers or {})})


def file(text: str, content_type: str, name: str, *, headers: Mapping[str, str]) -> Response:
    """Returns a file that a browser saves under a name."""
    disposition = f'attachment; filename="{name}"'
    sent: dict[str, str | list[str]]
    sent = {"Content-Type": content_type, "Content-Disposition": disposition, **headers}
    return Response(text, headers=sent)


def answers_problems(
    current_request: Callable[[], Request | None], not_authenticated: Callable[[], None]
) -> Callable[[Callable[P, Response]], Callable[P, Response]]:
    """Returns a decorator that turns every exception of a route into problem+json.

    It belongs right under `@app.route`, since Chalice's middleware would only see a 500. `not_authenticated` is called
    for each key or token that was refused.
    """

    def decorate(route: Callable[P, Response]) -> Callable[P, Response]:
        @wraps(route)
        def answer(*args: P.args, **kwargs: P.kwargs) -> Response:
            try:
                return route(*args, **kwargs)
            except PaymentError as error:
                log.info("call-refused", code=error.code)
                if isinstance(error, NotAuthenticated):
                    not_authenticated()
                return problem(error, locale_of(current_request()))
            except Exception:
                log.failure("route-failed")
                return problem(PaymentError(), locale_of(current_request()))

        return answer

    return decorate


def problem(error: PaymentError, locale: str) -> Response:
    """Returns an error as RFC 9457 has it.

    `detail` is for the person, `reason`, `fields` and `supported` for the developer.
    """
    body: dict[str, Any] = {
        "type": f"urn:braidster-payments:{error.code}",
        "title": HTTPStatus(error.http_status).phrase,
        "status": error.http_status,
        "code": error.code,
        "detail": error.sentence[locale],
        "retryable": error.retryable,
    }
    if error.detail:
        body["reason"] = error.detail
    if error.reference:
        body["reference"] = error.reference
    if isinstance(error, InvalidRequest) and error.fields:
        body["fields"] = error.fields
    if isinstance(error, CurrencyNotSupported):
        body["supported"] = error.supported
    headers: dict[str, str | list[str]] = {"Content-Type": PROBLEM, "Content-Language": locale}
    if isinstance(error, LimitReached):
        headers["Retry-After"] = str(error.retry_after)
    return Response(json.dumps(body, ensure_ascii=False), status_code=error.http_status, headers=headers)


def guarded(response: Response) -> Response:
    """Adds to a reply what every reply has."""
    response.headers = {**ON_EVERY_REPLY, **response.headers}
    return response


def of_framework(response: Response, locale: str) -> Response:
    """Tells Chalice's own refusals (a method or a content type that a route does not take) as ours are told."""
    content_type = response.headers.get("Content-Type", "")
    if response.status_code < 400 or content_type == PROBLEM:
        return response
    ours = problem(_error_of_framework(response.status_code), locale)
    ours.headers = {**response.headers, **ours.headers}
    return ours


def _error_of_framework(status: int) -> PaymentError:
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        return MethodNotAllowed()
    if status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
        return InvalidRequest(fields={"Content-Type": "is not accepted here"})
    return PaymentError()
