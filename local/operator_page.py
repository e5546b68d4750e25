"""Serves the operators' page, as it was built, at the gateway's address, as a shop's web server may.

It is off where no operator has a key.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chalicelib.web.operator_page import PATH, security_headers, web_socket_origin
from local.built_page import BuiltPage
from socket_gateway.asgi_http import Scope, Send, respond, respond_json

OFF = (
    "The operators' page is off: no operator has a key. Set OPERATOR_KEYS, for example to amina:view:KEY,paul:act:KEY."
)
_NOT_BUILT = "The operators' page is not built: run make run, or npm --prefix frontend run build and the gateway again."


@dataclass(frozen=True, slots=True)
class OperatorPageSettings:
    """Says where the built page lies (`folder`), which API and gateway its browser calls, and whether it is on."""

    folder: Path
    api_url: str
    gateway_url: str
    is_on: bool


def read_operator_page_settings(environment: Mapping[str, str]) -> OperatorPageSettings | None:
    """Reads the variables OPERATOR_PAGE_*. Returns None where OPERATOR_PAGE_DIR is not set."""
    folder = environment.get("OPERATOR_PAGE_DIR")
    if not folder:
        return None
    api_url = environment.get("OPERATOR_PAGE_API_URL") or "http://localhost:8000"
    gateway_url = environment.get("OPERATOR_PAGE_GATEWAY_URL") or "http://localhost:8080"
    is_on = any(environment.get(name) for name in ("OPERATOR_KEYS", "OPERATOR_API_KEY"))
    return OperatorPageSettings(Path(folder), api_url.rstrip("/"), gateway_url.rstrip("/"), is_on)


class OperatorPage:
    """Serves the built page; GET `addresses.json` tells it where the API and the gateway are.

    Where it is off, a line says so.
    """

    def __init__(self, settings: OperatorPageSettings) -> None:
        self._settings = settings
        called = (settings.api_url, settings.gateway_url, web_socket_origin(settings.gateway_url))
        self._page = BuiltPage(PATH, settings.folder, _NOT_BUILT, _as_arguments(security_headers(*called)))
        self.has = self._page.has

    async def __call__(self, scope: Scope, send: Send) -> None:
        if not self._settings.is_on:
            await respond(send, 404, f"{OFF}\n".encode(), "text/plain; charset=utf-8")
        elif self._page.name_of(scope["path"]) == "addresses.json" and scope["method"] in ("GET", "HEAD"):
            await respond_json(send, 200, apiUrl=self._settings.api_url, gatewayUrl=self._settings.gateway_url)
        else:
            await self._page.serve(scope, send)


def _as_arguments(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower().replace("-", "_"): value for name, value in headers.items()}
