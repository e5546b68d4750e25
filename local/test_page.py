"""Serves the front end's test page, as it was built, at the gateway's address. Production has none."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.built_page import BuiltPage, refuse_method
from socket_gateway.asgi_http import Scope, Send, respond_json
from socket_gateway.connections import Connections

PATH = "/payment-test"
_NOT_BUILT = "The test page is not built: run make run, or npm --prefix frontend run build and the gateway again."


@dataclass(frozen=True, slots=True)
class PageSettings:
    """Says where the built page lies (`folder`) and which addresses its browser calls."""

    folder: Path
    api_url: str
    simulator_url: str


def read_page_settings(environment: Mapping[str, str]) -> PageSettings | None:
    """Reads the variables TEST_PAGE_*. Returns None where TEST_PAGE_DIR is not set."""
    folder = environment.get("TEST_PAGE_DIR")
    if not folder:
        return None
    api_url = environment.get("TEST_PAGE_API_URL") or "http://localhost:8000"
    simulator_url = environment.get("TEST_PAGE_SIMULATOR_URL") or "http://localhost:8090"
    return PageSettings(Path(folder), api_url.rstrip("/"), simulator_url.rstrip("/"))


class PaymentTestPage:
    """Serves the built page.

    Two addresses are no files: GET `addresses.json` tells the page where the API and the simulator are, and POST `cut`
    closes every connection of the gateway.
    """

    def __init__(self, settings: PageSettings, connections: Connections) -> None:
        self._settings = settings
        self._connections = connections
        self._page = BuiltPage(PATH, settings.folder, _NOT_BUILT)
        self.has = self._page.has

    async def __call__(self, scope: Scope, send: Send) -> None:
        name = self._page.name_of(scope["path"])
        if name == "cut":
            await (self._cut(send) if scope["method"] == "POST" else refuse_method(send, "POST"))
        elif name == "addresses.json" and scope["method"] in ("GET", "HEAD"):
            await respond_json(send, 200, apiUrl=self._settings.api_url, simulatorUrl=self._settings.simulator_url)
        else:
            await self._page.serve(scope, send)

    async def _cut(self, send: Send) -> None:
        """Closes every browser's connection, and answers how many. Each browser reconnects by itself."""
        sessions = self._connections.sessions()
        for eio_sid in sessions:
            self._connections.close(eio_sid, "test_page")
        await respond_json(send, 200, closed=len(sessions))
