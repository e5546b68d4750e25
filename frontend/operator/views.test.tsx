// @vitest-environment happy-dom
import { act } from "react";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { FailureCode, RefundStatus } from "../src/paymentContract";
import {
  attempt,
  expectAccessible,
  LONG,
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
} from "../tests/operatorPage";
import { ANALYTICS_TEXTS } from "./analyticsTexts";
import type {
  AttentionItem,
  AttentionList,
  ConnectionsPage,
  FailingOperator,
  PaymentEvent,
  PaymentStory,
  WebhookRefusal,
  Webhooks,
} from "./apiTypes";
import { CONNECTION_TEXTS } from "./connectionTexts";
import { FailingStrip } from "./FailingStrip";
import { FAILING_TEXTS } from "./failingTexts";
import { REASON_TEXTS } from "./reasonTexts";
import { parseRoute } from "./router";
import { TEXTS } from "./texts";
import { Attention } from "./views/Attention";
import { Connections } from "./views/Connections";
import { Home } from "./views/Home";
import { Payment } from "./views/Payment";
import { Payments } from "./views/Payments";
import { WebhookNews } from "./WebhookNews";
import { WEBHOOK_TEXTS } from "./webhookTexts";

const EMPTY = { payments: [], phoneMarks: [], cursor: null };
const EN = TEXTS.en;
const two = [payment("pending"), payment("failedDeclined", { reference: "another", orderId: "order-2" })];
const LONG_PAYMENT = payment("conflicted", {
  orderId: LONG,
  providerReference: LONG,
  operatorReference: LONG,
  reason: LONG,
});

afterEach(() => {
  window.location.hash = "";
  window.history.replaceState(null, "");
});

