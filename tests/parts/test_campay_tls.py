"""Tests CamPay's client behind TLS: nothing is sent to a server that cannot prove who it is."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.adapters.campay.client import Campay
from chalicelib.adapters.campay.http import CampayHttp, Request
from chalicelib.domain.errors import ProviderUnavailable
from chalicelib.domain.money import Money
from chalicelib.domain.provider import NeverSent
from chalicelib.runtime.clock import Clock
from chalicelib.settings import CampaySettings
from tests.harness.fakes import Answer, HandClock, ScriptedServer
from tests.harness.tls import tls_in_front_of, write_certificate


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as scripted:
        yield scripted


def port_of(server: ScriptedServer) -> int:
    return int(server.url.rpartition(":")[2])


async def test_nothing_is_sent_where_an_unknown_authority_vouches(server: ScriptedServer, tmp_path: Path) -> None:
    async with tls_in_front_of(port_of(server), *write_certificate(tmp_path)) as port:
        campay = Campay(CampaySettings(f"https://localhost:{port}", (), permanent_token="permanent"), HandClock())
        price = Money(5000, "XAF")
        outcome = await asyncio.to_thread(campay.collect, "a-reference", "237677777777", price, "Order 1")
        assert isinstance(outcome, NeverSent)
        with pytest.raises(ProviderUnavailable):
            await asyncio.to_thread(campay.read, "c-1")
        campay.close()
    assert server.seen == []


async def test_nothing_is_sent_under_another_name(server: ScriptedServer, tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path)
    async with tls_in_front_of(port_of(server), certificate, key) as port:
        clock = HandClock()
        settings = CampaySettings(f"https://127.0.0.1:{port}", (), permanent_token="permanent")
        campay = Campay(settings, clock)
        campay._http = CampayHttp(settings.api_url, clock, str(certificate))
        outcome = await asyncio.to_thread(campay.collect, "a-reference", "237677777777", Money(5000, "XAF"), "Order 1")
        assert isinstance(outcome, NeverSent)
        campay.close()
    assert server.seen == []


async def test_what_may_be_repeated_keeps_its_connection(server: ScriptedServer, tmp_path: Path) -> None:
    server.answer("/collect/", Answer(body=b"{}"))
    server.answer("/balance/", Answer(body=b"{}"))
    certificate, key = write_certificate(tmp_path)
    async with tls_in_front_of(port_of(server), certificate, key) as port:
        http, ends_at = CampayHttp(f"https://localhost:{port}", Clock(), str(certificate)), Clock().now() + 20_000
        for _ in range(2):
            collect = Request("POST", "/collect/", {"amount": "5000"}, "permanent", ends_at)
            assert (await asyncio.to_thread(http.send_once, collect)).status == 200
            balance = Request("GET", "/balance/", None, "permanent", ends_at)
            assert (await asyncio.to_thread(http.send, balance)).status == 200
        http.close()
    connections = {path: {seen.connection for seen in server.calls(path)} for path in ("/collect/", "/balance/")}
    assert {path: len(each) for path, each in connections.items()} == {"/collect/": 2, "/balance/": 1}
