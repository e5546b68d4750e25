/** Defines the tracker's props for each of its pictures, from the golden payloads where there is one. */

import paymentEvents from "../../tests/contract/payment-events.json";
import type { PaymentTrackerProps } from "../src/components/payment/PaymentTracker";
import type { PictureName } from "../src/components/payment/paymentPicture";
import type { Locale } from "../src/locale";
import {
  FAILURE_CODES,
  type FailureCode,
  type PaymentEvent,
  parsePaymentEvent,
  type RefundStatus,
} from "../src/paymentContract";
import { problem } from "./problem";

/** The picture of a failure, for each reason. */
type FailureName = `failed_${FailureCode}`;
/** Variants of pictures. */
type VariantName =
  | "checkPhoneOrange"
  | "checkPhoneTyped"
  | "checkPhoneNoShop"
  | "sendingTyped"
  | "approvedNoShop"
  | "approvedRefundOpen"
  | "approvedRefunded"
  | "duplicateRefunded"
  | "checkPhoneNoOperator"
  | "checkPhoneNotAnswered"
  | "checkPhoneNotAnsweredNoCode"
  | "givingUp"
  | "givingUpUnanswered"
  | "unknownInitiating"
  | "unknownNotAnswered"
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

export type SampleName = Exclude<PictureName, "failed"> | FailureName | VariantName;
export type Sample = Omit<PaymentTrackerProps, "locale">;

const BEGUN = Date.parse(paymentEvents.pending.event.createdAt);
const EXPIRES = Date.parse(paymentEvents.pending.event.expiresAt);

