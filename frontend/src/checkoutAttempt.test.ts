import { describe, expect, test } from "vitest";

import { factsOf } from "./checkoutAttempt";

const FACTS = { orderId: "order-77", amount: 5000, currency: "XAF" };

describe("factsOf", () => {
  const token = (claims: object) => `e30.${btoa(JSON.stringify(claims)).replaceAll("=", "")}.signature`;

  test("reads the order of a signed token", () => {
    expect(factsOf({ orderToken: token({ ...FACTS, exp: 1 }) })).toEqual(FACTS);
    expect(factsOf(FACTS)).toEqual(FACTS);
  });

  test.each(["", "a.b.c", "no token", token({ ...FACTS, orderId: 7 }), token([])])("null for %j", (orderToken) => {
    expect(factsOf({ orderToken })).toBeNull();
  });
});
