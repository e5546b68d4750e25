"""Makes the headers with which the operators' page calls the API."""

import time
from collections.abc import Mapping

from chalicelib.domain import tokens
from chalicelib.domain.operators import OperatorKey
from chalicelib.domain.tokens import OperatorSession
from chalicelib.web.operator_session import COOKIE, PAGE_HEADER

FRONTEND = "http://localhost:8080"
"""The shop's origin in the tests' settings."""


def session_of(key: OperatorKey, *, seconds: int = 60, origin: str = FRONTEND) -> Mapping[str, str]:
    """Returns the headers of a page that has a session. `seconds`: how long it lasts from now on."""
    token = tokens.sign_operator_session(OperatorSession(key, int((time.time() + seconds) * 1000)))
    return {"Cookie": f"theme=dark; {COOKIE}={token}", "Origin": origin, PAGE_HEADER: "fetch"}
