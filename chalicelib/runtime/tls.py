"""Reads the root certificates by which the other end of a connection is verified."""

import ssl
from functools import cache

import certifi


@cache
def trusting(root_certificates: str | None = None) -> ssl.SSLContext:
    """Returns the context of all connections that trust a file's certificates, by default certifi's.

    It is shared since reading the certificates takes longer than a request.
    """
    return ssl.create_default_context(cafile=root_certificates or certifi.where())
