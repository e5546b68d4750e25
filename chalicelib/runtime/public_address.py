"""Says which addresses are on the internet, for what calls a URL that somebody else has chosen."""

import ipaddress
from urllib.parse import urlsplit

_HTTPS = 443


def is_public(address: str) -> bool:
    """Whether an IPv4 address is on the internet: not private, shared, of this machine, its link, or multicast.

    No IPv6 address counts as public: some embed a private one of IPv4 (NAT64, 6to4), and no function has IPv6.
    """
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return False
    return known.version == 4 and known.is_global and not known.is_multicast


def is_public_https(url: str) -> bool:
    """Whether a URL is HTTPS, on its own port, to a name or to a public address.

    Functions in AWS may call no other port. What a name resolves to is seen when it is called.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _HTTPS
    except ValueError:
        return False
    if parts.scheme != "https" or port != _HTTPS or not host or "@" in parts.netloc or parts.fragment:
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return "." in host
    return is_public(host)
