"""Serves the page of a payment link, as it was built, at the API's own address, with what it shows written into it.

On a slow network each request costs seconds: the page is one file, and needs no call before it shows the order.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from chalice.app import Response

from chalicelib.domain.errors import NotFound
from chalicelib.settings import Settings
from chalicelib.web.operator_page import CONTENT_TYPES, web_socket_origin

SERVED = '<script type="application/json" id="served">null</script>'
"""Where the built page has the place for what is served with it."""
OFF = "The page of payment links is off here."
_ESCAPES = str.maketrans({char: f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"})
"""Of what could end the script, or begin a comment in it. JSON has these only in texts."""


def page(link: Mapping[str, Any] | None, settings: Settings) -> Response:
    """Returns the page. `link`: what it shows; None where it has to ask for it. Raises NotFound.

    Nobody may keep it, and no search engine may list it: it has the order token. Its own policy allows its script and
    its style by their hashes; these headers add what a page cannot say of itself.
    """
    text = _built(settings.link_page_dir)
    if text is None:
        raise NotFound(OFF)
    served = json.dumps({"gatewayUrl": settings.gateway_url, "link": link}, ensure_ascii=False).translate(_ESCAPES)
    headers: dict[str, str | list[str]] = {
        "Content-Type": CONTENT_TYPES[".html"],
        "Cache-Control": "no-store",
        "Content-Security-Policy": _policy(settings.gateway_url),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex",
    }
    return Response(text.replace(SERVED, SERVED.replace("null", served)), headers=headers)


def _policy(gateway_url: str) -> str:
    gateway = [gateway_url, web_socket_origin(gateway_url)] if gateway_url else []
    rules = {
        "connect-src": " ".join(["'self'", *gateway]),
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


@cache
def _built(folder: str) -> str | None:
    """Returns the page as it was built; None without one. No request but the first reads the disk."""
    file = Path(folder, "index.html")
    return file.read_text("utf-8") if folder and file.is_file() else None
