"""Serves the operators' page, as it was built, at the API's own address, so that page and API are one origin.

No request but the first reads the disk.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from chalice.app import Request, Response

from chalicelib.domain.errors import NotFound
from chalicelib.settings import Settings
from chalicelib.web.replies import reply

PATH = "/operator"
ADDRESSES = f"{PATH}/addresses.json"
OFF = "The operators' page is off here, or has no such file."
ASSETS_KEPT = "public, max-age=31536000, immutable"
"""The name of an asset has a hash of its content."""
CONTENT_TYPES: Mapping[str, str] = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}
"""Text alone: API Gateway passes on no other body as it is."""


def security_headers(*origins: str) -> dict[str, str]:
    """Returns the headers of each file of the page. `origins`: what its scripts may call beside its own."""
    rules = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": " ".join(["'self'", *origins]),
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in rules.items()),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def web_socket_origin(url: str) -> str:
    """Returns the origin of a server's WebSockets, which a policy names apart from its HTTP's."""
    return url.replace("http", "ws", 1)


def index(request: Request, settings: Settings) -> Response:
    """Returns the page. Its addresses begin with the stage's name where the API has no domain of its own.

    Raises NotFound.
    """
    page = _files(settings.operator_page_dir).get("index.html")
    return _sent(settings, "index.html", page and page.replace(f'"{PATH}/', f'"{_before(PATH, request)}{PATH}/'))


def asset(name: str, settings: Settings) -> Response:
    """Returns a script or a style. Raises NotFound."""
    name = f"assets/{name}"
    return _sent(settings, name, _files(settings.operator_page_dir).get(name))


def addresses(request: Request, settings: Settings) -> Response:
    """Returns where the page's scripts find the API, which is at their own origin, and the gateway. Raises NotFound."""
    if not settings.operator_page_dir:
        raise NotFound(OFF)
    return reply({"apiUrl": _before(ADDRESSES, request), "gatewayUrl": settings.gateway_url})


def _sent(settings: Settings, name: str, text: str | None) -> Response:
    if text is None:
        raise NotFound(OFF)
    gateway = [settings.gateway_url, web_socket_origin(settings.gateway_url)] if settings.gateway_url else []
    kept = ASSETS_KEPT if name.startswith("assets/") else "no-cache"
    headers = {"Content-Type": CONTENT_TYPES[Path(name).suffix], "Cache-Control": kept, **security_headers(*gateway)}
    return Response(text, headers={**headers})


def _before(path: str, request: Request) -> str:
    """Returns what a browser writes before a path of the API: nothing, or `/prod`."""
    whole = str(request.context.get("path") or request.path)
    return whole.removesuffix("/").removesuffix(path)


@cache
def _files(folder: str) -> Mapping[str, str]:
    """Returns the content of each file of a folder by its name, as the page's addresses have it; none without one."""
    if not folder:
        return {}
    found = (file for file in Path(folder).rglob("*") if file.suffix in CONTENT_TYPES)
    return {file.relative_to(folder).as_posix(): file.read_text("utf-8") for file in found}
