import { expect, test } from "vitest";

import { browserLocale } from "./locale";
import { hasMask, operatorHint, parsePhoneNumber, spokenNumber } from "./phoneNumber";

test.each([
  "677777777",
  "6 77 77 77 77",
  "+237 677 77 77 77",
  "237677777777",
  "00237 677-777-777",
  "(237) 677.777.777",
])("%s is 237677777777", (text) => {
  expect(parsePhoneNumber(text)).toBe("237677777777");
});

test.each(["", "77777777", "6777777777", "577777777", "+33612345678", "٦٧٧٧٧٧٧٧٧", "67777777a"])(
  "%s is no number",
  (text) => {
    expect(parsePhoneNumber(text)).toBeNull();
  },
);

test.each([
  ["237677777777", "MTN"],
  ["237650000000", "MTN"],
  ["237655000000", "Orange"],
  ["237699999999", "Orange"],
  ["237620000000", null],
])("%s hints at %s", (phoneNumber, operator) => {
  expect(operatorHint(phoneNumber)).toBe(operator);
});

test.each([
  [["fr-FR"], "fr"],
  [["en-GB", "fr"], "en"],
  [["de-DE", "en"], "en"],
  [["de-DE"], "fr"],
  [[], "fr"],
])("%j speaks %s", (languages, locale) => {
  expect(browserLocale(languages)).toBe(locale);
});

test("a number is written as it is read out", () => {
  expect(spokenNumber("237677123456")).toBe("6\u00a077\u00a012\u00a034\u00a056");
  expect(spokenNumber("")).toBe("");
});

test.each([
  ["237677777777", true],
  ["237677777778", false],
  ["23767777777", false],
  ["", false],
])("%s may be 2376******77: %s", (phoneNumber, may) => {
  expect(hasMask(phoneNumber, "2376******77")).toBe(may);
});
