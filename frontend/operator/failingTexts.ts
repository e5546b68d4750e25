/** The texts of an operator whose last payments have all failed. They are loaded only where there is one. */

import type { Locale } from "../src/locale";

interface FailingTexts {
  readonly line: (operator: string, count: number, isWhole: boolean, since: string) => string;
  readonly paid: (last: string | null) => string;
  /** `since`: from when on the list is, which knows whole days only. */
  readonly list: (since: string) => string;
  readonly cause: (technical: number, count: number) => string;
  readonly unknown: string;
  /** `other`: the other operator; null where its payments all fail too. */
  readonly advice: (operator: string, other: string | null) => string;
}

export const FAILING_TEXTS: Readonly<Record<Locale, FailingTexts>> = {
  en: {
    line: (operator, count, isWhole, since) =>
      `${operator}: the last ${count}${isWhole ? "" : " or more"} payments all failed, begun since ${since}.`,
    paid: (last) => (last ? `The last paid one was begun: ${last}.` : "None was paid in the seven days before."),
    list: (since) => `Show all that failed since ${since}`,
    cause: (technical, count) => {
      if (technical === count) return "For technical reasons, not the customers’:";
      if (technical > 0) return `${technical} for technical reasons; of the others CamPay’s words leave that open:`;
      return "No technical reason is named; the operator may be down all the same. CamPay’s words:";
    },
    unknown: "Reason not understood",
    advice: (operator, other) =>
      other
        ? `Ask CamPay whether ${operator} is down. If ${other} is paid meanwhile (Today, success rate), customers may pay by ${other}.`
        : "Ask CamPay: the other operator’s payments fail too.",
  },
  fr: {
    line: (operator, count, isWhole, since) =>
      `${operator}\u00a0: les ${count} derniers paiements${isWhole ? "" : " ou plus"}, commencés depuis ${since}, ont tous échoué.`,
    paid: (last) => (last ? `Dernier payé, commencé\u00a0: ${last}.` : "Aucun payé les sept jours d’avant."),
    list: (since) => `Voir tous les échecs depuis ${since}`,
    cause: (technical, count) => {
      if (technical === count) return "Pour des raisons techniques, pas celles des clients\u00a0:";
      if (technical > 0)
        return `${technical} pour des raisons techniques\u00a0; pour les autres, CamPay ne le dit pas\u00a0:`;
      return "Aucune raison technique n’est nommée\u00a0; l’opérateur peut être en panne quand même. Mots de CamPay\u00a0:";
    },
    unknown: "Raison non comprise",
    advice: (operator, other) =>
      other
        ? `Demandez à CamPay si ${operator} est en panne. Si ${other} passe pendant ce temps (Aujourd’hui, taux de réussite), les clients peuvent payer par ${other}.`
        : "Demandez à CamPay\u00a0: les paiements de l’autre opérateur échouent aussi.",
  },
};
