/** The API's answers to operators, as docs/openapi.yaml has them. Times are ISO 8601 in UTC, amounts in minor units. */

import type { FailureCode, PaymentEvent, PaymentStatus } from "../src/paymentContract";

export type { PaymentEvent, PaymentStatus };

/** What payments can be looked for by. */
export type SearchField = "orderId" | "reference" | "providerReference" | "operatorReference" | "phoneNumber";

export interface FoundPayments {
  /** Newest first, 50 at most. */
  readonly payments: readonly PaymentEvent[];
  readonly hasMore: boolean;
}

export interface HistoryPage {
  readonly payments: readonly PaymentEvent[];
  /** Of each payment a mark of its phone, the same on every page of one list. */
  readonly phoneMarks: readonly string[];
  /** Of the next page; null at the end of the list. A page may be empty and have one all the same. */
  readonly cursor: string | null;
}

/** Kinds of what needs a person. */
export type Need = PaymentNeed | DayNeed;
export type DayNeed = "statementDifference" | "statementMissing";
export type PaymentNeed = "underReview" | "duplicate" | "undecided" | "refundOpen" | "undelivered";

export interface AttentionItem {
  readonly kind: PaymentNeed;
  readonly since: string;
  readonly payment: PaymentEvent;
  readonly actions: readonly string[];
}

export interface AttentionDay {
  readonly kind: DayNeed;
  readonly day: string;
  readonly since: string;
  /** Null where the day was not compared. */
  readonly differences: number | null;
}

export interface AttentionList {
  /** 1000 of a kind where there are more. */
  readonly counts: Readonly<Record<Need, number>>;
  /** The oldest first; of each kind the 50 that have waited longest. */
  readonly items: readonly AttentionItem[];
  /** Days on which CamPay's statement differs in what nobody has signed, or was not compared; the oldest first. */
  readonly days: readonly AttentionDay[];
  /** Whose last payments have all failed; null where that is not known. */
  readonly failing: readonly FailingOperator[] | null;
  readonly timestamp: string;
}

export interface FailingOperator {
  readonly operator: string;
  readonly count: number;
  /** False where there may be more of them. */
  readonly isWhole: boolean;
  /** When the first of them was begun, and the last that was paid; null where none is known. */
  readonly since: string;
  readonly lastPaidAt: string | null;
  readonly phones: number;
  /** How many of them failed because the operator, or CamPay, could not do its part. */
  readonly technical: number;
  readonly reasons: readonly {
    readonly failureCode: FailureCode;
    /** CamPay's word, as it came. */
    readonly reason: string | null;
    readonly count: number;
  }[];
}

/** How CamPay's webhooks come; null is what is not known. */
export interface Webhooks {
  /** When one last led to a change. */
  readonly toldAt: string | null;
  /** When a payment was last settled before one told so. */
  readonly missingAt: string | null;
  /** Those that have reached the API today. */
  readonly arrivals: {
    readonly since: string;
    /** Empty where none has arrived. */
    readonly outcomes: readonly ArrivedWebhooks[];
  } | null;
}

export interface ArrivedWebhooks {
  readonly outcome: "told" | "unchanged" | WebhookRefusal;
  readonly count: number;
  readonly firstAt: string;
  readonly lastAt: string;
}

/** Why webhooks were not accepted. */
export type WebhookRefusal =
  | "invalidSignature"
  | "expiredSignature"
  | "malformed"
  | "unknownPayment"
  | "providerUnavailable"
  | "providerBusy"
  | "ledgerUnavailable"
  | "internalError";

/** Figures of payments, by the day on which they were claimed. Amounts are by currency, in minor units. */
export interface AnalyticsFigures {
  readonly started: number;
  readonly prompted: number;
  readonly paid: number;
  readonly declined: number;
  readonly refused: number;
  readonly expired: number;
  readonly givenUp: number;
  readonly conflicted: number;
  readonly waiting: number;
  readonly late: number;
  readonly duplicate: number;
  readonly webhooksMissing: number;
  /** The share of ended payments that were paid, from 0 to 1; null where none has ended. */
  readonly successRate: number | null;
  readonly paidAmounts: Readonly<Record<string, number>>;
  readonly money: MoneyByCurrency;
  readonly secondsToApprove: { readonly p50: number | null; readonly p95: number | null };
  readonly reasons: Readonly<Record<string, number>>;
  readonly furtherAttempts: {
    readonly started: number;
    readonly paid: number;
    readonly after: Readonly<Record<string, { readonly started: number; readonly paid: number }>>;
  };
  readonly promptRetries: { readonly payments: number; readonly paid: number };
}

export interface FiguresOfOperator {
  readonly operator: string;
  readonly figures: AnalyticsFigures;
}

export interface Analytics {
  readonly from: string;
  readonly to: string;
  readonly total: AnalyticsFigures;
  readonly operators: readonly FiguresOfOperator[];
  /** Those with a payment, in their order. */
  readonly days: readonly { readonly day: string; readonly operators: readonly FiguresOfOperator[] }[];
  readonly webhooks: Webhooks;
  readonly timestamp: string;
}

