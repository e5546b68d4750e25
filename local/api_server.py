"""Serves the API on the developer's machine, with Chalice's own local server, and runs its schedule.

Chalice's handler writes each response in two segments, so that a keep-alive connection waits some 40 ms for the delayed
acknowledgement of the first; here it is one segment. Chalice's server runs no schedule.
"""

import importlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from chalice.app import Chalice
from chalice.config import Config
from chalice.local import ChaliceRequestHandler, LambdaContext, LocalChalice

from chalicelib.bootstrap import service
from chalicelib.runtime import log
from chalicelib.runtime.settings_reader import InvalidSettings
from local.embedded import LOOPBACK, Embedded, LoopbackServer

logger = logging.getLogger("local.api_server")

Schedule = Callable[[Mapping[str, Any], LambdaContext], object]
"""A function under `@app.schedule`: it takes a CloudWatch event and a Lambda context."""

SWEEP_MS = 120_000
"""Time limit of one run of the schedule, as in `.chalice/config.json`."""

RATE_EVENT: Mapping[str, Any] = {
    "version": "0",
    "id": "local",
    "source": "aws.events",
    "detail-type": "Scheduled Event",
    "account": "local",
    "region": "local",
    "time": "1970-01-01T00:00:00Z",
    "resources": [],
    "detail": {},
}


class ApiServer(Embedded):
    """Serves `app` on loopback, and runs `schedule` again and again, `pause_seconds` before each run."""

    def __init__(
        self, app: Chalice, port: int = 0, schedule: Schedule | None = None, pause_seconds: float = 5.0
    ) -> None:
        # Chalice stores the request on the app, which threads would share; LocalChalice stores one per thread.
        app.__class__ = LocalChalice
        self._server = LoopbackServer(partial(_Handler, app_object=app, config=Config()), port)
        self.port = self._server.server_port
        self.url = f"http://{LOOPBACK}:{self.port}"
        self._schedule = schedule
        self._pause_seconds = pause_seconds
        self._stopped = threading.Event()
        self._sweeper = threading.Thread(target=self._run_schedule, daemon=True)

    def start(self) -> None:
        self._server.start()
        self._sweeper.start()

    def stop(self) -> None:
        self._stopped.set()
        self._server.close()
        self._sweeper.join(timeout=0.2)

    def _run_schedule(self) -> None:
        while self._schedule is not None and not self._stopped.wait(self._pause_seconds):
            try:
                self._schedule(RATE_EVENT, LambdaContext("sweep", 512, max_runtime_ms=SWEEP_MS))
            except Exception:
                logger.exception("the schedule failed and goes on")


class _Handler(ChaliceRequestHandler):
    disable_nagle_algorithm = True
    wbufsize = -1

    def parse_request(self) -> bool:
        self._started = time.perf_counter()
        log.begin()  # of the connection's request before, nothing is said of this one
        return bool(super().parse_request())

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:  # noqa: ARG002 - the base class's
        """Logs a request without its query, which in a webhook has a phone number and a signature."""
        path = getattr(self, "path", "").partition("?")[0]  # a malformed request has none
        if not path.endswith("/health"):
            milliseconds = round((time.perf_counter() - self._started) * 1000)
            log.info("request", method=self.command, path=path, status=int(code), milliseconds=milliseconds)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class gives it
        log.warning("malformed-request", reason=format % args)


def main() -> None:
    log.configure()
    log.hook_uncaught()
    product = importlib.import_module("app")
    try:
        settings = service().settings  # reports wrong settings now instead of at the first call
    except InvalidSettings as error:
        sys.exit(f"the environment is not complete: {error}")
    server = ApiServer(product.app, int(os.environ.get("API_PORT", "8000")), product.sweep, settings.sweep_tick_seconds)
    ends = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    with server:
        log.info("listening", url=server.url)
        signal.sigwait(ends)


if __name__ == "__main__":
    main()
