import { afterEach, describe, expect, test } from "vitest";

import { dayOf, formatIn, parseAmount } from "./format";

const zone = process.env["TZ"];
afterEach(() => {
  process.env["TZ"] = zone;
});

describe.each(["America/Los_Angeles", "Asia/Tokyo", "Africa/Douala"])("on a device in %s", (of) => {
  test("every time and day is Douala's, an hour before UTC", () => {
    process.env["TZ"] = of;
    const { time, seconds, moment, exactMoment, day } = formatIn("en");
    const late = "2026-01-31T23:30:07.000Z";
    expect(dayOf(Date.parse(late))).toBe("2026-02-01");
    expect(dayOf(Date.parse("2026-01-31T22:59:59.999Z"))).toBe("2026-01-31");
    expect([time(late), seconds(late)]).toEqual(["00:30", "00:30:07"]);
    expect(moment(late, Date.parse("2026-02-01T08:00:00Z"))).toBe("00:30");
    expect(moment(late, Date.parse("2026-02-01T23:30:00Z"))).toBe("1 Feb, 00:30");
    expect(exactMoment(late, Date.parse("2026-02-01T08:00:00Z"))).toBe("00:30:07");
    expect(exactMoment(late, Date.parse("2026-02-01T23:30:00Z"))).toBe("1 Feb, 00:30:07");
    expect(moment("2025-12-31T23:30:00Z", Date.parse("2026-02-01T12:00:00Z"))).toBe("1 Jan, 00:30");
    expect(moment("2025-12-31T22:30:00Z", Date.parse("2026-02-01T12:00:00Z"))).toBe("31 Dec 2025, 23:30");
    expect(day("2019-07-09T12:00:00Z")).toBe("9 Jul 2019");
  });
});

test("amounts follow the currency's exponent", () => {
  const [en, fr] = [formatIn("en"), formatIn("fr")];
  const plain = (text: string) => text.replace(/\s/gu, " ");
  expect([en.amount(5000, "XAF"), fr.amount(5000, "XAF")].map(plain)).toEqual(["FCFA 5,000", "5 000 FCFA"]);
  expect([en.amount(5000, "EUR"), fr.amount(5005, "EUR")].map(plain)).toEqual(["€50.00", "50,05 €"]);
  expect([en.amount(5000, "JPY"), en.amount(5000, "KWD")].map(plain)).toEqual(["¥5,000", "KWD 5.000"]);
  expect(plain(en.amount(100_000_000, "XAF"))).toBe("FCFA 100,000,000");
});

test.each([
  [0, "0 ms", "0 ms"],
  [340, "340 ms", "340 ms"],
  [2400, "2.4 s", "2,4 s"],
  [9999, "10 s", "10 s"],
  [59_499, "59 s", "59 s"],
  [60_000, "1 min", "1 min"],
  [200_000, "3 min 20 s", "3 min 20 s"],
  [7_500_000, "2 h 5 min", "2 h 5 min"],
  [86_400_000, "1 d", "1 j"],
  [273_600_000, "3 d 4 h", "3 j 4 h"],
])("%d ms lasts %s, in French %s", (milliseconds, english, french) => {
  const plain = (text: string) => text.replaceAll("\u00a0", " ");
  expect(plain(formatIn("en").duration(milliseconds))).toBe(english);
  expect(plain(formatIn("fr").duration(milliseconds))).toBe(french);
});

test("nothing is younger than ten seconds, also where a device's clock is behind", () => {
  const { age } = formatIn("en");
  expect([age(-5000), age(0), age(19_999), age(61_000)]).toEqual(
    [10, 10, 10, 60].map((s) => (s === 60 ? "1\u00a0min" : `${s}\u00a0s`)),
  );
});

test("shares and numbers are written as the language does", () => {
  const [en, fr] = [formatIn("en"), formatIn("fr")];
  expect([en.percent(0.8125), en.percent(1), en.number(12_345)]).toEqual(["81.3%", "100%", "12,345"]);
  expect([fr.percent(0.8125), fr.number(12_345)].map((text) => text.replace(/\s/gu, " "))).toEqual([
    "81,3 %",
    "12 345",
  ]);
});

test.each([
  ["5000", "XAF", 5000],
  [" 5\u202f000 ", "XAF", 5000],
  ["5,000", "XAF", null],
  ["50.5", "XAF", null],
  ["50,5", "EUR", 5050],
  ["50.05", "EUR", 5005],
  ["50.005", "EUR", null],
  ["-5", "XAF", null],
  ["1e3", "XAF", null],
  ["٥٠", "XAF", null],
  ["", "XAF", null],
] as const)("as an amount %j of %s is %s", (text, currency, amount) => {
  expect(parseAmount(text, currency)).toBe(amount);
});
