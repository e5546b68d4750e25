"""Gives an operator's page a session, a cookie in place of the key, and tells whose session a call has.

A browser sends the cookie by itself, also with a call that a foreign page makes: a session counts only with proof that
the call comes from a page of ours.
"""

from collections.abc import Mapping

from chalice.app import Request

from chalicelib.domain import tokens
from chalicelib.domain.contract import to_iso
from chalicelib.domain.errors import Forbidden
from chalicelib.domain.operators import OperatorKey
from chalicelib.domain.tokens import OperatorSession
from chalicelib.settings import Settings

COOKIE = "__Secure-operator-session"
DEVELOPMENT_COOKIE = "operator-session"
"""In development, where all is http://localhost: Safari keeps no Secure cookie of it, unlike Chromium and Firefox."""
PAGE_HEADER = "X-Requested-With"
"""No form can send it, and a script of another origin only where CORS allows it."""
TOLD = "Operator-Session"
"""The header that tells a page whose session it has begun: the cookie itself no script can read."""
_ROUTE = "/operator/session"
_READS = frozenset({"GET", "HEAD"})


def begun(request: Request, key: OperatorKey, settings: Settings, now: int) -> Mapping[str, str]:
    """Returns the headers that begin a session."""
    seconds = settings.operator_session_seconds
    token = tokens.sign_operator_session(OperatorSession.begin(key, now, seconds))
    cookie = _set_cookie(request, settings, token, seconds)
    told = f"{key.operator.name}; {key.operator.right}; {seconds}"
    return {**cookie, TOLD: told, "Access-Control-Expose-Headers": TOLD}


def told(session: OperatorSession, now: int) -> Mapping[str, str]:
    """Returns whose session it is, when it ends, and a ticket that opens the gateway's namespace for operators."""
    operator = session.key.operator
    return {
        "name": operator.name,
        "right": operator.right,
        "endsAt": to_iso(session.ends_at),
        "ticket": tokens.sign_operator_ticket(session, now),
    }


def ended(request: Request, settings: Settings) -> Mapping[str, str]:
    """Returns the headers that have the browser forget its session."""
    return _set_cookie(request, settings, "", 0)


def session_of(request: Request, settings: Settings, now: int) -> OperatorSession | None:
    """Returns the session that the call has, None where it has none.

    Raises InvalidSession, and Forbidden where the call is not proven to come from a page of ours.
    """
    token = _cookie(request, settings)
    if token is None:
        return None
    session = tokens.read_operator_session(token, settings.operator_keys, now)
    refuse_foreign_page(request, settings)
    if request.method not in _READS and not all(it in request.headers for it in ("Origin", PAGE_HEADER)):
        raise Forbidden(f"A call that acts by a session needs the headers Origin and {PAGE_HEADER}.")
    return session


def refuse_foreign_page(request: Request, settings: Settings) -> None:
    """Raises Forbidden where a page calls that is neither of the shop's origin nor of the API's own."""
    scheme = "http" if settings.development else "https"
    host = request.context.get("domainName") or request.headers.get("host")
    if request.headers.get("origin") not in (None, settings.frontend_url, f"{scheme}://{host}"):
        raise Forbidden("The call comes from a page of another origin.")


def _set_cookie(request: Request, settings: Settings, value: str, seconds: int) -> Mapping[str, str]:
    # As the browser knows the path: with the stage in front where the API has no domain of its own.
    path = str(request.context.get("path") or request.path).removesuffix(_ROUTE)
    secure = "" if settings.development else "Secure; "
    attributes = f"Path={path}; Max-Age={seconds}; {secure}HttpOnly; SameSite=Strict"
    return {"Set-Cookie": f"{_name(settings)}={value}; {attributes}"}


def _name(settings: Settings) -> str:
    return DEVELOPMENT_COOKIE if settings.development else COOKIE


def _cookie(request: Request, settings: Settings) -> str | None:
    for cookie in (request.headers.get("cookie") or "").split(";"):
        name, _, value = cookie.strip().partition("=")
        if name == _name(settings):
            return value
    return None
