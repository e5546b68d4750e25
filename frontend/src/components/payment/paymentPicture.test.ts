import { describe, expect, test } from "vitest";

import paymentEvents from "../../../../tests/contract/payment-events.json";
import type { PaymentEvent, PaymentStatus, Problem } from "../../paymentContract";
import { EVENTS_OF_STATUS, FAILURE_CODES, failureOf, parsePaymentEvent } from "../../paymentContract";
import type { Connection } from "../../paymentWatch";
import {
  isNotAnswered,
  type Known,
  mayChange,
  mayHelpAgain,
  mayHelpElsewhere,
  type PictureName,
  pictureOf,
  progressOf,
} from "./paymentPicture";
import { TRACKER_TEXTS, type TrackerTexts, textOf, toldOf } from "./paymentTexts";

function golden(name: keyof typeof paymentEvents, change: Partial<PaymentEvent> = {}): PaymentEvent {
  const parsed = parsePaymentEvent(paymentEvents[name].event);
  if (!parsed.ok) throw new TypeError(parsed.reason);
  return { ...parsed.event, ...change };
}

function problem(code: string): Problem {
  return { code, detail: "why", retryable: false, fields: {}, reference: null, retryAfter: null };
}

const toldTo = (texts: TrackerTexts) => toldOf({}, golden("pending"), texts);
/** Returns the words of what is shown. */
const words = (known: Partial<Known>, texts: TrackerTexts) =>
  textOf(shown(known), texts, known.problem ?? null, toldTo(texts));

const EXPIRES = Date.parse(golden("pending").expiresAt);
const CONNECTIONS: readonly Connection[] = ["connecting", "connected", "reconnecting", "offline", "refused", "stopped"];

function shown(known: Partial<Known>) {
  return pictureOf({
    phase: "tracking",
    payment: null,
    problem: null,
    connection: "connected",
    now: EXPIRES - 60_000,
    ...known,
  });
}

describe("of a payment", () => {
  const OF_GOLDEN: Readonly<Record<keyof typeof paymentEvents, PictureName>> = {
    initiating: "unknown",
    pending: "checkPhone",
    pendingInFrench: "checkPhone",
    pendingOrderPaidByAnotherAttempt: "orderPaidElsewhere",
    successful: "approved",
    successfulLate: "lateSuccess",
    successfulChargedTwice: "duplicate",
    successfulOfAPaidOrder: "duplicate",
    failedDeclined: "failed",
    failedNotEnoughFunds: "failed",
    failedNeverSent: "failed",
    expired: "expired",
    expiredGivenUp: "givenUp",
    conflicted: "underReview",
    successfulByAnOperator: "approved",
    successfulByAnOperatorChargedTwice: "duplicate",
    refundSending: "approved",
    refunded: "approved",
  };
  const cases = Object.entries(OF_GOLDEN) as [keyof typeof paymentEvents, PictureName][];

  test.each(cases)("golden %s is %s, on any connection and whatever was refused", (name, picture) => {
    const payment = golden(name);
    for (const connection of CONNECTIONS) {
      for (const code of ["payment_in_progress", "invalid_token", "not_found"]) {
        expect(shown({ payment, connection, problem: problem(code) })).toEqual({ name: picture, payment });
      }
    }
  });

  test.each(["failedDeclined", "failedNotEnoughFunds", "expired", "expiredGivenUp"] as const)(
    "golden %s of an order that another attempt has paid offers nothing to try again",
    (name) => {
      const payment = golden(name);
      const picture = { name: "orderAlreadyPaid", payment };
      expect(shown({ payment, problem: problem("order_already_paid") })).toEqual(picture);
    },
  );

  test.each(["pending", "conflicted", "successful"] as const)(
    "golden %s is what it is, whatever is refused",
    (name) => {
      const payment = golden(name);
      expect(shown({ payment, problem: problem("order_already_paid") })).toEqual(shown({ payment }));
    },
  );

  test("PENDING past its time by the server's clock is still being checked, not failed", () => {
    const payment = golden("pending");
    expect(shown({ payment, now: EXPIRES - 1 }).name).toBe("checkPhone");
    expect(shown({ payment, now: EXPIRES }).name).toBe("unknown");
  });

  test("a time that cannot be read expires nothing", () => {
    expect(shown({ payment: golden("pending", { expiresAt: "soon" }) }).name).toBe("checkPhone");
  });

  test("every status of an order that another attempt has paid", () => {
    const picture = (status: PaymentStatus) => shown({ payment: golden("pending", { status, orderPaidBy: "r" }) }).name;
    const statuses = Object.keys(EVENTS_OF_STATUS) as PaymentStatus[];
    expect(Object.fromEntries(statuses.map((status) => [status, picture(status)]))).toEqual({
      INITIATING: "orderPaidElsewhere",
      PENDING: "orderPaidElsewhere",
      CONFLICTED: "orderPaidElsewhere",
      SUCCESSFUL: "approved",
      // The customer declined it as asked; with "try again" the order would be paid twice.
      FAILED: "orderAlreadyPaid",
      EXPIRED: "orderAlreadyPaid",
    });
  });

  test("what was given up and paid all the same is paid", () => {
    expect(shown({ payment: golden("expiredGivenUp", { orderPaidBy: "r" }) }).name).toBe("orderAlreadyPaid");
    expect(shown({ payment: golden("successfulLate", { reason: "given_up" }) }).name).toBe("lateSuccess");
  });

  test("a duplicate is shown before a late payment", () => {
    expect(shown({ payment: golden("successfulLate", { duplicate: true }) }).name).toBe("duplicate");
  });

  test.each(FAILURE_CODES)("FAILED with %s says so, that nothing was charged, and what may help", (failureCode) => {
    const known = { payment: golden("failedDeclined", { failureCode }) };
    for (const texts of Object.values(TRACKER_TEXTS)) {
      expect(words(known, texts)).toEqual(texts.failures[failureCode](texts.operators.MTN));
      expect(words(known, texts).sentence).toMatch(/débité|not been charged/);
    }
    expect(mayHelpElsewhere(shown(known))).toBe(true);
  });

  test("the same number is not offered where it would fail again", () => {
    const helps = (failureCode: string) => mayHelpAgain(shown({ payment: golden("failedDeclined", { failureCode }) }));
    expect(FAILURE_CODES.filter((code) => !helps(code))).toEqual([
      "not_registered",
      "limit_reached",
      "number_not_supported",
    ]);
  });

  test.each([null, "a_word_of_a_later_api", "toString"])("a failure code of %s is unknown", (failureCode) => {
    expect(failureOf(golden("failedDeclined", { failureCode }))).toBe("unknown");
  });
});

