/** The texts of the view of CamPay's statement. They are apart from the page's other texts: the view is loaded late. */

import type { Locale } from "../src/locale";
import type { FindingKind } from "./apiTypes";

export interface StatementTexts {
  readonly title: string;
  readonly intro: string;
  readonly lastNightMissing: (day: string) => string;
  readonly older: string;
  readonly agrees: string;
  readonly open: (count: number) => string;
  readonly signed: (count: number) => string;
  readonly matched: (count: number, shown: string) => string;
  readonly amounts: (gross: string, fee: string | null) => string;
  readonly compared: (moment: string) => string;
  readonly stays: string;
  readonly kinds: Readonly<Record<FindingKind, (count: number) => string>>;
  readonly meanings: Readonly<Record<FindingKind, string>>;
  readonly payment: (short: string) => string;
  readonly noPayment: string;
  readonly seen: string;
  readonly more: (count: string) => string;
  readonly sign: string;
  readonly signExplained: string;
  readonly signedCount: (count: number) => string;
}

export const STATEMENT_TEXTS: Readonly<Record<Locale, StatementTexts>> = {
  en: {
    title: "CamPay’s statement",
    intro: "Each night the statement of the last four days is compared with our payments.",
    lastNightMissing: (day) =>
      `The comparison of ${day} is not there: CamPay’s statement could not be read last night. The next night ` +
      "makes up for it; ask CamPay if it is missing again.",
    older: "Show 31 days",
    agrees: "All agrees",
    open: (count) => `${count} to look at`,
    signed: (count) => `${count} signed`,
    matched: (count, shown) => (count === 1 ? "1 charge on both sides" : `${shown} charges on both sides`),
    amounts: (gross, fee) => (fee === null ? `${gross} gross` : `${gross} gross, ${fee} fee`),
    compared: (moment) => `Compared: ${moment}.`,
    stays: "A difference goes by itself once a later night does not find it any more.",
    kinds: {
      missingHere: (count) => `${count} missing here`,
      missingThere: (count) => `${count} missing at CamPay`,
      amountDiffers: (count) => `${count} with another amount`,
      madeGood: (count) => `${count} made good`,
    },
    meanings: {
      missingHere: "CamPay lists the money, and we have no such charge. Look for the order, or ask CamPay.",
      missingThere: "We have the charge, and CamPay does not list it. Check the payment with CamPay.",
      amountDiffers: "CamPay lists another amount than the order asks for. Decide the payment.",
      madeGood: "CamPay had the money and we did not know. The payments are paid now.",
    },
    payment: (short) => `Payment ${short}`,
    noPayment: "No payment of ours",
    seen: "signed before",
    more: (count) => `and ${count} more`,
    sign: "Sign off",
    signExplained:
      "You say that you have looked at these differences and that they are explained. It changes no payment.",
    signedCount: (count) => (count === 1 ? "1 difference signed" : `${count} differences signed`),
  },
  fr: {
    title: "Relevé de CamPay",
    intro: "Chaque nuit, le relevé des quatre derniers jours est comparé à nos paiements.",
    lastNightMissing: (day) =>
      `La comparaison du ${day} manque\u00a0: le relevé de CamPay n’a pas pu être lu cette nuit. ` +
      "La nuit prochaine y reviendra\u00a0; demandez à CamPay s’il manque encore.",
    older: "Voir 31 jours",
    agrees: "Tout concorde",
    open: (count) => `${count} à examiner`,
    signed: (count) => (count === 1 ? "1 écart signé" : `${count} écarts signés`),
    matched: (count, shown) => (count === 1 ? "1 débit des deux côtés" : `${shown} débits des deux côtés`),
    amounts: (gross, fee) => (fee === null ? `${gross} brut` : `${gross} brut, ${fee} de frais`),
    compared: (moment) => `Comparé\u00a0: ${moment}.`,
    stays: "Un écart disparaît de lui-même dès qu’une nuit suivante ne le trouve plus.",
    kinds: {
      missingHere: (count) => `${count} absent${count > 1 ? "s" : ""} chez nous`,
      missingThere: (count) => `${count} absent${count > 1 ? "s" : ""} chez CamPay`,
      amountDiffers: (count) => `${count} d’un autre montant`,
      madeGood: (count) => `${count} rattrapé${count > 1 ? "s" : ""}`,
    },
    meanings: {
      missingHere: "L’argent est au relevé, et nous n’avons pas ce débit. Cherchez la commande, ou demandez à CamPay.",
      missingThere: "Nous avons le débit, et CamPay ne le liste pas. Vérifiez le paiement auprès de CamPay.",
      amountDiffers: "CamPay liste un autre montant que celui de la commande. Décidez du paiement.",
      madeGood: "CamPay avait l’argent et nous ne le savions pas. Ces paiements sont maintenant payés.",
    },
    payment: (short) => `Paiement ${short}`,
    noPayment: "Aucun paiement chez nous",
    seen: "déjà signé",
    more: (count) => `et ${count} de plus`,
    sign: "Signer",
    signExplained: "Vous attestez avoir examiné ces écarts et qu’ils s’expliquent. Aucun paiement n’est modifié.",
    signedCount: (count) => (count === 1 ? "1 écart signé" : `${count} écarts signés`),
  },
};
