/** The texts of the view of the money. They are apart from the page's other texts: the view is loaded late. */

import type { Locale } from "../src/locale";

export interface MoneyTexts {
  readonly title: string;
  readonly period: string;
  readonly periods: Readonly<Record<"today" | "week" | "month" | "quarter", string>>;
  readonly columns: Readonly<Record<"day" | "operator" | "charges" | "gross" | "fee" | "net", string>>;
  readonly meanings: Readonly<Record<"charges" | "gross" | "fee" | "net", string>>;
  readonly note: string;
  readonly atMost: (amount: string) => string;
  readonly feesUnknown: (count: number) => string;
  readonly feesUnknownColumn: string;
  readonly currency: string;
  readonly unknownOperator: string;
  readonly none: string;
}

export const MONEY_TEXTS: Readonly<Record<Locale, MoneyTexts>> = {
  en: {
    title: "Money",
    period: "Period",
    periods: { today: "Today", week: "7 days", month: "30 days", quarter: "92 days" },
    columns: { day: "Day", operator: "Operator", charges: "Charges", gross: "Gross", fee: "CamPay’s fee", net: "Net" },
    meanings: {
      charges: "How often CamPay took money, second and late charges too",
      gross: "What the customers paid",
      fee: "What CamPay kept of it",
      net: "What is yours: gross less fee",
    },
    note:
      "An amount counts on the day of its payment, also where the charge came later or a second time. What is still to " +
      "be given back is in it.",
    atMost: (amount) => `at most ${amount}`,
    feesUnknown: (count) => (count === 1 ? "1 fee unknown" : `${count} fees unknown`),
    feesUnknownColumn: "Fees unknown",
    currency: "Currency",
    unknownOperator: "Unknown",
    none: "No charge in these days.",
  },
  fr: {
    title: "Encaissements",
    period: "Période",
    periods: { today: "Aujourd’hui", week: "7 jours", month: "30 jours", quarter: "92 jours" },
    columns: {
      day: "Jour",
      operator: "Opérateur",
      charges: "Débits",
      gross: "Brut",
      fee: "Frais CamPay",
      net: "Net",
    },
    meanings: {
      charges: "Nombre de débits chez CamPay, y compris les doubles et les tardifs",
      gross: "Ce que les clients ont payé",
      fee: "Ce que CamPay en a gardé",
      net: "Ce qui vous revient\u00a0: le brut moins les frais",
    },
    note:
      "Un montant compte au jour de son paiement, même si le débit est venu plus tard ou une deuxième fois. Ce qui reste " +
      "à rembourser y figure.",
    atMost: (amount) => `au plus ${amount}`,
    feesUnknown: (count) => (count === 1 ? "frais d’un débit inconnus" : `frais de ${count} débits inconnus`),
    feesUnknownColumn: "Frais inconnus",
    currency: "Devise",
    unknownOperator: "Inconnu",
    none: "Aucun débit pendant ces jours.",
  },
};
