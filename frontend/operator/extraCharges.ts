/** Says which charges of an order were one too many, as the customer's SMS names them. Does no I/O. */

import type { Attempt, PaymentEvent, PaymentStory, PaymentVersion } from "./apiTypes";

export interface ExtraCharge {
  readonly amount: number;
  /** When it came to be known. */
  readonly at: string;
  /** The operator's, which stands in the customer's SMS; null where it is not known. */
  readonly operatorReference: string | null;
}

/** Whether an attempt is to be given back, and nobody has dealt with it yet. */
export const isOpenDuplicate = ({ payment, charges, acknowledged }: Attempt) =>
  payment.duplicate && charges.length > 0 && !acknowledged;

/** Returns the charges of a payment that were one too many; of one that is good, those of the order's other attempts. */
export function extraChargesOf({ payment, versions, order }: PaymentStory): readonly ExtraCharge[] {
  if (!payment.duplicate) {
    return order.attempts.filter(isOpenDuplicate).flatMap((it) => extraOf(it.payment, it, []));
  }
  const mine = order.attempts.find((it) => it.payment.reference === payment.reference);
  return extraOf(payment, mine, versions);
}

/** `versions`: the payment's, where they are known. What they do not tell is told by the payment as it is now. */
function extraOf(
  payment: PaymentEvent,
  attempt: Pick<Attempt, "charges" | "paysOrder"> = { charges: [], paysOrder: false },
  versions: readonly PaymentVersion[],
): readonly ExtraCharge[] {
  const { charges, paysOrder } = attempt;
  const ofPayment = { amount: payment.amount, at: payment.updatedAt, operatorReference: payment.operatorReference };
  if (charges.length < 2) return [{ ...ofPayment, ...(charges[0] && recordedIn(versions, charges[0], payment)) }];
  return charges
    .slice(paysOrder ? 1 : 0)
    .map((charge) => ({ ...ofPayment, operatorReference: null, ...recordedIn(versions, charge, payment) }));
}

/** Returns what CamPay's first record of a charge says of it. */
function recordedIn(
  versions: readonly PaymentVersion[],
  charge: string,
  { currency }: PaymentEvent,
): Partial<ExtraCharge> {
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
