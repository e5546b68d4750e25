"""Tests how an order event is sent: over TLS that is verified, to the internet alone, once, and within its time."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from chalicelib.adapters.shop import Network, Shop
from chalicelib.domain.order_event import Attempt, OrderEvent, Place
from local.embedded import LOOPBACK
from tests.harness.fakes import Answer, HandClock, ScriptedServer
from tests.harness.tls import tls_in_front_of, write_certificate

EVENT = OrderEvent("payment:3", "payment.successful", Place(3, 1), 0, b'{"type":"payment.successful"}')
KEYS = (b"a-key-of-thirty-two-bytes-xxxxxx",)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        running.answer("/events", Answer(200, b"a body that nobody reads"))
        yield running


def send(url: str, *, seconds: float = 5, roots: Path | None = None, **more: Any) -> Attempt:
    certificates = str(roots) if roots else None
    options = {"only_public": False, "root_certificates": certificates, "whole_seconds": seconds, **more}
    return Shop(url, KEYS, HandClock(), **options).send(EVENT)


def test_an_event_is_posted(server: ScriptedServer) -> None:
    assert send(f"{server.url}/events").status == 200
    (call,) = server.seen
    assert (call.method, call.body) == ("POST", EVENT.body)
    assert call.headers["Host"] == urlsplit(server.url).netloc


@pytest.mark.parametrize("host", [LOOPBACK, "localhost", "127.1", "2130706433", "0x7f000001"])
def test_no_name_leads_into_the_private_network(server: ScriptedServer, host: str) -> None:
    url = f"{server.url}/events".replace(LOOPBACK, host)
    assert send(url).status == 200, "the name resolves"
    attempt = send(url, only_public=True)
    assert (attempt.status, attempt.reason) == (None, "NotPublic")
    assert len(server.seen) == 1


@dataclass
class Names:
    """Answers each look-up of a name with the next addresses, the last of which repeat.

    Every connection leads to the server, whatever is connected to, which is kept; to what is `unreachable`, none does.
    """

    server: ScriptedServer
    answers: list[list[str]]
    unreachable: Sequence[str] = ()
    connected_to: list[str] = field(default_factory=list)

    def look_up(self, _: str, port: int, *more: Any) -> list[tuple[Any, ...]]:
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [(*more, 0, "", (address, port)) for address in addresses]

    def connect(self, place: tuple[str, int], seconds: float) -> socket.socket:
        self.connected_to.append(place[0])
        if place[0] in self.unreachable:
            raise ConnectionRefusedError
        return socket.create_connection((LOOPBACK, urlsplit(self.server.url).port), seconds)

    def send(self, *, only_public: bool = True) -> Attempt:
        return send("http://shop.example/events", only_public=only_public, network=Network(self.look_up, self.connect))


PUBLIC, OTHER = "8.8.8.8", "9.9.9.9"


def test_the_address_that_was_looked_at_is_connected_to(server: ScriptedServer) -> None:
    """The name's next answer leads into the private network."""
    names = Names(server, [[PUBLIC], [LOOPBACK]])
    assert names.send().status == 200
    assert names.connected_to == [PUBLIC]
    assert server.seen[0].headers["Host"] == "shop.example"
    assert names.send().reason == "NotPublic", "each event is sent to what the name answers then"
    assert names.connected_to == [PUBLIC]


@pytest.mark.parametrize("addresses", [[PUBLIC, LOOPBACK], [LOOPBACK, PUBLIC], [PUBLIC, OTHER, "10.0.0.1"]])
def test_a_name_with_one_private_address_is_refused(server: ScriptedServer, addresses: list[str]) -> None:
    names = Names(server, [addresses])
    assert names.send().reason == "NotPublic"
    assert (names.connected_to, server.seen) == ([], [])
    assert names.send(only_public=False).status == 200, "it is the addresses alone that are refused"


def test_two_addresses_are_tried(server: ScriptedServer) -> None:
    names = Names(server, [[PUBLIC, OTHER, "1.1.1.1"]], unreachable=[PUBLIC])
    assert names.send().status == 200
    names.unreachable = [PUBLIC, OTHER]
    assert names.send().reason == "ConnectionRefusedError"
    assert names.connected_to == [PUBLIC, OTHER] * 2


def test_a_redirection_is_not_followed(server: ScriptedServer) -> None:
    server.answer("/events", Answer(307, headers={"Location": f"{server.url}/private"}))
    assert send(f"{server.url}/events").status == 307
    assert [it.path for it in server.seen] == ["/events"]


def test_no_proxy_of_the_environment_is_used(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://{LOOPBACK}:1")
    assert send(f"{server.url}/events").status == 200


def test_a_shop_that_does_not_answer_is_given_up(server: ScriptedServer) -> None:
    server.answer("/events", Answer(hold_seconds=5))
    attempt = send(f"{server.url}/events", seconds=0.2)
    assert (attempt.status, attempt.reason) == (None, "TimeoutError")
    assert 150 <= attempt.ms < 2_000


def test_a_shop_that_answers_byte_by_byte_is_given_up() -> None:
    """Each byte comes in time, and the answer never ends."""
    ended = threading.Event()
    with socket.create_server((LOOPBACK, 0)) as listening:

        def drip() -> None:
            connection, _ = listening.accept()
            with connection, contextlib.suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\n")
                while not ended.wait(0.05):
                    connection.sendall(b"x")

        thread = threading.Thread(target=drip)
        thread.start()
        attempt = send(f"http://{LOOPBACK}:{listening.getsockname()[1]}/", seconds=0.5)
        ended.set()
        thread.join()
    assert (attempt.status, attempt.reason) == (None, "TimeoutError")
    assert 400 <= attempt.ms < 3_000


def test_nobody_listens() -> None:
    assert send(f"http://{LOOPBACK}:1/").reason == "ConnectionRefusedError"


def test_a_name_that_does_not_exist() -> None:
    assert send("https://shop.invalid/").reason == "gaierror"


def test_what_is_no_http_is_no_answer() -> None:
    with socket.create_server((LOOPBACK, 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(b"220 mail.shop.example\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        attempt = send(f"http://{LOOPBACK}:{listening.getsockname()[1]}/")
        thread.join()
    assert (attempt.status, attempt.reason) == (None, "BadStatusLine")


async def test_the_shops_certificate_is_verified_for_its_name(server: ScriptedServer, tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path)
    port = urlsplit(server.url).port
    assert port
    async with tls_in_front_of(port, certificate, key) as encrypted:
        named, numbered = f"https://localhost:{encrypted}/events", f"https://{LOOPBACK}:{encrypted}/events"
        known = await asyncio.to_thread(send, named, roots=certificate)
        other_name = await asyncio.to_thread(send, numbered, roots=certificate)
        unknown = await asyncio.to_thread(send, named)
    assert known.status == 200
    assert other_name.reason == unknown.reason == "SSLCertVerificationError"
    assert len(server.seen) == 1
