/** Reads what a person pastes into the search box: a bare id, a link, or a whole SMS with an id somewhere in it. */

import { exponentOf } from "../src/currency";
import { parsePhoneNumber } from "../src/phoneNumber";
import type { PaymentEvent, SearchField } from "./apiTypes";
import { dayOf } from "./format";

export interface Guess {
  /** `short`: the first digits of our reference, which no index has. */
  readonly field: SearchField | "short";
  readonly value: string;
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi;
/** Orange's transaction ids, such as MP260115.1000.A12345. */
const ORANGE_ID = /\b[A-Z]{2}[0-9]{6}\.[0-9]{4}\.[A-Z]?[0-9]{3,}\b/gi;
/** MTN's transaction ids have ten or more digits. An account's or a phone's number may have too, and is tried last. */
const LONG_NUMBER = /(?<![\d.,+])[0-9]{10,15}(?![\d,]|\.\d)/g;
const NAMED_ID =
  /\b(?:transaction|txn|trans|financial|reference|réf(?:érence)?|ref|id)\b[^\d\n]{0,24}?([0-9]{8,15})\b/giu;
const PHONE = /(?<!\d)(?:\+|00)?(?:237[\s.-]?)?6(?:[\s.-]?[0-9]){8}(?!\d)/g;
/** How messages of ours name the order. */
const NAMED_ORDER = /\b(?:commande|order)\s*[:#n°]*\s*([A-Za-z0-9][A-Za-z0-9._:-]{0,63})/giu;
const ORDER = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/;
const FOREIGN_REFERENCE = /^[\x21-\x7e]{1,128}$/;
/** The beginning of our reference, as a customer reads it out: `0B8F-6C1E`. */
const SHORT = /(?<![\w-])([0-9a-f]{4})-?([0-9a-f]{4})(?![\w-])/gi;
const WRITTEN_SHORT = /(?<![\w-])[0-9a-f]{4}-[0-9a-f]{4}(?![\w-])/gi;
/** An order as people write it who have not the exact one before them: `braid 3500`. */
const SPOKEN_ORDER = /^([A-Za-z]{2,20}) ?[-:#]? ?([0-9]{1,12})$/;
/** An order in a sentence, which only its hyphen tells from a word and a number: `twice braid-3500 5000`. */
const HYPHENED_ORDER = /(?<![\w.:/@-])[A-Za-z]{2,20}-[0-9]{1,12}(?![\w-]|[.:/@]\w)/g;
const MOST_GUESSES = 8;
/** Amounts as an SMS writes them: `15000 FCFA`, `15 000 F`, `XAF 15,000.00`. */
const AMOUNT = /(?:\b(?:FCFA|XAF)\s?(\d[\d\s.,]*))|(\d[\d\s.,]*)\s?(?:F\s?CFA|XAF|F)\b/gi;
/** What stands before an amount that is the account's balance or a fee. */
const NOT_PAID = /\b(?:solde|balance|frais|fees?)\b[^\d]{0,12}$/i;
const DATE = /\b(?:(\d{4})-(\d{2})-(\d{2})|(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}))\b/g;

/** What in a pasted text is not a payment's. */
export type Doubt = "amount" | "day";

/** Returns whether what the text says agrees with a payment that was found by it; null where it does not say it. */
export function agreementOf(text: string, payment: PaymentEvent): Readonly<Record<Doubt, boolean | null>> {
  const said = text.replace(UUID, " ").replace(WRITTEN_SHORT, " "); // 13516b8f- is not eight francs
  const amounts = [...said.matchAll(AMOUNT)]
    .filter(({ index }) => !NOT_PAID.test(said.slice(0, index)))
    .map(([, after, before]) => wholeUnits(after ?? before ?? ""));
  const days = [...said.matchAll(DATE)].map(([, year, month, day, d = "", m = "", y]) =>
    y ? `${y}-${m.padStart(2, "0")}-${d.padStart(2, "0")}` : `${year}-${month}-${day}`,
  );
  const own = [payment.createdAt, payment.updatedAt].map((iso) => dayOf(Date.parse(iso)));
  return {
    amount: amounts.length > 0 ? amounts.includes(payment.amount / 10 ** exponentOf(payment.currency)) : null,
    day: days.length > 0 ? days.some((day) => own.includes(day)) : null,
  };
}

/** Returns what in the text speaks against a payment that was found by it; a text can be made up, or be of another one. */
export function doubtIn(text: string, payment: PaymentEvent): Doubt | null {
  const { amount, day } = agreementOf(text, payment);
  if (amount === false) return "amount";
  return day === false ? "day" : null;
}

/** Reads `15.000` and `15,000.00` as fifteen thousand: two digits after a mark are a fraction, three are thousands. */
function wholeUnits(written: string): number {
  return Number(written.replace(/[.,]\d{1,2}\s*$/, "").replace(/\D/g, ""));
}

/** Returns what may be meant, the likeliest first; nothing where the text holds no id. */
export function guessesIn(text: string): readonly Guess[] {
  const trimmed = text.trim();
  if (trimmed === "") return [];
  const guesses = /^\S+$/.test(trimmed) || parsePhoneNumber(trimmed) ? guessesOfWord(trimmed) : guessesInText(trimmed);
  const seen = new Set<string>();
  return guesses
    .filter(({ field, value }) => {
      const key = `${field} ${value}`;
      return !seen.has(key) && seen.add(key);
    })
    .slice(0, MOST_GUESSES);
}

function guessesOfWord(word: string): Guess[] {
  const phoneNumber = parsePhoneNumber(word);
  const ids = guessesOfIds(word);
  const digits = /^[0-9]{10,15}$/.test(word);
  return [
    ...as("phoneNumber", phoneNumber ? [phoneNumber] : []),
    ...ids,
    ...(digits && !phoneNumber ? as("operatorReference", [word]) : []),
    ...as("orderId", ORDER.test(word) ? [word] : []),
    ...shortReferences(word, (whole) => whole === word),
    ...(phoneNumber ? [] : spokenOrder(word)),
    ...(ids.length === 0 && !phoneNumber && FOREIGN_REFERENCE.test(word)
      ? [...as("operatorReference", [word]), ...as("providerReference", [word])]
      : []),
  ];
}

/** An order in capitals and with its hyphen, as most shops number theirs. */
function spokenOrder(text: string): Guess[] {
  const [, letters = "", digits = ""] = SPOKEN_ORDER.exec(text) ?? [];
  return as("orderId", letters ? [`${letters.toUpperCase()}-${digits}`] : []);
}

/** In a text, an order is only what is called one, and a phone number may be the shop's: it comes last. */
function guessesInText(text: string): Guess[] {
  const named = [...text.matchAll(NAMED_ID)].map(([, id = ""]) => id);
  const long = matches(text, LONG_NUMBER).filter((number) => !parsePhoneNumber(number));
  const phones = matches(text, PHONE)
    .map(parsePhoneNumber)
    .filter((number) => number !== null);
  const orders = [...text.matchAll(NAMED_ORDER)].map(([, order = ""]) => order.replace(/[.:]+$/, ""));
  return [
    ...guessesOfIds(text),
    ...as(
      "operatorReference",
      named.filter((number) => !parsePhoneNumber(number)),
    ),
    ...as("operatorReference", long),
    ...as(
      "orderId",
      orders.filter((order) => /\d/.test(order)),
    ),
    ...spokenOrder(text),
    ...shortReferences(text, (whole) => whole[4] === "-" && /\d/.test(whole)),
    ...matches(text, HYPHENED_ORDER).flatMap((order) => [...as("orderId", [order]), ...spokenOrder(order)]),
    ...as("phoneNumber", phones),
  ];
}

function shortReferences(text: string, isOne: (whole: string) => boolean): Guess[] {
  const found = [...text.matchAll(SHORT)].filter(([whole]) => isOne(whole));
  return as(
    "short",
    found.map(([, begin = "", end = ""]) => (begin + end).toLowerCase()),
  );
}

/** A UUID may be our reference or CamPay's. */
function guessesOfIds(text: string): Guess[] {
  const uuids = matches(text, UUID).map((uuid) => uuid.toLowerCase());
  return [
    ...as(
      "reference",
      uuids.filter((uuid) => uuid[14] === "4" && "89ab".includes(uuid[19] ?? "")),
    ),
    ...as("providerReference", uuids),
    ...as(
      "operatorReference",
      matches(text, ORANGE_ID).map((id) => id.toUpperCase()),
    ),
  ];
}

const matches = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([whole]) => whole);
const as = (field: Guess["field"], values: readonly string[]): Guess[] => values.map((value) => ({ field, value }));