describe("the search box", () => {
  const latest = async () => EMPTY;

  test("is empty at first, below it the latest payments or that there are none", async () => {
    const { main, find } = await show(<Home />, { api: { history: latest } });
    expect((find("textarea") as HTMLTextAreaElement).value).toBe("");
    expect(document.activeElement).toBe(find("textarea"));
    expect(main.textContent).toContain(EN.list.noneAtAll);
    await expectAccessible(main);
  });

  test("says that it waits for the latest payments, and why they do not come", async () => {
    const waiting = await show(<Home />, { api: { history: never } });
    expect(waiting.main.textContent).toContain(EN.loading);
    const history = vi.fn(async () => EMPTY).mockRejectedValueOnce(refusal("ledger_unavailable"));
    history.mockRejectedValueOnce(refusal("ledger_unavailable")); // the strict mode asks twice
    const failed = await show(<Home />, { api: { history } });
    expect(failed.find("[role=alert]").textContent).toContain(EN.problems["ledger_unavailable"]);
    await expectAccessible(failed.main);
    await failed.click(EN.tryAgain);
    expect(failed.main.querySelector("[role=alert]")).toBeNull();
  });

  test.each([
    ["of blanks alone", "   ", ""],
    ["of a text without an id", "she says she paid", EN.search.unreadable],
  ])("answers a search %s without asking the API", async (_, text, said) => {
    const { find, fill, click } = await show(<Home />, { api: { history: latest } });
    await fill("textarea", text);
    await click(EN.search.submit);
    expect(find("[role=status]").textContent).toBe(said);
  });

  test("says as what it has looked for what it did not find", async () => {
    const search = vi.fn(async () => ({ payments: [], hasMore: false }));
    const { main, find, fill, click } = await show(<Home />, { api: { history: latest, search } });
    await fill("textarea", LONG.slice(0, 64));
    await click(EN.search.submit);
    expect(find("[role=status]").textContent).toBe(EN.search.nothing);
    expect(main.textContent).toContain(EN.search.fields.orderId);
    await expectAccessible(main);
  });

  test("lists several matches, opens none, and says that older ones match too", async () => {
    const search = async () => ({ payments: two, hasMore: true });
    const { main, find, fill, click } = await show(<Home />, { api: { history: latest, search } });
    await fill("textarea", "237677777777");
    await click(EN.search.submit);
    expect(find("[role=status]").textContent).toBe("2 payments found");
    expect(main.textContent).toContain(EN.search.more);
    expect(main.textContent).toMatch(/Found by the phone number: \+?237677777777\./);
    expect(find("tbody tr:last-child .state").textContent).toContain(EN.failures.declined);
    expect(window.location.hash).toBe("");
    await expectAccessible(main);
  });

  test("opens the only match", async () => {
    const search = async () => ({ payments: two.slice(0, 1), hasMore: false });
    const { fill, click } = await show(<Home />, { api: { history: latest, search } });
    await fill("textarea", "237677777777");
    await click(EN.search.submit);
    expect(window.location.hash).toBe(`#/payment/${two[0]?.reference}`);
  });

  test.each([
    ["Vous avez paye 5000 FCFA le 15/01/2026. ID de transaction: 18801069560.", "Amount and date agree."],
    ["Vous avez paye 5000 FCFA. ID de transaction: 18801069560.", "The amount agrees."],
    ["ID de transaction: 18801069560, 2026-01-15.", "The date agrees."],
    ["ID de transaction: 18801069560.", ""],
  ])("says above the only match what of the text led to it and agrees: %s", async (text, agreed) => {
    const found = payment("successful");
    const api = {
      history: latest,
      search: async () => ({ payments: [found], hasMore: false }),
      story: async () => storyOf(found),
    };
    const { find, fill, click, again, main } = await show(<Home />, { api });
    await fill("textarea", text);
    await click(EN.search.submit);
    await again(<Payment route={parseRoute(window.location.hash)} />);
    const said = ["Found by the id in the SMS: 18801069560.", agreed, EN.search.sender("77")].filter(Boolean);
    expect(find(".found-by").textContent?.split(/ +/).join(" ")).toBe(said.join(" "));
    await expectAccessible(main);
    window.history.pushState(null, "", "#/payment/another"); // by a link
    await again(<Payment route={parseRoute(window.location.hash)} />);
    expect(main.querySelector(".found-by")).toBeNull();
  });

  test("does not open the only match where the text speaks against it, and says so", async () => {
    const search = async () => ({ payments: two.slice(0, 1), hasMore: false });
    const { main, find, fill, click } = await show(<Home />, { api: { history: latest, search } });
    await fill("textarea", "Vous avez paye 150000 FCFA. ID de transaction: 18801069560.");
    await click(EN.search.submit);
    expect(window.location.hash).toBe("");
    expect(find("[role=alert]").textContent).toBe(EN.search.doubts.amount);
    expect(main.querySelectorAll("tbody tr")).toHaveLength(1);
    await expectAccessible(main);
  });

  test("keeps what was typed where the search fails, and tries it again", async () => {
    const search = vi.fn(async () => ({ payments: two, hasMore: false })).mockRejectedValueOnce(NO_ANSWER);
    const { main, find, fill, click } = await show(<Home />, { api: { history: latest, search } });
    await fill("textarea", "237677777777");
    await click(EN.search.submit);
    expect(find("[role=alert]").textContent).toContain(EN.noAnswer);
    expect((find("textarea") as HTMLTextAreaElement).value).toBe("237677777777");
    await click(EN.tryAgain);
    expect(search).toHaveBeenCalledTimes(2);
    expect(main.querySelector("table")).not.toBeNull();
  });
});

