// @vitest-environment happy-dom
import { act } from "react";
import { afterEach, describe, expect, test, vi } from "vitest";
import { expectAccessible, NOBODY_IS_NEEDED, show } from "../tests/operatorPage";
import type { AttentionList, FailingOperator } from "./apiTypes";
import { FailingStrip } from "./FailingStrip";
import { FAILING_TEXTS } from "./failingTexts";
import { TEXTS } from "./texts";

const EN = TEXTS.en;

afterEach(() => {
  window.location.hash = "";
  window.history.replaceState(null, "");
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
