"""Floods phones with prompts: many addresses call for one phone, one address for many phones.

Meanwhile the key of the phones' hashes is rotated. Who is told to wait is let in after that time, and not before.
"""

import itertools
import json
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection

from gauntlet.row import Row
from gauntlet.shop import AMOUNT, Shop
from local.embedded import LOOPBACK

AT_ONCE = 16
ROTATED_AFTER_WAVES = 2
ROTATED_AFTER_CALLS = 500
"""Before the prompts of the first calls have expired."""
ADDRESS_PROMPTS_PER_MINUTE = 60
MOST_PROMPTS = 5 * ADDRESS_PROMPTS_PER_MINUTE
"""After which an address must have come to its limit: only a very slow machine would not get there."""
PROMPTS_OF_A_PHONE = 3
QUARTER_HOUR = 15 * 60
EXPIRES_SECONDS = 15.0
WHOLE = 1_000
PHONES_OF_ADDRESS = 10
EARLY_SECONDS = 1.0
CLOCK_SECONDS = 3.0
"""By how much a wait that is told may differ from the one that is counted here."""


@dataclass(frozen=True)
class Answer:
    """The answer to a call.

    `retry_after`: in seconds; 0 where it says none. `sent_at`, `at`: when the call was made and the answer came.
    `reference`: of the payment that was started.
    """

    status: int
    retry_after: float
    sent_at: float
    at: float
    reference: str


class Flood:
    """Calls from many addresses for many phones, each call for an order of its own."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._numbers = itertools.count(1)
        self._keys = [shop.system.environment["PHONE_HASH_KEY"]]

    def call(self, address: str, phone: str) -> Answer:
        """Calls initiate past the wire, which would hide the address."""
        shop, sent_at = self._shop, time.time()
        connection = HTTPConnection(LOOPBACK, shop.system.ports.api, timeout=30, source_address=(address, 0))
        body = {"orderId": f"flood-{next(self._numbers)}", "amount": AMOUNT, "currency": "XAF", "phoneNumber": phone}
        try:
            connection.request("POST", "/api/payment/initiate", json.dumps(body), {"Content-Type": "application/json"})
            reply = connection.getresponse()
            told = reply.getheader("Retry-After")
            reference = json.loads(reply.read())["reference"] if reply.status == 201 else ""
            return Answer(reply.status, float(told or 0), sent_at, time.time(), reference)
        finally:
            connection.close()

    def rotate(self) -> None:
        """Starts the API and the worker with a new key of the phones' hashes, and the old one behind it."""
        self._keys.append(f"{len(self._keys)}" * 64)
        for name in ("api", "worker"):
            self._shop.system.parts[name].restart(PHONE_HASH_KEY=",".join(self._keys[:-3:-1]))


def run(shop: Shop, size: int, chance: random.Random) -> int:
    """Calls from `size` addresses for one phone, whose owner declines each prompt, then from one for ten times as many.

    Few addresses call for as many phones, and nobody waits for the minute of an address to end.
    """
    flood, is_whole = Flood(shop), size >= WHOLE
    with ThreadPoolExecutor(AT_ONCE) as threads:
        _flood_phone(shop, flood, threads, [_address(number) for number in chance.sample(range(2, 2**20), size)])
        phones = [shop.customer().phone_number for _ in range(size * PHONES_OF_ADDRESS if is_whole else size)]
        _flood_address(shop, flood, threads, phones)
    _keep_waiting(shop, flood, shop.customer().phone_number)
    if is_whole:
        _keep_address_waiting(shop, flood)
    return size + len(phones)


def _flood_phone(shop: Shop, flood: Flood, threads: ThreadPoolExecutor, addresses: list[str]) -> None:
    phone, answers = shop.customer().phone_number, list[Answer]()
    for begin in range(0, len(addresses), AT_ONCE):
        if begin == AT_ONCE * ROTATED_AFTER_WAVES:
            flood.rotate()
        told = list(threads.map(lambda it: flood.call(it, phone), addresses[begin : begin + AT_ONCE]))
        for reference in _decline(shop, told):
            shop.wait(partial(shop.system.is_settled, reference))
        answers += told
    _judge_phone(shop, phone, answers)


