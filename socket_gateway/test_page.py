"""The front end's test page, as it was built; there is none in production."""

from collections.abc import Iterator
from pathlib import Path

from socket_gateway.asgi_http import Scope, Send, respond, respond_json
from socket_gateway.connections import Connections
from socket_gateway.settings import PageSettings

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


class PaymentTestPage:
    """Serves what lay in the folder when the gateway started, and nothing else: no path reaches the disk later."""

    def __init__(self, settings: PageSettings, connections: Connections) -> None:
        self._settings = settings
        self._connections = connections
        self._files = dict(_read(settings.folder))

    def has(self, path: str) -> bool:
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
        """Every browser loses its connection, and comes back by itself."""
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
    """The name that a file has in the page's addresses, and what is in it."""
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            yield file.relative_to(folder).as_posix(), file.read_bytes()
