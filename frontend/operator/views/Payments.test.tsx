// @vitest-environment happy-dom
import { afterEach, describe, expect, test, vi } from "vitest";
import {
  EMPTY,
  expectAccessible,
  LONG,
  LONG_PAYMENT,
  NO_ANSWER,
  never,
  payment,
  show,
  TWO_PAYMENTS,
} from "../../tests/operatorPage";
import { ANALYTICS_TEXTS } from "../analyticsTexts";
import type { AttentionList } from "../apiTypes";
import { parseRoute } from "../router";
import { TEXTS } from "../texts";
import { Payments } from "./Payments";

const EN = TEXTS.en;

afterEach(() => {
  window.location.hash = "";
  window.history.replaceState(null, "");
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
      payments: [payment("pending", { createdAt: now }), ...TWO_PAYMENTS],
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
    const first = { payments: TWO_PAYMENTS, phoneMarks: ["one", "one"], cursor: "next" };
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