describe("before there is a payment", () => {
  test("the call that starts it is shown, not the attempt before", () => {
    const payment = golden("failedDeclined");
    expect(shown({ phase: "sending", payment })).toEqual({ name: "sending", payment: null });
    expect(shown({ phase: "unknown", payment })).toEqual({ name: "unknown", payment: null });
    expect(shown({ phase: "unsent", payment })).toEqual({ name: "unsent", payment: null });
  });

  test("a payment that succeeds meanwhile is shown", () => {
    const payment = golden("successfulLate");
    expect(shown({ phase: "sending", payment }).name).toBe("lateSuccess");
    expect(shown({ phase: "unknown", payment }).name).toBe("lateSuccess");
    expect(shown({ phase: "unsent", payment }).name).toBe("lateSuccess");
  });

  test.each([
    ["order_already_paid", "orderAlreadyPaid"],
    ["payment_in_progress", "inProgressElsewhere"],
    ["invalid_token", "refused"],
    ["not_found", "refused"],
  ])("refused with %s is %s", (code, picture) => {
    expect(shown({ problem: problem(code), connection: "refused" }).name).toBe(picture);
    expect(shown({ problem: problem(code), connection: "connected" }).name).toBe(picture);
  });

  test("without data it is loading, unless the connection is refused", () => {
    const names = CONNECTIONS.map((connection) => shown({ connection }).name);
    expect(names).toEqual(["loading", "loading", "loading", "loading", "refused", "loading"]);
  });
});

describe("the three steps", () => {
  const steps = (known: Partial<Known>) => progressOf(shown(known));

  test("a request that was never sent stopped at the first", () => {
    expect(steps({ payment: golden("failedNeverSent") })).toEqual({ done: 0, next: "stopped" });
    expect(steps({ payment: golden("failedDeclined") })).toEqual({ done: 1, next: "stopped" });
  });

  test("no answer in time is no failure", () => {
    expect(steps({ payment: golden("expired") })).toEqual({ done: 1, next: "overdue" });
  });

  test("past its time the request is still known to have been sent", () => {
    expect(steps({ payment: golden("pending"), now: EXPIRES })).toEqual({ done: 1, next: "current" });
    expect(steps({ payment: golden("initiating") })).toEqual({ done: 0, next: "current" });
  });

  test("all are done for money that came, none shown where they would mislead", () => {
    for (const name of ["successful", "successfulLate", "successfulChargedTwice"] as const) {
      expect(steps({ payment: golden(name) })?.done).toBe(3);
    }
    expect(steps({ payment: golden("pendingOrderPaidByAnotherAttempt") })).toBeNull();
    expect(steps({})).toBeNull();
    expect(steps({ phase: "unsent" })).toBeNull();
  });
});

