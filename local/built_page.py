"""Serves the files of a page that vite has built. No request reads the disk."""

import gzip
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from socket_gateway.asgi_http import Scope, Send, respond, respond_json

_CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
_COMPRESSED = frozenset({".css", ".html", ".js", ".json", ".svg"})
_ACCEPTS_GZIP = re.compile(rb"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))")


class BuiltPage:
    """Serves what was in a folder when it was read, below one path; texts compressed for whoever accepts that.

    `path`: such as `/payment-test`. `not_built`: the line that is answered where there is no index.html. `headers`: of
    each file, named as arguments are: `content_security_policy`.
    """

    def __init__(self, path: str, folder: Path, not_built: str, headers: Mapping[str, str] | None = None) -> None:
        self._path = path
        self._files = dict(_read(folder))
        self._compressed = {
            name: gzip.compress(content, mtime=0)
            for name, content in self._files.items()
            if Path(name).suffix in _COMPRESSED
        }
        self._not_built = not_built
        self._headers = headers or {}

    def has(self, path: str) -> bool:
        """Says whether a path is one of the page's."""
        return (path + "/").startswith(f"{self._path}/")

    def name_of(self, path: str) -> str:
        """Returns which file a path names."""
        return path.removeprefix(self._path).removeprefix("/") or "index.html"

    async def serve(self, scope: Scope, send: Send) -> None:
        """Answers GET and HEAD of a file."""
        name = self.name_of(scope["path"])
        if scope["method"] not in ("GET", "HEAD"):
            await refuse_method(send, "GET, HEAD")
        elif name in self._files:
            kept = "public, max-age=31536000, immutable" if name.startswith("assets/") else "no-cache"
            content_type = _CONTENT_TYPES.get(Path(name).suffix, "application/octet-stream")
            body, headers = self._body_of(name, scope)
            await respond(send, 200, body, content_type, cache_control=kept, **headers, **self._headers)
        elif name == "index.html":
            await respond(send, 404, f"{self._not_built}\n".encode(), "text/plain; charset=utf-8")
        else:
            await respond_json(send, 404, status=404, code="not_found")

    def _body_of(self, name: str, scope: Scope) -> tuple[bytes, dict[str, str]]:
        """Returns a file as the browser may have it, and the headers that say how."""
        if name not in self._compressed:
            return self._files[name], {}
        accepted = b",".join(value for header, value in scope["headers"] if header == b"accept-encoding")
        if _ACCEPTS_GZIP.search(accepted) is None:
            return self._files[name], {"vary": "Accept-Encoding"}
        return self._compressed[name], {"vary": "Accept-Encoding", "content_encoding": "gzip"}


async def refuse_method(send: Send, allowed: str) -> None:
    """Answers 405 with the methods that are allowed."""
    await respond(send, 405, b'{"status": 405, "code": "method_not_allowed"}', allow=allowed)


def _read(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yields each file's name, as the page's addresses have it, and its content."""
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            yield file.relative_to(folder).as_posix(), file.read_bytes()
