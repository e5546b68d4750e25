// @vitest-environment happy-dom
import { describe, expect, test } from "vitest";
import { expectAccessible, payment, show } from "../../tests/operatorPage";
import type { AttentionList } from "../apiTypes";
import { TEXTS } from "../texts";
import { Attention } from "./Attention";

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