describe("the list", () => {
  const list = <Payments route={parseRoute("#/payments")} />;

  test.each(["fr", "en"] as const)("says that it waits, and that nothing matches (%s)", async (locale) => {
    const waiting = await show(list, { api: { history: never }, locale });
    expect(waiting.main.textContent).toContain(TEXTS[locale].loading);
    const { main } = await show(list, { api: { history: async () => EMPTY }, locale });
    expect(main.textContent).toContain(TEXTS[locale].list.noneAtAll);
    await expectAccessible(main);
  });

  test("says of how many phones all are that are shown, on several pages and of a part of one", async () => {
    const history = async (query: URLSearchParams) => {
      const isSecond = query.get("cursor") !== null;
      const reference = isSecond ? ["c", "d"] : ["a", "b"];
      const payments = reference.map((it) => payment("pending", { reference: it }));
      return { payments, phoneMarks: isSecond ? ["one", "two"] : ["one", "one"], cursor: isSecond ? null : "next" };
    };
    const { find, click } = await show(list, { api: { history } });
    expect(find("[role=status]").textContent).toContain("2 shown, there are more · 1 phone · As of");
    await click(EN.list.more);
    expect(find("[role=status]").textContent).toContain("4 shown, that is all · 2 phones · As of");
    const now = new Date().toISOString();
    const recent = {
      payments: [payment("pending", { createdAt: now }), ...two],
      phoneMarks: ["one", "two", "three"],
      cursor: null,
    };
    const hour = <Payments route={parseRoute("#/payments?period=hour")} />;
    const cut = await show(hour, { api: { history: async () => recent } });
    expect(cut.find("[role=status]").textContent).toContain("1 shown, that is all · 1 phone · As of");
  });

  test.each(["fr", "en"] as const)("is filtered by what no webhook told of (%s)", async (locale) => {
    const history = vi.fn(async (_: URLSearchParams) => EMPTY);
    const filtered = <Payments route={parseRoute("#/payments?webhook=missing")} />;
    const { main } = await show(filtered, { api: { history }, locale });
    expect(history.mock.lastCall?.[0].get("webhook")).toBe("missing");
    const [chosen] = [...main.querySelectorAll<HTMLOptionElement>("option[value=missing]")];
    expect([chosen?.selected, chosen?.textContent]).toEqual([true, ANALYTICS_TEXTS[locale].figures.webhooksMissing]);
    await expectAccessible(main);
  });

  test("marks what is to be given back, while it is to be handled", async () => {
    const extra = (reference: string) => payment("successful", { reference, duplicate: true });
    const [open, handled] = [extra("open"), extra("handled")];
    const attention = {
      counts: {
        underReview: 0,
        duplicate: 1,
        undecided: 0,
        refundOpen: 0,
        undelivered: 0,
        statementDifference: 0,
        statementMissing: 0,
      },
      items: [{ kind: "duplicate", since: open.updatedAt, payment: open, actions: [] }],
      days: [],
      failing: null,
      timestamp: open.updatedAt,
    } satisfies AttentionList;
    const history = async () => ({ payments: [open, handled], phoneMarks: ["one", "one"], cursor: null });
    const { find } = await show(list, { api: { history, get: async () => attention as never } });
    expect(find("[data-reference=open] .mark").textContent).toBe("Paid, to give back");
    expect(find("[data-reference=handled] .mark").textContent).toBe("Paid, extra");
  });

  test("keeps what is shown where the next page does not come", async () => {
    const first = { payments: two, phoneMarks: ["one", "one"], cursor: "next" };
    const history = vi.fn(async (query: URLSearchParams) => {
      if (query.get("cursor")) throw NO_ANSWER;
      return first;
    });
    const { main, find, click } = await show(list, { api: { history } });
    await click(EN.list.more);
    expect(find("[role=alert]").textContent).toContain(EN.noAnswer);
    expect(main.querySelectorAll("tbody tr")).toHaveLength(2);
    await expectAccessible(main);
  });

  test("shows the longest order there may be whole", async () => {
    const { main } = await show(list, {
      api: { history: async () => ({ payments: [LONG_PAYMENT], phoneMarks: ["one"], cursor: null }) },
    });
    expect(main.textContent).toContain(LONG);
    await expectAccessible(main);
  });
});

describe("the beginning of our reference, which a customer reads out", () => {
  const looked = async (found: readonly PaymentEvent[], locale: "fr" | "en" = "en") => {
    const history = vi.fn(async (query: URLSearchParams) => ({
      payments: query.get("short") ? found : [],
      phoneMarks: found.map(() => "mark"),
      cursor: query.get("short") ? "more" : null,
    }));
    const search = vi.fn(async () => ({ payments: [], hasMore: false }));
    const home = await show(<Home />, { api: { history, search }, locale });
    await home.fill("textarea", "0B8F-6C1E");
    await home.click(TEXTS[locale].search.submit);
    return { ...home, asked: history.mock.calls.map(([query]) => query).filter((query) => query.get("short")) };
  };

  test("finds a payment of the last days, in one call", async () => {
    const { asked } = await looked([payment("pending")]);
    expect(window.location.hash).toBe(`#/payment/${payment("pending").reference}`);
    expect(asked.map((query) => query.get("short"))).toEqual(["0b8f6c1e"]);
  });

  test.each(["fr", "en"] as const)("says what to ask for instead where it finds nothing (%s)", async (locale) => {
    const { main, asked } = await looked([], locale);
    expect(asked).toHaveLength(1);
    expect(main.textContent).toContain(TEXTS[locale].search.shortHelp);
    await expectAccessible(main);
  });
});

