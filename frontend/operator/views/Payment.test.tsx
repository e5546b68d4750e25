// @vitest-environment happy-dom
import { act } from "react";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { FailureCode, RefundStatus } from "../../src/paymentContract";
import {
  attempt,
  expectAccessible,
  LONG,
  LONG_PAYMENT,
  NO_ANSWER,
  NOBODY_IS_NEEDED,
  never,
  payment,
  record,
  refund,
  refusal,
  show,
  storyOf,
  version,
} from "../../tests/operatorPage";
import type { AttentionItem, AttentionList, PaymentEvent, PaymentStory } from "../apiTypes";
import { REASON_TEXTS } from "../reasonTexts";
import { parseRoute } from "../router";
import { TEXTS } from "../texts";
import { Attention } from "./Attention";
import { Payment } from "./Payment";

const EN = TEXTS.en;

afterEach(() => {
  window.location.hash = "";
  window.history.replaceState(null, "");
});

describe("a payment", () => {
  const view = <Payment route={parseRoute("#/payment/ref")} />;
  const shown = (story: PaymentStory, locale: "fr" | "en" = "en", right: "view" | "act" = "act") =>
    show(view, { api: { story: async () => story }, locale, right });

  test("says that it waits, and that there is none", async () => {
    const waiting = await show(view, { api: { story: never } });
    expect(waiting.main.textContent).toBe(EN.loading);
    const { main, find } = await show(view, { api: { story: async () => Promise.reject(refusal("not_found")) } });
    expect(find("[role=alert]").textContent).toContain(EN.problems["not_found"]);
    await expectAccessible(main);
  });

  test("keeps what is shown where it cannot be read again", async () => {
    const story = vi.fn(async () => storyOf(payment("pending")));
    const { main, find, click } = await show(view, { api: { story } });
    story.mockRejectedValue(NO_ANSWER);
    await click(EN.payment.refresh);
    expect(find("[role=alert]").textContent).toContain(EN.noAnswer);
    expect(main.querySelector(".verdict")).not.toBeNull();
  });

  const stories: Readonly<Record<string, PaymentStory>> = {
    waits: storyOf(payment("pending"), { nextCheckAt: payment("pending").expiresAt }),
    "is not known yet": storyOf(payment("initiating")),
    "is paid": storyOf(payment("successful")),
    "is paid late": storyOf(payment("successfulLate")),
    "is paid twice": storyOf(payment("successfulChargedTwice"), {
      order: {
        orderId: "order-1042",
        attemptCount: 30,
        chargeCount: 2,
        attempts: [attempt(payment("successfulChargedTwice"), { charges: ["a", "b"], paysOrder: true })],
      },
    }),
    "was not told to the shop": storyOf(payment("successful"), {
      delivery: { deliveredVersion: 2, announcedVersion: 2, undeliveredSince: payment("successful").updatedAt },
      versions: [
        version(payment("successful"), {
          announced: false,
          orderEvents: [{ type: "payment.successful", id: "ref:3", takenAt: null, busId: null }],
        }),
      ],
    }),
    "was checked on another day": storyOf(payment("expired"), {
      versions: [
        version(payment("pending"), { at: "2026-01-30T22:59:58Z", version: 1 }),
        version(payment("expired"), { at: "2026-01-30T23:00:02Z", version: 2 }),
        version(payment("expired"), { at: "2026-01-30T23:00:03Z", version: 3 }),
      ],
    }),
    "has expired": storyOf(payment("expired")),
    "was given up": storyOf(payment("expiredGivenUp")),
    "has failed": storyOf(payment("failedDeclined")),
    "was acted on": storyOf(payment("successfulByAnOperator"), {
      acts: [
        { action: "resolve", by: "paul", at: payment("pending").updatedAt, status: "SUCCESSFUL", note: LONG },
        { action: "something new", by: "amina", at: payment("pending").createdAt, status: null, note: null },
      ],
    }),
    "has words that this page does not know yet": storyOf(payment("pending"), {
      actions: ["recheck", "teleport"],
      versions: [
        version(payment("pending"), {
          cause: "a new cause",
          changes: [{ field: "novelty", before: null, after: [] }],
          orderEvents: [{ type: "payment.new", id: "ref:9", takenAt: null, busId: null }],
        }),
      ],
    }),
    "has the longest words there may be": storyOf(LONG_PAYMENT, {
      versions: [version(LONG_PAYMENT, { evidence: record({ reason: LONG, operatorReference: LONG }), note: LONG })],
      resolutions: ["SUCCESSFUL", "FAILED"],
      actions: ["recheck", "redeliver", "resolve"],
    }),
  };
  test.each(Object.keys(stories))("that %s is accessible in both languages", async (name) => {
    const story = stories[name];
    if (!story) throw new TypeError(name);
    for (const locale of ["fr", "en"] as const) {
      const { main } = await shown(story, locale);
      expect(main.querySelector(".verdict h2")?.textContent).not.toBe("");
      expect(main.textContent).not.toMatch(/undefined|\[object|NaN/);
      await expectAccessible(main);
    }
  });

  test.each([
    ["braid-3500", "Order braid-3500", "Commande braid-3500"],
    ["order-1044", "order-1044", "order-1044"],
    ["Commande-7", "Commande-7", "Commande-7"],
  ])("of the order %s does not say twice that it is one", (order, en, fr) => {
    expect([TEXTS.en.payment.title(order), TEXTS.fr.payment.title(order)]).toEqual([en, fr]);
  });

  test.each(["fr", "en"] as const)(
    "says when the shop's bus took the event, and under which ids (%s)",
    async (locale) => {
      const event = { type: "payment.successful", id: "ref:3", takenAt: "2026-01-31T13:03:22Z", busId: "bus-1" };
      const story = storyOf(payment("successful"), {
        versions: [version(payment("successful"), { announced: true, orderEvents: [event] })],
      });
      const words = TEXTS[locale].payment;
      const { main } = await shown(story, locale);
      for (const part of [words.told("14:03:22"), "ref:3", words.busId("bus-1"), words.shopHint]) {
        expect(main.textContent).toContain(part);
      }
      await expectAccessible(main);
    },
  );

  test.each(["fr", "en"] as const)("says what the shop's own server answered last (%s)", async (locale) => {
    const attempt = (second: number, status: number | null) => {
      return { at: `2026-01-31T13:03:0${second}Z`, ms: 80, status, reason: status ? null : "TimeoutError" };
    };
    const words = TEXTS[locale].payment;
    const cases = [
      [[attempt(1, null)], words.shopDidNotTake("14:03:01", null, 1)],
      [[attempt(1, null), attempt(6, 500)], words.shopDidNotTake("14:03:06", 500, 2)],
      [[attempt(1, null), attempt(6, 500), attempt(9, 204)], words.shopTook("14:03:09", 204)],
    ] as const;
    for (const [attempts, said] of cases) {
      const event = { type: "payment.successful", id: "ref:3", takenAt: null, busId: null, attempts };
      const versions = [version(payment("successful"), { announced: true, orderEvents: [event] })];
      const { main } = await shown(storyOf(payment("successful"), { versions }), locale);
      expect(main.textContent).toContain(said);
      await expectAccessible(main);
    }
  });

  test.each(["fr", "en"] as const)(
    "says of each reason what it can mean, and shows the word itself (%s)",
    async (locale) => {
      const { about, noWord, meanings } = REASON_TEXTS[locale];
      for (const failureCode of Object.keys(meanings) as FailureCode[]) {
        const { main, find } = await shown(
          storyOf(payment("failedDeclined", { failureCode, reason: "A WORD" })),
          locale,
        );
        await vi.waitFor(() => find(`[data-failure=${failureCode}]`));
        expect(find(`[data-failure=${failureCode}]`).textContent).toBe(`${about} ${meanings[failureCode]}`);
        expect(main.textContent).toContain("A WORD");
      }
      const { find } = await shown(
        storyOf(payment("failedDeclined", { failureCode: "unknown", reason: null })),
        locale,
      );
      await vi.waitFor(() => find("[data-failure=unknown]"));
      expect(find("[data-failure=unknown]").textContent?.trim()).toBe(noWord);
    },
  );

  test("says the day of the first change, and of the first of another day in Douala", async () => {
    const { main } = await shown(stories["was checked on another day"] as PaymentStory, "en");
    const times = [...main.querySelectorAll(".timeline time")].map((time) => time.textContent);
    expect(times.map((time) => time?.replace(" 2026", ""))).toEqual([
      "30 Jan, 23:59:58",
      "31 Jan, 00:00:02",
      "00:00:03",
    ]);
  });

  describe("of an order that was paid twice", () => {
    const plain = (element: Element) => element.textContent?.replace(/\u00a0/gu, " ");
    const extra = payment("successful", {
      reference: "extra-000000000000",
      duplicate: true,
      operatorReference: "10000000019",
      updatedAt: "2026-01-31T16:39:02.000Z",
    });
    const good = payment("successful", { reference: "good-0000000000000", operatorReference: "10000000018" });
    const attempts = [attempt(good, { charges: ["c-1"], paysOrder: true }), attempt(extra, { charges: ["c-2"] })];
    const order = { orderId: "o", attemptCount: 2, chargeCount: 2, attempts };
    const MESSAGES = {
      en: /extra payment back: FCFA 5,000, charged on 31 Jan( 2026)? at 17:39, number 10000000019 in your SMS/,
      fr: /paiement en trop : 5.000 FCFA, débité le 31 janv\.( 2026)? à 17:39, numéro 10000000019 dans votre SMS/,
    };
    const both = async (story: PaymentStory, verdict: Readonly<Record<"en" | "fr", RegExp>>) => {
      for (const locale of ["en", "fr"] as const) {
        const { find, main } = await shown(story, locale);
        expect(plain(find(".verdict .difference"))).toMatch(verdict[locale]);
        for (const language of ["en", "fr"] as const) {
          expect(plain(find(`.customer-words p[lang=${language}]`))).toMatch(MESSAGES[language]);
        }
        await expectAccessible(main);
      }
    };

    test("what is to be given back is named as in the customer's SMS", () =>
      both(storyOf(extra, { actions: ["acknowledge"], order }), {
        en: /^To give back: FCFA 5,000,.* Charged: 31 Jan( 2026)?, 17:39:02; id in the customer’s SMS: 10000000019\.$/,
        fr: /^À rendre : 5.000 FCFA,.* Débité : 31 janv\.( 2026)?, 17:39:02 ; identifiant du SMS du client : 10000000019\.$/,
      }));

    test("the payment that is good says that it is not this one", () =>
      both(storyOf(good, { order }), {
        en: /^To give back is the other attempt, not this one: FCFA 5,000\. Charged: .*17:39:02; .* 10000000019\.$/,
        fr: /^C’est l’autre essai .*, pas celui-ci : 5.000 FCFA\. Débité : .*17:39:02 ; .* 10000000019\.$/,
      }));

    test("what is to be given back is marked until somebody has dealt with it", async () => {
      const marks = async (story: PaymentStory) => [...(await shown(story)).main.querySelectorAll(".mark")].map(plain);
      const open = await marks(storyOf(extra, { actions: ["acknowledge"], order }));
      expect(open.filter((mark) => mark === "Paid, to give back")).toHaveLength(2);
      const handled = attempts.map((it) => ({ ...it, acknowledged: it.payment.duplicate }));
      const settled = await marks(storyOf(extra, { order: { ...order, attempts: handled } }));
      expect(settled.filter((mark) => mark === "Paid, extra")).toHaveLength(2);
    });

    test("the second charge of one payment has the time and the id of CamPay's record of it", async () => {
      const versions = ["c-1", "c-2"].map((providerReference, index) =>
        version(extra, {
          version: index + 1,
          at: `2026-01-31T16:4${index}:00Z`,
          evidence: record({ providerReference, operatorReference: `1000000002${index}`, amount: 5000 }),
        }),
      );
      const own = [attempt(extra, { charges: ["c-1", "c-2"], paysOrder: true })];
      const charged = storyOf(extra, { actions: ["acknowledge"], versions, order: { ...order, attempts: own } });
      const said = plain((await shown(charged)).find(".verdict .difference"));
      expect(said).toMatch(/^To give back: FCFA 5,000, .*17:41:00; id in the customer’s SMS: 10000000021\.$/);
    });
  });

  describe("of which money goes back", () => {
    const charged = (changes: Partial<PaymentEvent>, story: Partial<PaymentStory> = {}) => {
      const twice = payment("successful", { duplicate: true, ...changes });
      const own = [attempt(twice, { charges: ["campay-1"] })];
      const order = { orderId: twice.orderId, attemptCount: 1, chargeCount: 1, attempts: own };
      return storyOf(twice, { actions: ["acknowledge"], order, ...story });
    };
    const back = refund({ status: "SUCCESSFUL" });
    const cases: readonly (readonly [PaymentStory, keyof typeof EN.payment.payBack, RefundStatus | null])[] = [
      [charged({}), "byDashboard", null],
      [charged({}, { actions: ["refund", "acknowledge"] }), "here", null],
      [charged({ refunds: [refund({ status: "FAILED" })] }, { actions: ["refund", "acknowledge"] }), "here", "FAILED"],
      [charged({ refunds: [refund({ status: "SENDING" })] }), "open", "SENDING"],
      [charged({ refunds: [refund()] }), "open", "PENDING"],
      [charged({ refunds: [back], refundedAmount: 5000 }), "done", "SUCCESSFUL"],
    ];

    test.each(cases)("says what to do, and what has become of each refund", async (story, how, state) => {
      for (const locale of ["fr", "en"] as const) {
        const { find, main } = await shown(story, locale);
        const words = TEXTS[locale];
        expect(find(".verdict").textContent).toContain(words.payment.payBack[how]);
        const [row] = main.querySelectorAll(".refunds li");
        expect(row?.querySelector(".mark")?.textContent ?? null).toBe(state && words.refunds.states[state]);
        expect(main.querySelector(".difference") !== null).toBe(how === "byDashboard" || how === "here");
        await expectAccessible(main);
      }
    });

    test("is paid back in part: what is left is said, and the state", async () => {
      const part = refund({ status: "SUCCESSFUL", amount: 2000 });
      const { find } = await shown(charged({ refunds: [part], refundedAmount: 2000 }));
      expect(find(".difference").textContent?.replace(/\u00a0/gu, " ")).toContain("Still to give back: FCFA 3,000.");
      expect(find(".payment-head .mark").textContent).toBe("Paid, extra, partly paid back");
      const whole = await shown(charged({ refunds: [back], refundedAmount: 5000 }));
      expect(whole.find(".payment-head .mark").textContent).toBe("Paid, extra, paid back");
    });

    test("tells in the story what each version changed of them", async () => {
      const asked = refund({ reference: "a", status: "SUCCESSFUL", version: 4 });
      const failed = refund({ reference: "b", status: "FAILED", amount: 500, version: 5 });
      const refunds = [asked, failed];
      const versions = [
        version(payment("successful"), { version: 4, changes: [{ field: "refunds", before: [], after: [asked] }] }),
        version(payment("successful"), {
          version: 5,
          cause: "refund requested",
          by: "amina",
          note: "braids shorter",
          changes: [
            { field: "refunds", before: [asked], after: refunds },
            { field: "refundedAmount", before: 0, after: 5000 },
          ],
        }),
      ];
      const { main } = await shown(charged({ refunds }, { versions }));
      const told = [...main.querySelectorAll(".timeline li")].map((it) => it.textContent?.replace(/\u00a0/gu, " "));
      expect(told[0]).toMatch(/Paid backFCFA 5,000, the customer has it$/);
      expect(told[1]).toMatch(/A person asked to pay back by amina.*braids shorterPaid backFCFA 500, not paid back$/);
    });

    test("is read again until it is known what has become of it", async () => {
      vi.useFakeTimers();
      const story = vi.fn(async () => charged({ refunds: [refund()] }));
      const { find } = await show(view, { api: { story } });
      const first = story.mock.calls.length;
      story.mockResolvedValue(charged({ refunds: [back], refundedAmount: 5000 }));
      await act(() => vi.advanceTimersByTimeAsync(6_000));
      expect(find(".refunds li").dataset["refund"]).toBe("SUCCESSFUL");
      await act(() => vi.advanceTimersByTimeAsync(60_000));
      expect(story.mock.calls.length).toBe(first + 1);
    });

    test("is for the list to pay back where this page can, else for the dashboard", async () => {
      const listed = async (item: Partial<AttentionItem>) => {
        const twice = payment("successful", { duplicate: true });
        const since = twice.updatedAt;
        const kind = "duplicate" as const;
        const list: AttentionList = {
          ...NOBODY_IS_NEEDED,
          counts: { ...NOBODY_IS_NEEDED.counts, duplicate: 1 },
          items: [{ kind, since, payment: twice, actions: ["acknowledge"], ...item }],
        };
        return (await show(<Attention />, { api: { get: async () => list as never } })).find("[data-kind] > p");
      };
      expect((await listed({})).textContent).toBe(EN.attention.kinds.duplicate.sentence);
      expect((await listed({ actions: ["refund"] })).textContent).toBe(EN.attention.payBackHere);
      const begun = payment("successful", { duplicate: true, refunds: [refund()] });
      expect((await listed({ payment: begun })).textContent).toBe(EN.attention.payBackHere);
    });
  });

  test.each([
    ["failedDeclined", "No charge.", "Aucun débit."],
    ["expired", "No charge known yet.", "Aucun débit connu à ce jour."],
    ["expiredGivenUp", "No charge known yet.", "Aucun débit connu à ce jour."],
    ["pending", "No charge known yet.", "Aucun débit connu à ce jour."],
  ] as const)("without a charge, that is %s, says what is known of one: %s", async (golden, en, fr) => {
    expect((await shown(storyOf(payment(golden)), "en")).find("[data-charges]").textContent).toContain(en);
    expect((await shown(storyOf(payment(golden)), "fr")).find("[data-charges]").textContent).toContain(fr);
  });

  test("says of older attempts that are not listed only that no charge is known", async () => {
    const failed = payment("failedDeclined");
    const order = { orderId: "o", attemptCount: 2, chargeCount: 0, attempts: [attempt(failed)] };
    const { find } = await shown(storyOf(failed, { order }));
    expect(find("[data-charges]").textContent).toContain("No charge known yet.");
  });

  test("that is not paid says why CamPay is asked again", async () => {
    const nextCheckAt = "2026-01-31T16:39:00.000Z";
    const { find } = await shown(storyOf(payment("failedDeclined"), { nextCheckAt }));
    expect(find(".verdict .facts").textContent).toContain("17:39, in case it takes its answer back");
    const waits = await shown(storyOf(payment("pending"), { nextCheckAt }));
    expect(waits.find(".verdict .facts").textContent).not.toContain("in case");
  });

  test("shows the longest references whole", async () => {
    const { find } = await shown(stories["has the longest words there may be"] as PaymentStory);
    expect(find(".verdict").textContent?.split(LONG).length).toBeGreaterThan(2);
    expect(find(".evidence").textContent).toContain(LONG);
  });

  test.each([
    [record(), "CamPay says FCFA 4,500, the order asks for FCFA 5,000."],
    [record({ currency: "EUR" }), "CamPay says the currency EUR, the order asks for XAF."],
    [record({ isIncoming: false }), EN.payment.difference.payout],
    [record({ amount: null }), EN.payment.difference.other],
  ])("under review says in a sentence how CamPay's record differs", async (evidence, sentence) => {
    const conflicted = payment("conflicted");
    const { find } = await shown(
      storyOf(conflicted, {
        versions: [version(conflicted, { evidence })],
        order: {
          orderId: conflicted.orderId,
          attemptCount: 1,
          chargeCount: 0,
          attempts: [attempt(conflicted, { disputed: [evidence.providerReference] })],
        },
      }),
    );
    expect(find(".difference").textContent?.replace(/\u00a0/gu, " ")).toBe(sentence);
  });

  test("offers no act to whoever may only look", async () => {
    const story = stories["has the longest words there may be"] as PaymentStory;
    expect((await shown(story, "en", "view")).main.querySelector(".actions")).toBeNull();
    expect((await shown(story, "en", "act")).main.querySelector(".actions")).not.toBeNull();
  });
});