export interface ConnectedClient {
  readonly socketId: string;
  readonly gatewayId: string;
  readonly connectedAt: string;
  readonly payments: readonly { readonly reference: string; readonly status: PaymentStatus | null }[];
}

export interface ConnectionsPage {
  readonly storage: "redis" | "memory" | "degraded";
  readonly webhooks: Webhooks;
  readonly gateways: readonly {
    readonly gatewayId: string;
    readonly startedAt: string;
    readonly clients: number;
    readonly payments: number;
  }[];
  readonly clients: readonly ConnectedClient[];
  readonly cursor: string | null;
}

/** CamPay's record of a payment. */
export interface ProviderRecord {
  readonly providerReference: string;
  readonly status: "PENDING" | "SUCCESSFUL" | "FAILED" | "UNKNOWN";
  readonly amount: number | null;
  readonly currency: string | null;
  /** What CamPay keeps of the amount; null where that is not known. */
  readonly fee: number | null;
  readonly isIncoming: boolean;
  readonly operator: string | null;
  readonly operatorReference: string | null;
  readonly reason: string | null;
}

export interface PaymentVersion {
  readonly version: number;
  readonly status: PaymentStatus;
  readonly cause: string;
  /** The name of the operator who acted. */
  readonly by: string | null;
  readonly note: string | null;
  readonly at: string;
  readonly msSinceClaim: number;
  readonly msSincePrevious: number | null;
  readonly evidence: ProviderRecord | null;
  readonly changes: readonly { readonly field: string; readonly before: unknown; readonly after: unknown }[];
  readonly delivered: boolean;
  readonly announced: boolean;
  readonly orderEvents: readonly OrderEvent[];
}

export interface OrderEvent {
  readonly type: string;
  /** The same however often it is sent. */
  readonly id: string;
  /** When the event bus first took it, and its own id of it; null where that is not noted. */
  readonly takenAt: string | null;
  readonly busId: string | null;
  /** To send it to the shop's own address, in order; an API of an earlier release does not list them. */
  readonly attempts?: readonly ShopAttempt[];
}

export interface ShopAttempt {
  readonly at: string;
  readonly ms: number;
  /** Of the shop's answer; null where there was none. */
  readonly status: number | null;
  readonly reason: string | null;
}

export interface OperatorAct {
  readonly action: string;
  readonly by: string;
  readonly at: string;
  readonly status: string | null;
  readonly note: string | null;
}

export interface Attempt {
  readonly payment: PaymentEvent;
  readonly active: boolean;
  readonly paysOrder: boolean;
  /** A person has dealt with it as a duplicate. */
  readonly acknowledged: boolean;
  readonly charges: readonly string[];
  readonly disputed: readonly string[];
}

export interface PaymentStory {
  readonly payment: PaymentEvent;
  readonly versions: readonly PaymentVersion[];
  readonly acts: readonly OperatorAct[];
  readonly delivery: {
    readonly deliveredVersion: number;
    readonly announcedVersion: number;
    readonly undeliveredSince: string | null;
  };
  readonly nextCheckAt: string | null;
  /** What the payment's state allows, such as `recheck`. */
  readonly actions: readonly string[];
  readonly resolutions: readonly PaymentStatus[];
  readonly order: {
    readonly orderId: string;
    readonly attemptCount: number;
    readonly chargeCount: number;
    readonly attempts: readonly Attempt[];
  };
}

/** What CamPay took from customers by its own records, and what remains of it, in the currency's minor unit. */
export interface MoneyFigures {
  readonly charges: number;
  readonly gross: number;
  readonly fee: number;
  /** Null where the fee of a charge is not known: then it is at most `gross` less `fee`. */
  readonly net: number | null;
  readonly feesUnknown: number;
}

/** By currency. */
export type MoneyByCurrency = Readonly<Record<string, MoneyFigures>>;

/** What a person must look at among what a comparison found. */
export const DIFFERENCES = ["missingHere", "missingThere", "amountDiffers"] as const;
export type FindingKind = (typeof DIFFERENCES)[number] | "madeGood";

interface Money {
  readonly amount: number;
  readonly currency: string;
}

export interface Finding {
  /** Our payment's; null where CamPay names none of ours. */
  readonly reference: string | null;
  readonly providerReference: string | null;
  readonly listed: Money | null;
  readonly claimed: Money | null;
  readonly operator: string | null;
  readonly operatorReference: string | null;
  readonly isSigned: boolean;
}

/** What the newest comparison of a day with CamPay's statement found. */
export interface ComparedDay {
  readonly day: string;
  readonly comparedAt: string;
  readonly matched: number;
  readonly money: MoneyByCurrency;
  readonly findings: Readonly<
    Record<FindingKind, { readonly count: number /** The first of them. */; readonly found: readonly Finding[] }>
  >;
  /** Of the differences as they are shown; a signature names it. */
  readonly fingerprint: string;
  /** There is a difference that nobody has signed. */
  readonly isOpen: boolean;
  readonly signOffs: readonly {
    readonly by: string;
    readonly at: string;
    readonly reason: string;
    readonly counts: Readonly<Record<string, number>>;
  }[];
}

export interface ComparedDays {
  /** Newest first. */
  readonly days: readonly ComparedDay[];
}
