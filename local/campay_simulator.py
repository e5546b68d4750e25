"""Simulates CamPay on this machine: an HTTP server with CamPay's contract, and a ledger of the money that moved.

It answers as `docs/campay.md` says that CamPay was measured to answer: its paths with their slashes, tokens, errors,
amounts as text, the word None for what is absent, webhooks whose signature is bound to no transaction. Where sources
disagree, a setting chooses (`local/simulator/settings.py`).

    number                        what its customer, and CamPay, do with a prompt
    237677777777  237699999999    approved (MTN, Orange) after SIMULATOR_APPROVE_AFTER
    237677777770  237699999990    declined
    237670000001  237655000001    cancelled on the phone: stays PENDING, no webhook
    237670000002  237655000002    approved, the webhook is lost
    237670000003                  approved after SIMULATOR_LATE_AFTER, when the payment has long expired
    237670000004                  approved, but the answer to /collect/ is lost: connection reset
    237670000005                  approved; five webhooks, out of order, one says FAILED
    237670000006                  approved; the record shows another amount
    237670000007                  declined, but a forged webhook says SUCCESSFUL first
    237670000008                  approved, but /collect/ answers 502 with HTML
    237670000009                  declined: not enough funds
    237670000010                  approved; a payout to it fails
    237670000011                  approved; a payout to it stays PENDING
    any other of MTN or Orange    approved after SIMULATOR_SLOW_APPROVE_AFTER

A payout (`/withdraw/`) to a number goes as its prompt would but for the last two, out of SIMULATOR_FLOAT and what was
collected from the same operator. A payment link leads to a page of the simulator, for mobile money only.

Control calls, without a token:

    GET  /simulator/health
    GET  /simulator/transactions[?externalReference=]   reference, endpoint, externalReference, phoneNumber,
                                                        amount, fee, currency, status, moneyMoved, asked
    POST /simulator/transactions/{reference}/resolve    {"status": "SUCCESSFUL" or "FAILED", "webhook": true}
    POST /simulator/faults                              {"collect": ["reset-after-accept"], "webhook": ["lost"]}:
                                                        one fault per future call (`local/simulator/faults.py`)
    POST /simulator/redis                               {"pauseSeconds": 15}: pauses the Redis of REDIS_HOST, which
                                                        must be on this machine
    POST /simulator/reset                               deletes transactions, timers and faults

They send CORS headers that allow any origin.

With SIMULATOR_LEDGER_FILE the transactions are kept in that file from one start to the next: a process that is killed
is followed by one that knows what was answered, and goes on with the decisions and webhooks that were still to come.
Faults, payment links without a payer, and temporary tokens end with the process.
"""

import logging
import os
import signal
import sys
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from local.simulator import payment_links
from local.simulator.api import CampayApi
from local.simulator.control import PREFIX, SimulatorControl
from local.simulator.customers import Customers
from local.simulator.faults import FaultQueue
from local.simulator.http_server import LOOPBACK, Answer, LoopbackServer, Request
from local.simulator.ledger_file import FileLedger
from local.simulator.payment_links import PaymentLinks
from local.simulator.settings import SimulatorSettings
from local.simulator.timers import Timers
from local.simulator.transactions import TransactionLedger
from local.simulator.webhooks import Webhooks


class CampaySimulator:
    """Listens on loopback from construction to `stop`. Tests may use `faults`, `control` and `ledger` directly.

    Settings are given as one object, by name, or both. Raises OSError where the port is in use, and ValueError where
    the ledger cannot be kept in its file.
    """

    def __init__(self, settings: SimulatorSettings | None = None, **changes: Any) -> None:
        self.settings = replace(settings or SimulatorSettings(), **changes)
        ledger_file = self.settings.ledger_file
        self.ledger = FileLedger(ledger_file) if ledger_file else TransactionLedger()
        self.faults = FaultQueue()
        self._server = LoopbackServer(self.settings.port, self._respond)
        self._timers = Timers()
        self._webhooks = Webhooks(self.settings, self.faults, self._timers)
        self._customers = Customers(self.settings, self.ledger, self._timers, self._webhooks)
        self.control = SimulatorControl(self.settings, self.ledger, self.faults, self._customers, self._timers)
        self._links = PaymentLinks(self.settings, self.ledger, self._customers)
        self._api = CampayApi(self.settings, self.ledger, self.faults, self._customers, self._links)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._server.server_port}"

    @property
    def api_url(self) -> str:
        return f"{self.url}/api"

    @property
    def webhook_url(self) -> str | None:
        """Returns where webhooks are sent; None sends none. It may be set at any time."""
        return self._webhooks.url

    @webhook_url.setter
    def webhook_url(self, url: str | None) -> None:
        self._webhooks.url = url

    def start(self) -> None:
        """Goes on with the prompts and the webhooks of an earlier process, and begins to answer."""
        for transaction in self.ledger.all():
            self._customers.prompt(transaction)
        self._server.start()

    def stop(self) -> None:
        """Ends every thread, timer, connection and webhook of the simulator."""
        self._timers.close()
        self._server.stop()
        self._webhooks.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _respond(self, request: Request) -> Answer:
        if request.path.startswith(PREFIX):
            return self.control.respond(request)
        if request.path.startswith(payment_links.PREFIX):
            return self._links.respond(request)
        return self._api.respond(request)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    signals = {signal.SIGTERM, signal.SIGINT}
    # Blocked before the first thread starts, so that `sigwait` below receives them.
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    settings = SimulatorSettings()
    try:
        settings = SimulatorSettings.from_environment(os.environ)
        simulator = CampaySimulator(settings)
    except ValueError as error:
        sys.exit(f"campay simulator: {error}")
    except OSError as error:
        sys.exit(f"campay simulator: port {settings.port}: {error.strerror}")
    with simulator:
        logging.getLogger(__name__).info("campay simulator on %s", simulator.url)
        signal.sigwait(signals)


if __name__ == "__main__":
    main()
