"""Shows that the simulation's way to CamPay, without sockets, has the answers and failures of the one over HTTP."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest

from chalicelib.adapters.campay import http
from chalicelib.adapters.campay.client import Campay
from chalicelib.adapters.campay.http import NoAnswer, NotSent, Request, Stream
from chalicelib.domain.errors import ProviderUnavailable
from chalicelib.domain.money import Money
from chalicelib.runtime.clock import Clock
from chalicelib.settings import CampaySettings
from gauntlet.simulation.campay_http import CampayHttp
from gauntlet.simulation.clients import ProcessClock
from local.campay_simulator import CampaySimulator
from local.simulator.faults import FAULTS
from local.simulator.phone_numbers import DECLINED_REASON, Status
from tests.harness.simulated import Simulated, outcome

ORDINARY = ("237671234567", "237691234567")
PHONES = (*ORDINARY, *(f"2376700000{number:02}" for number in range(1, 12)), "237655000001", "33612345678")
"""Customers of both operators, those that docs/simulator.md names, and a number that CamPay does not know."""
BODY = {
    "amount": "5000",
    "currency": "XAF",
    "description": "Shoes",
    "external_reference": "ref",
    "external_user": "ref",
}
CALLS: Mapping[str, tuple[str, str, Mapping[str, str] | None]] = {
    "collect": ("POST", "/collect/", BODY | {"from": ORDINARY[0]}),
    "transaction": ("GET", "/transaction/{of the collect}/", None),
    "history": ("POST", "/history/", {"start_date": "2020-01-01", "end_date": "2099-12-31"}),
    "balance": ("GET", "/balance/", None),
    "withdraw": ("POST", "/withdraw/", BODY | {"to": ORDINARY[0], "amount": "100", "external_reference": "back"}),
}
UNUSUAL = {
    "a page that is not there": ("GET", "/nowhere/", None),
    "a transaction that is not there": ("GET", "/transaction/nothing/", None),
    "a slash that lacks": ("GET", "/transaction/nothing", None),
    "another method": ("GET", "/collect/", None),
    "no fields": ("POST", "/collect/", {}),
    "a phone of nobody": ("POST", "/collect/", BODY | {"from": "237"}),
    "cents": ("POST", "/collect/", BODY | {"from": ORDINARY[0], "amount": "5000.50"}),
    "a tag": ("POST", "/withdraw/", BODY | {"to": ORDINARY[0], "description": "<b>"}),
    "more than there is": ("POST", "/withdraw/", BODY | {"to": ORDINARY[1], "external_reference": "more"}),
    "days that are none": ("POST", "/history/", {"start_date": "yesterday", "end_date": "2099-12-31"}),
}
FAILURES = (NotSent, NoAnswer, ProviderUnavailable)


class Ways:
    """Is the two ways, each to a simulator of its own: in memory on a virtual clock, and over HTTP."""

    def __init__(self) -> None:
        options: dict[str, Any] = {"approve_after": 600, "slow_approve_after": 600, "late_after": 600}
        self.simulators = [CampaySimulator(hold_seconds=0.8, float_amount=1_000, **options) for _ in range(2)]
        self.simulators[1].start()
        self._simulated = Simulated(Clock().now())
        clocks = ProcessClock(self._simulated.scheduler, self._simulated.faults, 0), Clock()
        self._clients = list(zip(self.simulators, clocks, strict=True))
        in_memory = CampayHttp(self.simulators[0]._api, clocks[0], self._simulated.faults)
        self.https = [in_memory, http.CampayHttp(self.simulators[1].api_url, clocks[1])]
        settings = self.simulators[1].settings
        of_campay = CampaySettings(self.simulators[1].api_url, (settings.webhook_key,), settings.permanent_token)
        self.campays = [Campay(of_campay, clock) for clock in clocks]
        self.campays[0]._http = in_memory

    def each(self, call: Callable[[int, CampaySimulator, Clock], Any]) -> tuple[Any, Any]:
        """Makes a call on both ways. Returns what comes of it, with names for the references that CamPay has drawn."""
        found = []
        for number, (simulator, clock) in enumerate(self._clients):
            result = self._simulated.run(lambda: outcome(lambda: call(number, simulator, clock), FAILURES))  # noqa: B023 - is called at once
            of_failure = (type(result).__name__, str(result)) if isinstance(result, Exception) else result
            found.append(_named(repr(of_failure), simulator))
        return found[0], found[1]

    def close(self) -> None:
        self.simulators[1].stop()
        self.simulators[0]._server.server_close()
        for campay, client in zip(self.campays, self.https, strict=True):
            campay.close()
            client.close()


def _named(text: str, simulator: CampaySimulator) -> str:
    for number, transaction in enumerate(simulator.ledger.all()):
        text = text.replace(transaction.reference, f"transaction {number}")
    return text


@pytest.fixture
def ways() -> Iterator[Ways]:
    both = Ways()
    yield both
    both.close()


def _sent(ways: Ways, way: int, request: Request) -> object:
    """Sends a request as the client of CamPay sends it. Returns its answer, but for the signature, which has a time."""
    if request.path == "/history/":
        stream: Stream = ways.https[way].stream(request)
        return stream.status, b"".join(stream.chunks)
    may_repeat = request.method == "GET"
    answer = (ways.https[way].send if may_repeat else ways.https[way].send_once)(request)
    body = answer.body
    if isinstance(body, dict) and "signature" in body:
        body = {**body, "signature": len(body["signature"])}
    return answer.status, body


def _exchange(
    ways: Ways, call: tuple[str, str, Mapping[str, str] | None], *, seconds: float = 5.0, **of_request: Any
) -> tuple[Any, Any]:
    method, path, body = call

    def send(way: int, simulator: CampaySimulator, clock: Clock) -> object:
        known = [it.reference for it in simulator.ledger.all()]
        token: str | None = of_request.get("token", simulator.settings.permanent_token)
        ends_at = clock.now() + int(seconds * 1000)
        there = path.replace("{of the collect}", known[0] if known else "nothing")
        request = Request(method, there, body, token, ends_at, of_request.get("silence_seconds", 5.0))
        return _sent(ways, way, request)

    return ways.each(send)


def _agree(ways: Ways) -> None:
    """Compares what CamPay knows afterwards."""
    known = [[_transaction(it) for it in simulator.ledger.all()] for simulator in ways.simulators]
    assert known[0] == known[1]
    assert [it.faults.waiting() for it in ways.simulators] == [{}, {}]


def _transaction(it: Any) -> tuple[object, ...]:
    return it.number, it.prompt, it.status, it.reason, it.asked


@pytest.mark.parametrize("name", UNUSUAL)
def test_an_unusual_request_gets_the_same_answer(ways: Ways, name: str) -> None:
    in_memory, over_http = _exchange(ways, UNUSUAL[name])
    assert in_memory == over_http
    _agree(ways)


@pytest.mark.parametrize("token", [None, "", "another", "a b"])
@pytest.mark.parametrize("call", CALLS)
def test_a_wrong_token_gets_the_same_answer(ways: Ways, call: str, token: str | None) -> None:
    in_memory, over_http = _exchange(ways, CALLS[call], token=token)
    assert in_memory == over_http
    assert "401" in over_http
    _agree(ways)


FAULTY = [(call, fault, times) for call in CALLS for fault in FAULTS[call] for times in (1, 2)]


@pytest.mark.parametrize(("call", "fault", "times"), FAULTY)
def test_an_answer_that_is_spoiled_is_spoiled_alike(ways: Ways, call: str, fault: str, times: int) -> None:
    """A request is repeated where the product repeats it: so two faults in a row are another case than one."""
    if call != "collect":
        _exchange(ways, CALLS["collect"])
    for simulator in ways.simulators:
        simulator.faults.set({call: [fault] * times})
    for number in range(times + 1):
        is_held = fault == "timeout" and number < times
        in_memory, over_http = _exchange(ways, CALLS[call], seconds=0.6 if is_held else 5.0)
        assert in_memory == over_http
    _agree(ways)


@pytest.mark.parametrize(("seconds", "silence"), [(-1, 5), (0.1, 5), (5, 0.3), (5, 5)])
def test_an_answer_that_is_late_is_waited_for_alike(ways: Ways, seconds: float, silence: float) -> None:
    for simulator in ways.simulators:
        simulator.faults.set({"collect": ["timeout"]})
    found = _exchange(ways, CALLS["collect"], seconds=seconds, silence_seconds=silence)
    assert found[0] == found[1]
    assert ("TimedOut" in found[0]) == ((seconds, silence) != (5, 5))
    _agree(ways)


@pytest.mark.parametrize("decision", ["SUCCESSFUL", "FAILED", None])
@pytest.mark.parametrize("phone", PHONES)
def test_the_provider_tells_the_same(ways: Ways, phone: str, decision: Status | None) -> None:
    """A customer is asked twice and decides, the charge is paid back, and the statement lists both."""
    money, back = Money(5000, "XAF"), Money(100, "XAF")

    def agree(call: Callable[[Campay, CampaySimulator], Any]) -> None:
        in_memory, over_http = ways.each(lambda way, simulator, _: call(ways.campays[way], simulator))
        assert in_memory == over_http

    def records(campay: Campay, simulator: CampaySimulator) -> list[Any]:
        references = [it.reference for it in simulator.ledger.all()]
        return [campay.read_payer(reference) for reference in [*references, "nothing"]]

    def statement(campay: Campay, _: CampaySimulator) -> list[Any]:
        today = datetime.now(UTC).date()
        days = (date.fromordinal(today.toordinal() + more) for more in (-1, 0, 1))  # midnight may pass
        return [row for day in days for row in campay.statement(day)]

    for reference in ("ref", "ref", "other"):
        agree(lambda campay, _: campay.collect(reference, phone, money, "Shoes"))  # noqa: B023 called at once
    for _ in range(2):
        for call in (records, statement, lambda campay, _: campay.balances(), lambda campay, _: campay.balance()):
            agree(call)
        agree(lambda campay, _: campay.withdraw("back", phone, back, "Shoes"))
        agree(lambda campay, _: campay.withdraw("more", phone, money, "Shoes"))
        for simulator in ways.simulators:
            for it in simulator.ledger.all():
                if decision:
                    simulator.ledger.settle(it.reference, decision, DECLINED_REASON if decision == "FAILED" else None)
    _agree(ways)
