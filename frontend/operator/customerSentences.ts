/** Says what a customer may be told of a payment, in French and English, whichever the page speaks. */

import type { Locale } from "../src/locale";

/** What a customer's payment is, as far as a sentence about it goes. */
export type CustomerCase =
  | "checkPhone"
  | "unknown"
  | "approved"
  | "lateSuccess"
  | "duplicate"
  /** Somebody of the shop has dealt with the extra payment. */
  | "duplicateHandled"
  /** All that is to go back is on its way, or the customer has it. */
  | "refundOpen"
  | "refunded"
  | "failed"
  | "reviewed"
  | "expired"
  | "givenUp"
  | "underReview"
  | "orderPaidElsewhere"
  | "orderAlreadyPaid";

export interface CustomerFacts {
  readonly amount: string;
  readonly order: string;
  /** The beginning of our reference. */
  readonly short: string;
  /** The charges that are one too many. */
  readonly extra: readonly ChargeFacts[];
  /** What the customer has back, and what is on its way. */
  readonly refunds: { readonly done: string; readonly open: string };
  readonly ussdCode: string | null;
  /** Why the payment has failed, as the customer's page says it; "" unless it has. */
  readonly failure: string;
}

interface ChargeFacts {
  readonly amount: string;
  readonly day: string;
  readonly time: string;
  /** The operator's, which stands in the customer's SMS; null where it is not known. */
  readonly id: string | null;
}

type Sentences = Readonly<Record<CustomerCase, (facts: CustomerFacts) => string>>;

const chargeFr = ({ amount, day, time, id }: ChargeFacts) =>
  [`${amount}, débité le ${day} à ${time}`, id && `numéro ${id} dans votre SMS`].filter(Boolean).join(", ");
const chargeEn = ({ amount, day, time, id }: ChargeFacts) =>
  [`${amount}, charged on ${day} at ${time}`, id && `number ${id} in your SMS`].filter(Boolean).join(", ");

const fr: Sentences = {
  checkPhone: ({ amount, order, short, ussdCode }) =>
    `Bonjour, la demande de ${amount} pour la commande ${order} est sur votre téléphone\u00a0: saisissez votre code pour payer.` +
    `${ussdCode ? ` Rien n’apparaît\u00a0? Composez ${ussdCode}.` : ""} Réf.\u00a0${short}`,
  unknown: ({ amount, order, short }) =>
    `Bonjour, nous vérifions encore votre paiement de ${amount} pour la commande ${order}. ` +
    `Ne payez pas une deuxième fois. Si une demande arrive sur votre téléphone, validez-la une seule fois. Réf.\u00a0${short}`,
  approved: ({ amount, order, short }) =>
    `Bonjour, nous avons bien reçu votre paiement de ${amount} pour la commande ${order}. Merci\u00a0! Réf.\u00a0${short}`,
  lateSuccess: ({ amount, order, short }) =>
    `Bonjour, votre paiement de ${amount} pour la commande ${order} est arrivé un peu tard, mais il a bien été pris en ` +
    `compte\u00a0: la commande est payée. Merci\u00a0! Réf.\u00a0${short}`,
  duplicate: ({ order, short, extra }) =>
    `Bonjour, la commande ${order} a été payée deux fois. Nous vous recontactons pour vous rembourser le paiement en ` +
    `trop\u00a0: ${extra.map(chargeFr).join("\u00a0; ")}. Gardez cette référence\u00a0: ${short}`,
  duplicateHandled: ({ order, short, extra }) =>
    `Bonjour, la commande ${order} avait été payée deux fois. Le paiement en trop est réglé\u00a0: ` +
    `${extra.map(chargeFr).join("\u00a0; ")}. S’il vous manque quelque chose, répondez avec cette référence\u00a0: ${short}`,
  refundOpen: ({ order, short, refunds }) =>
    `Bonjour, nous vous remboursons ${refunds.open} pour la commande ${order}, sur le numéro qui a payé. L’opérateur vous ` +
    `enverra un SMS. Réf.\u00a0${short}`,
  refunded: ({ order, short, refunds }) =>
    `Bonjour, nous vous avons remboursé ${refunds.done} pour la commande ${order}, sur le numéro qui a payé. S’il vous ` +
    `manque quelque chose, répondez avec cette référence\u00a0: ${short}`,
  failed: ({ amount, order, short, failure }) =>
    `Bonjour, le paiement de ${amount} pour la commande ${order} n’a pas abouti. ${failure} Réf.\u00a0${short}`,
  reviewed: ({ order, short }) =>
    `Bonjour, nous avons vérifié votre paiement pour la commande ${order} et nous n’avons pas pu l’accepter tel quel. ` +
    `Nous vous recontactons pour la suite. Réf.\u00a0${short}`,
  expired: ({ amount, order, short }) =>
    `Bonjour, nous n’avons pas encore reçu de confirmation pour ${amount}, commande ${order}. Si vous avez validé, ne payez ` +
    `pas une deuxième fois et envoyez-nous le SMS de l’opérateur. Si vous n’avez rien validé, vous pouvez réessayer. ` +
    `Réf.\u00a0${short}`,
  givenUp: ({ amount, order, short }) =>
    `Bonjour, vous avez arrêté le paiement de ${amount} pour la commande ${order}. Si la demande arrive encore sur votre ` +
    `téléphone, refusez-la. Si vous l’avez validée, envoyez-nous le SMS de l’opérateur. Réf.\u00a0${short}`,
  underReview: ({ amount, order, short }) =>
    `Bonjour, nous vérifions votre paiement de ${amount} pour la commande ${order}. Ne payez pas une deuxième fois\u00a0: ` +
    `nous vous répondons dès que c’est fait. Réf.\u00a0${short}`,
  orderPaidElsewhere: ({ order, short }) =>
    `Bonjour, la commande ${order} est déjà payée. Si une autre demande est sur votre téléphone, refusez-la. Réf.\u00a0${short}`,
  orderAlreadyPaid: ({ order, short }) =>
    `Bonjour, la commande ${order} est déjà payée\u00a0: vous n’avez plus rien à payer. Réf.\u00a0${short}`,
};

