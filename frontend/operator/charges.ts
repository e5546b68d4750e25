/** Says what was charged, what of it is left to pay back, and which charges of an order were one too many. No I/O. */

import { isSettled } from "../src/paymentWatch";
import type { Attempt, PaymentEvent, PaymentStory, PaymentVersion } from "./apiTypes";

export interface Charge {
  /** CamPay's; null where it is not known. */
  readonly reference: string | null;
  readonly amount: number;
  /** What is neither paid back nor on its way. */
  readonly left: number;
  /** When it came to be known. */
  readonly at: string;
  /** The operator's, which stands in the customer's SMS; null where it is not known. */
  readonly operatorReference: string | null;
}

const NO_CHARGES = { charges: [], paysOrder: false };

/** Whether an attempt is to be given back, and nobody has dealt with it yet. */
export const isOpenDuplicate = ({ payment, charges, acknowledged }: Attempt) =>
  payment.duplicate && charges.length > 0 && !acknowledged;

/** Returns the charges of a payment that have something left to pay back. */
export function chargesToPayBack(story: PaymentStory): readonly Charge[] {
  const { payment, versions } = story;
  return chargesIn(payment, ownAttempt(story), versions).filter(
    ({ reference, left }) => reference !== null && left > 0,
  );
}

/** Returns the charges of a payment that were one too many; of one that is good, those of the order's other attempts. */
export function extraChargesOf(story: PaymentStory): readonly Charge[] {
  const { payment, versions, order } = story;
  if (payment.duplicate) return extraIn(payment, ownAttempt(story), versions);
  return order.attempts.filter(isOpenDuplicate).flatMap((it) => extraIn(it.payment, it, []));
}

/** Returns how much of the order's payments the customer has back, and how much is on its way. */
export function refundsOfOrder({ payment, order }: PaymentStory): { readonly done: number; readonly open: number } {
  const others = order.attempts.map((it) => it.payment).filter(({ reference }) => reference !== payment.reference);
  const payments = [payment, ...others];
  const open = payments.flatMap(({ refunds }) => refunds).filter((refund) => !isSettled(refund));
  return { done: sumOf(payments, (it) => it.refundedAmount), open: sumOf(open, (it) => it.amount) };
}

function sumOf<Item>(items: readonly Item[], amountOf: (item: Item) => number): number {
  return items.reduce((sum, item) => sum + amountOf(item), 0);
}

const ownAttempt = ({ payment, order }: PaymentStory) =>
  order.attempts.find((it) => it.payment.reference === payment.reference) ?? NO_CHARGES;

type Charges = Pick<Attempt, "charges" | "paysOrder">;

function extraIn(payment: PaymentEvent, of: Charges, versions: readonly PaymentVersion[]): readonly Charge[] {
  return chargesIn(payment, of, versions).slice(of.paysOrder && of.charges.length > 1 ? 1 : 0);
}

/** `versions`: the payment's, where they are known. What they do not tell is told by the payment as it is now. */
function chargesIn(
  payment: PaymentEvent,
  { charges }: Charges,
  versions: readonly PaymentVersion[],
): readonly Charge[] {
  const { amount, refunds, createdAt, updatedAt, operatorReference } = payment;
  const ofPayment = {
    amount,
    at: refunds.length > 0 ? createdAt : updatedAt, // a refund is a change too
    operatorReference: charges.length < 2 ? operatorReference : null,
  };
  return (charges.length > 0 ? charges : [null]).map((reference) => {
    const charge = { ...ofPayment, ...(reference && recordedIn(versions, reference, payment)) };
    const taken = refunds.filter((refund) => refund.charge === reference && refund.status !== "FAILED");
    return { reference, ...charge, left: charge.amount - sumOf(taken, (refund) => refund.amount) };
  });
}

/** Returns what CamPay's first record of a charge says of it. */
function recordedIn(
  versions: readonly PaymentVersion[],
  charge: string,
  { currency }: PaymentEvent,
): Partial<Pick<Charge, "at" | "amount" | "operatorReference">> {
  const found = versions.find(
    ({ evidence }) => evidence?.providerReference === charge && evidence.status === "SUCCESSFUL",
  );
  if (!found?.evidence) return {};
  const { amount, operatorReference, currency: recorded } = found.evidence;
  return {
    at: found.at,
    ...(amount !== null && recorded === currency && { amount }),
    ...(operatorReference !== null && { operatorReference }),
  };
}
