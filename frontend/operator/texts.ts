/**
 * Defines the page's texts in French and English; a text that is missing in one of them is a type error. What the page
 * has to say to a customer stands at the end: it is copied in both languages, whichever the page speaks.
 */

import type { Locale } from "../src/locale";
import type { PaymentStatus } from "./apiTypes";
import type { Theme } from "./preferences";

/** What a customer's payment is, as far as a sentence about it goes. */
export type CustomerCase =
  | "checkPhone"
  | "unknown"
  | "approved"
  | "lateSuccess"
  | "duplicate"
  | "declined"
  | "notEnoughFunds"
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
  readonly ussdCode: string | null;
}

/** What an operator should know of a payment first. */
export type Verdict =
  | "paid"
  | "paidLate"
  | "paidTwice"
  | "orderPaidTwice"
  | "differs"
  | "reviewedPaid"
  | "reviewedUnpaid"
  | "waiting"
  | "unknownYet"
  | "expired"
  | "givenUp"
  | "failed"
  | "orderPaidElsewhere";

export interface TitleAndSentence {
  readonly title: string;
  readonly sentence: string;
}

export interface Texts {
  readonly title: string;
  readonly noAddresses: string;
  readonly skip: string;
  readonly times: string;
  readonly navigation: Readonly<Record<ViewName, string>>;
  readonly navigationLabel: string;
  readonly menu: {
    readonly language: string;
    readonly theme: string;
    readonly themes: Readonly<Record<Theme, string>>;
    readonly rights: Readonly<Record<"view" | "act", string>>;
    readonly signOut: string;
  };
  readonly signIn: {
    readonly title: string;
    readonly sentence: string;
    readonly ended: string;
    readonly key: string;
    readonly hint: string;
    readonly submit: string;
    readonly busy: string;
    readonly wrong: string;
  };
  readonly problems: Readonly<Record<string, string>>;
  readonly noAnswer: string;
  readonly noAnswerToAct: string;
  readonly tryAgain: string;
  readonly loading: string;
  readonly unknownView: TitleAndSentence;
  readonly states: Readonly<Record<PaymentStatus, string>>;
  readonly givenUp: string;
  readonly late: string;
  readonly twice: string;
  readonly search: {
    readonly label: string;
    readonly hint: string;
    readonly submit: string;
    readonly busy: string;
    readonly found: (count: number) => string;
    readonly more: string;
    readonly nothing: string;
    readonly nothingHelp: string;
    /** By what was looked for, such as "the id in the SMS". */
    readonly fields: Readonly<
      Record<"orderId" | "reference" | "providerReference" | "operatorReference" | "phoneNumber", string>
    >;
    readonly lookedFor: (fields: string) => string;
    readonly unreadable: string;
    readonly latest: string;
  };
  readonly list: {
    readonly title: string;
    readonly periods: Readonly<Record<"hour" | "today" | "yesterday" | "week" | "days", string>>;
    readonly period: string;
    readonly from: string;
    readonly to: string;
    readonly state: string;
    readonly operator: string;
    readonly minimum: string;
    readonly maximum: string;
    readonly all: string;
    readonly filters: string;
    readonly reset: string;
    readonly columns: Readonly<Record<"time" | "order" | "amount" | "operator" | "number" | "state" | "age", string>>;
    readonly noneAtAll: string;
    readonly more: string;
    readonly looking: (day: string) => string;
    readonly count: (shown: string, hasMore: boolean) => string;
    readonly csv: string;
    readonly csvBusy: (rows: string) => string;
    readonly csvDone: (rows: string) => string;
    readonly cancel: string;
    readonly refresh: string;
    readonly updated: (time: string) => string;
  };
  readonly payment: {
    readonly title: (order: string) => string;
    readonly since: (age: string) => string;
    readonly refresh: string;
    readonly customerSees: string;
    readonly verdicts: Readonly<Record<Verdict, TitleAndSentence>>;
    readonly difference: {
      readonly amount: (charged: string, asked: string) => string;
      readonly currency: (charged: string, asked: string) => string;
      readonly payout: string;
      readonly other: string;
    };
    readonly undelivered: (age: string) => string;
    readonly facts: Readonly<
      Record<"reference" | "provider" | "operatorReference" | "number" | "operator" | "nextCheck" | "reason", string>
    >;
    readonly noMoreChecks: string;
    readonly unknownValue: string;
    readonly copy: string;
    readonly copied: string;
    readonly story: string;
    readonly causes: Readonly<Record<string, string>>;
    readonly byOperator: (name: string) => string;
    readonly after: (duration: string) => string;
    readonly sinceClaim: (duration: string) => string;
    readonly campaySays: string;
    readonly recordStates: Readonly<Record<"PENDING" | "SUCCESSFUL" | "FAILED" | "UNKNOWN", string>>;
    readonly claimed: string;
    readonly changed: string;
    readonly fields: Readonly<Record<string, string>>;
    readonly nothingYet: string;
    readonly shop: string;
    readonly shopHint: string;
    readonly shopEvents: Readonly<Record<string, string>>;
    readonly told: string;
    readonly notTold: string;
    readonly nothingToTell: string;
    readonly screens: (delivered: number, newest: number) => string;
    readonly attempts: (count: number) => string;
    readonly charges: (count: number) => string;
    readonly disputed: (count: number) => string;
    readonly thisOne: string;
    readonly paysOrder: string;
    readonly active: string;
    readonly notAllListed: string;
    readonly acts: string;
    readonly noActs: string;
  };
  readonly actions: {
    readonly title: string;
    readonly names: Readonly<Record<string, string>>;
    readonly explained: Readonly<Record<string, string>>;
    readonly decide: string;
    readonly outcomes: Readonly<Record<"SUCCESSFUL" | "FAILED", string>>;
    readonly outcomesExplained: Readonly<Record<"SUCCESSFUL" | "FAILED", string>>;
    readonly reason: string;
    readonly reasonHint: (name: string) => string;
    readonly reasonMissing: string;
    readonly outcomeMissing: string;
    readonly confirm: string;
    readonly cancel: string;
    readonly busy: string;
    readonly done: Readonly<Record<string, string>>;
    readonly nothingNew: string;
  };
  readonly customer: {
    readonly title: string;
    readonly hint: string;
    readonly languages: Readonly<Record<Locale, string>>;
    readonly copy: (language: string) => string;
    readonly copied: string;
    readonly selected: string;
    /** In this language's own words; copied in both. */
    readonly sentences: Readonly<Record<CustomerCase, (facts: CustomerFacts) => string>>;
  };
}

