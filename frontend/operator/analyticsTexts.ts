/** The texts of the analytics. They are apart from the page's other texts: the view is loaded late. */

import type { Locale } from "../src/locale";
import type { FigureName } from "./figures";

export interface AnalyticsTexts {
  readonly title: string;
  readonly period: string;
  readonly periods: Readonly<Record<"week" | "month" | "quarter", string>>;
  readonly none: string;
  readonly figure: string;
  readonly all: string;
  readonly unknown: string;
  readonly day: string;
  readonly operator: string;
  readonly figures: Readonly<Record<FigureName, string>>;
  readonly meanings: Readonly<Record<FigureName, string>>;
  readonly reasons: string;
  readonly reasonsMeaning: string;
  readonly noReasons: string;
  readonly further: string;
  readonly furtherMeaning: string;
  readonly noFurther: string;
  /** By what had become of the attempt before. */
  readonly before: Readonly<Record<string, string>>;
  readonly won: (paid: string, started: string) => string;
  readonly retries: (payments: string, paid: string) => string;
  readonly byDay: string;
  readonly byDayMeaning: string;
}

export const ANALYTICS_TEXTS: Readonly<Record<Locale, AnalyticsTexts>> = {
  en: {
    title: "Figures",
    period: "Period",
    periods: { week: "7 days", month: "30 days", quarter: "90 days" },
    none: "No payment in these days.",
    figure: "Figure",
    all: "All",
    unknown: "Unknown",
    day: "Day",
    operator: "Operator",
    figures: {
      started: "Started",
      prompted: "Prompted",
      paid: "Paid",
      declined: "Declined",
      refused: "Not sent",
      expired: "Expired",
      givenUp: "Given up",
      conflicted: "Under review",
      waiting: "Waiting",
      late: "Paid late",
      duplicate: "Paid twice",
      webhooksMissing: "Without a webhook",
      successRate: "Success rate",
      p50: "Approved within, half",
      p95: "Approved within, 95\u00a0%",
      further: "Further attempts",
      furtherPaid: "Won by them",
      retried: "Prompt sent again",
    },
    meanings: {
      started: "Payments that were begun",
      prompted: "CamPay took the prompt",
      paid: "The money is there",
      declined: "Refused by the customer or the operator, or no funds",
      refused: "No prompt went out",
      expired: "No answer in time",
      givenUp: "The customer ended the wait",
      conflicted: "A person has to decide",
      waiting: "Not known yet",
      late: "Paid after the wait was over",
      duplicate: "Charged twice, or for a paid order",
      webhooksMissing: "We found out before CamPay told us",
      successRate: "Paid, of all that have ended",
      p50: "Half of the paid ones were faster",
      p95: "95 of 100 paid ones were faster",
      further: "Second and later attempts of an order",
      furtherPaid: "Further attempts that were paid",
      retried: "By itself: it had not reached CamPay",
    },
    reasons: "Why not",
    reasonsMeaning: "CamPay’s words for those declined and not sent; # stands for a number.",
    noReasons: "No reason in these days.",
    further: "Trying again",
    furtherMeaning: "What further attempts have won, by what had become of the attempt before.",
    noFurther: "Nobody tried again.",
    before: {
      declined: "After a declined one",
      refused: "After one that was not sent",
      expired: "After an expired one",
      givenUp: "After one that was given up",
    },
    won: (paid, started) => `${paid} of ${started} paid`,
    retries: (payments, paid) =>
      `The prompt was sent again by itself for ${payments} payments; ${paid} of them were paid.`,
    byDay: "Day by day",
    byDayMeaning: "The columns mean what is said above.",
  },
  fr: {
    title: "Chiffres",
    period: "Période",
    periods: { week: "7 jours", month: "30 jours", quarter: "90 jours" },
    none: "Aucun paiement pendant ces jours.",
    figure: "Chiffre",
    all: "Tous",
    unknown: "Inconnu",
    day: "Jour",
    operator: "Opérateur",
    figures: {
      started: "Lancés",
      prompted: "Demandes envoyées",
      paid: "Payés",
      declined: "Rejetés",
      refused: "Non envoyés",
      expired: "Expirés",
      givenUp: "Abandonnés",
      conflicted: "À examiner",
      waiting: "En attente",
      late: "Payés en retard",
      duplicate: "Payés deux fois",
      webhooksMissing: "Sans webhook",
      successRate: "Taux de réussite",
      p50: "Délai, la moitié",
      p95: "Délai, 95 %",
      further: "Nouvelles tentatives",
      furtherPaid: "Payées ainsi",
      retried: "Demandes renvoyées",
    },
    meanings: {
      started: "Paiements commencés",
      prompted: "CamPay a pris la demande",
      paid: "L’argent est là",
      declined: "Refusés par le client ou l’opérateur, ou solde insuffisant",
      refused: "Aucune demande n’est partie",
      expired: "Pas de réponse à temps",
      givenUp: "Le client a mis fin à l’attente",
      conflicted: "Quelqu’un doit décider",
      waiting: "Pas encore connu",
      late: "Payés après la fin de l’attente",
      duplicate: "Débités deux fois, ou pour une commande déjà payée",
      webhooksMissing: "Nous l’avons su avant que CamPay ne le dise",
      successRate: "Payés, parmi ceux qui sont terminés",
      p50: "La moitié des payés ont été plus rapides",
      p95: "95 payés sur 100 ont été plus rapides",
      further: "Deuxièmes tentatives d’une commande, et suivantes",
      furtherPaid: "Nouvelles tentatives qui ont été payées",
      retried: "D’office : elles n’avaient pas atteint CamPay",
    },
    reasons: "Pourquoi pas",
    reasonsMeaning: "Les mots de CamPay pour les rejetés et les non envoyés ; # remplace un nombre.",
    noReasons: "Aucun motif pendant ces jours.",
    further: "Nouvelles tentatives",
    furtherMeaning: "Ce qu’elles ont apporté, selon la fin de la tentative précédente.",
    noFurther: "Personne n’a réessayé.",
    before: {
      declined: "Après un rejet",
      refused: "Après une demande non envoyée",
      expired: "Après une expiration",
      givenUp: "Après un abandon",
    },
    won: (paid, started) => `${paid} sur ${started} payées`,
    retries: (payments, paid) => `La demande est repartie d’office pour ${payments} paiements ; ${paid} ont été payés.`,
    byDay: "Jour par jour",
    byDayMeaning: "Les colonnes ont le sens indiqué plus haut.",
  },
};
