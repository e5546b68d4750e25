import { expect, test } from "vitest";

import { attempt, payment, record, refund, storyOf, version } from "../tests/operatorPage";
import type { PaymentEvent, PaymentStory } from "./apiTypes";
import { customerCaseOf, disputedRecord, TONE_OF_VERDICT, verdictOf } from "./verdict";

const NOW = Date.parse(payment("pending").createdAt) + 5000;
const story = (shown: PaymentEvent, ofAttempt: Partial<PaymentStory["order"]["attempts"][number]> = {}) =>
  storyOf(shown, {
    order: { orderId: shown.orderId, attemptCount: 1, chargeCount: 1, attempts: [attempt(shown, ofAttempt)] },
  });
const unsettled: typeof story = (...given) => ({ ...story(...given), actions: ["acknowledge"] });
const paid = (changes: Partial<PaymentEvent> = {}) => payment("pending", { status: "SUCCESSFUL", ...changes });
const of = (status: PaymentEvent["status"], changes: Partial<PaymentEvent> = {}) =>
  payment("pending", { status, ...changes });

test.each([
  ["paid", story(paid()), "positive"],
  ["paidLate", story(paid({ late: true })), "positive"],
  ["reviewedPaid", story(paid({ late: true }), { disputed: ["campay-1"] }), "positive"],
  ["paidTwiceSettled", story(paid({ duplicate: true }), { charges: ["campay-1"] }), "positive"],
  ["orderPaidTwice", unsettled(paid({ duplicate: true }), { charges: ["campay-1"] }), "caution"],
  ["paidTwice", unsettled(paid({ duplicate: true }), { charges: ["campay-1", "campay-2"] }), "caution"],
  ["differs", story(of("CONFLICTED"), { disputed: ["campay-1"] }), "caution"],
  ["failed", story(of("FAILED")), "negative"],
  ["reviewedUnpaid", story(of("FAILED"), { disputed: ["campay-1"] }), "negative"],
  ["expired", story(of("EXPIRED")), "neutral"],
  ["givenUp", story(of("EXPIRED", { reason: "given_up" })), "neutral"],
  ["waiting", story(of("PENDING")), "accent"],
  ["unknownYet", story(of("INITIATING")), "accent"],
  ["orderPaidElsewhere", story(of("PENDING", { orderPaidBy: "another" })), "caution"],
] as const)("%s is what an operator should know", (verdict, told, tone) => {
  expect([verdictOf(told), TONE_OF_VERDICT[verdictOf(told)]]).toEqual([verdict, tone]);
});

test("the payment that paid an order says so when another attempt was charged too, to the shop and to the customer", () => {
  const shown = paid();
  const other = attempt(paid({ reference: "another", duplicate: true }), { charges: ["campay-2"] });
  const told = story(shown);
  const twice = { ...told, order: { ...told.order, attempts: [...told.order.attempts, other] } };
  expect([verdictOf(twice), customerCaseOf(twice, NOW)]).toEqual(["otherPaidToo", "duplicate"]);
  const attempts = [...told.order.attempts, { ...other, acknowledged: true }];
  const handled = { ...told, order: { ...told.order, attempts } };
  expect([verdictOf(handled), customerCaseOf(handled, NOW)]).toEqual(["paid", "approved"]);
});

test("once the second payment is dealt with, the customer is not told any more that it will be given back", () => {
  const told = story(paid({ duplicate: true }), { charges: ["campay-1"] });
  expect(customerCaseOf(told, NOW)).toBe("duplicateHandled");
  expect(customerCaseOf(unsettled(paid({ duplicate: true }), { charges: ["campay-1"] }), NOW)).toBe("duplicate");
});

test("the customer is told what is on its way and what is back, once nothing more is to be given back", () => {
  const charged = { charges: ["campay-1"] };
  const twice = (changes: Partial<PaymentEvent>) =>
    customerCaseOf(unsettled(paid({ duplicate: true, ...changes }), charged), NOW);
  expect(twice({ refunds: [refund({ status: "SENDING" })] })).toBe("refundOpen");
  expect(twice({ refunds: [refund({ status: "SUCCESSFUL" })], refundedAmount: 5000 })).toBe("refunded");
  expect(twice({ refunds: [refund({ status: "SUCCESSFUL", amount: 4000 })], refundedAmount: 4000 })).toBe("duplicate");
  expect(twice({ refunds: [refund({ status: "FAILED" })] })).toBe("duplicate");
  const good = paid();
  const other = attempt(paid({ reference: "another", duplicate: true, refunds: [refund({ charge: "campay-2" })] }), {
    charges: ["campay-2"],
  });
  const told = story(good);
  const both = { ...told, order: { ...told.order, attempts: [...told.order.attempts, other] } };
  expect(customerCaseOf(both, NOW)).toBe("refundOpen");
});

test("a payment that is not among the attempts listed has a verdict too", () => {
  const shown = paid({ duplicate: true });
  const told = unsettled(shown);
  expect(verdictOf({ ...told, order: { ...told.order, attempts: [] } })).toBe("orderPaidTwice");
});

test("the newest record that disagrees is the one to compare", () => {
  const shown = of("CONFLICTED");
  const versions = [
    version(shown, { evidence: record({ providerReference: "campay-1", amount: 100 }) }),
    version(shown, { evidence: record({ providerReference: "campay-1", amount: 200 }) }),
    version(shown, { evidence: record({ providerReference: "campay-2", amount: 5000 }) }),
    version(shown),
  ];
  expect(disputedRecord({ ...story(shown, { disputed: ["campay-1"] }), versions })?.amount).toBe(200);
  expect(disputedRecord({ ...story(shown), versions })).toBeNull();
});

test("nothing that is unknown is called failed before the customer", () => {
  for (const unknown of [of("INITIATING"), of("PENDING"), of("EXPIRED"), of("CONFLICTED")]) {
    for (const now of [NOW, NOW + 3_600_000]) {
      expect(customerCaseOf(story(unknown), now)).not.toMatch(/declined|failed|refused/);
    }
  }
  expect(customerCaseOf(story(of("FAILED")), NOW)).toBe("failed");
  expect(customerCaseOf(story(of("FAILED"), { disputed: ["campay-1"] }), NOW)).toBe("reviewed");
  expect(customerCaseOf(story(paid()), NOW)).toBe("approved");
});
