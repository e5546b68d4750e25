import { describe, expect, test } from "vitest";

import { orderIdOf } from "./checkoutAttempt";

describe("orderIdOf", () => {
  const token = (claims: object) => `e30.${btoa(JSON.stringify(claims)).replaceAll("=", "")}.signature`;

  test("reads the order of a signed token", () => {
    expect(orderIdOf(token({ orderId: "order-77", amount: 1 }))).toBe("order-77");
  });

  test.each(["", "a.b.c", "no token", token({ orderId: 7 }), token([])])("null for %j", (text) => {
    expect(orderIdOf(text)).toBeNull();
  });
});