/** The views that the navigation may lead to. */
export type ViewName = "home" | "today" | "payments" | "attention" | "statement";

const fr: Texts = {
  title: "Paiements",
  noAddresses:
    "La page ne sait pas où se trouve l’API\u00a0: le fichier addresses.json manque. Prévenez l’équipe technique.",
  skip: "Aller au contenu",
  times: "Toutes les heures sont celles de Douala.",
  navigation: {
    home: "Rechercher",
    today: "Aujourd’hui",
    payments: "Paiements",
    attention: "À traiter",
    statement: "Relevé",
  },
  navigationLabel: "Vues",
  menu: {
    language: "Langue",
    theme: "Apparence",
    themes: { system: "Auto", light: "Clair", dark: "Sombre" },
    rights: { view: "peut consulter", act: "peut consulter et agir" },
    signOut: "Se déconnecter",
  },
  signIn: {
    title: "Bienvenue",
    sentence:
      "Cette page montre les paiements de la boutique et permet d’agir. Elle s’ouvre avec votre clé personnelle.",
    ended:
      "Votre session est terminée. Reconnectez-vous\u00a0: vous retrouverez la page telle que vous l’avez laissée.",
    key: "Votre clé",
    hint: "Elle n’est gardée ni sur cette page ni dans ce navigateur. Votre nom figure dans l’historique de ce que vous faites.",
    submit: "Se connecter",
    busy: "Connexion…",
    wrong: "Cette clé n’est pas valable. Vérifiez qu’elle est entière, ou demandez-en une nouvelle.",
  },
  problems: {
    forbidden: "Votre clé permet de consulter, pas d’agir. Rien n’a été fait.",
    not_found: "Ce paiement n’existe pas.",
    not_allowed: "L’état du paiement ne le permet plus\u00a0: quelqu’un a peut-être déjà décidé. Rien n’a été fait.",
    invalid_request: "Certaines indications sont incorrectes. Rien n’a été fait.",
    provider_unavailable: "CamPay ne répond pas. Rien n’a changé\u00a0; réessayez dans un instant.",
    provider_busy: "CamPay demande une pause. Rien n’a changé\u00a0; réessayez dans une minute.",
    ledger_unavailable: "Le registre des paiements ne répond pas. Rien n’est perdu\u00a0; réessayez dans un instant.",
    internal_error: "Une erreur est survenue chez nous. Rechargez avant de recommencer.",
    address_limit: "Trop d’essais depuis cette adresse. Attendez un instant.",
  },
  noAnswer: "Pas de réponse du service. Vérifiez votre connexion, puis réessayez.",
  noAnswerToAct:
    "La réponse s’est perdue\u00a0: nous ne savons pas si cela a été fait. Relisez l’historique avant de recommencer.",
  tryAgain: "Réessayer",
  loading: "Un instant…",
  unknownView: { title: "Cette page n’existe pas", sentence: "L’adresse ne mène à aucune vue." },
  states: {
    INITIATING: "Envoi en cours",
    PENDING: "Attend le client",
    EXPIRED: "Sans confirmation",
    FAILED: "Non payé",
    CONFLICTED: "À décider",
    SUCCESSFUL: "Payé",
  },
  givenUp: "Arrêté par le client",
  late: "en retard",
  twice: "deux fois",
  search: {
    label: "Que vous a donné le client\u00a0?",
    hint: "Le SMS entier, un numéro de téléphone, une commande ou une référence\u00a0: collez-le tel quel.",
    submit: "Chercher",
    busy: "Recherche…",
    found: (count) => (count === 1 ? "1 paiement trouvé" : `${count} paiements trouvés`),
    more: "D’autres, plus anciens, correspondent aussi.",
    nothing: "Rien trouvé",
    nothingHelp:
      "L’opérateur peut avoir encaissé un paiement que nous ne connaissons pas\u00a0: comparez l’heure et le montant du SMS " +
      "avec la liste, ou cherchez la commande.",
    fields: {
      orderId: "la commande",
      reference: "notre référence",
      providerReference: "la référence CamPay",
      operatorReference: "l’identifiant du SMS",
      phoneNumber: "le numéro de téléphone",
    },
    lookedFor: (fields) => `Cherché comme\u00a0: ${fields}.`,
    unreadable:
      "Aucun identifiant reconnu dans ce texte. Collez le SMS entier, ou seulement la référence, la commande ou le numéro.",
    latest: "Derniers paiements",
  },
  list: {
    title: "Paiements",
    periods: {
      hour: "Dernière heure",
      today: "Aujourd’hui",
      yesterday: "Hier",
      week: "Cette semaine",
      days: "Autres jours",
    },
    period: "Période",
    from: "Du",
    to: "Au",
    state: "État",
    operator: "Opérateur",
    minimum: "Montant minimal",
    maximum: "Montant maximal",
    all: "Tous",
    filters: "Filtres",
    reset: "Effacer les filtres",
    columns: {
      time: "Heure",
      order: "Commande",
      amount: "Montant",
      operator: "Opérateur",
      number: "Numéro",
      state: "État",
      age: "Depuis",
    },
    noneAtAll: "Aucun paiement ne correspond.",
    more: "Afficher la suite",
    looking: (day) => `Recherche en cours, jusqu’au ${day}…`,
    count: (shown, hasMore) => (hasMore ? `${shown} affichés, il y en a d’autres` : `${shown} affichés, c’est tout`),
    csv: "Télécharger (CSV)",
    csvBusy: (rows) => `Téléchargement… ${rows} lignes`,
    csvDone: (rows) => `Fichier enregistré\u00a0: ${rows} lignes.`,
    cancel: "Annuler",
    refresh: "Actualiser",
    updated: (time) => `À jour à ${time}`,
  },
  payment: {
    title: (order) => `Commande ${order}`,
    since: (age) => `depuis ${age}`,
    refresh: "Actualiser",
    customerSees: "Ce que le client voit",
    verdicts: {
      paid: { title: "Payé", sentence: "L’argent est là, la commande est payée. Il n’y a rien à faire." },
      paidLate: {
        title: "Payé, en retard",
        sentence: "La validation est arrivée après la fin du délai. L’argent est là et la commande est payée.",
      },
      paidTwice: {
        title: "Payé deux fois",
        sentence: "Ce paiement a été encaissé plusieurs fois. Rendez le paiement en trop au client.",
      },
      orderPaidTwice: {
        title: "Commande payée deux fois",
        sentence: "Un autre essai avait déjà payé cette commande. Rendez ce paiement au client.",
      },
      differs: {
        title: "CamPay et la commande ne disent pas la même chose",
        sentence: "Personne d’autre ne tranchera\u00a0: comparez, demandez au client, puis décidez.",
      },
      reviewedPaid: {
        title: "Accepté par une décision",
        sentence: "Le paiement ne correspondait pas à la commande\u00a0; une personne l’a accepté.",
      },
      reviewedUnpaid: {
        title: "Refusé par une décision",
        sentence:
          "Le paiement ne correspondait pas à la commande\u00a0; une personne l’a refusé. De l’argent a pu être encaissé\u00a0: " +
          "voyez la réponse de CamPay.",
      },
      waiting: {
        title: "La demande attend sur le téléphone",
        sentence: "Le client n’a pas encore répondu. Le résultat arrive tout seul.",
      },
      unknownYet: {
        title: "Pas encore connu",
        sentence:
          "Nous ne savons pas encore si la demande est partie ou si l’argent a bougé. CamPay est interrogé régulièrement\u00a0; " +
          "le client ne doit pas payer une deuxième fois.",
      },
      expired: {
        title: "Sans confirmation",
        sentence:
          "Le délai est passé sans réponse. Ce n’est pas un échec\u00a0: une validation tardive comptera. Si le client a un " +
          "SMS de l’opérateur, vérifiez auprès de CamPay.",
      },
      givenUp: {
        title: "Arrêté par le client",
        sentence: "Le client a arrêté l’attente. S’il valide quand même, cela comptera.",
      },
      failed: { title: "Non payé", sentence: "C’est prouvé\u00a0: rien n’a été prélevé. Le client peut réessayer." },
      orderPaidElsewhere: {
        title: "Un autre essai a payé la commande",
        sentence: "Si une demande est encore sur le téléphone, le client doit la refuser.",
      },
    },
    difference: {
      amount: (charged, asked) => `CamPay indique ${charged}, la commande demande ${asked}.`,
      currency: (charged, asked) => `CamPay indique la devise ${charged}, la commande demande ${asked}.`,
      payout: "CamPay indique un versement au client, pas un encaissement.",
      other: "Le montant que CamPay indique n’est pas lisible.",
    },
    undelivered: (age) => `Les écrans ou la boutique attendent cette nouvelle depuis ${age}.`,
    facts: {
      reference: "Notre référence",
      provider: "Référence CamPay",
      operatorReference: "Identifiant du SMS",
      number: "Numéro",
      operator: "Opérateur",
      nextCheck: "Prochaine vérification",
      reason: "Motif",
    },
    noMoreChecks: "aucune\u00a0: tout est connu",
    unknownValue: "pas encore connu",
    copy: "Copier",
    copied: "Copié",
    story: "Ce qui s’est passé",
    causes: {
      initiated: "Le client a demandé à payer",
      prompted: "CamPay a accepté la demande",
      refused: "CamPay a refusé la demande",
      "never sent": "La demande n’est pas partie",
      webhook: "CamPay nous a prévenus",
      status: "Relu chez CamPay, parce que quelqu’un regardait",
      check: "Vérifié chez CamPay, comme prévu",
      statement: "Trouvé dans le relevé de CamPay",
      "a further attempt": "Relu chez CamPay avant un nouvel essai",
      "waited long enough": "Le délai du client est passé",
      "given up": "Le client a arrêté l’attente",
      "order paid": "Un autre essai a payé la commande",
      operator: "Une personne a agi",
    },
    byOperator: (name) => `par ${name}`,
    after: (duration) => `+ ${duration}`,
    sinceClaim: (duration) => `${duration} après le début`,
    campaySays: "CamPay répond",
    recordStates: { PENDING: "en attente", SUCCESSFUL: "payé", FAILED: "non payé", UNKNOWN: "un mot inconnu" },
    claimed: "demandé",
    changed: "Ce qui a changé",
    fields: {
      status: "État",
      providerReference: "Référence CamPay",
      operatorReference: "Identifiant du SMS",
      operator: "Opérateur",
      reason: "Motif",
      ussdCode: "Code à composer",
      late: "En retard",
      duplicate: "Deux fois",
      orderPaidBy: "Commande payée par",
      charges: "Encaissements",
      disputed: "En désaccord",
      amount: "Montant",
    },
    nothingYet: "rien",
    shop: "Ce que la boutique a su",
    shopHint: "La boutique reçoit chaque nouvelle au moins une fois, sous le même numéro.",
    shopEvents: {
      "payment.successful": "Payé",
      "payment.failed": "Non payé",
      "payment.expired": "Sans confirmation",
      "payment.conflicted": "À décider",
      "payment.duplicate": "Payé deux fois",
    },
    told: "transmis",
    notTold: "pas encore transmis",
    nothingToTell: "Rien encore\u00a0: la boutique n’apprend que les résultats.",
    screens: (delivered, newest) =>
      delivered >= newest ? "Les écrans sont à jour." : `Les écrans en sont à la version ${delivered} sur ${newest}.`,
    attempts: (count) => (count === 1 ? "Un seul essai pour cette commande" : `${count} essais pour cette commande`),
    charges: (count) =>
      count === 0
        ? "Aucun encaissement."
        : count === 1
          ? "Un encaissement."
          : `${count} encaissements\u00a0: un seul était dû.`,
    disputed: (count) =>
      count === 1 ? "Une réponse de CamPay en désaccord." : `${count} réponses de CamPay en désaccord.`,
    thisOne: "celui-ci",
    paysOrder: "a payé la commande",
    active: "en cours",
    notAllListed: "Les plus anciens ne sont pas affichés.",
    acts: "Qui a agi",
    noActs: "Personne n’a encore agi sur ce paiement.",
  },
  actions: {
    title: "Agir",
    names: {
      recheck: "Vérifier chez CamPay",
      redeliver: "Prévenir de nouveau",
      resolve: "Décider",
      acknowledge: "Marquer comme traité",
    },
    explained: {
      recheck: "CamPay est interrogé maintenant\u00a0; ce qu’il répond est appliqué.",
      redeliver: "Les écrans et la boutique reçoivent encore une fois la dernière nouvelle.",
      resolve: "Votre décision est définitive et porte votre nom.",
      acknowledge: "Le paiement quitte la liste des cas à traiter, avec votre nom et votre motif.",
    },
    decide: "Votre décision",
    outcomes: {
      SUCCESSFUL: "Accepter\u00a0: la commande est payée",
      FAILED: "Refuser\u00a0: la commande n’est pas payée",
    },
    outcomesExplained: {
      SUCCESSFUL: "La boutique livre la commande. C’est définitif.",
      FAILED: "Le client est prévenu que la boutique le contactera. Rendez-lui ce qui a été encaissé.",
    },
    reason: "Motif",
    reasonHint: (name) => `Il reste dans l’historique avec votre nom, ${name}. Sans numéro de téléphone.`,
    reasonMissing: "Indiquez le motif.",
    outcomeMissing: "Choisissez une décision.",
    confirm: "Confirmer",
    cancel: "Annuler",
    busy: "En cours…",
    done: {
      recheck: "CamPay a été interrogé.",
      redeliver: "La dernière nouvelle est repartie.",
      resolve: "C’est décidé.",
      acknowledge: "Marqué comme traité.",
    },
    nothingNew: "Rien n’a changé.",
  },
  customer: {
    title: "Message pour le client",
    hint: "À coller dans WhatsApp.",
    languages: { fr: "français", en: "anglais" },
    copy: (language) => `Copier en ${language}`,
    copied: "Copié",
    selected: "Sélectionné\u00a0: copiez avec votre appareil.",
    sentences: {
      checkPhone: ({ amount, order, short, ussdCode }) =>
        `Bonjour, la demande de ${amount} pour la commande ${order} est sur votre téléphone\u00a0: saisissez votre code pour payer.` +
        `${ussdCode ? ` Rien sur l’écran\u00a0? Composez ${ussdCode}.` : ""} Réf.\u00a0${short}`,
      unknown: ({ amount, order, short }) =>
        `Bonjour, nous vérifions encore votre paiement de ${amount} pour la commande ${order}. ` +
        `Ne payez pas une deuxième fois. Si une demande arrive sur votre téléphone, validez-la une seule fois. Réf.\u00a0${short}`,
      approved: ({ amount, order, short }) =>
        `Bonjour, nous avons bien reçu votre paiement de ${amount} pour la commande ${order}. Merci\u00a0! Réf.\u00a0${short}`,
      lateSuccess: ({ amount, order, short }) =>
        `Bonjour, votre paiement de ${amount} pour la commande ${order} est arrivé un peu tard, mais il compte\u00a0: ` +
        `la commande est payée. Merci\u00a0! Réf.\u00a0${short}`,
      duplicate: ({ order, short }) =>
        `Bonjour, la commande ${order} a été payée deux fois. Nous vous recontactons pour vous rendre le paiement en trop. ` +
        `Gardez cette référence\u00a0: ${short}`,
      declined: ({ amount, order, short }) =>
        `Bonjour, le paiement de ${amount} pour la commande ${order} n’a pas abouti et rien n’a été prélevé. ` +
        `Vous pouvez réessayer sur la page de la boutique. Réf.\u00a0${short}`,
      notEnoughFunds: ({ amount, order, short }) =>
        `Bonjour, le paiement de ${amount} pour la commande ${order} n’a pas abouti\u00a0: le solde était insuffisant, ou une ` +
        `limite a été atteinte. Rien n’a été prélevé, vous pouvez réessayer. Réf.\u00a0${short}`,
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
    },
  },
};

