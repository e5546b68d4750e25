/** Writes amounts, times and durations as the page shows them. */

import { exponentOf, formatAmount } from "../src/currency";
import type { Locale } from "../src/locale";

/** Where the shop, its customers and its people are. Every time on the page is of this zone. */
export const ZONE = "Africa/Douala";

export interface Format {
  /** An amount in minor units, by the currency's ISO 4217 exponent. */
  readonly amount: (minorUnits: number, currency: string) => string;
  /** The same as a plain number, as a spreadsheet reads it: `5000`, `19.99`; with a comma in French. */
  readonly decimal: (minorUnits: number, currency: string) => string;
  readonly number: (value: number) => string;
  /** An amount as short as an axis needs it: `1.2M`. */
  readonly short: (minorUnits: number, currency: string) => string;
  /** The share of a whole, from 0 to 1. */
  readonly percent: (share: number) => string;
  /** `14:03`. */
  readonly time: (iso: string) => string;
  /** `14:03:07`. */
  readonly seconds: (iso: string) => string;
  /** `31 janv.`, with the year where it is not this one. */
  readonly day: (iso: string) => string;
  /** The day where it is not today, and the time. */
  readonly moment: (iso: string, now?: number) => string;
  /** The same to the second. */
  readonly exactMoment: (iso: string, now?: number) => string;
  /** How long something took or lasts: `340 ms`, `2.4 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
  readonly duration: (milliseconds: number) => string;
  /** How old something is, in seconds at the finest. */
  readonly age: (milliseconds: number) => string;
}

/** Returns the day that a moment is in, as the API names days: `2026-01-31`. */
export function dayOf(moment: number): string {
  return new Intl.DateTimeFormat("en-CA", { timeZone: ZONE, dateStyle: "short" }).format(moment);
}

/** Reads an amount as a person types it, into minor units; null for anything else. */
export function parseAmount(text: string, currency: string): number | null {
  const digits = exponentOf(currency);
  const [, whole, , part = ""] = /^(\d{1,12})([.,](\d+))?$/.exec(text.replace(/\s/g, "")) ?? [];
  return whole && part.length <= digits ? Number(whole + part.padEnd(digits, "0")) : null;
}

export function formatIn(locale: Locale): Format {
  const language = locale === "fr" ? "fr-FR" : "en-GB";
  const dated = (options: Intl.DateTimeFormatOptions) => {
    const format = new Intl.DateTimeFormat(language, { timeZone: ZONE, ...options });
    return (iso: string) => format.format(Date.parse(iso));
  };
  const numbers = new Intl.NumberFormat(language);
  const tenths = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
  const compact = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 });
  const percents = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });
  const time = dated({ hour: "2-digit", minute: "2-digit" });
  const seconds = dated({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const day = dated({ day: "numeric", month: "short" });
  const dayOfYear = dated({ day: "numeric", month: "short", year: "numeric" });
  const dayFor = (iso: string, now: number) =>
    (dayOf(now).slice(0, 4) === dayOf(Date.parse(iso)).slice(0, 4) ? day : dayOfYear)(iso);
  const momentBy =
    (clock: (iso: string) => string) =>
    (iso: string, now = Date.now()) =>
      dayOf(Date.parse(iso)) === dayOf(now) ? clock(iso) : `${dayFor(iso, now)}, ${clock(iso)}`;
  return {
    amount: (minorUnits, currency) => formatAmount(minorUnits, currency, locale),
    decimal: (minorUnits, currency) => decimalOf(minorUnits, exponentOf(currency), locale === "fr" ? "," : "."),
    number: (value) => numbers.format(value),
    short: (minorUnits, currency) => compact.format(minorUnits / 10 ** exponentOf(currency)),
    percent: (share) => percents.format(share),
    time,
    seconds,
    day: (iso) => dayFor(iso, Date.now()),
    moment: momentBy(time),
    exactMoment: momentBy(seconds),
    duration: (milliseconds) => durationOf(milliseconds, locale, tenths),
    age: (milliseconds) => durationOf(Math.max(10_000, Math.floor(milliseconds / 10_000) * 10_000), locale, tenths),
  };
}

function decimalOf(minorUnits: number, digits: number, point: string): string {
  if (digits === 0) return String(minorUnits);
  const text = String(minorUnits).padStart(digits + 1, "0");
  return `${text.slice(0, -digits)}${point}${text.slice(-digits)}`;
}

const DAY = { fr: "j", en: "d" } as const;

function durationOf(milliseconds: number, locale: Locale, tenths: Intl.NumberFormat): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)}\u00a0ms`;
  if (milliseconds < 10_000) return `${tenths.format(milliseconds / 1000)}\u00a0s`;
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 60) return `${seconds}\u00a0s`;
  const [days, hours] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24];
  const minutes = Math.floor(seconds / 60) % 60;
  if (days > 0) return both(days, DAY[locale], hours, "h");
  return hours > 0 ? both(hours, "h", minutes, "min") : both(minutes, "min", seconds % 60, "s");
}

function both(large: number, unit: string, small: number, smallUnit: string): string {
  return `${large}\u00a0${unit}${small > 0 ? `\u00a0${small}\u00a0${smallUnit}` : ""}`;
}
