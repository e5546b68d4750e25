import { describe, expect, test } from "vitest";

import golden from "../../tests/contract/currencies.json";
import { exponentOf, formatAmount } from "./currency";

const readable = (text: string) => text.replace(/\s/g, " ");

describe("amounts", () => {
  test.each(Object.entries(golden.exponents))("%s has %i digits after its point", (currency, digits) => {
    expect(exponentOf(currency)).toBe(digits);
  });

  test.each(golden.amounts)("$amount minor units of $currency are $decimal", ({ amount, currency, fr, en }) => {
    expect(readable(formatAmount(amount, currency, "fr"))).toBe(fr);
    expect(readable(formatAmount(amount, currency, "en"))).toBe(en);
  });
});
