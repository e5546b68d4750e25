/**
 * Starts payments. Repeated taps, reloads and lost connections never make a second attempt of one.
 * It uses no framework.
 */

import { type CheckoutAttempt, factsOf, loadAttempt, newIdempotencyKey, saveAttempt } from "./checkoutAttempt";
import { browserLocale, type Locale } from "./locale";
import type { OpenedPayment, OperatorNotice, PaymentEvent, Problem } from "./paymentContract";
import { currentPayment, type InitiateAnswer, initiatePayment, type Order, reachApi } from "./paymentSocket";
import { socketClient } from "./socketClient";

/**
 * `ready`: the form. `sending`: the call is under way. `unsent`: the API cannot be reached and nothing was sent; it is
 * tried again until it can. `unknown`: the call's answer was lost; the same call is repeated until there is one.
 * `tracking`: there is a payment to follow.
 */
export type CheckoutPhase = "ready" | "sending" | "unsent" | "unknown" | "tracking";

export interface CheckoutState {
  readonly phase: CheckoutPhase;
  /** The payment to follow; while a further attempt is being sent, the previous one. */
  readonly shown: { readonly reference: string; readonly token: string } | null;
  /** That payment as the API's answer told it; null after a reload. */
  readonly known: PaymentEvent | null;
  /** Whether it is being asked if the order has a payment already: one of another tab, or of another phone. */
  readonly isLookingUp: boolean;
  /** Why the last call started nothing. */
  readonly problem: Problem | null;
  /** When trying again makes sense, in milliseconds by this device's clock; null where it is unknown. */
  readonly retryAt: number | null;
  /** The phone number of the last attempt, for the form. */
  readonly phoneNumber: string;
  /** The operators whose payments fail for technical reasons, as the API has last said. */
  readonly operatorNotice: OperatorNotice;
}

export interface Checkout {
  readonly getState: () => CheckoutState;
  /** Subscribes to the state. While there is a subscriber, unsent and unanswered calls are repeated. */
  readonly subscribe: (listener: () => void) => () => void;
  /** Starts an attempt from the form; does nothing while there is one. */
  readonly pay: (phoneNumber: string) => void;
  /** Goes back to the form; does nothing once a request of the attempt has left this device. */
  readonly cancel: () => void;
  /** Starts a further attempt with this tab's number, or goes back to the form. `payment` must have ended unpaid. */
  readonly retry: (payment: PaymentEvent | null) => void;
  readonly changeNumber: (payment: PaymentEvent | null) => void;
}

export interface CheckoutOptions {
  readonly apiUrl: string;
  readonly order: Order;
  /** The language of the API's sentences; by default the browser's. */
  readonly locale?: Locale | undefined;
}

/** The calls that a checkout makes. */
export interface CheckoutWire {
  readonly reach: typeof reachApi;
  readonly initiate: typeof initiatePayment;
  readonly current: typeof currentPayment;
}

const wire: CheckoutWire = { reach: reachApi, initiate: initiatePayment, current: currentPayment };

/** How long an unsent attempt is sent by itself, also after a reload; later it would surprise the customer. */
const REPEATED_FOR_MS = 10 * 60_000;
const REPEAT_MS = 1_500;
const REPEAT_MAX_MS = 15_000;
const GROWTH = 1.6;

/** Codes after which the API has recorded the attempt's end: the same key would only return it again. */
const ENDS_ATTEMPT = ["payment_refused", "provider_unavailable", "provider_busy", "idempotency_key_reused"];
/** Codes of a conflict with the order's other attempt, which is then shown. */
const SEE_OTHER = ["payment_in_progress", "order_already_paid"];

const NO_PROBLEM = { problem: null, retryAt: null };
const UNSENT = { kind: "unsent" } as const;
/** The attempt of another tab or phone. */
const NO_NUMBER = { phoneNumber: "", shown: null, outcome: "started" } as const;

/** Whether a further attempt may start: the payment has ended unpaid. */
export function mayRetry(payment: PaymentEvent | null): boolean {
  return payment !== null && (payment.status === "FAILED" || payment.status === "EXPIRED");
}

