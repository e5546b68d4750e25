"""Is the customers' side: orders, the calls of a page that repeats what got no answer, and the screens that watch."""

import re
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count, groupby
from typing import Any

import requests
import socketio
from requests.adapters import HTTPAdapter

from chalicelib.domain.contract import CONNECTED, PAYMENT_STATUS
from chalicelib.domain.event_signature import SECRET_PREFIX
from gauntlet.gateway.browsers import Browser
from gauntlet.invariants import Asked, Evidence, Histories, Watched, violations
from gauntlet.system import System
from local.simulator.webhooks import sign

AMOUNT = 5000
AT_ONCE = 128
"""Connections that are kept to the API."""
SETTLED_SECONDS = 150.0
"""Longest wait until a system has come to rest: a payment whose answer was lost is searched for every half minute."""
PAUSE, LONGEST_PAUSE = 3.0, 10.0
"""How many times longer than a look at all payments the pause after it is, and how many seconds at most."""
PATIENCE_SECONDS = 12.0
LOST_VERSION = '"lost-version-published"'
"""What the sweep logs where Redis had not what counts as delivered."""
_ANSWER_SECONDS = 60.0
_PHONES = count(237_671_000_000)
"""Each customer's own: the simulator's numbers with a meaning are below."""


SECRETS = (
    *("ORDER_TOKEN_KEY", "TRACKING_TOKEN_KEY", "PHONE_HASH_KEY", "MERCHANT_API_KEY", "OPERATOR_API_KEY"),
    *("CAMPAY_WEBHOOK_KEY", "CAMPAY_PERMANENT_ACCESS_TOKEN", "CAMPAY_APP_PASSWORD", "ORDER_EVENTS_KEY"),
)
_SIGNED = {
    "a signed token": re.compile(r"\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}"),
    "an order event's signature": re.compile(r"\bv1,[\w+/]{43}="),
}
"""What is found by its form. A signed token is an order's, a payment's, a session's, or that of CamPay's webhook."""
_NATIONAL_NUMBER = re.compile(r"\b6\d{8}\b")


class Screen:
    """Watches a payment as a browser does, and again after each loss of the connection.

    `versions`: those that it was shown, in order. `events`: how often it got each event of each version.
    """

    def __init__(self, reference: str, token: str) -> None:
        self.reference, self.token = reference, token
        self.versions: list[int] = []
        self.events = Counter[tuple[str, int]]()
        self.shown_at = 0.0
        """When it was shown a version last, by the clock of `time.monotonic`."""
        self.connects = 0
        self._client = socketio.AsyncClient(reconnection_delay=0.1, reconnection_delay_max=0.5)
        self._client.on("connect", self._connected)
        self._client.on("*", self._received)

    async def open(self, url: str) -> None:
        """Connects, and goes on trying where there is no gateway at the moment.

        Without `wait=False` the client would give up for good where the first connection is cut, or slow, half-way.
        """
        await self._client.connect(url, transports=["websocket"], retry=True, wait=False)

    async def close(self) -> None:
        await self._client.shutdown()

    async def _connected(self) -> None:
        self.connects += 1
        await self._client.emit("track-payment", {"reference": self.reference, "token": self.token})

    async def _received(self, event: str, told: dict[str, Any]) -> None:
        if event == CONNECTED:
            return
        self.events[event, told["version"]] += 1
        if event == PAYMENT_STATUS:
            self.versions.append(told["version"])
            self.shown_at = time.monotonic()

    @property
    def is_connected(self) -> bool:
        return bool(self._client.connected)

    @property
    def watched(self) -> Watched:
        return Watched(self.reference, [version for version, _ in groupby(self.versions)])


@dataclass
class Customer:
    """Pays one order from one phone. `key`: of the attempt; a call that is repeated has the same."""

    order_id: str
    phone_number: str
    key: str = field(default_factory=lambda: str(uuid.uuid4()))
    reference: str = ""
    token: str = ""


