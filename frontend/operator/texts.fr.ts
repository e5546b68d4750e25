/** The page's texts in French. */

import type { Texts } from "./texts";

export const fr: Texts = {
  title: "Paiements",
  notLoaded:
    "Une partie de la page n’est pas arrivée. Vérifiez votre connexion et rechargez\u00a0; si rien n’y fait, prévenez " +
    "l’équipe technique.",
  reload: "Recharger",
  skip: "Aller au contenu",
  times: "Toutes les heures sont celles de Douala.",
  navigation: {
    home: "Recherche",
    today: "Aujourd’hui",
    payments: "Paiements",
    attention: "À traiter",
    money: "Encaissements",
    analytics: "Chiffres",
    statement: "Relevé",
    connections: "Connexions",
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
    endsSoon: (time) => `Votre session se termine à ${time}. Ce que vous avez saisi restera.`,
    renew: "Se reconnecter maintenant",
  },
  problems: {
    forbidden: "Votre clé permet de consulter, pas d’agir. Rien n’a été fait.",
    not_found: "Ce paiement n’existe pas.",
    payment_changed: "Le paiement a changé entre-temps. Rien n’a été fait\u00a0: voici son nouvel état.",
    not_allowed: "L’état du paiement ne le permet plus\u00a0: quelqu’un a peut-être déjà décidé. Rien n’a été fait.",
    invalid_request: "Certaines indications sont incorrectes. Rien n’a été fait.",
    refunds_off:
      "Les remboursements sont désactivés. Rien n’a été fait\u00a0: passez par le tableau de bord de CamPay.",
    refund_too_high: "Il reste moins à rembourser. Rien n’a été fait.",
    refund_not_covered: "Votre solde CamPay chez cet opérateur ne suffit pas. Rien n’a été fait.",
    provider_unavailable: "CamPay ne répond pas. Rien n’a changé\u00a0; réessayez dans un instant.",
    provider_busy: "CamPay demande une pause. Rien n’a changé\u00a0; réessayez dans une minute.",
    ledger_unavailable: "Le registre des paiements ne répond pas. Rien n’est perdu\u00a0; réessayez dans un instant.",
    differences_changed: "Les écarts ont changé entre-temps\u00a0: revoyez-les. Rien n’a été signé.",
    internal_error: "Une erreur est survenue chez nous. Rechargez avant de recommencer.",
    address_limit: "Trop d’essais depuis cette adresse. Attendez un instant.",
  },
  noAnswer: "Pas de réponse du service. Vérifiez votre connexion, puis réessayez.",
  noAnswerToAct:
    "La réponse s’est perdue\u00a0: nous ne savons pas si cela a été fait. Relisez l’historique avant de recommencer.",
  tryAgain: "Réessayer",
  loading: "Un instant…",
  unknownView: { title: "Cette page n’existe pas", sentence: "L’adresse ne mène à aucune vue." },
  brokenView: {
    title: "Cette vue ne peut pas s’afficher",
    sentence:
      "Rien n’a été fait et rien n’est perdu. Rechargez la page\u00a0; si rien n’y fait, prévenez l’équipe technique.",
  },
  states: {
    INITIATING: "Envoi en cours",
    PENDING: "Attend le client",
    EXPIRED: "Sans confirmation",
    FAILED: "Non payé",
    CONFLICTED: "À décider",
    SUCCESSFUL: "Payé",
  },
  givenUp: "Arrêté par le client",
  failures: {
    not_enough_funds: "Solde insuffisant ou limite",
    wrong_pin: "Code incorrect",
    declined: "Refusé par le client ou l’opérateur",
    not_registered: "Pas de compte sur le numéro",
    limit_reached: "Limite atteinte",
    no_answer: "Pas de réponse",
    operator_down: "Opérateur en panne",
    number_not_supported: "Numéro non pris en charge",
    refused: "Demande refusée",
  },
  late: "en retard",
  twice: "en trop",
  toGiveBack: "à rendre",
  paidBack: (isWhole) => (isWhole ? "remboursé" : "remboursé en partie"),
  search: {
    label: "Que vous a donné le client\u00a0?",
    hint: "Le SMS entier, un numéro de téléphone, une commande ou une référence\u00a0: collez-le tel quel.",
    submit: "Chercher",
    busy: "Recherche…",
    found: (count) => (count === 1 ? "1 paiement trouvé" : `${count} paiements trouvés`),
    more: "D’autres, plus anciens, correspondent aussi.",
    doubts: {
      amount:
        "Attention\u00a0: ce paiement n’a aucun des montants du texte. Comparez avant de répondre\u00a0; un texte peut être " +
        "inventé.",
      day: "Attention\u00a0: ce paiement n’est pas de la date du texte. Comparez avant de répondre\u00a0; un texte peut être inventé.",
    },
    nothing: "Rien trouvé",
    nothingHelp:
      "L’opérateur peut avoir encaissé un paiement que nous ne connaissons pas\u00a0: comparez l’heure et le montant du SMS " +
      "avec la liste, ou cherchez la commande.",
    fields: {
      orderId: "la commande",
      reference: "notre référence",
      short: "le début de notre référence",
      providerReference: "la référence CamPay",
      operatorReference: "l’identifiant du SMS",
      phoneNumber: "le numéro de téléphone",
    },
    shortHelp:
      "Le début d’une référence n’est cherché que parmi les paiements les plus récents, de trois jours au plus. Demandez la " +
      "commande, le SMS de l’opérateur ou le numéro\u00a0: ceux-là se trouvent quel que soit leur âge.",
    lookedFor: (fields) => `Cherché comme\u00a0: ${fields}.`,
    matched: (field, value) => `Trouvé d’après ${field}\u00a0: ${value}.`,
    agrees: {
      amount: "Le montant concorde.",
      day: "La date concorde.",
      both: "Le montant et la date concordent.",
    },
    sender: (digits) =>
      `L’expéditeur n’est pas comparé\u00a0: vérifiez que le client écrit du numéro qui finit par ${digits}.`,
    unreadable:
      "Aucun identifiant reconnu dans ce texte. Collez le SMS entier, ou seulement la référence, la commande ou le numéro.",
    latest: "Derniers paiements",
    all: "Tous les paiements",
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
    webhook: "Webhook",
    webhookMissing: "Sans webhook",
    all: "Tous",
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
    count: (shown, hasMore) => (hasMore ? `${shown} affichés, il y en a d’autres` : `${shown} affichés, c’est tout`),
    phones: (count) => (count === 1 ? "1 téléphone" : `${count} téléphones`),
    csv: "Télécharger (CSV)",
    csvBusy: (rows) => `Téléchargement… ${rows} lignes`,
    csvDone: (rows) => `Fichier enregistré\u00a0: ${rows} lignes.`,
    refresh: "Actualiser",
    updated: (time) => `À jour à ${time}`,
  },
  attention: {
    title: "À traiter",
    nothing: "Rien à traiter\u00a0: personne n’attend de décision.",
    strip: (cases, count, age) =>
      count === 1 ? `1 cas à traiter, depuis ${age}` : `${cases} cas à traiter, le plus ancien depuis ${age}`,
    open: "Voir",
    kinds: {
      underReview: {
        title: "CamPay et la commande ne disent pas la même chose",
        sentence: "La commande reste bloquée. Ouvrez le paiement, comparez, demandez au client, puis décidez.",
      },
      duplicate: {
        title: "Payé deux fois",
        sentence:
          "Rendez le paiement en trop dans le tableau de bord de CamPay. Ouvrez ensuite le paiement et marquez-le comme traité.",
      },
      undecided: {
        title: "CamPay n’a jamais répondu",
        sentence:
          "Le délai est passé et nous ne savons pas si la demande est partie. Ouvrez le paiement, vérifiez chez CamPay, puis " +
          "cherchez dans son tableau de bord l’heure, le montant et notre référence.",
      },
      refundOpen: {
        title: "Nous ne savons pas si l’argent a été rendu",
        sentence:
          "Cherchez le remboursement dans le tableau de bord de CamPay. S’il y est terminé, vérifiez chez CamPay\u00a0; sinon, ouvrez le paiement et décidez.",
      },
      undelivered: {
        title: "Pas encore transmis",
        sentence:
          "La boutique ou un écran attend une nouvelle. Elle repart toute seule chaque minute\u00a0; si cela dure, prévenez " +
          "l’équipe technique.",
      },
      statementDifference: {
        title: "Le relevé de CamPay diffère",
        sentence: "Ouvrez le jour, suivez chaque écart jusqu’à son paiement, et signez ce qui s’explique.",
      },
      statementMissing: {
        title: "Pas comparé au relevé de CamPay",
        sentence:
          "La nuit n’est pas allée au bout du relevé de ce jour. Quatre nuits s’y essaient\u00a0; si le jour reste ici, prévenez " +
          "l’équipe technique\u00a0: il peut être comparé à la main.",
      },
    },
    payBackHere: "Ouvrez le paiement et remboursez-y la somme en trop.",
    differences: (count) => (count === 1 ? "1 écart" : `${count} écarts`),
    oldestOf: (shown, all) => `Les ${shown} plus anciens, sur ${all}.`,
  },
  failing: (operator) => `${operator}\u00a0: paiements en échec.`,
  today: {
    title: "Aujourd’hui",
    live: "En direct\u00a0: ce qui change s’affiche tout seul.",
    lost: (since, asOf) =>
      `Plus rien n’arrive tout seul depuis ${since}. Les chiffres sont ceux de ${asOf}\u00a0; ils sont relus toutes les 15\u00a0secondes.`,
    paid: "Payé",
    paidMeaning: "Chaque paiement une fois\u00a0; les seconds débits sont dans Encaissements.",
    payments: (count) => (count < 2 ? `${count} paiement` : `${count} paiements`),
    rate: "Taux de réussite",
    approve: "Délai de validation, médian",
    waiting: "En attente",
    oldest: (age) => `le plus ancien depuis ${age}`,
    changes: "Ce qui vient de changer",
    nothing: "Rien n’a encore changé.",
    period: "Période",
    days: (count) => `${count} jours`,
    day: "Jour",
    paidByDay: "Payé par jour",
    rateByDay: "Taux de réussite par jour",
    inFigures: "En chiffres",
  },
  payment: {
    name: "Paiement",
    title: (order) => (/^(order|commande)/i.test(order) ? order : `Commande ${order}`),
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
        sentence: "Ce paiement a été encaissé plusieurs fois.",
      },
      orderPaidTwice: {
        title: "Commande payée deux fois",
        sentence: "Un autre essai avait déjà payé cette commande.",
      },
      otherPaidToo: {
        title: "Commande payée deux fois",
        sentence:
          "Ce paiement a payé la commande. Un autre essai a été encaissé aussi\u00a0: ouvrez-le plus bas, il dit quoi faire.",
      },
      paidTwiceSettled: {
        title: "Payé deux fois, c’est réglé",
        sentence: "Une personne s’en est occupée\u00a0: son nom et son motif figurent dans l’historique.",
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
        sentence: "Le client a arrêté l’attente. S’il valide quand même, le paiement sera pris en compte.",
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
      giveBack: (amount) => `À rendre\u00a0: ${amount}, tout ce que le client a payé ainsi.`,
      giveBackRest: (amount) => `Reste à rendre\u00a0: ${amount}.`,
      giveBackOther: (amount) => `C’est l’autre essai qui est à rendre, pas celui-ci\u00a0: ${amount}.`,
      charge: (moment, id) =>
        id ? `Débité\u00a0: ${moment}\u00a0; identifiant du SMS du client\u00a0: ${id}.` : `Débité\u00a0: ${moment}.`,
      payout: "CamPay indique un versement au client, pas un encaissement.",
      other: "Le montant que CamPay indique n’est pas lisible.",
    },
    payBack: {
      byDashboard: "Remboursez la somme en trop depuis le tableau de bord de CamPay.",
      here: "«\u00a0Rembourser\u00a0» renvoie l’argent au client\u00a0; il faut le droit d’agir.",
      open: "Le remboursement est en cours\u00a0: ne remboursez pas une deuxième fois.",
      done: "La somme est remboursée\u00a0: marquez le cas comme traité.",
    },
    undelivered: (age) => `Les écrans ou la boutique attendent cette nouvelle depuis ${age}.`,
    facts: {
      reference: "Notre référence",
      provider: "Référence CamPay",
      operatorReference: "Identifiant du SMS",
      number: "Numéro",
      operator: "Opérateur",
      nextCheck: "CamPay sera réinterrogé",
      reason: "Motif",
    },
    noMoreChecks: "non\u00a0: tout est connu",
    checkOfFailed: (moment) => `${moment}, au cas où il reviendrait sur sa réponse`,
    unknownValue: "pas encore connu",
    story: "Ce qui s’est passé",
    causes: {
      initiated: "Le client a demandé à payer",
      prompted: "CamPay a accepté la demande",
      refused: "CamPay a refusé la demande",
      "never sent": "La demande n’est pas partie",
      webhook: "CamPay nous a prévenus",
      status: "CamPay n’avait rien dit\u00a0: interrogé, car une page attendait",
      check: "CamPay n’avait rien dit\u00a0: interrogé comme prévu",
      statement: "Trouvé dans le relevé de CamPay",
      "a further attempt": "Relu chez CamPay avant un nouvel essai",
      "waited long enough": "Le délai du client est passé",
      "given up": "Le client a arrêté l’attente",
      "order paid": "Un autre essai a payé la commande",
      "refund requested": "Une personne a demandé le remboursement",
      "refund answered": "CamPay a répondu à la demande de remboursement",
      operator: "Une personne a agi",
      recovered: "Refait d’après le journal, une fois le registre restauré",
    },
    byOperator: (name) => `par ${name}`,
    after: (duration) => `+ ${duration}`,
    campaySays: "CamPay répond",
    fee: (amount) => `frais ${amount}`,
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
      duplicate: "En trop",
      orderPaidBy: "Commande payée par",
      charges: "Débits",
      disputed: "Débits d’un autre montant",
      acknowledged: "Traité",
      amount: "Montant",
      refunds: "Remboursements",
    },
    nothingYet: "rien",
    shop: "Ce que la boutique a su",
    shopHint:
      "L’heure au début est celle du changement. «\u00a0Transmis\u00a0»\u00a0: EventBridge a pris l’événement à ce moment. Cela " +
      "ne prouve pas qu’une règle de la boutique l’a retenu, ni que son code a tourné. Dans le journal de la boutique, " +
      "cherchez le premier identifiant\u00a0: c’est le «\u00a0id\u00a0» de l’événement, le même à chaque envoi. Dans l’archive du " +
      "bus et dans CloudWatch, cherchez celui d’EventBridge.",
    shopEvents: {
      "payment.successful": "Payé",
      "payment.failed": "Non payé",
      "payment.expired": "Sans confirmation",
      "payment.conflicted": "À décider",
      "payment.duplicate": "Payé deux fois",
      "payment.refunded": "Remboursé",
    },
    told: (time) => (time ? `transmis à ${time}` : "transmis"),
    busId: (id) => `Identifiant d’EventBridge\u00a0: ${id}`,
    notTold: "pas encore transmis",
    shopTook: (time, answer) => `le serveur de la boutique l’a pris à ${time} (${answer})`,
    shopDidNotTake: (time, answer, count) => {
      const said = answer === null ? "n’a pas répondu" : `a répondu ${answer}`;
      return `le serveur de la boutique ${said} à ${time}, essai n°\u00a0${count}`;
    },
    nothingToTell: "Rien encore\u00a0: la boutique n’apprend que les résultats.",
    screens: (delivered, newest) =>
      delivered >= newest ? "Les écrans sont à jour." : `Les écrans en sont à la version ${delivered} sur ${newest}.`,
    attempts: (count) => (count === 1 ? "Un seul essai pour cette commande" : `${count} essais pour cette commande`),
    charges: (count, isFinal) => {
      if (count === 0) return isFinal ? "Aucun débit." : "Aucun débit connu à ce jour.";
      return count === 1 ? "Un débit." : `${count} débits\u00a0: un seul était dû.`;
    },
    disputed: (count) =>
      count === 1 ? "Une réponse de CamPay en désaccord." : `${count} réponses de CamPay en désaccord.`,
    thisOne: "celui-ci",
    paysOrder: "a payé la commande",
    active: "en cours",
    notAllListed: "Les plus anciens ne sont pas affichés.",
    acts: "Qui a agi",
    noActs: "Personne n’a encore agi sur ce paiement.",
  },
  refunds: {
    title: "Remboursements",
    states: {
      SENDING: "pas encore connu\u00a0: CamPay l’a-t-il pris\u00a0?",
      PENDING: "en cours",
      SUCCESSFUL: "le client l’a reçu",
      FAILED: "non remboursé",
    },
    of: (charge) => `du débit ${charge}`,
  },
  actions: {
    title: "Agir",
    names: {
      recheck: "Vérifier chez CamPay",
      redeliver: "Prévenir de nouveau la boutique",
      resolve: "Décider",
      acknowledge: "Marquer comme traité",
      refund: "Rembourser",
    },
    explained: {
      recheck: "CamPay est interrogé maintenant\u00a0; ce qu’il répond est appliqué.",
      redeliver: "Les écrans et la boutique reçoivent encore une fois la dernière nouvelle.",
      resolve: "Votre décision est définitive et porte votre nom.",
      acknowledge:
        "Si l’argent a été rendu\u00a0: le paiement quitte la liste des cas à traiter, avec votre nom et votre motif.",
    },
    decide: "Votre décision",
    outcomes: {
      SUCCESSFUL: {
        title: "Accepter\u00a0: la commande est payée",
        sentence: "La boutique livre la commande. C’est définitif.",
      },
      FAILED: {
        title: "Refuser\u00a0: la commande n’est pas payée",
        sentence:
          "Le client est prévenu que la boutique le contactera. Rendez-lui ce qui a été encaissé. C’est définitif.",
      },
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
  },
  customer: {
    title: "Message pour le client",
    hint: "À coller dans WhatsApp.",
    languages: { fr: "français", en: "anglais" },
    copy: (language) => `Copier en ${language}`,
    copied: "Copié",
    selected: "Sélectionné\u00a0: copiez avec votre appareil.",
  },
};
