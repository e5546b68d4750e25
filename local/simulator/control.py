"""Answers the control calls, which CamPay does not have: list transactions, decide one, set faults, reset."""

import json
import re
from dataclasses import replace
from typing import Any

from local.simulator.customers import Customers
from local.simulator.faults import FaultQueue
from local.simulator.http_server import Answer, Request
from local.simulator.phone_numbers import Status
from local.simulator.records import ledger_row
from local.simulator.redis_pause import CannotPause, pause_redis
from local.simulator.settings import SimulatorSettings
from local.simulator.timers import Timers
from local.simulator.transactions import TransactionLedger

PREFIX = "/simulator/"
_RESOLVE = re.compile(r"/simulator/transactions/([^/]+)/resolve")
# The test page has another origin, and its buttons call the simulator from the developer's browser.
_ANY_PAGE = {"Access-Control-Allow-Origin": "*"}
_PREFLIGHT = {"Access-Control-Allow-Methods": "GET, POST", "Access-Control-Allow-Headers": "Content-Type"}


class SimulatorControl:
    """Answers the control calls below `/simulator/`, and offers them to tests as methods."""

    def __init__(
        self,
        settings: SimulatorSettings,
        ledger: TransactionLedger,
        faults: FaultQueue,
        customers: Customers,
        timers: Timers,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._faults = faults
        self._customers = customers
        self._timers = timers

    def respond(self, request: Request) -> Answer:
        """Answers one request, with CORS headers that allow any origin."""
        if request.method == "OPTIONS":
            return Answer(200, {}, _ANY_PAGE | _PREFLIGHT)
        return replace(self._answer(request), headers=_ANY_PAGE)

    def _answer(self, request: Request) -> Answer:
        try:
            match request.method, request.path:
                case "GET", "/simulator/health":
                    return Answer(200, {"status": "ok"})
                case "GET", "/simulator/transactions":
                    return Answer(200, self.transactions(request.query.get("externalReference")))
                case "POST", "/simulator/faults":
                    self._faults.set(_json(request))
                    return Answer(200, self._faults.waiting())
                case "POST", "/simulator/reset":
                    self.reset()
                    return Answer(200, {"status": "ok"})
                case "POST", "/simulator/redis":
                    pause_redis(self._settings, _pause_seconds(_json(request)))
                    return Answer(200, {"status": "paused"})
                case "POST", path if resolved := _RESOLVE.fullmatch(path):
                    return self._resolve(resolved[1], _json(request))
        except ValueError as error:
            return _error(400, str(error))
        except CannotPause as error:
            return _error(409, str(error))
        return _error(404, "There is no such control call.")

    def transactions(self, external_reference: str | None = None) -> list[dict[str, Any]]:
        """Lists the transactions, or those of one external reference, oldest first."""
        rows = [ledger_row(transaction) for transaction in self._ledger.all()]
        return [row for row in rows if external_reference in (None, row["externalReference"])]

    def reset(self) -> None:
        """Deletes transactions, timers and faults. Tokens stay valid, and webhooks that were sent arrive."""
        self._ledger.clear()
        self._timers.clear()
        self._faults.clear()

    def _resolve(self, reference: str, wanted: Any) -> Answer:
        decision, is_announced = _decision(wanted)
        if self._ledger.find(reference) is None:
            return _error(404, "There is no such transaction.")
        settled = self._customers.decide_by_hand(reference, decision, is_announced=is_announced)
        return Answer(200, ledger_row(settled)) if settled else _error(409, "The transaction is final.")


def _decision(wanted: Any) -> tuple[Status, bool]:
    match wanted:
        case {"status": "SUCCESSFUL" | "FAILED" as decision, "webhook": bool(is_announced)} if len(wanted) == 2:
            return decision, is_announced
        case {"status": "SUCCESSFUL" | "FAILED" as decision} if len(wanted) == 1:
            return decision, True
    raise ValueError("A resolution is {status: SUCCESSFUL or FAILED, webhook: true or false}.")


def _pause_seconds(wanted: Any) -> float:
    match wanted:
        case {"pauseSeconds": int(seconds) | float(seconds)} if (
            len(wanted) == 1 and seconds is not True and 1 <= seconds <= 60
        ):
            return float(seconds)
    raise ValueError("A pause is {pauseSeconds: 1 to 60}.")


def _json(request: Request) -> Any:
    try:
        return json.loads(request.body)
    except ValueError as error:
        raise ValueError("The body is not JSON.") from error


def _error(status: int, sentence: str) -> Answer:
    return Answer(status, {"error": sentence})
