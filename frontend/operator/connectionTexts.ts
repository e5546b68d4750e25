/** The texts of the view of the connections. They are apart from the page's other texts: the view is loaded late. */

import type { Locale } from "../src/locale";
import type { TitleAndSentence } from "./texts";

interface ConnectionTexts {
  readonly title: string;
  readonly health: Readonly<Record<"well" | "away" | "noGateway", TitleAndSentence>>;
  readonly connected: (count: number, written: string) => string;
  readonly gateway: string;
  readonly runsSince: string;
  readonly customers: string;
  readonly payments: string;
  readonly since: (age: string) => string;
  readonly more: (shown: string) => string;
}

export const CONNECTION_TEXTS: Readonly<Record<Locale, ConnectionTexts>> = {
  en: {
    title: "Connections",
    health: {
      well: { title: "All is well", sentence: "Customers see each change as it happens." },
      away: {
        title: "Redis does not answer",
        sentence:
          "Customers’ pages are not told of changes and ask by themselves every few seconds. No payment is lost. Who is " +
          "connected is not known meanwhile.",
      },
      noGateway: {
        title: "No gateway is running",
        sentence:
          "Customers’ pages are not told of changes and ask by themselves every few seconds. No payment is lost. Tell the " +
          "developers.",
      },
    },
    connected: (count, written) => (count === 1 ? "1 customer is connected." : `${written} customers are connected.`),
    gateway: "Gateway",
    runsSince: "Running for",
    customers: "Customers",
    payments: "Payments",
    since: (age) => `for ${age}`,
    more: (shown) => `The first ${shown}; there are more.`,
  },
  fr: {
    title: "Connexions",
    health: {
      well: { title: "Tout va bien", sentence: "Les clients voient chaque changement aussitôt." },
      away: {
        title: "Redis ne répond pas",
        sentence:
          "Les pages des clients ne sont plus prévenues des changements et demandent d’elles-mêmes toutes les quelques " +
          "secondes. Aucun paiement n’est perdu. On ne sait pas, pour l’instant, qui est connecté.",
      },
      noGateway: {
        title: "Aucune passerelle ne tourne",
        sentence:
          "Les pages des clients ne sont plus prévenues des changements et demandent d’elles-mêmes toutes les quelques " +
          "secondes. Aucun paiement n’est perdu. Prévenez l’équipe technique.",
      },
    },
    connected: (count, written) =>
      count < 2 ? `${written} client est connecté.` : `${written} clients sont connectés.`,
    gateway: "Passerelle",
    runsSince: "Tourne depuis",
    customers: "Clients",
    payments: "Paiements",
    since: (age) => `depuis ${age}`,
    more: (shown) => `Les ${shown} premiers\u00a0; il y en a d’autres.`,
  },
};