def _flood_address(shop: Shop, flood: Flood, threads: ThreadPoolExecutor, phones: list[str]) -> None:
    """Rotates the key early in the flood, and calls then for the phones once more that had a prompt just before."""
    began, first = time.time(), min(len(phones) // 2, ROTATED_AFTER_CALLS)
    answers = list(threads.map(lambda it: flood.call(FLOODING, it), phones[:first]))
    prompted = [(it, phone) for it, phone in zip(answers, phones[:first], strict=True) if it.status == 201]
    flood.rotate()
    again = list(threads.map(lambda it: flood.call(_address(2), it[1]), prompted[-AT_ONCE:]))
    for (before, _), after in zip(prompted[-AT_ONCE:], again, strict=True):
        if after.at < before.sent_at + EXPIRES_SECONDS and after.status != 429:
            shop.report(f"a phone with a prompt was called after the rotation, and answered {after.status}")
    answers += threads.map(lambda it: flood.call(FLOODING, it), phones[first:])
    _decline(shop, [*answers, *again])
    _judge_address(shop, answers, time.time() - began)


def _keep_waiting(shop: Shop, flood: Flood, phone: str) -> None:
    """Calls for a phone with a prompt that nobody answers, until it has expired."""
    first, second = (flood.call(_address(number), phone) for number in (3, 4))
    if (first.status, second.status) != (201, 429):
        shop.report(f"two calls for one phone were answered {first.status} and {second.status}")
    _judge_wait(shop, second, lambda: flood.call(_address(5), phone), "a phone with a prompt")


def _keep_address_waiting(shop: Shop, flood: Flood) -> None:
    """Calls from an address that has no prompt left in this minute, until the next one."""
    answers = (flood.call(FLOODING, shop.customer().phone_number) for _ in range(MOST_PROMPTS))
    refused = next((it for it in answers if it.status != 201), None)
    if refused is None:
        shop.report(f"a flooding address got {MOST_PROMPTS} prompts, and none was refused")
        return
    _judge_wait(shop, refused, lambda: flood.call(FLOODING, shop.customer().phone_number), "a flooding address")


def _judge_wait(shop: Shop, refused: Answer, call: Callable[[], Answer], who: str) -> None:
    """Calls just before the wait that was told is over, which is too early, and right after it, which is not.

    The wait is told in whole seconds, rounded up; when the refusal was made lies between its call and its answer. On a
    slow machine the early call may itself come in time: it has the prompt then, and a second one may not have it.
    """
    earliest, latest = refused.sent_at + refused.retry_after - 1, refused.at + refused.retry_after
    _sleep_until(earliest - EARLY_SECONDS)
    early = call()
    if early.at < earliest and early.status != 429:
        shop.report(f"{who} had to wait {refused.retry_after} s, and was answered {early.status} before")
    let_in = early
    if early.status == 429:
        _sleep_until(latest)
        let_in = call()
    if let_in.status != 201:
        shop.report(f"{who} had waited the {refused.retry_after} s, and was answered {let_in.status}")
    _decline(shop, [let_in])


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.time()))


def _decline(shop: Shop, answers: list[Answer]) -> list[str]:
    """Lets the prompts be declined that were sent, so that only the limits keep the next one from being sent."""
    references = [it.reference for it in answers if it.reference]
    for reference in references:
        shop.decide(reference, "FAILED", webhook=True)
    return references


def _address(number: int) -> str:
    """Returns an address of this machine: all of 127.0.0.0/8 are."""
    return f"127.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


FLOODING = _address(1)


def _judge_phone(shop: Shop, phone: str, answers: list[Answer]) -> None:
    prompts = [it for it in shop.system.transactions() if it["phoneNumber"] == phone]
    if not 0 < len(prompts) <= PROMPTS_OF_A_PHONE:
        shop.report(f"the flooded phone got {len(prompts)} prompts")
    started = [it.at for it in answers if it.status == 201]
    for it in _refused(shop, answers):
        # Until the prompt that is on the phone has ended, or until the oldest is a quarter of an hour old.
        if not 0 < it.retry_after <= min(started) + QUARTER_HOUR - it.at + CLOCK_SECONDS:
            shop.report(f"a call for the flooded phone is to be repeated after {it.retry_after} s")


def _judge_address(shop: Shop, answers: list[Answer], seconds: float) -> None:
    minutes = int(seconds / 60) + 2  # those that the time touches
    sent = sum(it.status == 201 for it in answers)
    if not 0 < sent <= ADDRESS_PROMPTS_PER_MINUTE * minutes:
        shop.report(f"one address sent {sent} prompts in {seconds:.0f} s")
    for it in _refused(shop, answers):
        if not 0 < it.retry_after <= 60:
            shop.report(f"a call of the flooding address is to be repeated after {it.retry_after} s")


def _refused(shop: Shop, answers: list[Answer]) -> Iterator[Answer]:
    for it in answers:
        if it.status == 201:
            continue
        if it.status != 429 or not it.retry_after:
            shop.report(f"a call of the flood was answered {it.status}, Retry-After {it.retry_after}")
        else:
            yield it


ROWS = [
    Row(
        *("prompts", "one phone called from 1,000 addresses, one address calling 10,000 phones", run, 70, 1_000),
        settings={
            "ADDRESS_PROMPTS_PER_MINUTE": str(ADDRESS_PROMPTS_PER_MINUTE),
            "PAYMENT_EXPIRES_SECONDS": f"{EXPIRES_SECONDS:.0f}",
        },
        is_large=True,
    )
]
