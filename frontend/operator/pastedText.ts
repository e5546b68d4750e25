/** Reads what a person pastes into the search box: a bare id, a link, or a whole SMS with an id somewhere in it. */

import { parsePhoneNumber } from "../src/phoneNumber";
import type { SearchField } from "./apiTypes";

export interface Guess {
  readonly field: SearchField;
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
const MOST_GUESSES = 8;

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
    ...(ids.length === 0 && !phoneNumber && FOREIGN_REFERENCE.test(word)
      ? [...as("operatorReference", [word]), ...as("providerReference", [word])]
      : []),
  ];
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
    ...as("phoneNumber", phones),
  ];
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
const as = (field: SearchField, values: readonly string[]): Guess[] => values.map((value) => ({ field, value }));
