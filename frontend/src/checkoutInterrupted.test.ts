// @vitest-environment happy-dom
import { beforeEach, describe, expect, test, vi } from "vitest";

import { type FakeApi, newTab, openCheckout, PHONE, refused, settled, started, UNKNOWN } from "../tests/fakeApi";

let api: FakeApi;
const opened = () => openCheckout(api);

beforeEach(() => {
  api = newTab();
});

describe("an API that cannot be reached", () => {
  async function unsent() {
    api.isThere = false;
    api.will(started("a"));
    const session = opened();
    session.checkout.pay(PHONE);
    await settled();
    return session;
  }

  test("is sent nothing, and the state says so", async () => {
    const { phase } = await unsent();
    expect(phase()).toBe("unsent");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(api.calls).toHaveLength(0);
    expect(api.asked).toBeGreaterThan(5);
  });

  test("is sent the attempt by itself once it is back", async () => {
    const { phase } = await unsent();
    api.isThere = true;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(phase()).toBe("tracking");
    expect(api.calls).toHaveLength(1);
  });

  test("is sent it at once when the browser is back online, though a try hangs", async () => {
    const { phase } = await unsent();
    api.hangs = true;
    await vi.advanceTimersByTimeAsync(5_000);
    api.hangs = false;
    api.isThere = true;
    window.dispatchEvent(new Event("online"));
    await settled();
    expect([phase(), api.calls.length]).toEqual(["tracking", 1]);
  });

  test("lets the customer cancel: nothing is sent any more, and the form is back", async () => {
    const { checkout, phase } = await unsent();
    checkout.cancel();
    expect([phase(), checkout.getState().phoneNumber, vi.getTimerCount()]).toEqual(["ready", PHONE, 0]);
    api.isThere = true;
    window.dispatchEvent(new Event("online"));
    await vi.advanceTimersByTimeAsync(20_000);
    expect(api.calls).toHaveLength(0);
    checkout.pay("237699999999");
    await settled();
    expect(api.calls.map((call) => call.phoneNumber)).toEqual(["237699999999"]);
  });

  test("a cancelled attempt is not sent after a reload either", async () => {
    const { checkout, leave } = await unsent();
    checkout.cancel();
    leave();
    api.isThere = true;
    expect(opened().phase()).toBe("ready");
    await settled();
    expect(api.calls).toHaveLength(0);
  });

  test("after a reload the attempt goes on, and is not yet sent", async () => {
    const { leave } = await unsent();
    leave();
    const after = opened();
    await settled();
    expect([after.phase(), api.calls.length]).toEqual(["unsent", 0]);
  });

  test("long after the tap nothing is sent by itself any more: the form is back", async () => {
    const { phase } = await unsent();
    await vi.advanceTimersByTimeAsync(11 * 60_000);
    api.isThere = true;
    expect([phase(), vi.getTimerCount(), api.calls.length]).toEqual(["ready", 0, 0]);
  });

  test("once a request has left, the API is not probed any more, and cancelling does nothing", async () => {
    api.will(UNKNOWN);
    const { checkout, phase } = opened();
    checkout.pay(PHONE);
    await settled();
    expect([phase(), api.asked]).toEqual(["unknown", 1]);
    api.isThere = false;
    checkout.cancel();
    await vi.advanceTimersByTimeAsync(10_000);
    expect([phase(), api.asked]).toEqual(["unknown", 1]);
    expect(new Set(api.keys()).size).toBe(1);
  });

  test("what may have left before a reload may not be cancelled after it, however long ago", async () => {
    api.will(UNKNOWN);
    const before = opened();
    before.checkout.pay(PHONE);
    await settled();
    before.leave();
    vi.setSystemTime(Date.now() + 11 * 60_000);
    api.isThere = false;
    const { checkout, phase } = opened();
    checkout.pay(PHONE);
    await settled();
    checkout.cancel();
    expect(phase()).toBe("unknown");
  });
});

describe("a reload", () => {
  test("before the answer repeats the same call", async () => {
    api.isSlow = true;
    const before = opened();
    before.checkout.pay(PHONE);
    await settled();
    before.leave();
    api.isSlow = false;
    api.will(started("a"));
    const after = opened();
    expect(after.phase()).toBe("sending");
    await settled();
    expect(after.phase()).toBe("tracking");
    expect(new Set(api.keys()).size).toBe(1);
    expect(api.calls.map((call) => call.phoneNumber)).toEqual([PHONE, PHONE]);
  });

  test("long after the tap starts nothing by itself, and keeps the key", async () => {
    api.will(UNKNOWN);
    const before = opened();
    before.checkout.pay(PHONE);
    await settled();
    before.leave();
    vi.setSystemTime(Date.now() + 11 * 60_000);
    const calls = api.calls.length;
    const after = opened();
    expect([after.phase(), after.checkout.getState().phoneNumber]).toEqual(["ready", PHONE]);
    await settled();
    expect(api.calls).toHaveLength(calls);
    after.checkout.pay(PHONE);
    expect(new Set(api.keys()).size).toBe(1);
  });

  test("after the answer follows the payment", async () => {
    api.will(started("a"));
    const before = opened();
    before.checkout.pay(PHONE);
    await settled();
    before.leave();
    const after = opened();
    expect(after.checkout.getState()).toMatchObject({ phase: "tracking", shown: { reference: "a" } });
    await settled();
    expect(api.calls).toHaveLength(1);
  });

  test("after a refusal starts nothing by itself", async () => {
    api.will(refused("phone_limit"));
    const before = opened();
    before.checkout.pay(PHONE);
    await settled();
    before.leave();
    const after = opened();
    await settled();
    expect([after.phase(), api.calls.length]).toEqual(["ready", 1]);
  });

  test("with what is no attempt in the storage starts afresh", () => {
    sessionStorage.setItem("braidster:attempt:order-1", '{"idempotencyKey": 1}');
    expect(opened().phase()).toBe("ready");
    sessionStorage.setItem("braidster:attempt:order-1", "{");
    expect(opened().phase()).toBe("ready");
  });
});

test("leaving ends the timer and the listener, and an answer that comes later changes nothing", async () => {
  api.will(UNKNOWN);
  const { checkout, leave } = opened();
  checkout.pay(PHONE);
  await settled();
  leave();
  expect(vi.getTimerCount()).toBe(0);
  window.dispatchEvent(new Event("online"));
  expect(api.calls).toHaveLength(1);

  api.isSlow = true;
  const again = checkout.subscribe(() => {});
  again();
  api.will(started("a"));
  api.answer();
  await settled();
  expect(checkout.getState().phase).toBe("unknown");
});
