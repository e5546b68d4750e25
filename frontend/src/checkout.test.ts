// @vitest-environment happy-dom
import { beforeEach, describe, expect, test, vi } from "vitest";

import {
  type FakeApi,
  newTab,
  ORDER,
  openCheckout,
  openedPayment,
  PHONE,
  refused,
  settled,
  started,
  UNKNOWN,
} from "../tests/fakeApi";
import { payment } from "../tests/fakeWire";
import { rememberedToken } from "./checkoutAttempt";

let api: FakeApi;
const opened = () => openCheckout(api);

beforeEach(() => {
  api = newTab();
});

describe("one attempt", () => {
  test("a tap starts it, and its payment is followed", async () => {
    api.will(started("a"));
    const { checkout, phase } = opened();
    checkout.pay(PHONE);
    expect(phase()).toBe("sending");
    await settled();
    expect(checkout.getState()).toMatchObject({ phase: "tracking", shown: { reference: "a", token: "token-of-a" } });
    expect(api.calls[0]).toMatchObject({ phoneNumber: PHONE, order: ORDER, locale: "fr" });
    expect(rememberedToken("a")).toBe("token-of-a");
  });

  test("a second tap does nothing, whenever it comes", async () => {
    api.will(started("a"));
    const { checkout } = opened();
    checkout.pay(PHONE);
    checkout.pay(PHONE);
    await settled();
    checkout.pay(PHONE);
    await settled();
    expect(api.calls).toHaveLength(1);
  });

  test("a lost answer is asked for again under the same key, until there is one", async () => {
    api.will(UNKNOWN, UNKNOWN, started("a"));
    const { checkout, phase } = opened();
    checkout.pay(PHONE);
    await settled();
    expect(phase()).toBe("unknown");
    checkout.pay("237699999999");
    await vi.advanceTimersByTimeAsync(10_000);
    expect(phase()).toBe("tracking");
    expect(new Set(api.keys()).size).toBe(1);
    expect(api.calls).toHaveLength(3);
  });

  test("back online it is asked for at once", async () => {
    api.will(UNKNOWN);
    const { checkout } = opened();
    checkout.pay(PHONE);
    await settled();
    window.dispatchEvent(new Event("online"));
    await settled();
    expect(api.calls).toHaveLength(2);
  });
});

describe("a payment that the order has already", () => {
  test("is shown in a tab that knows nothing, and after a reload of that tab", async () => {
    api.opened = openedPayment("elsewhere");
    const { checkout, leave, phase } = opened();
    expect([phase(), checkout.getState().isLookingUp]).toEqual(["ready", true]);
    await settled();
    const shown = { reference: "elsewhere", token: "token-of-elsewhere" };
    expect(checkout.getState()).toMatchObject({ phase: "tracking", shown, isLookingUp: false, known: { version: 2 } });
    expect(rememberedToken("elsewhere")).toBe("token-of-elsewhere");
    leave();
    expect(opened().checkout.getState()).toMatchObject({ phase: "tracking", shown });
    expect(api.lookedUp).toBe(1);
  });

  test("is none: the form stays", async () => {
    api.operatorNotice = ["MTN"];
    const { checkout } = opened();
    await settled();
    const state = { phase: "ready", shown: null, isLookingUp: false, operatorNotice: ["MTN"] };
    expect(checkout.getState()).toMatchObject(state);
    api.will(started("a"));
    checkout.pay(PHONE);
    await settled();
    expect(checkout.getState()).toMatchObject({ phase: "tracking", operatorNotice: [] });
  });

  test("does not come between a customer and the payment that was just started", async () => {
    api.isSlow = true;
    api.opened = openedPayment("elsewhere");
    api.will(started("a"));
    const { checkout, phase } = opened();
    checkout.pay(PHONE);
    await settled();
    expect(phase()).toBe("sending");
    api.answer();
    await settled();
    expect(checkout.getState()).toMatchObject({ phase: "tracking", shown: { reference: "a" } });
  });

  test.each(["payment_in_progress", "order_already_paid"])("is shown after the refusal %s", async (code) => {
    api.will(refused(code));
    const { checkout } = opened();
    await settled();
    api.opened = openedPayment("elsewhere");
    checkout.pay(PHONE);
    await settled();
    expect(checkout.getState()).toMatchObject({ phase: "tracking", shown: { reference: "elsewhere" }, problem: null });
  });

  test("has no number here, so that it is not tried again by one tap", async () => {
    api.opened = openedPayment("elsewhere");
    const { checkout, phase } = opened();
    await settled();
    const ended = payment({ reference: "elsewhere", status: "EXPIRED" });
    checkout.retry(ended);
    expect([phase(), api.calls.length]).toEqual(["tracking", 0]);
    checkout.changeNumber(ended);
    expect(phase()).toBe("ready");
    checkout.pay(PHONE);
    await settled();
    expect(api.calls).toHaveLength(1);
  });

  test("comes too late for a page that was left", async () => {
    api.opened = openedPayment("elsewhere");
    const { checkout, leave } = opened();
    leave();
    await settled();
    expect(checkout.getState()).toMatchObject({ phase: "ready", shown: null });
  });
});

