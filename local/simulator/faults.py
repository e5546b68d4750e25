"""Defines the faults of calls and of webhooks by name, and queues those that were set."""

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from local.simulator.http_server import Answer

INVALID_TOKEN = Answer(401, {"detail": "Invalid token."})
NOT_FOUND = Answer(404, {"detail": "Not found."})
FILTERED = Answer(400, {"code": "malicious_payload_rejected", "message": "The request was rejected."})
_HTML_200 = Answer(200, "<html><body><h1>Please wait</h1></body></html>")
_HTML_500 = Answer(500, "<h1>Server Error (500)</h1>")
_HTML_502 = Answer(502, "<html><head><title>502 Bad Gateway</title></head></html>")
# The text is measured, its HTTP status is not; 400 is the one that a client can misread.
_RATE_LIMITED = Answer(400, {"message": "Rate limit per Phone number exceeded. Try again in a minute."})
_REFUSED = Answer(400, {"message": "The request could not be processed."})
_RESET = Answer(reset=True)


@dataclass(frozen=True, slots=True)
class Fault:
    """Spoils the answer of one call.

    `answer` replaces the true one unless it is None. `takes_effect`: the call works although the answer hides it.
    `is_held`: the answer comes only after `hold_seconds`.
    """

    answer: Answer | None = None
    takes_effect: bool = True
    is_held: bool = False


_NO_FAULT = Fault()
_EVERYWHERE: Mapping[str, Fault] = {
    "ok": _NO_FAULT,
    "timeout": Fault(is_held=True),
    "200-html": Fault(_HTML_200),
    "500-before": Fault(_HTML_500, takes_effect=False),
    "502": Fault(_HTML_502, takes_effect=False),
    "reset": Fault(_RESET, takes_effect=False),
    "rate-limit": Fault(_RATE_LIMITED, takes_effect=False),
    "filter": Fault(FILTERED, takes_effect=False),
}
_AUTHENTICATED = {**_EVERYWHERE, "unauthorized": Fault(INVALID_TOKEN, takes_effect=False)}
_ACCEPTING = {
    **_AUTHENTICATED,
    "reset-after-accept": Fault(_RESET),
    "502-after-accept": Fault(_HTML_502),
    "refused-after-accept": Fault(_REFUSED),
}

FAULTS: Mapping[str, Mapping[str, Fault]] = {
    "token": _EVERYWHERE,
    "collect": _ACCEPTING,
    "transaction": {**_AUTHENTICATED, "404": Fault(NOT_FOUND)},
    "history": _AUTHENTICATED,
    "balance": _AUTHENTICATED,
    "withdraw": _ACCEPTING,
    "get_payment_link": _AUTHENTICATED,
}


@dataclass(frozen=True, slots=True)
class Delivery:
    """Describes how one webhook is sent. `contradicts`: it says the opposite status. `token_age` is in seconds."""

    contradicts: bool = False
    is_late: bool = False
    token_age: int = 0
    is_signed_by_another: bool = False


_AS_IT_SHOULD = Delivery()
WEBHOOK_FAULTS: Mapping[str, tuple[Delivery, ...]] = {
    "ok": (_AS_IT_SHOULD,),
    "lost": (),
    "duplicate": (_AS_IT_SHOULD, _AS_IT_SHOULD),
    "late": (Delivery(is_late=True),),
    "expired-signature": (Delivery(token_age=7200),),
    "wrong-key": (Delivery(is_signed_by_another=True),),
    "forged": (Delivery(contradicts=True), _AS_IT_SHOULD),
}


class FaultQueue:
    """Queues the faults that were set, one name per future call or webhook."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next: dict[str, deque[str]] = {}

    def set(self, wanted: object) -> None:
        """Replaces the faults of the calls that `wanted` names: `{call: [fault, ...]}`.

        Raises ValueError, with a sentence for the developer; nothing has changed then.
        """
        if not isinstance(wanted, dict):
            raise ValueError("Faults are an object of lists by call.")
        queues = {str(call): deque(_checked(str(call), names)) for call, names in wanted.items()}
        with self._lock:
            self._next.update(queues)

    def take(self, call: str) -> Fault:
        """Takes the fault of the next call; one without any effect where none was set."""
        return FAULTS[call][self._take(call)]

    def take_deliveries(self) -> tuple[Delivery, ...]:
        """Takes the fault of the next webhook: returns how often, and how, it is sent."""
        return WEBHOOK_FAULTS[self._take("webhook")]

    def waiting(self) -> dict[str, list[str]]:
        """Lists the faults that were set and not taken yet, by call."""
        with self._lock:
            return {call: list(names) for call, names in self._next.items() if names}

    def clear(self) -> None:
        with self._lock:
            self._next.clear()

    def _take(self, call: str) -> str:
        with self._lock:
            names = self._next.get(call)
            return names.popleft() if names else "ok"


def _checked(call: str, names: object) -> list[str]:
    known = WEBHOOK_FAULTS if call == "webhook" else FAULTS.get(call)
    if known is None:
        raise ValueError(f"No call is named {call!r}; there are {', '.join([*FAULTS, 'webhook'])}.")
    if not isinstance(names, list) or not all(isinstance(name, str) and name in known for name in names):
        raise ValueError(f"The faults of {call} are a list of: {', '.join(known)}.")
    return names
