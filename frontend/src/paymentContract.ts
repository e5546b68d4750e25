/**
 * Defines the names and payloads of events and replies, as the browser receives them.
 * `chalicelib/domain/contract.py` defines them for the server; the golden files in `tests/contract/` test both.
 */

export const TRACK = "track-payment";
export const STOP_TRACKING = "stop-tracking-payment";
export const CONNECTED = "connected";
export const PAYMENT_STATUS = "payment-status";
export const PAYMENT_INITIATED = "payment-initiated";
export const PAYMENT_SUCCESS = "payment-success";
export const PAYMENT_FAILED = "payment-failed";
export const PAYMENT_COMPLETED = "payment-completed";
export const PAYMENT_REFUNDED = "payment-refunded";

/** Where the shop's people connect, and the event that they are sent there. */
export const OPERATOR_NAMESPACE = "/operator";
export const PAYMENTS_CHANGED = "payments-changed";

/** The events that a browser receives for a newer version, in this order, by the version's status. */
export const EVENTS_OF_STATUS = {
  INITIATING: [PAYMENT_STATUS],
  CONFLICTED: [PAYMENT_STATUS],
  PENDING: [PAYMENT_INITIATED, PAYMENT_STATUS],
  SUCCESSFUL: [PAYMENT_STATUS, PAYMENT_SUCCESS, PAYMENT_COMPLETED],
  FAILED: [PAYMENT_STATUS, PAYMENT_FAILED, PAYMENT_COMPLETED],
  EXPIRED: [PAYMENT_STATUS, PAYMENT_FAILED, PAYMENT_COMPLETED],
} as const;

export type PaymentStatus = keyof typeof EVENTS_OF_STATUS;
/** `SENDING`: whether the provider took it is not known. `PENDING`: it did, and has not said yet what became of it. */
export type RefundStatus = "SENDING" | "PENDING" | "SUCCESSFUL" | "FAILED";

/** Money of a charge that goes back to the customer. */
export interface Refund {
  readonly reference: string;
  /** The provider's reference of the charge. */
  readonly charge: string;
  /** In minor units. */
  readonly amount: number;
  readonly status: RefundStatus;
  readonly at: string;
  /** The payment's version that changed it last. */
  readonly version: number;
}

export type PaymentEventName = (typeof EVENTS_OF_STATUS)[PaymentStatus][number];

/**
 * The payload of each event, of the ack of tracking, and of the status and tracking replies.
 * Times are ISO 8601 in UTC; `timestamp` is when this payload was made.
 */
export interface PaymentEvent {
  readonly reference: string;
  readonly orderId: string;
  /** The payment provider, such as `campay`. */
  readonly provider: string;
  /** The provider's own reference; null until it is known. */
  readonly providerReference: string | null;
  /** The provider's reference, under the earlier system's name. */
  readonly campayReference: string | null;
  readonly status: PaymentStatus;
  /** The amount in minor units: 5000 is 5,000 XAF, or 50.00 EUR. */
  readonly amount: number;
  readonly currency: string;
  /** The masked phone number. */
  readonly phoneNumber: string;
  readonly operator: string | null;
  readonly operatorReference: string | null;
  readonly reason: string | null;
  /** Why the payment has failed; null unless it is FAILED. Of a later API it may be a word that is not known here. */
  readonly failureCode: string | null;
  readonly ussdCode: string | null;
  /** Whether the approval came after the payment had expired. */
  readonly late: boolean;
  /** Whether the order was charged more than once. */
  readonly duplicate: boolean;
  /** The attempt that paid the order while this one is active: this one's prompt should be declined. */
  readonly orderPaidBy: string | null;
  readonly refunds: readonly Refund[];
  /** The sum of the successful refunds, in minor units. */
  readonly refundedAmount: number;
  /** A sentence for the customer, in the payment's language. */
  readonly message: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly expiresAt: string;
  readonly version: number;
  readonly timestamp: string;
}

/** The payload of PAYMENTS_CHANGED. */
export interface PaymentsChanged {
  /** The newest version of each payment that has changed, the newest change last. */
  readonly payments: readonly PaymentEvent[];
  /** The days whose figures have changed: `2026-01-31`. */
  readonly days: readonly string[];
  /** Whether these are all changes since the event before. */
  readonly complete: boolean;
  /** Whether changes arrive at the gateway now. */
  readonly live: boolean;
  /** When the payment was claimed that has waited longest; null where none waits, or that is not known. */
  readonly waitingSince: string | null;
  /** The gateway's clock. */
  readonly timestamp: string;
}

/** Why a payment has failed. */
export const FAILURE_CODES = [
  "not_enough_funds",
  "wrong_pin",
  "declined",
  "not_registered",
  "limit_reached",
  "no_answer",
  "operator_down",
  "number_not_supported",
  "refused",
  "unknown",
] as const;

