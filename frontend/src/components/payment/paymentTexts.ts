/** Defines the tracker's texts in French and English. A text that is missing in one of them is a type error. */

import { formatAmount } from "../../currency";
import type { Locale } from "../../locale";
import { type FailureCode, failureOf, type PaymentEvent, type Problem } from "../../paymentContract";
import { isSettled } from "../../paymentWatch";
import { hasMask, spokenNumber } from "../../phoneNumber";
import type { Picture, PictureName } from "./paymentPicture";

export interface PictureText {
  readonly title: string;
  readonly sentence: string;
}

export interface OperatorWords {
  /** The operator's service, as customers know it. */
  readonly name: string;
  /** The PIN, as the operator's prompt calls it. */
  readonly pin: string;
}

/** What a picture's words may name. A text without it must do where a value is empty. */
export interface Told extends OperatorWords {
  /** The shop. */
  readonly shop: string;
  /** Who asks, as the operator's prompt shows it. */
  readonly promptName: string;
  /** The number that the customer has typed in this tab, as it is read out. */
  readonly number: string;
}

type Say = (told: Told) => PictureText;

export interface TrackerTexts {
  readonly pictures: Readonly<Record<Exclude<PictureName, "failed">, Say>>;
  readonly failures: Readonly<Record<FailureCode, (operator: OperatorWords) => PictureText>>;
  /** The title of a payment that the shop has looked into and not accepted. */
  readonly reviewed: string;
  readonly operators: Readonly<Record<"MTN" | "ORANGE" | "other", OperatorWords>>;
  readonly steps: readonly [sent: string, approved: string, paid: string];
  readonly stepStates: Readonly<Record<"done" | "current" | "stopped" | "overdue" | "toCome", string>>;
  readonly stepsLabel: string;
  /** What to do on the phone. */
  readonly toDo: {
    readonly label: string;
    readonly wait: (operator: OperatorWords) => string;
    readonly noPrompt: string;
    readonly check: (amount: string) => string;
    readonly approve: (operator: OperatorWords) => string;
  };
  readonly dial: (code: string) => string;
  readonly notAnswered: {
    readonly question: string;
    /** The text with a code to dial, and the one without. */
    readonly dialCode: string;
    readonly noCode: string;
    readonly otherwise: string;
    readonly refusedIt: string;
    readonly asking: (operator: OperatorWords) => string;
    readonly unanswered: string;
  };
  readonly timeLeft: string;
  /** What stands between a label and its value in a message. */
  readonly colon: string;
  readonly shop: string;
  readonly order: string;
  readonly number: string;
  readonly operator: string;
  readonly paidAt: string;
  /** Of an amount that the customer has back, and of one that is on its way. */
  readonly refunds: readonly [done: string, open: string];
  readonly operatorReference: string;
  readonly reference: string;
  readonly copy: string;
  readonly copied: string;
  readonly cancel: string;
  readonly retry: string;
  readonly retryIn: (time: string) => string;
  readonly retryNow: string;
  readonly changeNumber: string;
  readonly continue: string;
  readonly receipt: {
    readonly title: string;
    readonly share: string;
    readonly copy: string;
    readonly print: string;
  };
  readonly support: {
    readonly onWhatsApp: string;
    readonly elsewhere: string;
    /** The message that the customer sends. */
    readonly hello: (subject: string) => string;
    readonly myOrder: (order: string) => string;
    readonly myPayment: string;
  };
  readonly notices: Readonly<Record<"reconnecting" | "offline" | "refused", string>>;
}