describe("what needs a person", () => {
  test.each(["fr", "en"] as const)("has each kind of payment (%s)", async (locale) => {
    const counts = { underReview: 1, duplicate: 1, undecided: 1, refundOpen: 1, undelivered: 1 };
    const needs = Object.keys(counts) as (keyof typeof counts)[];
    const since = "2026-01-31T03:30:00.000Z";
    const list: AttentionList = {
      counts: { ...counts, statementDifference: 0, statementMissing: 0 },
      items: needs.map((kind) => ({
        kind,
        since,
        payment: payment("refundSending", { reference: kind }),
        actions: [],
      })),
      days: [],
      failing: null,
      timestamp: since,
    };
    const { main, find } = await show(<Attention />, { api: { get: async () => list as never }, locale });
    for (const kind of needs) {
      expect(find(`[data-kind=${kind}] h2`).textContent).toContain(TEXTS[locale].attention.kinds[kind].title);
    }
    await expectAccessible(main);
  });

  test.each(["fr", "en"] as const)("has days that differ and days that were not compared (%s)", async (locale) => {
    const since = "2026-01-31T03:30:00.000Z";
    const list: AttentionList = {
      counts: {
        ...{ underReview: 0, duplicate: 0, undecided: 0, refundOpen: 0, undelivered: 0 },
        ...{ statementDifference: 1, statementMissing: 2 },
      },
      items: [],
      days: [
        { kind: "statementMissing", day: "2026-01-28", since, differences: null },
        { kind: "statementDifference", day: "2026-01-29", since, differences: 3 },
        { kind: "statementMissing", day: "2026-01-30", since, differences: null },
      ],
      failing: null,
      timestamp: since,
    };
    const { main, find } = await show(<Attention />, { api: { get: async () => list as never }, locale });
    const { kinds, nothing } = TEXTS[locale].attention;
    expect(main.textContent).not.toContain(nothing);
    expect(find("[data-kind=statementMissing]").textContent).toContain(kinds.statementMissing.sentence);
    expect(main.querySelectorAll("[data-kind=statementMissing] li")).toHaveLength(2);
    expect(find("[data-kind=statementDifference] li").textContent).toContain(TEXTS[locale].attention.differences(3));
    await expectAccessible(main);
  });
});

