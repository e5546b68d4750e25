/** Says of a payment's story what an operator should know first, and what may be said to the customer. Does no I/O. */

import { pictureOf } from "../src/components/payment/paymentPicture";
import type { PaymentStory, ProviderRecord } from "./apiTypes";
import { extraChargesOf, isOpenDuplicate, refundsOfOrder } from "./charges";
import type { CustomerCase } from "./customerSentences";
import type { Tone } from "./StateMark";
import type { Verdict } from "./texts";

export function verdictOf({ payment, order, actions }: PaymentStory): Verdict {
  const mine = order.attempts.find((attempt) => attempt.payment.reference === payment.reference);
  const wasDisputed = (mine?.disputed.length ?? 0) > 0;
  switch (payment.status) {
    case "SUCCESSFUL":
      if (payment.duplicate && !actions.includes("acknowledge")) return "paidTwiceSettled";
      if (payment.duplicate) return (mine?.charges.length ?? 0) > 1 ? "paidTwice" : "orderPaidTwice";
      if (order.attempts.some(isOpenDuplicate)) return "otherPaidToo";
      if (wasDisputed) return "reviewedPaid";
      return payment.late ? "paidLate" : "paid";
    case "CONFLICTED":
      return "differs";
    case "FAILED":
      return wasDisputed ? "reviewedUnpaid" : "failed";
    case "EXPIRED":
      return payment.reason === "given_up" ? "givenUp" : "expired";
    default:
      if (payment.orderPaidBy) return "orderPaidElsewhere";
      return payment.status === "PENDING" ? "waiting" : "unknownYet";
  }
}

export const TONE_OF_VERDICT: Readonly<Record<Verdict, Tone>> = {
  paid: "positive",
  paidLate: "positive",
  reviewedPaid: "positive",
  paidTwice: "caution",
  orderPaidTwice: "caution",
  otherPaidToo: "caution",
  paidTwiceSettled: "positive",
  differs: "caution",
  orderPaidElsewhere: "caution",
  waiting: "accent",
  unknownYet: "accent",
  expired: "neutral",
  givenUp: "neutral",
  failed: "negative",
  reviewedUnpaid: "negative",
};

/** Returns the newest record of CamPay that disagrees with what was asked for; null where none does. */
export function disputedRecord({ versions, order, payment }: PaymentStory): ProviderRecord | null {
  const mine = order.attempts.find((attempt) => attempt.payment.reference === payment.reference);
  const records = versions.flatMap(({ evidence }) => (evidence ? [evidence] : []));
  return records.reverse().find(({ providerReference }) => mine?.disputed.includes(providerReference)) ?? null;
}

/** Returns which sentence is true for the customer at a time of the server's clock. Nothing unknown is called failed. */
export function customerCaseOf(story: PaymentStory, now: number): CustomerCase {
  const verdict = verdictOf(story);
  if (verdict === "reviewedUnpaid") return "reviewed";
  const isAllBack = extraChargesOf(story).every(({ left }) => left <= 0);
  const { done, open } = refundsOfOrder(story);
  if (open > 0 && isAllBack) return "refundOpen";
  if (done > 0 && isAllBack) return "refunded";
  if (verdict === "otherPaidToo") return "duplicate";
  if (verdict === "paidTwiceSettled") return "duplicateHandled";
  const { name } = pictureOf({
    phase: "tracking",
    payment: story.payment,
    problem: null,
    connection: "connected",
    now,
  });
  switch (name) {
    case "loading":
    case "sending":
    case "unsent":
    case "inProgressElsewhere":
    case "refused":
      return "unknown";
    default:
      return name;
  }
}
