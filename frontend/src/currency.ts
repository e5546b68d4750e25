import type { Locale } from "./locale";

const DIGITS: Readonly<Record<number, string>> = {
  0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
  3: "BHD IQD JOD KWD LYD OMR TND",
};
const EXPONENT_OF: Readonly<Record<string, number>> = Object.fromEntries(
  Object.entries(DIGITS).flatMap(([digits, codes]) => codes.split(" ").map((code) => [code, Number(digits)])),
);

/**
 * Returns how many digits a currency has after its decimal point, by ISO 4217: two, but for these. A browser's own
 * table has how people write amounts: none for the Iraqi dinar, whose minor unit is a thousandth.
 */
export const exponentOf = (currency: string): number => EXPONENT_OF[currency] ?? 2;

/** Formats an amount in minor units: 5000 is 5,000 XAF, or 50.00 EUR. */
export function formatAmount(amount: number, currency: string, locale: Locale): string {
  const digits = exponentOf(currency);
  const format = new Intl.NumberFormat(locale, {
    style: "currency",
    currency,
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return format.format(amount / 10 ** digits);
}