const fr: TrackerTexts = {
  pictures: {
    loading: () => ({ title: "Un instant…", sentence: "Nous vérifions où en est votre paiement." }),
    sending: ({ number }) => ({
      title: "Nous envoyons la demande",
      sentence: number
        ? `Gardez à portée de main le téléphone du ${number}.`
        : "Gardez votre téléphone à portée de main.",
    }),
    unsent: () => ({
      title: "Pas de connexion",
      sentence: "Rien n’a encore été envoyé. Votre demande partira toute seule dès que la connexion reviendra.",
    }),
    unknown: () => ({
      title: "Nous vérifions encore",
      sentence:
        "Vous ne paierez pas deux fois. Si une demande arrive sur votre téléphone, validez\u2011la une seule fois. " +
        "Vous pouvez quitter cette page et revenir.",
    }),
    checkPhone: ({ name, shop, promptName, number }) => ({
      title: "Validez sur votre téléphone",
      sentence:
        `Une demande ${name}${shop && ` pour ${shop}`} arrive sur ${number ? `le ${number}` : "votre téléphone"}.` +
        (promptName && ` Elle s’affiche au nom de ${promptName}.`),
    }),
    orderPaidElsewhere: () => ({
      title: "Refusez la demande sur votre téléphone",
      sentence: "Cette commande a déjà été payée lors d’une tentative précédente.",
    }),
    approved: ({ shop }) => ({
      title: "Paiement reçu, merci\u00a0!",
      sentence: `Votre commande${shop && ` chez ${shop}`} est payée.`,
    }),
    lateSuccess: () => ({
      title: "Paiement reçu, merci\u00a0!",
      sentence: "Il est arrivé un peu tard, mais il a bien été pris en compte\u00a0: votre commande est payée.",
    }),
    duplicate: () => ({
      title: "Cette commande a été payée deux fois",
      sentence:
        "La boutique est prévenue. Elle vous contactera pour vous rembourser le second paiement. " +
        "Gardez bien la référence.",
    }),
    expired: () => ({
      title: "Confirmation non reçue à temps",
      sentence:
        "Si vous validez plus tard, votre paiement sera pris en compte. Si vous n’avez rien validé, vous pouvez réessayer.",
    }),
    givenUp: () => ({
      title: "Vous avez arrêté ce paiement",
      sentence:
        "Si sa demande est encore sur votre téléphone, ou si elle arrive plus tard, refusez\u2011la\u00a0: " +
        "si vous la validez, votre compte sera débité.",
    }),
    underReview: () => ({
      title: "La boutique vérifie ce paiement",
      sentence: "Ne payez pas une deuxième fois. Vous pouvez quitter cette page et revenir.",
    }),
    orderAlreadyPaid: () => ({
      title: "Cette commande est déjà payée",
      sentence: "Vous n’avez plus rien à payer. Si une demande arrive encore sur votre téléphone, refusez\u2011la.",
    }),
    inProgressElsewhere: () => ({
      title: "Un paiement est déjà en cours",
      sentence:
        "Il a peut-être commencé dans un autre onglet ou sur un autre téléphone. Terminez\u2011le là où il a " +
        "commencé, sans payer une deuxième fois.",
    }),
    refused: () => ({
      title: "Impossible de continuer ici",
      sentence: "Cette page n’est plus valable. Revenez à la boutique pour retrouver votre commande.",
    }),
  },
  failures: {
    not_enough_funds: ({ name }) => ({
      title: "Solde insuffisant ou limite atteinte",
      sentence:
        `Le compte ${name} n’a pas assez d’argent, ou une limite est atteinte. Votre compte n’a pas été débité\u00a0: ` +
        "vous pouvez le recharger, ou payer avec un autre numéro.",
    }),
    wrong_pin: ({ pin }) => ({
      title: "Code incorrect",
      sentence: `Le ${pin} saisi n’est pas le bon. Votre compte n’a pas été débité\u00a0: vous pouvez réessayer.`,
    }),
    declined: () => ({
      title: "Demande refusée sur le téléphone",
      sentence: "Votre compte n’a pas été débité. Si ce n’était pas voulu, vous pouvez réessayer.",
    }),
    not_registered: ({ name }) => ({
      title: "Pas de compte sur ce numéro",
      sentence: `Ce numéro n’a pas de compte ${name}. Rien n’a été débité\u00a0: vérifiez\u2011le, ou prenez-en un autre.`,
    }),
    limit_reached: ({ name }) => ({
      title: "Limite du compte atteinte",
      sentence:
        `Une limite du compte ${name} est atteinte. Votre compte n’a pas été débité\u00a0: payez avec un autre numéro, ` +
        "ou revenez demain.",
    }),
    no_answer: ({ pin }) => ({
      title: "Code non saisi à temps",
      sentence: `Le ${pin} n’a pas été saisi à temps. Votre compte n’a pas été débité\u00a0: vous pouvez réessayer.`,
    }),
    operator_down: ({ name }) => ({
      title: "Service momentanément indisponible",
      sentence: `${name} ne répond pas. Votre compte n’a pas été débité\u00a0: réessayez dans quelques minutes.`,
    }),
    number_not_supported: () => ({
      title: "Ce numéro ne convient pas",
      sentence: "Il faut un numéro MTN ou Orange du Cameroun. Rien n’a été débité\u00a0: changez de numéro.",
    }),
    refused: () => ({
      title: "Le paiement n’a pas été accepté",
      sentence: "Votre compte n’a pas été débité. Si cela se répète, contactez la boutique.",
    }),
    unknown: () => ({
      title: "Le paiement n’a pas abouti",
      sentence: "Votre compte n’a pas été débité. Vous pouvez réessayer.",
    }),
  },
  reviewed: "La boutique n’a pas accepté ce paiement",
  operators: {
    MTN: { name: "MTN MoMo", pin: "code PIN" },
    ORANGE: { name: "Orange Money", pin: "code secret" },
    other: { name: "Mobile Money", pin: "code secret" },
  },
  steps: ["Demande envoyée", "Validation sur le téléphone", "Payé"],
  stepStates: {
    done: "fait",
    current: "en cours",
    stopped: "arrêté ici",
    overdue: "sans réponse",
    toCome: "à venir",
  },
  stepsLabel: "Étapes du paiement",
  toDo: {
    label: "Sur votre téléphone",
    wait: ({ name }) => `Attendez la demande ${name}.`,
    noPrompt: "Rien n’apparaît\u00a0? Composez\u00a0:",
    check: (amount) => `Vérifiez le montant\u00a0: ${amount}.`,
    approve: ({ pin }) => `Saisissez votre ${pin} pour valider.`,
  },
  dial: (code) => `Composer ${code}`,
  notAnswered: {
    question: "Rien n’apparaît sur votre téléphone, ou vous avez refusé\u00a0?",
    dialCode: "Composez ce code et validez le paiement qui vous y attend.",
    noCode: "Vérifiez que votre téléphone est allumé et qu’il a du réseau\u00a0: la demande peut encore arriver.",
    otherwise: "Si vous avez refusé, ou si le numéro n’est pas le bon\u00a0:",
    refusedIt: "J’ai refusé",
    asking: ({ name }) => `Un instant, nous vérifions auprès de ${name}…`,
    unanswered: "Nous n’avons pas pu vérifier. Réessayez.",
  },
  timeLeft: "Temps restant",
  colon: "\u00a0: ",
  shop: "Boutique",
  order: "Commande",
  number: "Numéro",
  operator: "Opérateur",
  paidAt: "Payé le",
  refunds: ["Remboursé", "Remboursement en cours"],
  operatorReference: "N°\u00a0de transaction",
  reference: "Référence",
  copy: "Copier",
  copied: "Copié",
  cancel: "Annuler",
  retry: "Réessayer",
  retryIn: (time) => `Réessayez dans ${time}.`,
  retryNow: "Vous pouvez réessayer maintenant.",
  changeNumber: "Changer de numéro",
  continue: "Continuer",
  receipt: {
    title: "Reçu de paiement",
    share: "Partager le reçu",
    copy: "Copier le reçu",
    print: "Imprimer",
  },
  support: {
    onWhatsApp: "Écrire à la boutique sur WhatsApp",
    elsewhere: "Contacter la boutique",
    hello: (subject) => `Bonjour, je vous écris au sujet de ${subject}.\n`,
    myOrder: (order) => `ma commande ${order}`,
    myPayment: "mon paiement",
  },
  notices: {
    reconnecting: "Connexion interrompue. Cet écran se mettra à jour tout seul.",
    offline: "Pas de connexion Internet. Cet écran se mettra à jour dès qu’elle reviendra.",
    refused: "Cette page n’est plus à jour. Revenez à la boutique pour suivre votre paiement.",
  },
};

