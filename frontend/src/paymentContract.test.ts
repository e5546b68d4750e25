import { describe, expect, test } from "vitest";

import malformedEvents from "../../tests/contract/malformed-events.json";
import names from "../../tests/contract/names.json";
import paymentEvents from "../../tests/contract/payment-events.json";
import * as contract from "./paymentContract";
import { EVENTS_OF_STATUS, FAILURE_CODES, isNewer, type PaymentEvent, parsePaymentEvent } from "./paymentContract";

function parsed(value: unknown): PaymentEvent {
  const result = parsePaymentEvent(value);
  if (!result.ok) throw new Error(result.reason);
  return result.event;
}

describe("the words are those of the golden file", () => {
  test("event names, all of them and no other", () => {
    const ours = Object.entries(contract).filter(([, word]) => typeof word === "string");
    expect(Object.fromEntries(ours)).toEqual({ ...names.events, ...names.ofOperators });
  });

  test("why a payment has failed", () => {
    expect(FAILURE_CODES).toEqual(names.failureCodes);
  });

  test("events by status, in order", () => {
    expect(EVENTS_OF_STATUS).toEqual(names.eventsOfStatus);
  });
});

describe("parsePaymentEvent", () => {
  test.each(Object.entries(paymentEvents))("takes the golden payload: %s", (_, { event }) => {
    expect(parsePaymentEvent(event)).toEqual({ ok: true, event });
  });

  test.each(malformedEvents.changed)("refuses: $name", ({ field, value, reason }) => {
    const event = { ...paymentEvents.pending.event, [field]: value };
    expect(parsePaymentEvent(event)).toEqual({ ok: false, reason });
  });

  test.each(Object.keys(paymentEvents.pending.event))("refuses a payload without %s", (field) => {
    const event: Record<string, unknown> = { ...paymentEvents.pending.event };
    delete event[field];
    expect(parsePaymentEvent(event)).toEqual({ ok: false, reason: `${field} is missing or of a wrong type` });
  });

  test.each([...malformedEvents.notObjects, undefined, () => 1, Number.NaN])(
    "refuses what is no object: %j",
    (value) => {
      expect(parsePaymentEvent(value)).toEqual({ ok: false, reason: "not an object" });
    },
  );

  test("takes a payload in a browser of 2020, which has no Object.hasOwn", () => {
    const { hasOwn } = Object;
    const odd = { ...paymentEvents.pending.event, status: "constructor" };
    Reflect.deleteProperty(Object, "hasOwn");
    let parsedThere: unknown;
    try {
      parsedThere = [parsePaymentEvent(paymentEvents.successful.event).ok, parsePaymentEvent(odd)];
    } finally {
      Object.hasOwn = hasOwn; // `expect` itself needs it
    }
    expect(parsedThere).toEqual([true, { ok: false, reason: "unknown status" }]);
  });

  test("keeps fields of a newer writer", () => {
    const event = { ...paymentEvents.pending.event, addedLater: [1] };
    expect(parsed(event)).toEqual(event);
  });
});

describe("isNewer", () => {
  const pending = parsed(paymentEvents.pending.event);

  test("anything is newer than nothing", () => {
    expect(isNewer(pending, null)).toBe(true);
  });

  test.each([
    [1, false],
    [0, false],
    [-1, true],
  ])("against a version that is %i higher: %s", (higher, expected) => {
    expect(isNewer(pending, { ...pending, version: pending.version + higher })).toBe(expected);
  });
});
