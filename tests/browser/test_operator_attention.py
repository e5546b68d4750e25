"""Tests in a real Chromium that the operators' page shows what needs a person, and that a person deals with it."""

import itertools
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import requests
from playwright.sync_api import expect

from local.embedded import Valkey
from tests.browser.test_operator_page import ACT_KEY, OTHER_AMOUNT, VIEW_KEY, looks_well, sign_in
from tests.harness.browser import Chromium, Customer
from tests.harness.stack import OPERATOR_KEY, Stack, running, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

_NOBODY_ANSWERS = {"SIMULATOR_APPROVE_AFTER": "3600", "SIMULATOR_SLOW_APPROVE_AFTER": "3600"}
_PHONES = (f"2376778{number:05}" for number in itertools.count(10_000))


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Runs a system whose customers do nothing by themselves."""
    keys = f"paul:act:{ACT_KEY},amina:view:{VIEW_KEY}"
    with Valkey() as redis, running(redis, OPERATOR_KEYS=keys, **_NOBODY_ANSWERS) as system:
        yield system


@pytest.fixture
def operator(chromium: Chromium, stack: Stack) -> Iterator[Customer]:
    with chromium.customer(stack.origin, "en-GB") as operator:
        yield operator


@pytest.fixture(autouse=True)
def nothing_to_handle(stack: Stack) -> None:
    """Closes what an earlier test has left open."""
    url = f"{stack.api}/attention"
    for item in stack.session.get(url, headers={"X-Api-Key": OPERATOR_KEY}, timeout=10).json()["items"]:
        payment = item["payment"]
        decision = {"reason": "of an earlier test", "version": payment["version"]}
        if item["kind"] == "duplicate":
            act(stack, payment["reference"], "acknowledge", **decision).raise_for_status()
        else:
            act(stack, payment["reference"], "resolve", status="FAILED", **decision).raise_for_status()


def start(stack: Stack, order_id: str, phone: str = "", **headers: str) -> dict[str, Any]:
    started = stack.initiate(order_id, phone or next(_PHONES), **headers)
    assert started.ok, started.text
    told: dict[str, Any] = started.json()
    return told


def approve(stack: Stack, reference: str) -> None:
    (transaction,) = stack.transactions(reference)
    stack.resolve(transaction["reference"], "SUCCESSFUL", webhook=True)


def conflicted(stack: Stack, order_id: str) -> dict[str, Any]:
    started = start(stack, order_id, OTHER_AMOUNT)
    approve(stack, started["reference"])
    wait_until(lambda: stack.status(order_id)["status"] == "CONFLICTED", "CamPay's record disagrees")
    return stack.status(order_id)


def paid_twice(stack: Stack, order_id: str) -> str:
    """Has two attempts of an order approved. Returns the reference of the one that should not have been."""
    first = given_up(stack, order_id)
    second = start(stack, order_id, **{"Idempotency-Key": "b"})
    for reference in (second["reference"], first):
        approve(stack, reference)
        wait_until(partial(is_paid, stack, reference), "it is paid")
    assert tracked(stack, first)["duplicate"]
    return first


def given_up(stack: Stack, order_id: str) -> str:
    """Has an attempt of an order begun and given up, so that another may begin. Returns its reference."""
    started = start(stack, order_id, **{"Idempotency-Key": "a"})
    url, token = f"{stack.api}/tracking/{started['reference']}/give-up", f"Bearer {started['trackingToken']}"
    requests.post(url, headers={"Authorization": token}, timeout=10).raise_for_status()
    return str(started["reference"])


def is_paid(stack: Stack, reference: str) -> bool:
    return bool(tracked(stack, reference)["status"] == "SUCCESSFUL")


def tracked(stack: Stack, reference: str) -> dict[str, Any]:
    payment: dict[str, Any] = stack.session.get(f"{stack.api}/tracking/{reference}", timeout=10).json()
    return payment


def act(stack: Stack, reference: str, action: str, **body: object) -> requests.Response:
    """Acts as another operator does."""
    url, key = f"{stack.api}/operator/{reference}/{action}", {"X-Api-Key": OPERATOR_KEY}
    return stack.session.post(url, json=body, headers=key, timeout=10)


def test_who_must_act_is_told_above_every_view_and_led_to_the_payment(operator: Customer, stack: Stack) -> None:
    page = sign_in(operator, stack, ACT_KEY)
    strip = page.locator(".strip")
    expect(page.get_by_role("status").first).to_be_attached()
    expect(strip).to_have_count(0)
    payment = conflicted(stack, "attention-listed")
    page.reload()
    expect(strip).to_contain_text("1 case to handle, for")
    strip.click()
    expect(strip).to_have_count(0)
    expect(page.locator("[data-kind]")).to_have_attribute("data-kind", "underReview")
    expect(page.locator("[data-kind]")).to_contain_text("Open the payment, compare, ask the customer, then decide.")
    page.get_by_role("link", name="attention-listed").click()
    expect(page.locator(".verdict")).to_have_attribute("data-verdict", "differs")
    expect(strip).to_contain_text("1 case to handle, for")
    page.get_by_role("button", name="Decide").click()
    page.get_by_label("Refuse: the order is not paid").check()
    page.get_by_label("Reason").fill("paid back in the dashboard")
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator(".verdict")).to_have_attribute("data-verdict", "reviewedUnpaid")
    expect(strip).to_have_count(0)
    page.get_by_role("navigation").get_by_role("link", name="To handle").click()
    expect(page.get_by_text("Nothing to handle")).to_be_visible()
    assert tracked(stack, payment["reference"])["status"] == "FAILED"


def test_what_comes_up_while_the_page_is_open_is_told_within_two_minutes(operator: Customer, stack: Stack) -> None:
    operator.context.clock.install()
    page = sign_in(operator, stack, VIEW_KEY)
    expect(page.locator(".strip")).to_have_count(0)
    payment = conflicted(stack, "attention-later")
    page.clock.fast_forward("02:00")
    expect(page.locator(".strip")).to_contain_text("1 case to handle")
    act(stack, payment["reference"], "resolve", status="FAILED", reason="paid back", version=3)
    page.clock.fast_forward("02:00")
    expect(page.locator(".strip")).to_have_count(0)


def test_a_decision_about_what_has_changed_meanwhile_is_not_made(operator: Customer, stack: Stack) -> None:
    payment = conflicted(stack, "attention-raced")
    page = sign_in(operator, stack, ACT_KEY)
    page.goto(f"{stack.origin}/operator#/payment/{payment['reference']}")
    page.get_by_role("button", name="Decide").click()
    page.get_by_label("Accept: the order is paid").check()
    page.get_by_label("Reason").fill("rest paid in cash")
    decided = act(stack, payment["reference"], "resolve", status="FAILED", reason="paid back", version=3)
    assert decided.status_code == 200
    page.get_by_role("button", name="Confirm").click()

    expect(page.locator(".actions").get_by_role("status")).to_contain_text("Nothing was done: this is its new state.")
    expect(page.locator(".verdict")).to_have_attribute("data-verdict", "reviewedUnpaid")
    expect(page.get_by_role("button", name="Confirm")).to_have_count(0)
    assert tracked(stack, payment["reference"])["version"] == 4


def test_a_payment_that_was_paid_back_is_marked_as_dealt_with(operator: Customer, stack: Stack) -> None:
    reference = paid_twice(stack, "attention-twice")
    page = sign_in(operator, stack, ACT_KEY)
    page.goto(f"{stack.origin}/operator#/attention")
    expect(page.locator("[data-kind=duplicate]")).to_contain_text("mark it as handled")
    page.locator(f"[data-reference='{reference}'] a").click()
    expect(page.locator(".verdict")).to_have_attribute("data-verdict", "orderPaidTwice")
    page.get_by_role("button", name="Mark as handled").click()
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("alert")).to_have_text("Give the reason.")
    page.get_by_label("Reason").fill("paid back in the dashboard")
    page.get_by_role("button", name="Confirm").click()

    expect(page.locator(".verdict")).to_have_attribute("data-verdict", "paidTwiceSettled")
    expect(page.get_by_role("button", name="Mark as handled")).to_have_count(0)
    expect(page.locator(".timeline li").last).to_contain_text("by paul")
    expect(page.locator(".acts")).to_contain_text("paid back in the dashboard")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_the_list_fits_and_is_accessible(operator: Customer, stack: Stack, theme: Any, width: int) -> None:
    for order_id in (f"list-{theme}-{width}-a", f"list-{theme}-{width}-b"):
        paid_twice(stack, order_id)
    conflicted(stack, f"list-{theme}-{width}")
    page = sign_in(operator, stack, ACT_KEY)
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 900})
    for name, address, shown in (("attention", "attention", "[data-kind]"), ("attention-strip", "", ".strip")):
        page.goto(f"{stack.origin}/operator#/{address}")
        page.locator(shown).first.wait_for()
        page.locator("table.payments").first.wait_for()
        looks_well(page, f"{name}-{width}-{theme}")