describe("an operator whose last payments have all failed", () => {
  const failing: FailingOperator = {
    operator: "Orange",
    count: 9,
    isWhole: true,
    since: "2026-01-31T13:05:00.000Z",
    lastPaidAt: "2026-01-31T12:58:00.000Z",
    phones: 7,
    technical: 0,
    reasons: [
      { failureCode: "declined", reason: "REJECTED", count: 8 },
      { failureCode: "unknown", reason: null, count: 1 },
    ],
  };
  const strip = (list: AttentionList["failing"], locale: "fr" | "en", hash: string) => {
    window.location.hash = hash;
    return show(<FailingStrip />, {
      api: { get: async () => ({ ...NOBODY_IS_NEEDED, failing: list }) as never },
      locale,
    });
  };
  const detail = async (changes: Partial<FailingOperator>, locale: "fr" | "en", others: FailingOperator[] = []) => {
    const shown = await strip([{ ...failing, ...changes }, ...others], locale, "#/today");
    await act(() => vi.waitFor(() => shown.find(".detailed")));
    return shown;
  };

  test.each(["fr", "en"] as const)("is told with its times, its phones and CamPay's words (%s)", async (locale) => {
    const { failures, list } = TEXTS[locale];
    const words = FAILING_TEXTS[locale];
    const { main, find } = await detail({}, locale);
    const said = find("[data-failing=Orange]").textContent;
    for (const part of [list.phones(7), "14:05", "13:58", `8 × ${failures.declined} (REJECTED)`, words.unknown]) {
      expect(said).toContain(part);
    }
    expect(said).toContain(words.cause(0, 9));
    expect(said).toContain(words.advice("Orange", "MTN"));
    expect(find("a").textContent).toMatch(/2026.*00:00$|31 Jan.*00:00$|31 janv\..*00:00$/);
    expect(find("a").getAttribute("href")).toMatch(
      /^#\/payments\?operator=Orange&status=FAILED&period=days&from=2026-01-31&to=/,
    );
    await expectAccessible(main);
  });

  test("is told to the second where the last paid one was begun in the same minute", async () => {
    const { find } = await detail({ lastPaidAt: "2026-01-31T13:05:00.000Z", since: "2026-01-31T13:05:41.000Z" }, "en");
    expect(find("[data-failing=Orange]").textContent).toMatch(/since .*14:05:41.* begun: .*14:05:00/);
  });

  test("sends nobody to the other operator where that one's payments all fail too", async () => {
    const { find } = await detail({}, "en", [{ ...failing, operator: "MTN" }]);
    expect(find("[data-failing=Orange]").textContent).toContain(FAILING_TEXTS.en.advice("Orange", null));
    expect(find("[data-failing=Orange]").textContent).not.toContain("MTN");
  });

  test.each(["#/", "#/today"])("is told with all that is known on %s", async (hash) => {
    const { find } = await strip([failing], "en", hash);
    await act(() => vi.waitFor(() => find(".detailed")));
    expect(find("[role=status]").textContent).toBe(EN.failing("Orange"));
  });

  test.each(["fr", "en"] as const)("is told in a line that leads to Today on other views (%s)", async (locale) => {
    const { main, find } = await strip([failing], locale, "#/payments");
    const { failing: line, attention } = TEXTS[locale];
    expect(find("a[data-failing=Orange]").textContent).toBe(line("Orange") + attention.open);
    expect(find("a[data-failing=Orange]").getAttribute("href")).toBe("#/today");
    expect(find("[role=status]").textContent).toBe(line("Orange"));
    await expectAccessible(main);
  });

  test.each([0, 4, 9])("says of %i of 9 that they are technical, and no more than CamPay does", async (technical) => {
    const { find } = await detail({ technical, isWhole: false, lastPaidAt: null }, "en");
    const said = find("[data-failing=Orange]").textContent;
    expect(said?.includes("For technical reasons, not the customers’")).toBe(technical === 9);
    expect(said?.includes("4 for technical reasons; of the others")).toBe(technical === 4);
    expect(said?.includes("the operator may be down all the same")).toBe(technical === 0);
    expect(said).toContain("9 or more");
    expect(said).toContain("None was paid in the seven days before.");
  });

  test.each([null, []])("is not told where there is none, or nobody knows: %j", async (list) => {
    const { main } = await strip(list, "en", "#/today");
    expect(main.querySelector("[data-failing]")).toBeNull();
  });
});

