/**
 * Starting a payment, so that however often it is tapped, reloaded or cut off, one attempt stays one attempt.
 * Knows no framework.
 */

import { type CheckoutAttempt, loadAttempt, newIdempotencyKey, orderIdOf, saveAttempt } from "./checkoutAttempt";
import type { PaymentEvent, Problem } from "./paymentContract";
import { type InitiateAnswer, initiatePayment, type Order } from "./paymentSocket";

/**
 * `ready`: the form. `sending`: the call is under way. `unknown`: its answer was lost; the same call is repeated
 * until there is one. `tracking`: there is a payment to follow.
 */
export type CheckoutPhase = "ready" | "sending" | "unknown" | "tracking";

export interface CheckoutState {
  readonly phase: CheckoutPhase;
  /** The payment to follow; while a further attempt is sent, still the one before. */
  readonly shown: { readonly reference: string; readonly token: string } | null;
  /** Started just now, so that nothing may be known of it yet but that it was sent. */
  readonly isJustStarted: boolean;
  /** Why the last call started nothing. */
  readonly problem: Problem | null;
  /** The number of the last attempt, for the form. */
  readonly phoneNumber: string;
}

export interface Checkout {
  readonly getState: () => CheckoutState;
  /** While somebody is subscribed an unanswered call is repeated. */
  readonly subscribe: (listener: () => void) => () => void;
  /** Starts an attempt from the form; does nothing while there is one. */
  readonly pay: (phoneNumber: string) => void;
  /** A further attempt with the same number, or back to the form; only after `payment` has ended unpaid. */
  readonly retry: (payment: PaymentEvent | null) => void;
  readonly changeNumber: (payment: PaymentEvent | null) => void;
}

export interface CheckoutOptions {
  readonly apiUrl: string;
  readonly order: Order;
  readonly locale: string;
}

/** A tap is repeated by itself after a reload, within this time: later it would surprise. */
const REPEATED_FOR_MS = 10 * 60_000;
const REPEAT_MS = 1_500;
const REPEAT_MAX_MS = 15_000;
const GROWTH = 1.6;

/** After these the API has this attempt's end written down: the same key would only bring it back. */
const ENDS_ATTEMPT = ["payment_refused", "provider_unavailable", "provider_busy", "idempotency_key_reused"];
/** The order's other attempt stands in the way: if this tab knows it, it is what there is to see. */
const SEE_OTHER = ["payment_in_progress", "order_already_paid"];

/** Whether a further attempt may start: this one has ended, and unpaid. */
export function mayRetry(payment: PaymentEvent | null): boolean {
  return payment !== null && (payment.status === "FAILED" || payment.status === "EXPIRED");
}

export function createCheckout({ apiUrl, order, locale }: CheckoutOptions, initiate = initiatePayment): Checkout {
  const orderId = "orderToken" in order ? (orderIdOf(order.orderToken) ?? "") : order.orderId;
  let attempt = loadAttempt(orderId);
  let state = stateOf(attempt);
  let calling: AbortController | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  const listeners = new Set<() => void>();

  const set = (change: Partial<CheckoutState>) => {
    state = { ...state, ...change };
    for (const listener of listeners) listener();
  };
  const keep = (change: Partial<CheckoutAttempt>) => {
    if (attempt === null) return;
    attempt = { ...attempt, ...change };
    saveAttempt(orderId, attempt);
  };

  const begin = (phoneNumber: string) => {
    const isUnused = attempt?.outcome === "asked" || attempt?.outcome === "refused";
    const idempotencyKey = attempt && isUnused ? attempt.idempotencyKey : newIdempotencyKey();
    attempt = { idempotencyKey, phoneNumber, startedAt: Date.now(), shown: state.shown, outcome: "asked" };
    saveAttempt(orderId, attempt);
    failures = 0;
    set({ phase: "sending", problem: null, phoneNumber });
    void send();
  };

  const send = async () => {
    clearTimeout(timer);
    if (attempt === null || calling) return;
    const mine = new AbortController();
    calling = mine;
    const { phoneNumber, idempotencyKey } = attempt;
    const answer = await initiate({ apiUrl, order, phoneNumber, idempotencyKey, locale }, mine.signal);
    if (mine.signal.aborted) return;
    calling = null;
    settle(answer);
  };

  const settle = (answer: InitiateAnswer) => {
    if (answer.kind === "initiated") {
      const shown = { reference: answer.payment.reference, token: answer.payment.trackingToken };
      keep({ shown, outcome: "started" });
      set({ phase: "tracking", shown, isJustStarted: true });
    } else if (answer.kind === "refused") {
      const { problem } = answer;
      keep({ outcome: ENDS_ATTEMPT.includes(problem.code) ? "ended" : "refused" });
      const other = SEE_OTHER.includes(problem.code) && state.shown !== null;
      set({ phase: other ? "tracking" : "ready", problem });
    } else {
      set({ phase: "unknown" });
      const delay = Math.min(REPEAT_MS * GROWTH ** failures, REPEAT_MAX_MS);
      failures += 1;
      if (listeners.size > 0) timer = setTimeout(send, delay * (0.8 + 0.4 * Math.random()));
    }
  };

  const isWaiting = () => state.phase === "sending" || state.phase === "unknown";
  const hurry = () => {
    if (state.phase === "unknown") void send();
  };
  const resume = () => {
    window.addEventListener("online", hurry);
    if (isWaiting()) void send();
  };
  const pause = () => {
    window.removeEventListener("online", hurry);
    clearTimeout(timer);
    calling?.abort();
    calling = null;
  };

  return {
    getState: () => state,
    subscribe: (listener) => {
      listeners.add(listener);
      if (listeners.size === 1) resume();
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) pause();
      };
    },
    pay: (phoneNumber) => {
      if (state.phase === "ready") begin(phoneNumber);
    },
    retry: (payment) => {
      if (state.phase === "tracking" && mayRetry(payment)) begin(state.phoneNumber);
    },
    changeNumber: (payment) => {
      if (state.phase === "tracking" && mayRetry(payment)) set({ phase: "ready", problem: null });
    },
  };
}

/** Where a reload goes on. */
function stateOf(attempt: CheckoutAttempt | null): CheckoutState {
  const phoneNumber = attempt?.phoneNumber ?? "";
  const state = { shown: attempt?.shown ?? null, isJustStarted: false, problem: null, phoneNumber };
  const isRecent = attempt !== null && Date.now() - attempt.startedAt < REPEATED_FOR_MS;
  if (attempt?.outcome === "asked" && isRecent) return { ...state, phase: "sending" };
  return { ...state, phase: attempt?.shown ? "tracking" : "ready" };
}
