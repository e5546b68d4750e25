/** What the tracker is given for each of its pictures, from the golden payloads where there is one. */

import paymentEvents from "../../tests/contract/payment-events.json";
import type { PaymentTrackerProps } from "../src/components/payment/PaymentTracker";
import type { PictureName } from "../src/components/payment/paymentPicture";
import { type PaymentEvent, type Problem, parsePaymentEvent } from "../src/paymentContract";

/** The same picture with other things known or said. */
type VariantName =
  | "checkPhoneOrange"
  | "checkPhoneNoOperator"
  | "unknownInitiating"
  | "unknownPastExpiry"
  | "sendingAgain"
  | "declinedReviewed"
  | "declinedNeverSent"
  | "orderPaidAndPromptDeclined"
  | "reconnecting"
  | "offline"
  | "refusedWithPayment"
  | "refusedOtherwise"
  | "longWords";

export type SampleName = PictureName | VariantName;
export type Sample = Omit<PaymentTrackerProps, "locale">;

/** The moment of the server's clock that the samples show: 47 s after the golden payment began. */
const SHOWN_MS = Date.parse(paymentEvents.pending.event.createdAt) + 47_000;

export function samples(deviceTime: number): Readonly<Record<SampleName, Sample>> {
  const pending = golden("pending");
  const tracked = (payment: PaymentEvent, more: Partial<Sample> = {}): Sample => ({
    payment,
    connection: "connected",
    clockOffset: SHOWN_MS - deviceTime,
    ...act,
    ...more,
  });
  const unpaid = (more: Partial<Sample> = {}): Sample => ({ payment: null, connection: "stopped", ...act, ...more });

  return {
    loading: unpaid({ connection: "connecting" }),
    sending: unpaid({ phase: "sending" }),
    unknown: unpaid({ phase: "unknown" }),
    checkPhone: tracked(pending),
    overtaken: tracked(golden("pendingOrderPaidByAnotherAttempt")),
    approved: tracked(golden("successful")),
    lateSuccess: tracked(golden("successfulLate")),
    duplicate: tracked(golden("successfulChargedTwice")),
    declined: tracked(golden("failedDeclined")),
    notEnoughFunds: tracked(golden("failedNotEnoughFunds")),
    expired: tracked(golden("expired")),
    underReview: tracked(golden("conflicted")),
    orderAlreadyPaid: unpaid({ problem: problem("order_already_paid") }),
    inProgressElsewhere: unpaid({ problem: problem("payment_in_progress") }),
    refused: unpaid({ connection: "refused", problem: problem("invalid_token") }),

    checkPhoneOrange: tracked({
      ...pending,
      operator: "Orange",
      ussdCode: "#150*50#",
      phoneNumber: "2376******99",
    }),
    checkPhoneNoOperator: tracked({ ...pending, operator: null, ussdCode: null }),
    unknownInitiating: tracked(golden("initiating")),
    unknownPastExpiry: tracked(pending, { clockOffset: SHOWN_MS + 600_000 - deviceTime }),
    sendingAgain: tracked(golden("failedDeclined"), { phase: "sending" }),
    declinedReviewed: tracked({
      ...golden("failedDeclined"),
      message: "The shop has checked this payment and did not accept it. It will contact you.",
    }),
    declinedNeverSent: tracked(golden("failedNeverSent")),
    orderPaidAndPromptDeclined: tracked({
      ...golden("failedDeclined"),
      orderPaidBy: golden("pendingOrderPaidByAnotherAttempt").orderPaidBy,
    }),
    reconnecting: tracked(pending, { connection: "reconnecting" }),
    offline: tracked(pending, { connection: "offline" }),
    refusedWithPayment: tracked(pending, { connection: "refused", problem: problem("invalid_token") }),
    refusedOtherwise: unpaid({ problem: problem("provider_busy", "The operator asks for a pause. Try again soon.") }),
    longWords: tracked({
      ...golden("failedNotEnoughFunds"),
      orderId: "BRAIDSTER-DOUALA-AKWA-2026-11-24-KNOTLESS-BOX-BRAIDS-000001042",
      amount: 123_456_789_00,
      currency: "USD",
    }),
  };
}

const act = { onRetry: () => {}, onChangeNumber: () => {}, onContinue: () => {} };

function golden(name: keyof typeof paymentEvents): PaymentEvent {
  const parsed = parsePaymentEvent(paymentEvents[name].event);
  if (!parsed.ok) throw new TypeError(`${name}: ${parsed.reason}`);
  return parsed.event;
}

function problem(code: string, detail = ""): Problem {
  return { code, detail, retryable: false, fields: {}, reference: null, retryAfter: null };
}