describe("news by webhook", () => {
  const [early, later] = ["2026-01-31T12:00:00.000Z", "2026-01-31T12:00:01.000Z"];
  const news = (toldAt: string | null, missingAt: string | null) =>
    show(<WebhookNews webhooks={{ toldAt, missingAt, arrivals: null }} />, {});

  test.each([
    [null, null, false, false],
    [early, null, true, false],
    [later, early, true, false],
    [early, later, true, true],
    [null, early, false, true],
  ])("last %s, last missing %s: says what is known", async (told, missing, isTold, isMissing) => {
    const { main } = await news(told, missing);
    expect(main.textContent?.includes("Last news by webhook: 31 Jan")).toBe(isTold);
    expect(main.querySelector("[data-webhook=missing]") !== null).toBe(isMissing);
    expect(main.textContent?.includes("customers and the shop are told all the same")).toBe(isMissing);
    if (isMissing) expect(main.querySelector("a")?.getAttribute("href")).toBe("#/payments?webhook=missing");
    await expectAccessible(main);
  });

  const arrived = (arrivals: Webhooks["arrivals"], missingAt: string | null, locale: "fr" | "en") =>
    show(<WebhookNews webhooks={{ toldAt: null, missingAt, arrivals }} />, { locale });

  test.each(["fr", "en"] as const)(
    "never says that nothing has arrived where that is not known (%s)",
    async (locale) => {
      const words = WEBHOOK_TEXTS[locale];
      const { main, find } = await arrived(null, later, locale);
      expect(find("[data-arrivals=unknown]").textContent).toBe(words.unknown);
      expect(main.querySelector("[data-arrivals=nothing]")).toBeNull();
      await expectAccessible(main);
    },
  );

  test.each(["fr", "en"] as const)(
    "says that nothing has arrived, and what that means where it is missed (%s)",
    async (locale) => {
      const words = WEBHOOK_TEXTS[locale];
      const quiet = await arrived({ since: early, outcomes: [] }, null, locale);
      expect(quiet.find("[data-arrivals=nothing]").textContent).not.toContain(words.nothingMeans);
      const missed = await arrived({ since: early, outcomes: [] }, later, locale);
      expect(missed.find("[data-arrivals=nothing]").textContent).toContain(words.nothingMeans);
      expect(missed.find("[data-arrivals=nothing]").textContent).toContain("13:00:00");
      await expectAccessible(missed.main);
    },
  );

  test.each(["fr", "en"] as const)(
    "counts what was accepted, and what was refused by its reason (%s)",
    async (locale) => {
      const words = WEBHOOK_TEXTS[locale];
      const outcomes = [
        { outcome: "told", count: 41, firstAt: early, lastAt: early },
        { outcome: "unchanged", count: 1, firstAt: later, lastAt: later },
        ...Object.keys(words.refusals).map((outcome) => ({
          outcome: outcome as WebhookRefusal,
          count: 7,
          firstAt: early,
          lastAt: later,
        })),
      ] as const;
      const { main, find } = await arrived({ since: early, outcomes }, later, locale);
      expect(find("[data-arrived=accepted]").textContent).toContain(words.accepted(42, "42"));
      expect(find("[data-arrived=accepted]").textContent).toMatch(/13:00:00.+13:00:01/);
      expect(find("[data-arrived=malformed]").textContent).toMatch(/13:00:00.+13:00:01/);
      expect(find("[data-arrived=unknownPayment] a").getAttribute("href")).toBe("#/statement");
      expect(find("[data-arrived=accepted]").textContent).toContain(words.unchanged(1, "1"));
      for (const [outcome, { title, sentence }] of Object.entries(words.refusals)) {
        expect(find(`[data-arrived=${outcome}]`).textContent).toContain(words.refused(7, "7", title));
        expect(find(`[data-arrived=${outcome}]`).textContent).toContain(sentence);
      }
      expect(main.querySelector("[data-arrivals=nothing]")).toBeNull();
      await expectAccessible(main);
    },
  );

  test("where all are refused, says that none was accepted", async () => {
    const outcomes = [{ outcome: "invalidSignature", count: 1, firstAt: early, lastAt: early }] as const;
    const { find } = await arrived({ since: early, outcomes }, later, "en");
    expect(find("[data-arrived=accepted] .mark").textContent).toBe("0 accepted");
    expect(find("[data-arrived=invalidSignature] .mark").textContent).toBe("1 refused: wrong signature");
    expect(find("[data-arrived=invalidSignature]").textContent).not.toContain("first:");
  });

  test.each(["fr", "en"] as const)("says how many of today's payments had no webhook (%s)", async (locale) => {
    const webhooks = { toldAt: early, missingAt: later, arrivals: null };
    const { find } = await show(<WebhookNews webhooks={webhooks} missingToday={3} />, { locale });
    expect(find("[data-webhook=missing]").textContent).toContain(WEBHOOK_TEXTS[locale].missingToday(3, "3"));
  });
});

describe("the connections", () => {
  const [early, later] = ["2026-01-31T12:00:00.000Z", "2026-01-31T12:00:01.000Z"];
  const connections = (missingAt: string): ConnectionsPage => ({
    storage: "redis",
    webhooks: { toldAt: "2026-01-31T12:00:00.500Z", missingAt, arrivals: null },
    gateways: [{ gatewayId: "gateway-1", startedAt: early, clients: 2, payments: 2 }],
    clients: [],
    cursor: null,
  });

  test.each(["fr", "en"] as const)("are not called well where webhooks do not come (%s)", async (locale) => {
    const words = CONNECTION_TEXTS[locale].health.well;
    const answered = (page: ConnectionsPage) =>
      show(<Connections />, { api: { get: async () => page as never }, locale });
    const well = await answered(connections(early));
    expect(well.find("[data-health=well]").textContent).toContain(words.title);
    const missing = await answered(connections(later));
    expect(missing.main.textContent).not.toContain(words.title);
    expect(missing.find("[data-health=well]").textContent).toContain(words.sentence);
    expect(missing.find("[data-webhook=missing]").textContent).toContain("13:00:01");
    await expectAccessible(missing.main);
  });
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