const en: Sentences = {
  checkPhone: ({ amount, order, short, ussdCode }) =>
    `Hello, the prompt of ${amount} for order ${order} is on your phone: enter your PIN to pay.` +
    `${ussdCode ? ` Nothing on the screen? Dial ${ussdCode}.` : ""} Ref. ${short}`,
  unknown: ({ amount, order, short }) =>
    `Hello, we are still checking your payment of ${amount} for order ${order}. Please do not pay again. ` +
    `If a prompt comes to your phone, approve it once. Ref. ${short}`,
  approved: ({ amount, order, short }) =>
    `Hello, we have received your payment of ${amount} for order ${order}. Thank you! Ref. ${short}`,
  lateSuccess: ({ amount, order, short }) =>
    `Hello, your payment of ${amount} for order ${order} came a little late, but it counts: the order is paid. ` +
    `Thank you! Ref. ${short}`,
  duplicate: ({ order, short, extra }) =>
    `Hello, order ${order} was paid twice. We will be in touch to give you the extra payment back: ` +
    `${extra.map(chargeEn).join("; ")}. ` +
    `Please keep this reference: ${short}`,
  duplicateHandled: ({ order, short, extra }) =>
    `Hello, order ${order} had been paid twice. The extra payment has been dealt with: ` +
    `${extra.map(chargeEn).join("; ")}. If anything is still missing, answer with this reference: ${short}`,
  refundOpen: ({ order, short, refunds }) =>
    `Hello, we are paying ${refunds.open} back to you for order ${order}, to the number that paid. The operator will send ` +
    `you an SMS. Ref. ${short}`,
  refunded: ({ order, short, refunds }) =>
    `Hello, we have paid ${refunds.done} back to you for order ${order}, to the number that paid. If anything is still ` +
    `missing, answer with this reference: ${short}`,
  failed: ({ amount, order, short, failure }) =>
    `Hello, the payment of ${amount} for order ${order} did not go through. ${failure} Ref. ${short}`,
  reviewed: ({ order, short }) =>
    `Hello, we have checked your payment for order ${order} and could not accept it as it is. ` +
    `We will be in touch about what comes next. Ref. ${short}`,
  expired: ({ amount, order, short }) =>
    `Hello, we have received no confirmation yet for ${amount}, order ${order}. If you approved it, please do not pay ` +
    `again and send us the operator’s SMS. If you approved nothing, you may try again. Ref. ${short}`,
  givenUp: ({ amount, order, short }) =>
    `Hello, you stopped the payment of ${amount} for order ${order}. If the prompt still comes to your phone, decline ` +
    `it. If you approved it, send us the operator’s SMS. Ref. ${short}`,
  underReview: ({ amount, order, short }) =>
    `Hello, we are checking your payment of ${amount} for order ${order}. Please do not pay again: we will answer as ` +
    `soon as it is done. Ref. ${short}`,
  orderPaidElsewhere: ({ order, short }) =>
    `Hello, order ${order} is already paid. If another prompt is on your phone, decline it. Ref. ${short}`,
  orderAlreadyPaid: ({ order, short }) =>
    `Hello, order ${order} is already paid: there is nothing more to pay. Ref. ${short}`,
};

export const CUSTOMER_SENTENCES: Readonly<Record<Locale, Sentences>> = { fr, en };
