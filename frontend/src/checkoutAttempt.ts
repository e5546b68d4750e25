/**
 * Stores a tab's attempt to pay an order, so that a reload repeats the same attempt and never starts another.
 * It is in session storage, which is deleted, with the phone number in it, when the tab is closed.
 */

import type { Order } from "./paymentSocket";

export interface CheckoutAttempt {
  /** The idempotency key: one per attempt, whatever happens to its answer. */
  readonly idempotencyKey: string;
  readonly phoneNumber: string;
  /** When the attempt was started: milliseconds since the epoch, by this device's clock. */
  readonly startedAt: number;
  /** The payment that is shown: this attempt's, or the previous one until this attempt is answered. */
  readonly shown: { readonly reference: string; readonly token: string } | null;
  readonly outcome: AttemptOutcome;
}

/**
 * State of the attempt. `unsent`: nothing has left this device. `asked`: no answer yet, a prompt may have been sent.
 * `started`: `shown` is this attempt's. `refused`: nothing was started and the key is unused. `ended`: recorded as
 * failed, the key is used up.
 */
export type AttemptOutcome = "unsent" | "asked" | "started" | "refused" | "ended";
const OUTCOMES: readonly unknown[] = ["unsent", "asked", "started", "refused", "ended"] satisfies AttemptOutcome[];

const ATTEMPT = "braidster:attempt:";
const TOKEN = "braidster:token:";

export function loadAttempt(orderId: string): CheckoutAttempt | null {
  try {
    const attempt: unknown = JSON.parse(sessionStorage.getItem(ATTEMPT + orderId) ?? "null");
    return isAttempt(attempt) ? attempt : null;
  } catch {
    return null;
  }
}

export function saveAttempt(orderId: string, attempt: CheckoutAttempt): void {
  try {
    sessionStorage.setItem(ATTEMPT + orderId, JSON.stringify(attempt));
    if (attempt.shown) sessionStorage.setItem(TOKEN + attempt.shown.reference, attempt.shown.token);
  } catch {
    // Without storage a reload loses the attempt; the API still charges the order only once.
  }
}

/**
 * Returns the stored token of a payment, for the confirmation page. The shop passes the reference on, in a URL if it
 * likes; the token, which gives access to the payment, stays out of URLs.
 */
export function rememberedToken(reference: string): string | null {
  try {
    return sessionStorage.getItem(TOKEN + reference);
  } catch {
    return null;
  }
}

export function newIdempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // randomUUID exists only on HTTPS pages
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** What an order says of itself. */
export interface OrderFacts {
  readonly orderId: string;
  readonly amount: number;
  readonly currency: string;
}

/** Returns an order's facts, those of a signed one from its token; null where it has none. The API checks the signature. */
export function factsOf(order: Order): OrderFacts | null {
  if (!("orderToken" in order)) return order;
  try {
    const payload = order.orderToken.split(".")[1] ?? "";
    const claims: unknown = JSON.parse(atob(payload.replace(/-/g, "+").replace(/_/g, "/")));
    const { orderId, amount, currency } = claims as Record<string, unknown>;
    const isOrder = typeof orderId === "string" && typeof amount === "number" && typeof currency === "string";
    return isOrder ? { orderId, amount, currency } : null;
  } catch {
    return null;
  }
}

function isAttempt(value: unknown): value is CheckoutAttempt {
  if (typeof value !== "object" || value === null) return false;
  const { idempotencyKey, phoneNumber, startedAt, outcome, shown } = value as Record<string, unknown>;
  return (
    typeof idempotencyKey === "string" &&
    typeof phoneNumber === "string" &&
    typeof startedAt === "number" &&
    OUTCOMES.includes(outcome) &&
    (shown === null || isShown(shown))
  );
}

function isShown(value: unknown): boolean {
  const { reference, token } = (value ?? {}) as Record<string, unknown>;
  return typeof reference === "string" && typeof token === "string";
}
