import { onTestFinished, vi } from "vitest";

import { createCheckout } from "../src/checkout";
import type { OpenedPayment, OperatorNotice, Problem } from "../src/paymentContract";
import type { CurrentAnswer, InitiateAnswer, InitiateCall } from "../src/paymentSocket";
import { payment } from "./fakeWire";

export const ORDER = { orderId: "order-1", amount: 5000, currency: "XAF" };
export const PHONE = "237677777777";
export const UNKNOWN: InitiateAnswer = { kind: "unknown" };

/** A fake API with scripted answers, one per call; the last one repeats. */
export class FakeApi {
  calls: InitiateCall[] = [];
  #answers: InitiateAnswer[] = [];
  #waiting: (() => void)[] = [];
  isSlow = false;
  isThere = true;
  /** Whether `reachApi` never returns. */
  hangs = false;
  /** How often `reachApi` was called. */
  asked = 0;
  /** The payment that the order has already. */
  opened: OpenedPayment | null = null;
  /** The operators whose payments fail just now. */
  operatorNotice: OperatorNotice = [];
  /** How often `currentPayment` was called. */
  lookedUp = 0;

  readonly current = async (): Promise<CurrentAnswer> => {
    this.lookedUp += 1;
    await Promise.resolve();
    return { opened: this.opened, operatorNotice: this.operatorNotice };
  };

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

/** Starts a test in a new tab, with an empty storage and a clock that stands still. Returns the API that it calls. */
export function newTab(): FakeApi {
  vi.useFakeTimers();
  onTestFinished(() => {
    vi.useRealTimers();
  });
  sessionStorage.clear();
  return new FakeApi();
}

/** Opens a page's checkout over a fake API, with one subscriber until `leave`. */
export function openCheckout(api: FakeApi) {
  const checkout = createCheckout({ apiUrl: "http://api.test", order: ORDER, locale: "fr" }, api);
  const leave = checkout.subscribe(() => {});
  return { checkout, leave, phase: () => checkout.getState().phase };
}

export function started(reference: string): InitiateAnswer {
  return { kind: "initiated", opened: openedPayment(reference) };
}

export function openedPayment(reference: string): OpenedPayment {
  return { payment: payment({ reference }), token: `token-of-${reference}`, operatorNotice: [] };
}

export function refused(code: string): InitiateAnswer {
  const problem: Problem = { code, detail: code, retryable: true, fields: {}, reference: null, retryAfter: null };
  return { kind: "refused", problem };
}

/** Waits until all that is due at once has been done. */
export const settled = () => vi.advanceTimersByTimeAsync(0);
