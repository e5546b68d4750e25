/** Selects the picture that the customer sees now, from all that is known of a payment. Does no I/O. */

import { type FailureCode, failureOf, isGivenUp, type PaymentEvent, type Problem } from "../../paymentContract";
import { type Connection, isWaiting } from "../../paymentWatch";

export type Picture =
  | { readonly name: "loading" | "sending" | "unsent" | "inProgressElsewhere" | "refused"; readonly payment: null }
  | { readonly name: "unknown" | "orderAlreadyPaid"; readonly payment: PaymentEvent | null }
  | {
      readonly name:
        | "checkPhone"
        | "orderPaidElsewhere"
        | "approved"
        | "lateSuccess"
        | "duplicate"
        | "failed"
        | "expired"
        | "givenUp"
        | "underReview";
      readonly payment: PaymentEvent;
    };

export type PictureName = Picture["name"];

export interface Known {
  /** In every phase but `tracking` the attempt has no payment yet; `payment` is then the previous one, if any. */
  readonly phase: "sending" | "unsent" | "unknown" | "tracking";
  readonly payment: PaymentEvent | null;
  readonly problem: Problem | null;
  readonly connection: Connection;
  /** The server's time, in milliseconds since the epoch. */
  readonly now: number;
}

export function pictureOf({ phase, payment, problem, connection, now }: Known): Picture {
  // A payment that succeeded is shown in any case, even during a further attempt.
  if (payment?.status === "SUCCESSFUL") return pictureOfSuccess(payment);
  switch (phase) {
    case "sending":
    case "unsent":
    case "unknown":
      return { name: phase, payment: null };
    case "tracking":
      return payment ? pictureOfPayment(payment, problem, now) : pictureOfNoPayment(problem, connection);
  }
}

const SAYS_ALL: readonly PictureName[] = ["orderAlreadyPaid", "refused", "unsent"];

/** Whether to show a lost connection: the payment may still change, and the picture does not say it itself. */
export function mayChange({ name, payment }: Picture): boolean {
  return payment ? payment.status !== "SUCCESSFUL" : !SAYS_ALL.includes(name);
}

/** By then most customers have answered the prompt. One who got none, or refused it, needs a way out. */
const ASKED_AFTER_MS = 45_000;

/** Whether to ask the customer about the prompt: it may never be answered. CamPay keeps a refused one PENDING. */
export function isNotAnswered({ name, payment }: Picture, now: number): boolean {
  if (payment === null || (name !== "checkPhone" && name !== "unknown")) return false;
  return isWaiting(payment) && now - Date.parse(payment.createdAt) >= ASKED_AFTER_MS;
}

function pictureOfSuccess(payment: PaymentEvent): Picture {
  if (payment.duplicate) return { name: "duplicate", payment };
  return { name: payment.late ? "lateSuccess" : "approved", payment };
}

function pictureOfPayment(payment: PaymentEvent, problem: Problem | null, now: number): Picture {
  const { status, orderPaidBy } = payment;
  switch (status) {
    case "INITIATING":
      return { name: orderPaidBy ? "orderPaidElsewhere" : "unknown", payment };
    case "PENDING":
      if (orderPaidBy) return { name: "orderPaidElsewhere", payment };
      return { name: now >= Date.parse(payment.expiresAt) ? "unknown" : "checkPhone", payment };
    case "CONFLICTED":
      return { name: orderPaidBy ? "orderPaidElsewhere" : "underReview", payment };
    case "FAILED":
    case "EXPIRED":
      return pictureOfUnpaid(payment, problem);
    case "SUCCESSFUL":
      return pictureOfSuccess(payment);
  }
}

function pictureOfUnpaid(payment: PaymentEvent, problem: Problem | null): Picture {
  // The customer declined the second prompt as asked, or a further attempt was refused: the order is paid, so that
  // there is nothing to try again.
  const isPaidByAnother = payment.orderPaidBy !== null || problem?.code === "order_already_paid";
  if (isPaidByAnother) return { name: "orderAlreadyPaid", payment };
  if (isGivenUp(payment)) return { name: "givenUp", payment };
  if (payment.status === "EXPIRED") return { name: "expired", payment };
  return { name: "failed", payment };
}

function pictureOfNoPayment(problem: Problem | null, connection: Connection): Picture {
  if (problem?.code === "order_already_paid") return { name: "orderAlreadyPaid", payment: null };
  if (problem?.code === "payment_in_progress") return { name: "inProgressElsewhere", payment: null };
  return { name: problem || connection === "refused" ? "refused" : "loading", payment: null };
}

/** Whether the order is paid by this payment. */
export function isReceipt({ name }: Picture): boolean {
  return name === "approved" || name === "lateSuccess" || name === "duplicate";
}

/** Shortens a reference to what can be read out: its first eight digits. The shop has the order's other data too. */
export function shortReference(reference: string): string {
  return `${reference.slice(0, 4)}-${reference.slice(4, 8)}`.toUpperCase();
}

/** Failures that would come again with the same number. */
const NEEDS_ANOTHER_NUMBER: readonly FailureCode[] = ["not_registered", "number_not_supported", "limit_reached"];

/** Whether a further attempt with the same number may help. */
export function mayHelpAgain({ name, payment }: Picture): boolean {
  if (name === "failed") return !NEEDS_ANOTHER_NUMBER.includes(failureOf(payment));
  return name === "expired" || name === "givenUp";
}

/** Whether a further attempt with another number may help. */
export function mayHelpElsewhere(picture: Picture): boolean {
  return picture.name === "failed" || mayHelpAgain(picture);
}

/** The progress through the three steps: request sent, approved on the phone, paid. */
export interface Progress {
  readonly done: 0 | 1 | 2 | 3;
  /** The state of the step after those done: under way, ended unpaid, or unanswered, which is no failure. */
  readonly next: "current" | "stopped" | "overdue";
}

/** Returns the progress, or null where the steps are not shown. */
export function progressOf({ name, payment }: Picture): Progress | null {
  switch (name) {
    case "loading":
    case "unsent":
    case "refused":
    case "inProgressElsewhere":
    case "orderAlreadyPaid":
    case "orderPaidElsewhere":
      return null;
    case "sending":
      return { done: 0, next: "current" };
    case "unknown":
      return { done: payment?.status === "PENDING" ? 1 : 0, next: "current" };
    case "checkPhone":
      return { done: 1, next: "current" };
    case "failed":
    case "givenUp":
      return { done: sentSteps(payment), next: "stopped" };
    case "expired":
      return { done: sentSteps(payment), next: "overdue" };
    case "underReview":
      return { done: 2, next: "current" };
    case "approved":
    case "lateSuccess":
    case "duplicate":
      return { done: 3, next: "current" };
  }
}

/** Returns 1 where CamPay has accepted the payment: only then it has CamPay's reference. */
const sentSteps = (payment: PaymentEvent | null) => (payment?.providerReference ? 1 : 0);