export function createCheckout({ apiUrl, order, locale }: CheckoutOptions, over = wire): Checkout {
  const orderId = factsOf(order)?.orderId ?? "";
  let attempt = loadAttempt(orderId);
  let state = stateOf(attempt);
  let calling: AbortController | null = null;
  let looking: AbortController | null = null;
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
    const { outcome } = attempt ?? {};
    const isUnused = outcome === "unsent" || outcome === "asked" || outcome === "refused";
    attempt = {
      idempotencyKey: attempt && isUnused ? attempt.idempotencyKey : newIdempotencyKey(),
      phoneNumber,
      startedAt: Date.now(),
      shown: state.shown,
      outcome: outcome === "asked" ? "asked" : "unsent",
    };
    saveAttempt(orderId, attempt);
    failures = 0;
    set({ phase: "sending", ...NO_PROBLEM, phoneNumber });
    void send();
  };

  const send = async () => {
    clearTimeout(timer);
    if (attempt === null || calling) return;
    if (attempt.outcome === "unsent" && !isRecent(attempt)) return cancel();
    const mine = new AbortController();
    calling = mine;
    const { phoneNumber, idempotencyKey } = attempt;
    const mayLeave = attempt.outcome !== "unsent" || (await over.reach(apiUrl, mine.signal));
    if (mine.signal.aborted) return;
    if (mayLeave) leaves();
    const call = { apiUrl, order, phoneNumber, idempotencyKey, locale: locale ?? browserLocale() };
    const answer = mayLeave ? await over.initiate(call, mine.signal) : UNSENT;
    if (mine.signal.aborted) return;
    calling = null;
    settle(answer);
  };

  /** Records that the request leaves this device: from here on a prompt may be sent, whatever the reply. */
  const leaves = () => {
    keep({ outcome: "asked" });
    if (state.phase === "unsent") set({ phase: "sending" });
  };

  const halt = () => {
    clearTimeout(timer);
    calling?.abort();
    calling = null;
  };

  const cancel = () => {
    if (attempt?.outcome !== "unsent") return;
    halt();
    keep({ outcome: "refused" });
    set({ phase: "ready" });
  };

  const settle = (answer: InitiateAnswer | typeof UNSENT) => {
    if (answer.kind === "initiated") {
      follow(answer.opened);
    } else if (answer.kind === "refused") {
      const { problem } = answer;
      keep({ outcome: ENDS_ATTEMPT.includes(problem.code) ? "ended" : "refused" });
      const hasOther = SEE_OTHER.includes(problem.code);
      set({ phase: hasOther && state.shown ? "tracking" : "ready", problem, retryAt: retryAtOf(problem) });
      if (hasOther) void lookUp();
    } else {
      set({ phase: answer.kind });
      const delay = Math.min(REPEAT_MS * GROWTH ** failures, REPEAT_MAX_MS);
      failures += 1;
      if (listeners.size > 0) timer = setTimeout(send, delay * (0.8 + 0.4 * Math.random()));
    }
  };

  const follow = ({ payment, token, operatorNotice }: OpenedPayment) => {
    const shown = { reference: payment.reference, token };
    attempt ??= { ...NO_NUMBER, idempotencyKey: newIdempotencyKey(), startedAt: Date.now() };
    keep({ shown, outcome: "started" });
    set({ phase: "tracking", shown, known: payment, ...NO_PROBLEM, operatorNotice });
  };

  /** Follows the payment that the order has already, unless the customer has started one meanwhile. */
  const lookUp = async () => {
    looking?.abort();
    const mine = new AbortController();
    looking = mine;
    set({ isLookingUp: true });
    const { opened, operatorNotice } = await over.current({ apiUrl, order }, mine.signal);
    if (mine.signal.aborted) return;
    if (opened && calling === null && opened.payment.reference !== state.shown?.reference) follow(opened);
    set({ isLookingUp: false, operatorNotice });
  };

  const resend = () => {
    if (state.phase === "unsent") halt(); // a call that began without a network may hang
    if (state.phase !== "ready" && state.phase !== "tracking") void send();
  };
  const resume = () => {
    void socketClient(); // on a slow network it comes while the number is typed
    window.addEventListener("online", resend);
    if (state.phase === "ready" && state.shown === null) void lookUp();
    resend();
  };
  const pause = () => {
    window.removeEventListener("online", resend);
    looking?.abort();
    halt();
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
    cancel,
    retry: (payment) => {
      if (state.phase === "tracking" && mayRetry(payment) && state.phoneNumber) begin(state.phoneNumber);
    },
    changeNumber: (payment) => {
      if (state.phase === "tracking" && mayRetry(payment)) set({ phase: "ready", ...NO_PROBLEM });
    },
  };
}

/** The state without an attempt, which a server renders too. */
export const NO_ATTEMPT = stateOf(null);

/** Returns the state to resume after a reload. */
function stateOf(attempt: CheckoutAttempt | null): CheckoutState {
  const phoneNumber = attempt?.phoneNumber ?? "";
  const nothing = { known: null, isLookingUp: false, ...NO_PROBLEM, operatorNotice: [] };
  const state = { ...nothing, shown: attempt?.shown ?? null, phoneNumber };
  const isOpen = attempt?.outcome === "unsent" || attempt?.outcome === "asked";
  if (attempt && isOpen && isRecent(attempt)) return { ...state, phase: "sending" };
  return { ...state, phase: attempt?.shown ? "tracking" : "ready" };
}

function retryAtOf({ retryAfter }: Problem): number | null {
  return retryAfter === null ? null : Date.now() + retryAfter * 1000;
}

function isRecent({ startedAt }: CheckoutAttempt): boolean {
  return Date.now() - startedAt < REPEATED_FOR_MS;
}
