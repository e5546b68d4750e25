"""Serves the API on the developer's machine, with Chalice's own local server, and runs its schedule.

Chalice's handler writes each response in two segments, so that a keep-alive connection waits some 40 ms for the delayed
acknowledgement of the first; here it is one segment. Long answers are compressed, as API Gateway does it. Chalice's
server runs no schedule. What API Gateway answers by itself is answered as infra/gateway_responses.py has it.
"""

import gzip
import importlib
import logging
import os
import signal
import sys
import time
from functools import partial
from http import HTTPStatus
from typing import Any

from chalice.app import Chalice
from chalice.config import Config
from chalice.local import ChaliceRequestHandler, LocalChalice, LocalGatewayException

from chalicelib.bootstrap import service
from chalicelib.domain.errors import InvalidRequest, NotFound, PaymentError
from chalicelib.runtime import log
from chalicelib.runtime.settings_reader import InvalidSettings
from chalicelib.web import replies
from local.embedded import LOOPBACK, Embedded, LoopbackServer

COMPRESSED_FROM_BYTES = 10_000
"""The same as that of infra/payments_api.py, which needs packages that only deploying has."""
logger = logging.getLogger("local.api_server")


class ApiServer(Embedded):
    """Serves `app` on loopback."""

    def __init__(self, app: Chalice, port: int = 0) -> None:
        # Chalice stores the request on the app, which threads would share; LocalChalice stores one per thread.
        app.__class__ = LocalChalice
        self._server = LoopbackServer(partial(_Handler, app_object=app, config=Config()), port)
        self.port = self._server.server_port
        self.url = f"http://{LOOPBACK}:{self.port}"

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.close()


class _Handler(ChaliceRequestHandler):
    disable_nagle_algorithm = True
    wbufsize = -1

    def parse_request(self) -> bool:
        self._started = time.perf_counter()
        log.begin()  # of the connection's request before, nothing is said of this one
        return bool(super().parse_request())

    def _answer(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdigit()):  # Chalice fails with one that is no number
            return self.send_error(HTTPStatus.BAD_REQUEST)
        self.local_gateway.event_converter.LOCAL_SOURCE_IP = self.client_address[0]  # else all callers have the same
        try:
            self._generic_handle()
        except UnicodeEncodeError:  # Chalice repeats a token of an unknown path, and fails where it is not ASCII
            self._refuse(NotFound())

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = do_PATCH = do_OPTIONS = _answer  # noqa: N815 - the base class's

    def _send_error_response(self, _: LocalGatewayException) -> None:
        self._refuse(NotFound())

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002 - the base class's
        """Refuses a request that http.server cannot read, or whose method it does not know."""
        self._started, self.close_connection = time.perf_counter(), True
        self._refuse(NotFound() if code == HTTPStatus.NOT_IMPLEMENTED else InvalidRequest())

    def _refuse(self, error: PaymentError) -> None:
        refused = replies.guarded(replies.problem(error, "fr"))
        self._send_http_response(refused.status_code, dict(refused.headers), refused.body)

    def _send_http_response_with_body(self, code: int, headers: Any, body: str | bytes) -> None:
        """Sends a response, compressed where it is long and the browser takes it so."""
        content = body.encode() if isinstance(body, str) else body
        if len(content) > COMPRESSED_FROM_BYTES and "gzip" in self.headers.get("Accept-Encoding", ""):
            content = gzip.compress(content)
            headers = {**headers, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        super()._send_http_response_with_body(code, headers, content)

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
        service()  # reports wrong settings now instead of at the first call
    except InvalidSettings as error:
        sys.exit(f"the environment is not complete: {error}")
    server = ApiServer(product.app, int(os.environ.get("API_PORT", "8000")))
    ends = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    with server:
        log.info("listening", url=server.url)
        signal.sigwait(ends)


if __name__ == "__main__":
    main()
