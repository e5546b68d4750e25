// @vitest-environment happy-dom
import { describe, expect, test } from "vitest";
import { expectAccessible, show } from "../tests/operatorPage";
import type { WebhookRefusal, Webhooks } from "./apiTypes";
import { WebhookNews } from "./WebhookNews";
import { WEBHOOK_TEXTS } from "./webhookTexts";

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
