import paymentEvents from "../../tests/contract/payment-events.json";
import type { PaymentEvent, Problem } from "../src/paymentContract";
import type { SocketListener, TrackedPayment, TrackingAnswer, Wire } from "../src/paymentSocket";

export const REFERENCE = paymentEvents.pending.event.reference;
export const TARGET: TrackedPayment = {
  gatewayUrl: "http://gateway.test",
  apiUrl: "http://api.test",
  reference: REFERENCE,
  token: "token",
};
export const REFUSAL: Problem = {
  code: "invalid_token",
  detail: "This payment page is no longer valid.",
  retryable: false,
  fields: {},
  reference: null,
  retryAfter: null,
};

export function payment(change: Partial<PaymentEvent> = {}): PaymentEvent {
  return { ...(paymentEvents.pending.event as PaymentEvent), ...change };
}

/** Fakes the gateway and the API for a test, and counts open connections. */
export class FakeWire implements Wire {
  #answer: TrackingAnswer = { kind: "unreachable" };
  reads = 0;
  giveUps = 0;
  revivals = 0;
  opened = 0;
  closed = 0;
  socket: SocketListener | null = null;

  readonly open = (_: TrackedPayment, listener: SocketListener) => {
    this.opened += 1;
    this.socket = listener;
    const close = () => {
      this.closed += 1;
      this.socket = null;
    };
    const revive = () => {
      this.revivals += 1;
    };
    return { revive, close };
  };

  willAnswer(answer: TrackingAnswer): void {
    this.#answer = answer;
  }

  readonly read = async () => {
    this.reads += 1;
    await Promise.resolve();
    return this.#answer;
  };

  readonly giveUp = async () => {
    this.giveUps += 1;
    await Promise.resolve();
    return this.#answer;
  };
}

/** Counts the listeners that were added to a target and not removed. */
export function countListeners(target: EventTarget): () => number {
  const added = new Map<string, number>();
  const { addEventListener, removeEventListener } = target;
  const change = (name: string, by: number) => added.set(name, (added.get(name) ?? 0) + by);
  target.addEventListener = (...given: Parameters<typeof addEventListener>) => {
    change(given[0], 1);
    addEventListener.apply(target, given);
  };
  target.removeEventListener = (...given: Parameters<typeof removeEventListener>) => {
    change(given[0], -1);
    removeEventListener.apply(target, given);
  };
  return () => [...added.values()].reduce((sum, count) => sum + count, 0);
}