describe("the key", () => {
  test.each(["payment_refused", "provider_unavailable", "provider_busy", "idempotency_key_reused"])(
    "is new after %s: the old one would only bring that back",
    async (code) => {
      api.will(refused(code), started("a"));
      const { checkout } = opened();
      checkout.pay(PHONE);
      await settled();
      expect(checkout.getState()).toMatchObject({ phase: "ready", problem: { code } });
      checkout.pay(PHONE);
      await settled();
      expect(new Set(api.keys()).size).toBe(2);
    },
  );

  test.each([
    "prompt_in_flight",
    "phone_limit",
    "address_limit",
    "invalid_request",
    "invalid_token",
    "ledger_unavailable",
  ])("stays after %s: nothing is known to be written under it", async (code) => {
    api.will(refused(code), started("a"));
    const { checkout } = opened();
    checkout.pay(PHONE);
    await settled();
    checkout.pay(PHONE);
    await settled();
    expect(new Set(api.keys()).size).toBe(1);
  });
});

test("after a refusal for a while it is known until when, by this device's clock", async () => {
  const answer = refused("prompt_in_flight");
  if (answer.kind !== "refused") throw new TypeError(answer.kind);
  api.will({ ...answer, problem: { ...answer.problem, retryAfter: 250 } }, refused("invalid_request"));
  const { checkout } = opened();
  checkout.pay(PHONE);
  await settled();
  expect(checkout.getState().retryAt).toBe(Date.now() + 250_000);
  checkout.pay(PHONE);
  expect(checkout.getState().retryAt).toBeNull();
  await settled();
  expect(checkout.getState().retryAt).toBeNull();
  expect(new Set(api.keys()).size).toBe(1);
});

describe("a further attempt", () => {
  async function afterFirst() {
    api.will(started("a"));
    const session = opened();
    session.checkout.pay(PHONE);
    await settled();
    return session;
  }

  test.each(["INITIATING", "PENDING", "CONFLICTED", "SUCCESSFUL"] as const)(
    "does not start while the first is %s",
    async (status) => {
      const { checkout } = await afterFirst();
      checkout.retry(payment({ status }));
      checkout.changeNumber(payment({ status }));
      checkout.pay(PHONE);
      checkout.retry(null);
      await settled();
      expect(api.calls).toHaveLength(1);
    },
  );

  test.each(["FAILED", "EXPIRED"] as const)("after %s is one tap, with a key of its own", async (status) => {
    const { checkout, phase } = await afterFirst();
    api.will(started("b"));
    checkout.retry(payment({ status }));
    checkout.retry(payment({ status }));
    expect(phase()).toBe("sending");
    await settled();
    expect(checkout.getState().shown?.reference).toBe("b");
    expect(new Set(api.keys()).size).toBe(2);
    expect(api.calls).toHaveLength(2);
  });

  test("with another number goes back to the form", async () => {
    const { checkout, phase } = await afterFirst();
    checkout.changeNumber(payment({ status: "EXPIRED" }));
    expect(phase()).toBe("ready");
    api.will(started("b"));
    checkout.pay("237699999999");
    await settled();
    expect(api.calls[1]?.phoneNumber).toBe("237699999999");
  });

  test("shows the first payment when that was paid meanwhile", async () => {
    const { checkout } = await afterFirst();
    api.will(refused("order_already_paid"));
    checkout.retry(payment({ status: "EXPIRED" }));
    await settled();
    expect(checkout.getState()).toMatchObject({ phase: "tracking", shown: { reference: "a" } });
  });

  test("whose answer is lost still shows the first, also after a reload", async () => {
    const { checkout, leave } = await afterFirst();
    api.will(UNKNOWN);
    checkout.retry(payment({ status: "EXPIRED" }));
    await settled();
    expect(checkout.getState()).toMatchObject({ phase: "unknown", shown: { reference: "a" } });
    leave();
    expect(opened().checkout.getState()).toMatchObject({ phase: "sending", shown: { reference: "a" } });
  });
});
