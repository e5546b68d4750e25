import type { Locale } from "../src/locale";
import type { LinkStatus } from "./link";

export interface PageTexts {
  readonly title: string;
  readonly order: (orderId: string) => string;
  readonly over: Readonly<Record<Exclude<LinkStatus, "open" | "paid">, string>>;
  readonly unknown: string;
  readonly unreachable: string;
  readonly again: string;
}

const fr: PageTexts = {
  title: "Paiement",
  order: (orderId) => `Commande ${orderId}`,
  over: {
    cancelled: "Ce lien de paiement a été annulé par la boutique. Demandez-lui un nouveau lien.",
    expired: "Ce lien de paiement n’est plus valable. Demandez un nouveau lien à la boutique.",
  },
  unknown: "Ce lien de paiement n’existe pas ou n’existe plus. Vérifiez l’adresse, ou demandez un nouveau lien.",
  unreachable: "La page ne parvient pas à joindre le service de paiement. Vérifiez votre connexion.",
  again: "Réessayer",
};

const en: PageTexts = {
  title: "Payment",
  order: (orderId) => `Order ${orderId}`,
  over: {
    cancelled: "The shop has cancelled this payment link. Ask it for a new one.",
    expired: "This payment link is no longer valid. Ask the shop for a new one.",
  },
  unknown: "There is no such payment link, or not any more. Check the address, or ask for a new link.",
  unreachable: "This page cannot reach the payment service. Check your connection.",
  again: "Try again",
};

export const PAGE_TEXTS: Readonly<Record<Locale, PageTexts>> = { fr, en };