describe("a prompt that is not answered", () => {
  const BEGUN = Date.parse(golden("pending").createdAt);
  const isAsked = (payment: PaymentEvent, now: number) => isNotAnswered(shown({ payment, now }), now);

  test.each(["pending", "initiating"] as const)("golden %s is asked about from 45 s on", (name) => {
    expect(isAsked(golden(name), BEGUN + 44_999)).toBe(false);
    expect(isAsked(golden(name), BEGUN + 45_000)).toBe(true);
    expect(isAsked(golden(name), EXPIRES)).toBe(true);
  });

  test("none that has ended, is under review, or belongs to an order that is paid", () => {
    const others = Object.keys(paymentEvents) as (keyof typeof paymentEvents)[];
    const asked = others.filter((name) => isAsked(golden(name), EXPIRES));
    expect(asked).toEqual(["initiating", "pending", "pendingInFrench"]);
  });

  test("nothing is asked while there is no payment, or of a time that cannot be read", () => {
    expect(isNotAnswered(shown({ phase: "unknown" }), EXPIRES)).toBe(false);
    expect(isAsked(golden("pending", { createdAt: "soon" }), EXPIRES)).toBe(false);
  });
});

test("a lost connection is shown only where the payment may still change and the picture does not say it", () => {
  expect(mayChange(shown({ payment: golden("successful") }))).toBe(false);
  expect(mayChange(shown({ connection: "refused" }))).toBe(false);
  expect(mayChange(shown({ phase: "unsent" }))).toBe(false);
  expect(mayChange(shown({ payment: golden("failedDeclined") }))).toBe(true);
  expect(mayChange(shown({ payment: golden("expired") }))).toBe(true);
  expect(mayChange(shown({}))).toBe(true);
});

describe("the words", () => {
  test.each(["fr", "en"] as const)("in %s: none is empty, and no two pictures are titled and told alike", (locale) => {
    const texts = TRACKER_TEXTS[locale];
    const told = Object.values(texts.pictures).map((text) => text(toldTo(texts)));
    expect(told.every(({ title, sentence }) => title.length > 0 && sentence.length > 0)).toBe(true);
    expect(new Set(told.map(({ title, sentence }) => title + sentence)).size).toBe(told.length);
  });

  test("a payment that the shop reviewed is called neither uncharged nor declined on the phone", () => {
    const message = "La boutique a vérifié ce paiement et ne l'a pas accepté. Elle vous contactera.";
    for (const reason of ["REJECTED", "NOT_ENOUGH_FUNDS"]) {
      const known = { payment: golden("failedDeclined", { reason, message }) };
      expect(words(known, TRACKER_TEXTS.fr)).toEqual({
        title: "La boutique n’a pas accepté ce paiement",
        sentence: message,
      });
    }
  });

  test("a sentence begins with a capital letter, also where the operator is unknown", () => {
    const texts = [TRACKER_TEXTS.fr, TRACKER_TEXTS.en];
    const sentences = texts.flatMap((text) =>
      FAILURE_CODES.map((code) => text.failures[code](text.operators.other).sentence),
    );
    expect(sentences.filter((sentence) => /(^|\. )\p{Ll}/u.test(sentence))).toEqual([]);
  });

  test("the contract's ordinary sentence is given in the page's language", () => {
    const known = { payment: golden("failedDeclined") };
    expect(words(known, TRACKER_TEXTS.fr).sentence).toContain("Votre compte n’a pas été débité");
    expect(words(known, TRACKER_TEXTS.en).sentence).toContain("You have not been charged.");
  });

  test("an unknown refusal is shown with its own sentence", () => {
    const told = (code: string) => words({ problem: problem(code) }, TRACKER_TEXTS.en).sentence;
    expect(told("provider_busy")).toBe("why");
    expect(told("invalid_token")).toContain("no longer valid");
    expect(told("order_already_paid")).toContain("nothing more to pay");
  });
});