const en: TrackerTexts = {
  pictures: {
    loading: () => ({ title: "One moment…", sentence: "We are looking up your payment." }),
    sending: ({ number }) => ({
      title: "Sending the request",
      sentence: `Keep ${number ? `the phone of ${number}` : "your phone"} close to you.`,
    }),
    unsent: () => ({
      title: "No connection",
      sentence: "Nothing has been sent yet. Your request will go by itself as soon as the connection is back.",
    }),
    unknown: () => ({
      title: "Still checking",
      sentence:
        "You will not be charged twice. If a prompt comes to your phone, approve it once. " +
        "You can leave this page and come back.",
    }),
    checkPhone: ({ name, shop, promptName, number }) => ({
      title: "Approve on your phone",
      sentence:
        `The ${name} prompt${shop && ` for ${shop}`} is coming to ${number || "your phone"}.` +
        (promptName && ` It shows the name ${promptName}.`),
    }),
    orderPaidElsewhere: () => ({
      title: "Decline the prompt on your phone",
      sentence: "This order is already paid, by an earlier attempt.",
    }),
    approved: ({ shop }) => ({
      title: "Payment received, thank you!",
      sentence: `Your order${shop && ` at ${shop}`} is paid.`,
    }),
    lateSuccess: () => ({
      title: "Payment received, thank you!",
      sentence: "It came a little late, but it counts: your order is paid.",
    }),
    duplicate: () => ({
      title: "This order was paid twice",
      sentence:
        "The shop has been told. It will contact you to give the extra payment back. Please keep the reference.",
    }),
    expired: () => ({
      title: "No confirmation in time",
      sentence: "If you approve later, it still counts. If you have approved nothing, you may try again.",
    }),
    givenUp: () => ({
      title: "You stopped this payment",
      sentence: "If its prompt is still on your phone, or comes later, decline it: an approval would still be charged.",
    }),
    underReview: () => ({
      title: "The shop is checking this payment",
      sentence: "Please do not pay again. You can leave this page and come back.",
    }),
    orderAlreadyPaid: () => ({
      title: "This order is already paid",
      sentence: "There is nothing more to pay. If a prompt still comes to your phone, decline it.",
    }),
    inProgressElsewhere: () => ({
      title: "A payment is already under way",
      sentence:
        "It may have been started in another tab or on another phone. Finish it there, and please do not pay twice.",
    }),
    refused: () => ({
      title: "We cannot go on from here",
      sentence: "This page is no longer valid. Go back to the shop to find your order.",
    }),
  },
  failures: {
    not_enough_funds: ({ name }) => ({
      title: "Not enough money, or a limit was reached",
      sentence:
        `The ${name} account has too little money, or a limit was reached. You have not been charged: ` +
        "top it up, or pay with another number.",
    }),
    wrong_pin: ({ pin }) => ({
      title: "Wrong code",
      sentence: `The ${pin} was not the right one. You have not been charged: you can try again.`,
    }),
    declined: () => ({
      title: "Declined on the phone",
      sentence: "You have not been charged. If you did not mean to, you can try again.",
    }),
    not_registered: ({ name }) => ({
      title: "No account on this number",
      sentence: `This number has no ${name} account. You have not been charged: check it, or take another one.`,
    }),
    limit_reached: ({ name }) => ({
      title: "A limit of the account was reached",
      sentence: `The ${name} account has reached a limit. You have not been charged: pay with another number, or tomorrow.`,
    }),
    no_answer: ({ pin }) => ({
      title: "Code not entered in time",
      sentence: `The ${pin} was not entered in time. You have not been charged: you can try again.`,
    }),
    operator_down: ({ name }) => ({
      title: "Unavailable for a moment",
      sentence: `The ${name} service does not answer. You have not been charged: try again in a few minutes.`,
    }),
    number_not_supported: () => ({
      title: "This number does not work here",
      sentence: "It takes an MTN or Orange number of Cameroon. You have not been charged: change the number.",
    }),
    refused: () => ({
      title: "The payment was not accepted",
      sentence: "You have not been charged. If it happens again, contact the shop.",
    }),
    unknown: () => ({
      title: "The payment did not go through",
      sentence: "You have not been charged. You can try again.",
    }),
  },
  reviewed: "The shop did not accept this payment",
  operators: {
    MTN: { name: "MTN MoMo", pin: "PIN" },
    ORANGE: { name: "Orange Money", pin: "secret code" },
    other: { name: "mobile money", pin: "PIN" },
  },
  steps: ["Request sent", "Approve on your phone", "Paid"],
  stepStates: {
    done: "done",
    current: "under way",
    stopped: "stopped here",
    overdue: "no answer yet",
    toCome: "to come",
  },
  stepsLabel: "Steps of the payment",
  toDo: {
    label: "On your phone",
    wait: ({ name }) => `Wait for the ${name} prompt.`,
    noPrompt: "Nothing on the screen? Dial:",
    check: (amount) => `Check the amount: ${amount}.`,
    approve: ({ pin }) => `Enter your ${pin} to approve.`,
  },
  dial: (code) => `Dial ${code}`,
  notAnswered: {
    question: "Nothing on your phone, or you refused?",
    dialCode: "Dial this code and approve the payment that waits there.",
    noCode: "Check that your phone is switched on and has network: the prompt may still come.",
    otherwise: "If you refused it, or the number is not the right one:",
    refusedIt: "I refused it",
    asking: ({ name }) => `One moment, we are checking with ${name}…`,
    unanswered: "We could not check. Please try again.",
  },
  timeLeft: "Time left",
  colon: ": ",
  shop: "Shop",
  order: "Order",
  number: "Number",
  operator: "Operator",
  paidAt: "Paid on",
  refunds: ["Paid back to you", "On its way back to you"],
  operatorReference: "Transaction number",
  reference: "Reference",
  copy: "Copy",
  copied: "Copied",
  cancel: "Cancel",
  retry: "Try again",
  retryIn: (time) => `Try again in ${time}.`,
  retryNow: "You can try again now.",
  changeNumber: "Change the number",
  continue: "Continue",
  receipt: {
    title: "Receipt",
    share: "Share the receipt",
    copy: "Copy the receipt",
    print: "Print",
  },
  support: {
    onWhatsApp: "Message the shop on WhatsApp",
    elsewhere: "Contact the shop",
    hello: (subject) => `Hello, I am writing about ${subject}.\n`,
    myOrder: (order) => `my order ${order}`,
    myPayment: "my payment",
  },
  notices: {
    reconnecting: "Slow connection. This screen will update by itself.",
    offline: "No internet connection. This screen will update as soon as it is back.",
    refused: "This page is out of date. Go back to the shop to follow your payment.",
  },
};

