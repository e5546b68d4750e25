"""Floods phones with prompts: many addresses call for one phone, one address for many phones.

Meanwhile the key of the phones' hashes is rotated.
"""

import itertools
import json
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection

from gauntlet.row import Row
from gauntlet.shop import AMOUNT, Shop
from local.embedded import LOOPBACK

AT_ONCE = 16
ROTATED_AFTER_WAVES = 2
ADDRESS_PROMPTS_PER_MINUTE = 60
PROMPTS_OF_A_PHONE = 3
QUARTER_HOUR = 15 * 60
CLOCK_SECONDS = 3.0
"""By how much a wait that is told may differ from the one that is counted here."""


@dataclass(frozen=True)
class Answer:
    """The answer to a call.

    `retry_after`: in seconds; 0 where it says none. `at`: when it came. `reference`: of the payment that was started.
    """

    status: int
    retry_after: float
    at: float
    reference: str


def run(shop: Shop, size: int, chance: random.Random) -> int:
    """Calls from `size` addresses for one phone, whose owner declines each prompt, then from one for `size` phones."""
    numbers = itertools.count(1)
    phone = shop.customer().phone_number
    addresses = [_address(number) for number in chance.sample(range(2, 2**20), size)]
    answers: list[Answer] = []
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for begin in range(0, size, AT_ONCE):
            if begin == AT_ONCE * ROTATED_AFTER_WAVES:
                _rotate(shop)
            wave = addresses[begin : begin + AT_ONCE]
            told = list(threads.map(lambda address: _call(shop, address, phone, next(numbers)), wave))
            for reference in _decline(shop, told):
                shop.wait(partial(shop.system.is_settled, reference))
            answers += told
        _judge_phone(shop, phone, answers)
        phones = [shop.customer().phone_number for _ in range(size)]
        began = time.time()
        answers = list(threads.map(lambda it: _call(shop, _address(1), it, next(numbers)), phones))
        _decline(shop, answers)
        _judge_address(shop, answers, time.time() - began)
    return size * 2


def _decline(shop: Shop, answers: list[Answer]) -> list[str]:
    """Lets the prompts be declined that were sent, so that only the limits keep the next one from being sent."""
    references = [it.reference for it in answers if it.reference]
    for reference in references:
        shop.decide(reference, "FAILED", webhook=True)
    return references


def _address(number: int) -> str:
    """Returns an address of this machine: all of 127.0.0.0/8 are."""
    return f"127.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def _call(shop: Shop, address: str, phone: str, number: int) -> Answer:
    """Calls initiate for an order of its own, past the wire, which would hide the address."""
    connection = HTTPConnection(LOOPBACK, shop.system.ports.api, timeout=30, source_address=(address, 0))
    body = {"orderId": f"flood-{number}", "amount": AMOUNT, "currency": "XAF", "phoneNumber": phone}
    try:
        connection.request("POST", "/api/payment/initiate", json.dumps(body), {"Content-Type": "application/json"})
        reply = connection.getresponse()
        told = reply.getheader("Retry-After")
        reference = json.loads(reply.read())["reference"] if reply.status == 201 else ""
        return Answer(reply.status, float(told or 0), time.time(), reference)
    finally:
        connection.close()


def _rotate(shop: Shop) -> None:
    """Starts the API with a new key of the phones' hashes, and the old one behind it."""
    old = shop.system.environment["PHONE_HASH_KEY"]
    for name in ("api", "worker"):
        shop.system.parts[name].restart(PHONE_HASH_KEY=f"{'n' * 64},{old}")


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
        *("prompts", "one phone called from 1,000 addresses, one address calling 1,000 phones", run, 70, 1_000),
        settings={"ADDRESS_PROMPTS_PER_MINUTE": str(ADDRESS_PROMPTS_PER_MINUTE), "PAYMENT_EXPIRES_SECONDS": "120"},
    )
]
