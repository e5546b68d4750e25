"""Serves the front end's test page, as it was built, at the gateway's address. Production has none."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from socket_gateway.asgi_http import Scope, Send, respond, respond_json
from socket_gateway.connections import Connections

_PREFIX = "/payment-test/"
_CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
_NOT_BUILT = b"The test page is not built: run make run, or npm --prefix frontend run build and the gateway again.\n"


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
    """Serves the files that were in the folder when the gateway started. No request reads the disk.

    Two addresses are no files: GET `addresses.json` tells the page where the API and the simulator are, and POST `cut`
    closes every connection of the gateway.
    """

    def __init__(self, settings: PageSettings, connections: Connections) -> None:
        self._settings = settings
        self._connections = connections
        self._files = dict(_read(settings.folder))

    def has(self, path: str) -> bool:
        """Says whether a path is one of the page's."""
        return (path + "/").startswith(_PREFIX)

    async def __call__(self, scope: Scope, send: Send) -> None:
        name = scope["path"].removeprefix(_PREFIX[:-1]).removeprefix("/") or "index.html"
        allowed = ("POST",) if name == "cut" else ("GET", "HEAD")
        if scope["method"] not in allowed:
            body = b'{"status": 405, "code": "method_not_allowed"}'
            await respond(send, 405, body, allow=", ".join(allowed))
        elif name == "cut":
            await respond_json(send, 200, closed=self._cut())
        elif name == "addresses.json":
            await respond_json(send, 200, apiUrl=self._settings.api_url, simulatorUrl=self._settings.simulator_url)
        else:
            await self._file(name, send)

    def _cut(self) -> int:
        """Closes every browser's connection, and returns how many. Each browser reconnects by itself."""
        sessions = self._connections.sessions()
        for eio_sid in sessions:
            self._connections.close(eio_sid, "test_page")
        return len(sessions)

    async def _file(self, name: str, send: Send) -> None:
        if name in self._files:
            kept = "public, max-age=31536000, immutable" if name.startswith("assets/") else "no-cache"
            content_type = _CONTENT_TYPES.get(Path(name).suffix, "application/octet-stream")
            await respond(send, 200, self._files[name], content_type, cache_control=kept)
        elif name == "index.html":
            await respond(send, 404, _NOT_BUILT, "text/plain; charset=utf-8")
        else:
            await respond_json(send, 404, status=404, code="not_found")


def _read(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yields each file's name, as the page's addresses have it, and its content."""
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            yield file.relative_to(folder).as_posix(), file.read_bytes()
