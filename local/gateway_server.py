"""Runs the gateway on the developer's machine, with the front end's test page at `/payment-test/`.

`python -m local.gateway_server` runs it. It is the product's gateway, started as production starts it; the page is
mounted in front of it, and only where APP_ENV is development.
"""

import os

from local.test_page import PageSettings, PaymentTestPage, read_page_settings
from socket_gateway import asgi
from socket_gateway.asgi import Gateway
from socket_gateway.asgi_http import Application, Receive, Scope, Send


def with_test_page(gateway: Gateway, settings: PageSettings | None) -> Application:
    """Returns the application that serves the page and leaves everything else to the gateway.

    It is the gateway alone where there are no settings or the gateway is not in development.
    """
    if settings is None or not gateway.settings.development:
        return gateway
    page = PaymentTestPage(settings, gateway.connections)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and page.has(scope["path"]):
            await page(scope, send)
        else:
            await gateway(scope, receive, send)

    return application


def main() -> None:
    """Runs the gateway with the page that the environment names."""
    page = read_page_settings(os.environ)
    asgi.main(lambda gateway: with_test_page(gateway, page))


if __name__ == "__main__":
    main()
