/** The texts of how webhooks come. They are apart from the page's other texts: only views that are loaded late have them. */

import type { Locale } from "../src/locale";
import type { WebhookRefusal } from "./apiTypes";

export interface WebhookTexts {
  readonly told: (moment: string, age: string) => string;
  /** `last`: the last outcome that came so. `since`: when a webhook last told; null where none has. */
  readonly missing: (last: string, since: string | null) => string;
  /** `count`: how many of the payments that were begun today. */
  readonly missingToday: (count: number, written: string) => string;
  readonly list: string;
  /** Above what has arrived today. */
  readonly arrived: (since: string) => string;
  readonly accepted: (count: number, written: string) => string;
  readonly unchanged: (count: number, written: string) => string;
  readonly refused: (count: number, written: string, why: string) => string;
  readonly last: (moment: string, age: string) => string;
  readonly first: (moment: string) => string;
  /** Follows an unknown payment, with a link to the statement. */
  readonly statement: string;
  readonly refusals: Readonly<Record<WebhookRefusal, { readonly title: string; readonly sentence: string }>>;
  readonly nothing: (since: string) => string;
  readonly nothingMeans: string;
  readonly unknown: string;
}

export const WEBHOOK_TEXTS: Readonly<Record<Locale, WebhookTexts>> = {
  en: {
    told: (moment, age) => `Last news by webhook: ${moment}, ${age} ago.`,
    missing: (last, since) =>
      `${since ? `Since ${since} outcomes` : "Outcomes"} have come without CamPay’s webhook, the last at ${last}. ` +
      "Our own checks found them; customers and the shop are told all the same.",
    missingToday: (count, written) => (count === 1 ? "1 payment of today." : `${written} payments of today.`),
    list: "Show them",
    arrived: (since) => `Webhooks at our address since ${since}`,
    accepted: (count, written) => (count === 1 ? "1 accepted" : `${written} accepted`),
    unchanged: (count, written) =>
      count === 1 ? "1 of them told what we knew already." : `${written} of them told what we knew already.`,
    refused: (count, written, why) => (count === 1 ? `1 refused: ${why}` : `${written} refused: ${why}`),
    last: (moment, age) => `last: ${moment}, ${age} ago`,
    first: (moment) => `first: ${moment}`,
    statement: "See Statement",
    refusals: {
      invalidSignature: {
        title: "wrong signature",
        sentence:
          "Signed with another key than ours, or not at all. Where CamPay’s own are among them, the webhook key in its " +
          "dashboard is not ours (a new one, or the demo’s). A stranger can send such too.",
      },
      expiredSignature: {
        title: "too old",
        sentence: "CamPay’s signature, more than an hour old: held up on the way, sent again, or a clock is wrong.",
      },
      malformed: {
        title: "not readable",
        sentence: "No webhook as CamPay documents it. CamPay has changed something, or it is a stranger.",
      },
      unknownPayment: {
        title: "not a payment of ours",
        sentence:
          "Signed by CamPay, and names no payment of ours: it is of another system with the same CamPay application, or a " +
          "charge that we do not know. The comparison with CamPay’s statement tells.",
      },
      providerUnavailable: {
        title: "CamPay did not answer",
        sentence: "Each webhook is checked with CamPay before it counts. Our checks ask again.",
      },
      providerBusy: {
        title: "asked to wait",
        sentence:
          "CamPay asks for a pause, or too many webhooks named references that are not the payment’s. Our checks ask again.",
      },
      ledgerUnavailable: {
        title: "our ledger did not answer",
        sentence: "It is us. Our checks ask again. Tell the developers if it goes on.",
      },
      internalError: { title: "our error", sentence: "It is us. Tell the developers: the log has the trace." },
    },
    nothing: (since) => `Nothing has arrived at our address since ${since}: no webhook, accepted or refused.`,
    nothingMeans:
      "If payments have ended since, it is not our check of signatures: in CamPay’s dashboard look at the webhook’s " +
      "address and method, or ask CamPay. Only what a firewall before our address turned away is not counted.",
    unknown:
      "Whether webhooks arrive at our address is not known right now: Redis does not answer, or no payment has changed " +
      "yet today.",
  },
  fr: {
    told: (moment, age) => `Dernière nouvelle par webhook\u00a0: ${moment}, il y a ${age}.`,
    missing: (last, since) =>
      `${since ? `Depuis ${since}, des` : "Des"} résultats sont arrivés sans le webhook de CamPay, le dernier à ${last}. ` +
      "Nos propres vérifications les ont trouvés\u00a0; les clients et la boutique sont prévenus quand même.",
    missingToday: (count, written) =>
      count === 1 ? "1 paiement d’aujourd’hui." : `${written} paiements d’aujourd’hui.`,
    list: "Les voir",
    arrived: (since) => `Webhooks à notre adresse depuis ${since}`,
    accepted: (count, written) => (count === 1 ? "1 accepté" : `${written} acceptés`),
    unchanged: (count, written) =>
      count === 1 ? "1 disait ce que nous savions déjà." : `${written} disaient ce que nous savions déjà.`,
    refused: (count, written, why) => (count === 1 ? `1 refusé\u00a0: ${why}` : `${written} refusés\u00a0: ${why}`),
    last: (moment, age) => `dernier\u00a0: ${moment}, il y a ${age}`,
    first: (moment) => `premier\u00a0: ${moment}`,
    statement: "Voir le relevé",
    refusals: {
      invalidSignature: {
        title: "mauvaise signature",
        sentence:
          "Signé avec une autre clé que la nôtre, ou pas du tout. Si ceux de CamPay en font partie, la clé de webhook de " +
          "son tableau de bord n’est pas la nôtre (une nouvelle, ou celle de la démo). Un inconnu peut aussi en envoyer.",
      },
      expiredSignature: {
        title: "trop ancien",
        sentence:
          "La signature de CamPay a plus d’une heure\u00a0: retardée en route, renvoyée, ou une horloge est fausse.",
      },
      malformed: {
        title: "illisible",
        sentence: "Pas un webhook tel que CamPay le documente. CamPay a changé quelque chose, ou c’est un inconnu.",
      },
      unknownPayment: {
        title: "pas un paiement à nous",
        sentence:
          "Signé par CamPay, sans nommer un paiement à nous\u00a0: il vient d’un autre système avec la même application " +
          "CamPay, ou c’est un débit que nous ne connaissons pas. La comparaison avec le relevé de CamPay le dit.",
      },
      providerUnavailable: {
        title: "CamPay n’a pas répondu",
        sentence: "Chaque webhook est vérifié chez CamPay avant de compter. Nos vérifications redemandent.",
      },
      providerBusy: {
        title: "prié d’attendre",
        sentence:
          "CamPay demande une pause, ou trop de webhooks nommaient des références qui ne sont pas celles du paiement. Nos " +
          "vérifications redemandent.",
      },
      ledgerUnavailable: {
        title: "notre registre n’a pas répondu",
        sentence: "C’est nous. Nos vérifications redemandent. Prévenez les développeurs si cela continue.",
      },
      internalError: {
        title: "erreur de notre côté",
        sentence: "C’est nous. Prévenez les développeurs\u00a0: la trace est dans le journal.",
      },
    },
    nothing: (since) => `Rien n’est arrivé à notre adresse depuis ${since}\u00a0: aucun webhook, ni accepté ni refusé.`,
    nothingMeans:
      "Si des paiements se sont terminés depuis, ce n’est pas notre contrôle des signatures\u00a0: dans le tableau de bord " +
      "de CamPay, regardez l’adresse et la méthode du webhook, ou demandez à CamPay. Seul ce qu’un pare-feu devant notre " +
      "adresse a écarté n’est pas compté.",
    unknown:
      "On ne sait pas en ce moment si des webhooks arrivent à notre adresse\u00a0: Redis ne répond pas, ou aucun paiement " +
      "n’a changé aujourd’hui.",
  },
};