export type FailureCode = (typeof FAILURE_CODES)[number];

/** Why the payment has failed; `unknown` also for a word of a later API. */
export function failureOf({ failureCode }: PaymentEvent): FailureCode {
  return FAILURE_CODES.find((code) => code === failureCode) ?? "unknown";
}

export type ParsedPaymentEvent =
  | { readonly ok: true; readonly event: PaymentEvent }
  | { readonly ok: false; readonly reason: string };

type Check = (value: unknown) => boolean;

const isString: Check = (value) => typeof value === "string";
const isStringOrNull: Check = (value) => value === null || typeof value === "string";
const isInteger: Check = Number.isSafeInteger;
const isBoolean: Check = (value) => typeof value === "boolean";

const CHECK_OF_FIELD: Readonly<Record<keyof PaymentEvent, Check>> = {
  reference: isString,
  orderId: isString,
  provider: isString,
  providerReference: isStringOrNull,
  campayReference: isStringOrNull,
  status: isString,
  amount: isInteger,
  currency: isString,
  phoneNumber: isString,
  operator: isStringOrNull,
  operatorReference: isStringOrNull,
  reason: isStringOrNull,
  failureCode: isStringOrNull,
  ussdCode: isStringOrNull,
  late: isBoolean,
  duplicate: isBoolean,
  orderPaidBy: isStringOrNull,
  refunds: Array.isArray,
  refundedAmount: isInteger,
  message: isString,
  createdAt: isString,
  updatedAt: isString,
  expiresAt: isString,
  version: isInteger,
  timestamp: isString,
};

/** Validates a value as a PaymentEvent; null where it is none. Unknown fields are kept. */
export function parsePaymentEvent(value: unknown): ParsedPaymentEvent {
  if (!isObject(value)) return refused("not an object");
  for (const [field, check] of Object.entries(CHECK_OF_FIELD)) {
    if (!check(value[field])) return refused(`${field} is missing or of a wrong type`);
  }
  // An own key: otherwise "constructor" would be a status.
  if (!Object.keys(EVENTS_OF_STATUS).includes(value["status"] as string)) return refused("unknown status");
  return { ok: true, event: value as unknown as PaymentEvent };
}

/** The reply to `initiate` and to `current`: a payment, and the token that opens it. */
export interface OpenedPayment {
  readonly payment: PaymentEvent;
  readonly token: string;
  /** The operators whose payments fail for technical reasons just now. */
  readonly operatorNotice: OperatorNotice;
}

/** Names of operators: `MTN`, `Orange`. */
export type OperatorNotice = readonly string[];

/** Validates a value as a reply to `initiate` or `current`; null where it is none. */
export function parseOpened(value: unknown): OpenedPayment | null {
  if (!isObject(value)) return null;
  const { trackingToken, operatorNotice, ...payment } = value;
  const parsed = parsePaymentEvent(payment);
  if (!parsed.ok || typeof trackingToken !== "string") return null;
  const names = Array.isArray(operatorNotice) ? operatorNotice.filter((name) => typeof name === "string") : [];
  return { payment: parsed.event, token: trackingToken, operatorNotice: names };
}

/** A refusal of the API (RFC 9457) or of the gateway. */
export interface Problem {
  /** A stable code, listed in docs/errors.md. */
  readonly code: string;
  /** A sentence for the customer, in French or English. */
  readonly detail: string;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  /** What is wrong with each field, for the developer. */
  readonly fields: Readonly<Record<string, string>>;
  /** The payment that the problem is about. */
  readonly reference: string | null;
  /** The time to wait before the next call, in seconds. */
  readonly retryAfter: number | null;
}

/** Validates a value as a problem; null where it is none, such as a proxy's page. */
export function parseProblem(value: unknown, retryAfter: number | null = null): Problem | null {
  if (!isObject(value)) return null;
  const { code, detail, retryable, fields, reference } = value;
  if (typeof code !== "string" || typeof detail !== "string") return null;
  return {
    code,
    detail,
    retryable: retryable === true,
    fields: isObject(fields) ? (fields as Record<string, string>) : {},
    reference: typeof reference === "string" ? reference : null,
    retryAfter,
  };
}

/** Whether `event` is newer than `seen`, both of one payment. Messages may be repeated and arrive out of order. */
export function isNewer(event: PaymentEvent, seen: PaymentEvent | null): boolean {
  return seen === null || event.version > seen.version;
}

/** Whether the customer has given the payment up; a later approval still counts. */
export function isGivenUp({ status, reason }: PaymentEvent): boolean {
  return status === "EXPIRED" && reason === "given_up";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refused(reason: string): ParsedPaymentEvent {
  return { ok: false, reason };
}
