"""Runs the gateway on the developer's machine, with the test page at `/payment-test` and the operators' at `/operator`.

The API's documents are at `/docs`.

`python -m local.gateway_server` runs it. It is the product's gateway, started as production starts it; the pages are
mounted in front of it, and only where APP_ENV is development.
"""

import os
from collections.abc import Sequence

from local.docs_page import DocsPage
from local.operator_page import OperatorPage, OperatorPageSettings, read_operator_page_settings
from local.test_page import PageSettings, PaymentTestPage, read_page_settings
from socket_gateway import asgi
from socket_gateway.asgi import Gateway
from socket_gateway.asgi_http import Application, Receive, Scope, Send

_Page = DocsPage | PaymentTestPage | OperatorPage


def with_pages(
    gateway: Gateway, test_page: PageSettings | None, operator_page: OperatorPageSettings | None = None
) -> Application:
    """Returns the application that serves the pages that have settings and leaves everything else to the gateway.

    It serves the documents too. It is the gateway alone where the gateway is not in development.
    """
    if not gateway.settings.development:
        return gateway
    pages: list[_Page] = [DocsPage()]
    if test_page:
        pages.append(PaymentTestPage(test_page, gateway.connections))
    if operator_page:
        pages.append(OperatorPage(operator_page))
    return _mounted(gateway, pages)


def _mounted(gateway: Gateway, pages: Sequence[_Page]) -> Application:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        page = next((page for page in pages if scope["type"] == "http" and page.has(scope["path"])), None)
        if page:
            await page(scope, send)
        else:
            await gateway(scope, receive, send)

    return application


def main() -> None:
    """Runs the gateway with the pages that the environment names."""
    test_page, operator_page = read_page_settings(os.environ), read_operator_page_settings(os.environ)
    asgi.main(lambda gateway: with_pages(gateway, test_page, operator_page))


if __name__ == "__main__":
    main()