const en: Texts = {
  title: "Payments",
  noAddresses: "The page does not know where the API is: addresses.json is missing. Tell the developers.",
  skip: "Skip to the content",
  times: "All times are Douala’s.",
  navigation: {
    home: "Search",
    today: "Today",
    payments: "Payments",
    attention: "To handle",
    statement: "Statement",
  },
  navigationLabel: "Views",
  menu: {
    language: "Language",
    theme: "Appearance",
    themes: { system: "Auto", light: "Light", dark: "Dark" },
    rights: { view: "may look", act: "may look and act" },
    signOut: "Sign out",
  },
  signIn: {
    title: "Welcome",
    sentence: "This page shows the shop’s payments and lets you act. It opens with your personal key.",
    ended: "Your session has ended. Sign in again: you will find the page as you left it.",
    key: "Your key",
    hint: "It is kept neither on this page nor in this browser. Your name stands in the history of what you do.",
    submit: "Sign in",
    busy: "Signing in…",
    wrong: "This key is not valid. Check that it is complete, or ask for a new one.",
  },
  problems: {
    forbidden: "Your key lets you look, not act. Nothing was done.",
    not_found: "There is no such payment.",
    not_allowed: "The payment’s state does not allow it any more: somebody may have decided already. Nothing was done.",
    invalid_request: "Some of what you entered is not right. Nothing was done.",
    provider_unavailable: "CamPay does not answer. Nothing has changed; try again in a moment.",
    provider_busy: "CamPay asks for a pause. Nothing has changed; try again in a minute.",
    ledger_unavailable: "The ledger of payments does not answer. Nothing is lost; try again in a moment.",
    internal_error: "Something went wrong on our side. Reload before you try again.",
    address_limit: "Too many attempts from this address. Wait a moment.",
  },
  noAnswer: "The service does not answer. Check your connection and try again.",
  noAnswerToAct: "The answer was lost: we do not know whether it was done. Read the history before you try again.",
  tryAgain: "Try again",
  loading: "One moment…",
  unknownView: { title: "There is no such page", sentence: "The address leads to no view." },
  states: {
    INITIATING: "Being sent",
    PENDING: "Waits for the customer",
    EXPIRED: "No confirmation",
    FAILED: "Not paid",
    CONFLICTED: "To decide",
    SUCCESSFUL: "Paid",
  },
  givenUp: "Stopped by the customer",
  late: "late",
  twice: "twice",
  search: {
    label: "What has the customer given you?",
    hint: "The whole SMS, a phone number, an order or a reference: paste it as it is.",
    submit: "Search",
    busy: "Searching…",
    found: (count) => (count === 1 ? "1 payment found" : `${count} payments found`),
    more: "Older ones match too.",
    nothing: "Nothing found",
    nothingHelp:
      "The operator may have taken a payment that we do not know: compare the time and the amount in the SMS with the " +
      "list, or search for the order.",
    fields: {
      orderId: "the order",
      reference: "our reference",
      providerReference: "CamPay’s reference",
      operatorReference: "the id in the SMS",
      phoneNumber: "the phone number",
    },
    lookedFor: (fields) => `Looked for as: ${fields}.`,
    unreadable:
      "No id was recognised in this text. Paste the whole SMS, or only the reference, the order or the number.",
    latest: "Latest payments",
  },
  list: {
    title: "Payments",
    periods: {
      hour: "Last hour",
      today: "Today",
      yesterday: "Yesterday",
      week: "This week",
      days: "Other days",
    },
    period: "Period",
    from: "From",
    to: "To",
    state: "State",
    operator: "Operator",
    minimum: "Least amount",
    maximum: "Largest amount",
    all: "All",
    filters: "Filters",
    reset: "Clear the filters",
    columns: {
      time: "Time",
      order: "Order",
      amount: "Amount",
      operator: "Operator",
      number: "Number",
      state: "State",
      age: "Since",
    },
    noneAtAll: "No payment matches.",
    more: "Show more",
    looking: (day) => `Looking, as far back as ${day}…`,
    count: (shown, hasMore) => (hasMore ? `${shown} shown, there are more` : `${shown} shown, that is all`),
    csv: "Download (CSV)",
    csvBusy: (rows) => `Downloading… ${rows} rows`,
    csvDone: (rows) => `File saved: ${rows} rows.`,
    cancel: "Cancel",
    refresh: "Refresh",
    updated: (time) => `As of ${time}`,
  },
  payment: {
    title: (order) => `Order ${order}`,
    since: (age) => `for ${age}`,
    refresh: "Refresh",
    customerSees: "What the customer sees",
    verdicts: {
      paid: { title: "Paid", sentence: "The money is there, the order is paid. There is nothing to do." },
      paidLate: {
        title: "Paid, late",
        sentence: "The approval came after the wait had ended. The money is there and the order is paid.",
      },
      paidTwice: {
        title: "Paid twice",
        sentence: "This payment was charged more than once. Give the extra payment back to the customer.",
      },
      orderPaidTwice: {
        title: "Order paid twice",
        sentence: "Another attempt had paid this order already. Give this payment back to the customer.",
      },
      differs: {
        title: "CamPay and the order do not say the same",
        sentence: "Nobody else will decide: compare, ask the customer, then decide.",
      },
      reviewedPaid: {
        title: "Accepted by a decision",
        sentence: "The payment did not match the order; a person has accepted it.",
      },
      reviewedUnpaid: {
        title: "Refused by a decision",
        sentence:
          "The payment did not match the order; a person has refused it. Money may have been taken: see CamPay’s answer.",
      },
      waiting: {
        title: "The prompt is on the phone",
        sentence: "The customer has not answered yet. The outcome comes by itself.",
      },
      unknownYet: {
        title: "Not known yet",
        sentence:
          "We do not know yet whether the prompt went out or money moved. CamPay is asked regularly; the customer must not " +
          "pay again.",
      },
      expired: {
        title: "No confirmation",
        sentence:
          "The wait ended without an answer. That is no failure: a late approval counts. If the customer has an SMS of the " +
          "operator, check with CamPay.",
      },
      givenUp: {
        title: "Stopped by the customer",
        sentence: "The customer ended the wait. An approval that comes all the same still counts.",
      },
      failed: { title: "Not paid", sentence: "It is proven: nothing was charged. The customer may try again." },
      orderPaidElsewhere: {
        title: "Another attempt has paid the order",
        sentence: "If a prompt is still on the phone, the customer should decline it.",
      },
    },
    difference: {
      amount: (charged, asked) => `CamPay says ${charged}, the order asks for ${asked}.`,
      currency: (charged, asked) => `CamPay says the currency ${charged}, the order asks for ${asked}.`,
      payout: "CamPay says that money went to the customer, not that it came.",
      other: "The amount that CamPay says cannot be read.",
    },
    undelivered: (age) => `Screens or the shop have been waiting for this for ${age}.`,
    facts: {
      reference: "Our reference",
      provider: "CamPay’s reference",
      operatorReference: "Id in the SMS",
      number: "Number",
      operator: "Operator",
      nextCheck: "Next check",
      reason: "Reason",
    },
    noMoreChecks: "none: all is known",
    unknownValue: "not known yet",
    copy: "Copy",
    copied: "Copied",
    story: "What happened",
    causes: {
      initiated: "The customer asked to pay",
      prompted: "CamPay accepted the request",
      refused: "CamPay refused the request",
      "never sent": "The request did not go out",
      webhook: "CamPay told us",
      status: "Read at CamPay, because somebody looked",
      check: "Checked with CamPay, as planned",
      statement: "Found in CamPay’s statement",
      "a further attempt": "Read at CamPay before a further attempt",
      "waited long enough": "The customer’s time was over",
      "given up": "The customer ended the wait",
      "order paid": "Another attempt paid the order",
      operator: "A person acted",
    },
    byOperator: (name) => `by ${name}`,
    after: (duration) => `+ ${duration}`,
    sinceClaim: (duration) => `${duration} after the start`,
    campaySays: "CamPay answers",
    recordStates: { PENDING: "pending", SUCCESSFUL: "paid", FAILED: "not paid", UNKNOWN: "an unknown word" },
    claimed: "asked for",
    changed: "What changed",
    fields: {
      status: "State",
      providerReference: "CamPay’s reference",
      operatorReference: "Id in the SMS",
      operator: "Operator",
      reason: "Reason",
      ussdCode: "Code to dial",
      late: "Late",
      duplicate: "Twice",
      orderPaidBy: "Order paid by",
      charges: "Charges",
      disputed: "Disagreeing",
      amount: "Amount",
    },
    nothingYet: "nothing",
    shop: "What the shop was told",
    shopHint: "The shop gets each piece of news at least once, under the same number.",
    shopEvents: {
      "payment.successful": "Paid",
      "payment.failed": "Not paid",
      "payment.expired": "No confirmation",
      "payment.conflicted": "To decide",
      "payment.duplicate": "Paid twice",
    },
    told: "told",
    notTold: "not told yet",
    nothingToTell: "Nothing yet: the shop is told outcomes only.",
    screens: (delivered, newest) =>
      delivered >= newest ? "The screens are up to date." : `The screens have version ${delivered} of ${newest}.`,
    attempts: (count) => (count === 1 ? "One attempt for this order" : `${count} attempts for this order`),
    charges: (count) =>
      count === 0 ? "No charge." : count === 1 ? "One charge." : `${count} charges: only one was due.`,
    disputed: (count) => (count === 1 ? "One answer of CamPay disagrees." : `${count} answers of CamPay disagree.`),
    thisOne: "this one",
    paysOrder: "paid the order",
    active: "under way",
    notAllListed: "The oldest ones are not shown.",
    acts: "Who acted",
    noActs: "Nobody has acted on this payment yet.",
  },
  actions: {
    title: "Act",
    names: {
      recheck: "Check with CamPay",
      redeliver: "Tell again",
      resolve: "Decide",
      acknowledge: "Mark as handled",
    },
    explained: {
      recheck: "CamPay is asked now, and what it answers is applied.",
      redeliver: "The screens and the shop get the latest news once more.",
      resolve: "Your decision is final and has your name.",
      acknowledge: "The payment leaves the list of cases to handle, with your name and your reason.",
    },
    decide: "Your decision",
    outcomes: { SUCCESSFUL: "Accept: the order is paid", FAILED: "Refuse: the order is not paid" },
    outcomesExplained: {
      SUCCESSFUL: "The shop delivers the order. This is final.",
      FAILED: "The customer reads that the shop will be in touch. Give back what was charged.",
    },
    reason: "Reason",
    reasonHint: (name) => `It stays in the history with your name, ${name}. No phone number, please.`,
    reasonMissing: "Give the reason.",
    outcomeMissing: "Choose a decision.",
    confirm: "Confirm",
    cancel: "Cancel",
    busy: "Under way…",
    done: {
      recheck: "CamPay has been asked.",
      redeliver: "The latest news has gone out again.",
      resolve: "It is decided.",
      acknowledge: "Marked as handled.",
    },
    nothingNew: "Nothing has changed.",
  },
  customer: {
    title: "Message for the customer",
    hint: "To paste into WhatsApp.",
    languages: { fr: "French", en: "English" },
    copy: (language) => `Copy in ${language}`,
    copied: "Copied",
    selected: "Selected: copy it with your device.",
    sentences: {
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
      duplicate: ({ order, short }) =>
        `Hello, order ${order} was paid twice. We will be in touch to give you the extra payment back. ` +
        `Please keep this reference: ${short}`,
      declined: ({ amount, order, short }) =>
        `Hello, the payment of ${amount} for order ${order} did not go through and nothing was charged. ` +
        `You may try again on the shop’s page. Ref. ${short}`,
      notEnoughFunds: ({ amount, order, short }) =>
        `Hello, the payment of ${amount} for order ${order} did not go through: there was not enough money, or a limit was ` +
        `reached. Nothing was charged, you may try again. Ref. ${short}`,
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
    },
  },
};

export const TEXTS: Readonly<Record<Locale, Texts>> = { fr, en };