class Shop:
    """Has the customers of one system, and keeps what they were answered and shown.

    `redis_loses`: whether a row has Redis lose what it had taken. Elsewhere nothing may have to be published again.
    """

    def __init__(self, system: System) -> None:
        self.system = system
        self.redis_loses = False
        self.asked: list[Asked] = []
        self.screens: list[Screen | Browser] = []
        self._phones: list[str] = []
        self._reported: list[str] = []
        self._calls = requests.Session()
        self._calls.mount("http://", HTTPAdapter(pool_maxsize=AT_ONCE))

    def close(self) -> None:
        self.leave()
        self._calls.close()

    def leave(self) -> None:
        """Closes all screens. What they were shown is kept."""
        for screen in self.screens:
            self.system.wires.call(screen.close())

    def customer(self) -> Customer:
        self._phones.append(str(next(_PHONES)))
        return Customer(f"order-{len(self._phones)}", self._phones[-1])

    def ask(self, customer: Customer) -> int:
        """Calls initiate once. Returns the status; 0 where no answer came."""
        body = {"orderId": customer.order_id, "amount": AMOUNT, "currency": "XAF", "phoneNumber": customer.phone_number}
        try:
            answer = self.post("initiate", body, **{"Idempotency-Key": customer.key})
        except requests.RequestException:
            return 0
        told = answer.json()
        customer.reference = told.get("reference") or customer.reference
        customer.token = told.get("trackingToken") or customer.token
        retryable = bool(told.get("retryable"))
        self.asked.append(Asked(customer.order_id, customer.key, answer.status_code, told.get("reference"), retryable))
        return answer.status_code

    def pay(self, customer: Customer) -> int:
        """Calls initiate as a page does: again, under the same key, until an answer says what became of it."""
        deadline = time.monotonic() + _ANSWER_SECONDS
        while (status := self.ask(customer)) == 0 or status >= 500:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{customer.order_id} got no answer: {status}")
            time.sleep(0.1)
        return status

    def wait_for_prompts(self) -> None:
        """Waits until a customer gets a prompt, who declines: right after CamPay was away nobody does."""
        customer, _ = self.started()
        self.decide(customer.reference, "FAILED", webhook=True)
        self.wait(lambda: self.system.is_settled(customer.reference))

    def read(self, customer: Customer) -> requests.Response:
        """Reads the customer's payment from the API, as a page does that has heard nothing for a while."""
        bearer = {"Authorization": f"Bearer {customer.token}"}
        return self._calls.get(f"{self.system.api}/tracking/{customer.reference}", headers=bearer, timeout=30)

    def watch(self, customer: Customer) -> Screen:
        """Opens a screen that watches the customer's payment to the end, and connects again where it must."""
        screen = Screen(customer.reference, customer.token)
        self.screens.append(screen)
        self.system.wires.begin(screen.open(self.system.gateway))
        return screen

    def evidence(self, histories: Histories | None = None) -> Evidence:
        """Returns what can be seen of the system and of its customers. `histories`: as of `System.evidence`."""
        watched = [screen.watched for screen in self.screens]
        return replace(self.system.evidence(histories), asked=self.asked, watched=watched)

    def started(self) -> tuple[Customer, Mapping[str, Any]]:
        """Starts a new customer's payment. Returns the customer, and the transaction that waits at CamPay.

        Right after CamPay was away the product sends no prompts; other customers come then until it does. Raises
        RuntimeError where that takes too long.
        """
        deadline = time.monotonic() + _ANSWER_SECONDS
        while time.monotonic() < deadline:
            customer = self.customer()
            self.pay(customer)
            if self.system.transactions_of(customer.reference):
                return customer, self.system.transaction(customer.reference)
            time.sleep(0.5)
        raise RuntimeError(f"{customer.order_id} got no prompt")

    def decide(self, reference: str, status: str, *, webhook: bool) -> None:
        """Lets the customer of a payment approve (SUCCESSFUL) or decline (FAILED) the prompt, if there is one."""
        for it in self.system.transactions_of(reference):
            if it["status"] == "PENDING":
                self.system.decide(it["reference"], status, webhook=webhook)

    def pay_back(self, reference: str, version: int, amount: int) -> int:
        """Has an operator pay a part of a payment's only charge back. Returns the status; 0 where no answer came."""
        (charge,) = self.system.payment(reference).charges
        body = {"charge": charge, "amount": amount, "reason": "torn", "version": version}
        key = {"X-Api-Key": self.system.environment["OPERATOR_API_KEY"]}
        try:
            return self.post(f"operator/{reference}/refund", body, **key).status_code
        except requests.RequestException:
            return 0

    def ring(self, transaction: Mapping[str, Any], **changed: object) -> int:
        """Sends CamPay's webhook of a transaction, as it should be but for what is changed. Returns the status."""
        body = {
            "reference": transaction["reference"],
            "external_reference": transaction["externalReference"],
            "status": transaction["status"],
            "amount": str(transaction["amount"]),
            "currency": transaction["currency"],
            "signature": self.signature(),
        }
        return self.post("webhook", body | changed).status_code

    def signature(self) -> str:
        """Signs what CamPay puts into each webhook."""
        return sign(self.system.environment["CAMPAY_WEBHOOK_KEY"], int(time.time()))

    def post(self, path: str, body: object, **headers: str) -> requests.Response:
        """Calls a route of the API. Raises requests.RequestException."""
        return self._calls.post(f"{self.system.api}/{path}", json=body, headers=headers, timeout=30)

    def wait(self, holds: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> bool:
        """Waits until a condition holds. Returns whether it does. Most conditions read the ledger: not too often."""
        deadline = time.monotonic() + seconds
        while not holds() and time.monotonic() < deadline:
            time.sleep(0.1)
        return holds()

    def note(self, figure: str) -> None:
        """Prints a figure that a row has measured."""
        print(f"    {figure}", flush=True)

    def report(self, fault: str) -> None:
        """Keeps what a row has found wrong at once, and no wait can mend."""
        self._reported.append(fault)

    def rest(self) -> None:
        """Waits until no rule is broken any more, or the time is up.

        Whoever looks takes from the embedded AWS what the product needs to come to rest: most of the time nobody does.
        """
        deadline, histories = time.monotonic() + SETTLED_SECONDS, Histories()
        while (looked := time.monotonic()) < deadline and violations(self.evidence(histories)):
            time.sleep(min(max(0.5, PAUSE * (time.monotonic() - looked)), LONGEST_PAUSE))

    def settled(self) -> list[str]:
        """Waits until no rule is broken any more. Returns what is still wrong when the time is up."""
        self.rest()
        wrong = violations(self.evidence())
        if wrong:  # of many payments it is no picture of one moment
            self.rest()
            wrong = violations(self.evidence())
        return [*self._reported, *wrong, *self._logged()]

    def _logged(self) -> list[str]:
        """Lists what a part has logged and may not."""
        secrets, output = {name: self.system.environment[name] for name in SECRETS}, self.system.output()
        found = [f"a log has {it}" for it in strays(output, secrets, self._phones)]
        if not self.redis_loses and LOST_VERSION in output:
            found.append(f"{output.count(LOST_VERSION)} versions counted as delivered that Redis had not taken")
        return found


def strays(output: str, secrets: Mapping[str, str], phones: Sequence[str]) -> list[str]:
    """Names the secrets, signatures and phone numbers that a log has. A number counts without the country's prefix too.

    `secrets`: by name, with the prefix `whsec_` or without.
    """
    national = set(_NATIONAL_NUMBER.findall(output))
    return [
        *(name for name, secret in secrets.items() if secret.removeprefix(SECRET_PREFIX) in output),
        *(name for name, pattern in _SIGNED.items() if pattern.search(output)),
        *(f"phone number {number}" for number, it in enumerate(phones, 1) if it in output or it[3:] in national),
    ]
