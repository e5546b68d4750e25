"""Tests which addresses may be called that somebody else has chosen."""

import pytest

from chalicelib.runtime.public_address import is_public, is_public_https


@pytest.mark.parametrize("address", ["1.1.1.1", "41.202.219.1", "172.15.0.1", "172.32.0.1"])
def test_an_address_of_the_internet(address: str) -> None:
    assert is_public(address)
    assert is_public_https(f"https://{address}/events")


@pytest.mark.parametrize(
    "address",
    [
        *("10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1"),  # private, shared
        *("127.0.0.1", "0.0.0.0", "169.254.169.254", "224.0.0.1", "255.255.255.255", "192.0.2.1"),  # noqa: S104 - none is listened on
        *("::1", "fe80::1", "fc00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "2606:4700::1111"),
        *("", "shop.example", "2130706433"),
    ],
)
def test_any_other_address(address: str) -> None:
    assert not is_public(address)
    in_url = f"[{address}]" if ":" in address else address
    assert not is_public_https(f"https://{in_url}/events") or address == "shop.example"


@pytest.mark.parametrize(
    "url",
    [
        *("http://shop.example/events", "ftp://shop.example", "shop.example/events", "https://", "https:///events"),
        *("https://user@shop.example/", "https://shop.example/#part", "https://localhost/", "https://shop.example:x/"),
    ],
)
def test_what_is_no_address_of_a_shop(url: str) -> None:
    assert not is_public_https(url)


def test_a_name_may_have_a_query_and_the_port_that_it_has_anyway() -> None:
    """The functions' security group lets out nothing but HTTPS on 443: another port would never answer."""
    assert is_public_https("https://shop.example:443/events?of=payments")
    assert not is_public_https("https://shop.example:8443/events")
