// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { payment } from "../tests/fakeWire";
import { createCheckout } from "./checkout";
import { orderIdOf, rememberedToken } from "./checkoutAttempt";
import type { InitiatedPayment, Problem } from "./paymentContract";
import type { InitiateAnswer, InitiateCall } from "./paymentSocket";

const ORDER = { orderId: "order-1", amount: 5000, currency: "XAF" };
const PHONE = "237677777777";

/** A fake API with scripted answers, one per call; the last one repeats. */
class FakeApi {
  calls: InitiateCall[] = [];
  #answers: InitiateAnswer[] = [];
  #waiting: (() => void)[] = [];
  isSlow = false;
  isThere = true;
  /** Whether `reachApi` never returns. */
  hangs = false;
  /** How often `reachApi` was called. */
  asked = 0;

  readonly reach = async (): Promise<boolean> => {
    this.asked += 1;
    if (this.hangs) await new Promise(() => {});
    return this.isThere;
  };

  will(...answers: InitiateAnswer[]): void {
    this.#answers = answers;
  }

  readonly initiate = async (call: InitiateCall): Promise<InitiateAnswer> => {
    this.calls.push(call);
    if (this.isSlow) await new Promise<void>((answer) => this.#waiting.push(answer));
    const answer = this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0];
    return answer ?? { kind: "unknown" };
  };

  answer(): void {
    for (const each of this.#waiting.splice(0)) each();
  }

  keys(): string[] {
    return this.calls.map((call) => call.idempotencyKey);
  }
}

let api: FakeApi;

beforeEach(() => {
  vi.useFakeTimers();
  sessionStorage.clear();
  api = new FakeApi();
});

afterEach(() => {
  vi.useRealTimers();
});

function opened() {
  const checkout = createCheckout({ apiUrl: "http://api.test", order: ORDER, locale: "fr" }, api);
  const leave = checkout.subscribe(() => {});
  return { checkout, leave, phase: () => checkout.getState().phase };
}

function started(reference: string): InitiateAnswer {
  const reply: InitiatedPayment = {
    reference,
    status: "PENDING",
    operator: "MTN",
    ussdCode: "*126#",
    trackingToken: `token-of-${reference}`,
    expiresAt: "2026-01-15T10:10:00.000Z",
    version: 2,
  };
  return { kind: "initiated", payment: reply };
}

function refused(code: string): InitiateAnswer {
  const problem: Problem = { code, detail: code, retryable: true, fields: {}, reference: null, retryAfter: null };
  return { kind: "refused", problem };
}

const UNKNOWN: InitiateAnswer = { kind: "unknown" };
const settled = () => vi.advanceTimersByTimeAsync(0);

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

describe("orderIdOf", () => {
  const token = (claims: object) => `e30.${btoa(JSON.stringify(claims)).replaceAll("=", "")}.signature`;

  test("reads the order of a signed token", () => {
    expect(orderIdOf(token({ orderId: "order-77", amount: 1 }))).toBe("order-77");
  });

  test.each(["", "a.b.c", "no token", token({ orderId: 7 }), token([])])("null for %j", (text) => {
    expect(orderIdOf(text)).toBeNull();
  });
});