export function samples(deviceTime: number, locale: Locale): Readonly<Record<SampleName, Sample>> {
  const pending = golden("pending");
  /** Shows the picture at a moment of the server's clock. */
  const at = (serverTime: number) => ({ clockOffset: serverTime - deviceTime });
  const early = at(BEGUN + 20_000);
  const late = at(BEGUN + 47_000);
  const tracked = (payment: PaymentEvent, more: Partial<Sample> = {}): Sample => ({
    payment,
    connection: "connected",
    ...early,
    ...act,
    ...shop,
    ...more,
  });
  const orange = { ...pending, operator: "Orange", ussdCode: "#150*50#", phoneNumber: "2376******99" };
  const failed = Object.fromEntries(
    FAILURE_CODES.map((failureCode) => [
      `failed_${failureCode}`,
      tracked({ ...golden("failedDeclined"), failureCode }),
    ]),
  ) as Record<FailureName, Sample>;
  const unpaid = (more: Partial<Sample> = {}): Sample => ({
    payment: null,
    connection: "stopped",
    ...act,
    ...shop,
    ...more,
  });

  return {
    loading: unpaid({ connection: "connecting" }),
    sending: unpaid({ phase: "sending" }),
    unsent: unpaid({ phase: "unsent" }),
    unknown: unpaid({ phase: "unknown" }),
    checkPhone: tracked(pending),
    orderPaidElsewhere: tracked(golden("pendingOrderPaidByAnotherAttempt")),
    approved: tracked(golden("successful")),
    lateSuccess: tracked(golden("successfulLate")),
    duplicate: tracked(golden("successfulChargedTwice")),
    ...failed,
    expired: tracked(golden("expired")),
    givenUp: tracked(golden("expiredGivenUp")),
    underReview: tracked(golden("conflicted")),
    orderAlreadyPaid: unpaid({ problem: problem("order_already_paid", locale) }),
    inProgressElsewhere: unpaid({ problem: problem("payment_in_progress", locale) }),
    refused: unpaid({ connection: "refused", problem: problem("invalid_token", locale) }),

    checkPhoneOrange: tracked(orange, { phoneNumber: "237699999999" }),
    checkPhoneTyped: tracked(pending, { phoneNumber: TYPED, promptName: "CAMPAY DOUALA" }),
    checkPhoneNoShop: tracked(pending, noShop),
    sendingTyped: unpaid({ phase: "sending", phoneNumber: TYPED }),
    approvedNoShop: tracked({ ...golden("successful"), operatorReference: null }, noShop),
    approvedRefundOpen: tracked(refunded(golden("successful"), { amount: 1500, status: "PENDING" })),
    approvedRefunded: tracked(
      refunded(golden("successful"), { amount: 1500, status: "SUCCESSFUL" }, { amount: 3500, status: "SENDING" }),
    ),
    duplicateRefunded: tracked(refunded(golden("successfulChargedTwice"), { amount: 5000, status: "SUCCESSFUL" })),
    checkPhoneNoOperator: tracked({ ...pending, operator: null, ussdCode: null }),
    checkPhoneNotAnswered: tracked(orange, late),
    checkPhoneNotAnsweredNoCode: tracked({ ...pending, operator: null, ussdCode: null }, late),
    givingUp: tracked(pending, { ...late, givingUp: "asking" }),
    givingUpUnanswered: tracked(pending, { ...late, givingUp: "unanswered" }),
    unknownInitiating: tracked(golden("initiating")),
    unknownNotAnswered: tracked(golden("initiating"), late),
    unknownPastExpiry: tracked(pending, at(EXPIRES + 5_000)),
    sendingAgain: tracked(golden("failedDeclined"), { phase: "sending" }),
    declinedReviewed: tracked({ ...golden("failedDeclined"), message: REVIEWED[locale] }),
    declinedNeverSent: tracked(golden("failedNeverSent")),
    orderPaidAndPromptDeclined: tracked({
      ...golden("failedDeclined"),
      orderPaidBy: golden("pendingOrderPaidByAnotherAttempt").orderPaidBy,
    }),
    reconnecting: tracked(pending, { connection: "reconnecting" }),
    offline: tracked(pending, { connection: "offline" }),
    refusedWithPayment: tracked(pending, { connection: "refused", problem: problem("invalid_token", locale) }),
    refusedOtherwise: unpaid({ problem: problem("provider_busy", locale) }),
    longWords: tracked(
      {
        ...golden("failedNotEnoughFunds"),
        orderId: "BRAIDSTER-DOUALA-AKWA-2026-11-24-KNOTLESS-BOX-BRAIDS-000001042",
        amount: 123_456_789_00,
        currency: "USD",
      },
      { merchantName: "Établissements Ngo-Mbongo-Nyobè & Filles, Coiffure et Beauté de Bonamoussadi" },
    ),
  };
}

/** The contract's message for a payment that the shop has reviewed. */
const REVIEWED = {
  fr: "La boutique a vérifié ce paiement et ne l’a pas accepté. Elle vous contactera.",
  en: "The shop has checked this payment and did not accept it. It will contact you.",
};
/** The number of the golden payments. */
const TYPED = "237677777777";
const shop = { merchantName: "BraidSter", support: "+237 6 99 00 11 22" };
const noShop = { merchantName: undefined, support: undefined };

const nothing = () => {};
const act = { onRetry: nothing, onChangeNumber: nothing, onContinue: nothing, onGiveUp: nothing, onCancel: nothing };

function refunded(
  payment: PaymentEvent,
  ...refunds: readonly { readonly amount: number; readonly status: RefundStatus }[]
): PaymentEvent {
  const at = payment.updatedAt;
  const charge = payment.providerReference ?? "";
  const paidBack = refunds.filter(({ status }) => status === "SUCCESSFUL").reduce((sum, { amount }) => sum + amount, 0);
  return {
    ...payment,
    refunds: refunds.map((refund, index) => ({ reference: `refund-${index}`, charge, at, version: 4, ...refund })),
    refundedAmount: paidBack,
  };
}

function golden(name: keyof typeof paymentEvents): PaymentEvent {
  const parsed = parsePaymentEvent(paymentEvents[name].event);
  if (!parsed.ok) throw new TypeError(`${name}: ${parsed.reason}`);
  return parsed.event;
}