export const TRACKER_TEXTS: Readonly<Record<Locale, TrackerTexts>> = { fr, en };

/** The contract's sentences for FAILED that rule a charge out; the sentence for a reviewed payment does not. */
const NOT_CHARGED = /not been charged|pas été débité/;

export function textOf(picture: Picture, texts: TrackerTexts, problem: Problem | null, told: Told): PictureText {
  const { name, payment } = picture;
  const isReviewed = name === "failed" && !NOT_CHARGED.test(payment.message);
  if (isReviewed) return { title: texts.reviewed, sentence: payment.message };
  const say = name === "failed" ? texts.failures[failureOf(payment)] : texts.pictures[name];
  const text = say(told);
  const isUnforeseen = name === "refused" && problem !== null && problem.code !== "invalid_token";
  return isUnforeseen ? { ...text, sentence: problem.detail } : text;
}

/** What to do when the prompt is not answered. */
export function questionOf({ ussdCode }: PaymentEvent, { notAnswered }: TrackerTexts): PictureText {
  return { title: notAnswered.question, sentence: ussdCode ? notAnswered.dialCode : notAnswered.noCode };
}

/** What the shop's page knows beside the payment. */
export interface Named {
  readonly merchantName?: string | undefined;
  readonly promptName?: string | undefined;
  readonly phoneNumber?: string | undefined;
}

