// @vitest-environment happy-dom
import { afterEach, describe, expect, test, vi } from "vitest";
import {
  EMPTY,
  expectAccessible,
  LONG,
  NO_ANSWER,
  never,
  payment,
  refusal,
  show,
  storyOf,
  TWO_PAYMENTS,
} from "../../tests/operatorPage";
import type { PaymentEvent } from "../apiTypes";
import { parseRoute } from "../router";
import { TEXTS } from "../texts";
import { Home } from "./Home";
import { Payment } from "./Payment";

const EN = TEXTS.en;

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
    const search = async () => ({ payments: TWO_PAYMENTS, hasMore: true });
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
    const search = async () => ({ payments: TWO_PAYMENTS.slice(0, 1), hasMore: false });
    const { fill, click } = await show(<Home />, { api: { history: latest, search } });
    await fill("textarea", "237677777777");
    await click(EN.search.submit);
    expect(window.location.hash).toBe(`#/payment/${TWO_PAYMENTS[0]?.reference}`);
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
    const search = async () => ({ payments: TWO_PAYMENTS.slice(0, 1), hasMore: false });
    const { main, find, fill, click } = await show(<Home />, { api: { history: latest, search } });
    await fill("textarea", "Vous avez paye 150000 FCFA. ID de transaction: 18801069560.");
    await click(EN.search.submit);
    expect(window.location.hash).toBe("");
    expect(find("[role=alert]").textContent).toBe(EN.search.doubts.amount);
    expect(main.querySelectorAll("tbody tr")).toHaveLength(1);
    await expectAccessible(main);
  });

  test("keeps what was typed where the search fails, and tries it again", async () => {
    const search = vi.fn(async () => ({ payments: TWO_PAYMENTS, hasMore: false })).mockRejectedValueOnce(NO_ANSWER);
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
