/** The texts of the forms that pay back, and decide what became of it. They are loaded with them. */

import type { Locale } from "../src/locale";
import type { RefundStatus } from "../src/paymentContract";
import type { TitleAndSentence } from "./texts";

export interface RefundTexts {
  /** What CamPay is told. `phone`: the masked number that paid. */
  readonly explained: (amount: string, phone: string, order: string) => string;
  readonly charge: string;
  readonly charges: string;
  /** What a charge is known by. */
  readonly chargeOf: (amount: string, moment: string, id: string | null) => string;
  readonly extra: string;
  readonly amount: string;
  readonly atMost: (amount: string) => string;
  readonly amountWrong: (amount: string) => string;
  readonly paidTwice: string;
  readonly confirm: (amount: string) => string;
  readonly done: Readonly<Record<RefundStatus, string>>;
  /** What a person may decide of one that CamPay has never told of. */
  readonly outcomes: Readonly<Record<"SUCCESSFUL" | "FAILED", TitleAndSentence>>;
}

export const REFUND_TEXTS: Readonly<Record<Locale, RefundTexts>> = {
  en: {
    explained: (amount, phone, order) =>
      `CamPay is told to send ${amount} to the number that paid, ${phone}, as “Refund ${order}”, from your balance there ` +
      "with its operator. What has been sent cannot be taken back.",
    charge: "Charge",
    charges: "Which charge",
    chargeOf: (amount, moment, id) => `${amount}, ${moment}${id ? `; id in the customer’s SMS: ${id}` : ""}`,
    extra: "one too many",
    amount: "Amount",
    atMost: (amount) => `At most ${amount} is left to pay back.`,
    amountWrong: (amount) => `Enter an amount of at most ${amount}, in digits.`,
    paidTwice: "Paid twice",
    confirm: (amount) => `Pay back ${amount}`,
    done: {
      SENDING: "We do not know yet whether CamPay took it. It is asked until it says; do not pay back a second time.",
      PENDING: "CamPay took it: the money is on its way.",
      SUCCESSFUL: "The customer has the money back.",
      FAILED: "Nothing was paid back: it was refused, or never sent.",
    },
    outcomes: {
      SUCCESSFUL: {
        title: "The customer has the money",
        sentence: "CamPay’s dashboard has the refund, made. The customer reads that the money is back. This is final.",
      },
      FAILED: {
        title: "Nothing was paid back",
        sentence: "Only if CamPay certainly does not have it: it can be paid back again then. This is final.",
      },
    },
  },
  fr: {
    explained: (amount, phone, order) =>
      `CamPay reçoit l’ordre d’envoyer ${amount} au numéro qui a payé, ${phone}, avec le motif «\u00a0Refund ${order}\u00a0», ` +
      "depuis votre solde chez son opérateur. Ce qui est envoyé ne peut pas être repris.",
    charge: "Débit",
    charges: "Quel débit",
    chargeOf: (amount, moment, id) =>
      `${amount}, ${moment}${id ? `\u00a0; identifiant du SMS du client\u00a0: ${id}` : ""}`,
    extra: "en trop",
    amount: "Montant",
    atMost: (amount) => `Il reste au plus ${amount} à rembourser.`,
    amountWrong: (amount) => `Saisissez un montant d’au plus ${amount}, en chiffres.`,
    paidTwice: "Payé deux fois",
    confirm: (amount) => `Rembourser ${amount}`,
    done: {
      SENDING:
        "Nous ne savons pas encore si CamPay a pris l’ordre. Il est interrogé jusqu’à sa réponse\u00a0; ne remboursez pas une " +
        "deuxième fois.",
      PENDING: "CamPay a pris l’ordre\u00a0: l’argent est en route.",
      SUCCESSFUL: "Le client a récupéré l’argent.",
      FAILED: "Rien n’a été remboursé\u00a0: l’ordre a été refusé ou n’est pas parti.",
    },
    outcomes: {
      SUCCESSFUL: {
        title: "Le client a l’argent",
        sentence:
          "Le tableau de bord de CamPay a le remboursement, effectué. Le client lit que l’argent est rendu. C’est définitif.",
      },
      FAILED: {
        title: "Rien n’a été remboursé",
        sentence:
          "Seulement s’il est certain que CamPay ne l’a pas\u00a0: il pourra alors être remboursé de nouveau. C’est définitif.",
      },
    },
  },
};
