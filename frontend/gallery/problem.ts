/** Defines the refusals that the samples show, in the API's words. */

import type { Locale } from "../src/locale";
import type { Problem } from "../src/paymentContract";

const DETAILS = {
  invalid_token: {
    fr: "Cette page de paiement n’est plus valable. Retournez à la boutique et rouvrez-la.",
    en: "This payment page is no longer valid. Please go back to the shop and open it again.",
  },
  order_already_paid: { fr: "Cette commande est déjà payée.", en: "This order is already paid." },
  payment_in_progress: {
    fr: "Un paiement est déjà en cours pour cette commande. Terminez-le sur votre téléphone.",
    en: "A payment for this order is already in progress. Please finish it on your phone.",
  },
  phone_limit: {
    fr: "Ce téléphone a reçu trop de demandes de paiement pour le moment.",
    en: "This phone has had too many payment prompts for now.",
  },
  provider_busy: {
    fr: "Le mobile money demande une pause. Votre compte n’a pas été débité\u00a0; réessayez dans une minute.",
    en: "Mobile money asks for a short pause. You have not been charged; please try again in a minute.",
  },
  provider_unavailable: {
    fr: "Le mobile money est injoignable. Votre compte n’a pas été débité\u00a0; réessayez bientôt.",
    en: "Mobile money cannot be reached right now. You have not been charged; please try again shortly.",
  },
} satisfies Record<string, Record<Locale, string>>;

export function problem(code: keyof typeof DETAILS, locale: Locale): Problem {
  return { code, detail: DETAILS[code][locale], retryable: false, fields: {}, reference: null, retryAfter: null };
}
