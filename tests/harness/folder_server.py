"""Serves a folder's files, as a shop's server does with its page."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

from local.embedded import LoopbackServer


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serves a folder. Yields its origin."""
    server = LoopbackServer(functools.partial(_Quiet, directory=str(folder)))
    server.start()
    yield f"http://localhost:{server.server_port}"
    server.close()