export function toldOf(named: Named, payment: PaymentEvent | null, texts: TrackerTexts): Told {
  const { merchantName = "", promptName = "", phoneNumber = "" } = named;
  const isAsked = payment === null || hasMask(phoneNumber, payment.phoneNumber);
  return {
    ...operatorWords(payment, texts),
    shop: merchantName,
    promptName: promptName === merchantName ? "" : promptName,
    number: isAsked ? spokenNumber(phoneNumber) : "",
  };
}

/** What the customer has back, and what is on its way, each with its label; nothing of a refund that has failed. */
export function refundsOf(payment: PaymentEvent, locale: Locale, { refunds, colon }: TrackerTexts): string[] {
  const open = payment.refunds.reduce((sum, refund) => sum + (isSettled(refund) ? 0 : refund.amount), 0);
  return [payment.refundedAmount, open].flatMap((amount, index) =>
    amount > 0 ? [`${refunds[index]}${colon}${formatAmount(amount, payment.currency, locale)}`] : [],
  );
}

/** The moment of the payment, by Cameroon's clock, as in the operator's own message. */
export function paidAtOf({ duplicate, refunds, updatedAt }: PaymentEvent, locale: Locale): string | null {
  if (duplicate || refunds.length > 0) return null; // its last change was another one
  return new Date(updatedAt).toLocaleString(locale === "en" ? "en-GB" : locale, {
    timeZone: "Africa/Douala",
    day: "numeric",
    month: "long",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
  });
}

/** The receipt as a message. It has no phone number: it is shown to others. */
export function receiptOf(payment: PaymentEvent, told: Told, locale: Locale, texts: TrackerTexts): string {
  const facts = {
    order: payment.orderId,
    paidAt: paidAtOf(payment, locale),
    operator: told.name,
    operatorReference: payment.operatorReference,
    reference: payment.reference,
  };
  const names = Object.keys(facts) as (keyof typeof facts)[];
  const labelled = names.map((name) => facts[name] && texts[name] + texts.colon + facts[name]);
  const amount = formatAmount(payment.amount, payment.currency, locale);
  return [texts.receipt.title, told.shop, amount, ...refundsOf(payment, locale, texts), ...labelled]
    .filter(Boolean)
    .join("\n");
}

export function operatorWords(payment: PaymentEvent | null, texts: TrackerTexts): OperatorWords {
  const operator = payment?.operator?.toUpperCase();
  if (operator === "MTN" || operator === "ORANGE") return texts.operators[operator];
  return payment?.operator ? { ...texts.operators.other, name: payment.operator } : texts.operators.other;
}
