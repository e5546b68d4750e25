// @vitest-environment happy-dom
import { act } from "react";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";

import { formatAmount } from "../src/currency";
import {
  apiOf,
  attempt,
  expectAccessible,
  NO_ANSWER,
  never,
  payment,
  record,
  refund,
  refusal,
  show,
  storyOf,
  version,
} from "../tests/operatorPage";
import { Actions } from "./Actions";
import type { PaymentEvent, PaymentStory } from "./apiTypes";
import { ViewBoundary } from "./BrokenView";
import { downloadCsv } from "./downloadCsv";
import { createPreferences } from "./preferences";
import { REFUND_TEXTS } from "./refundTexts";
import { SessionEnd } from "./SessionEnd";
import { SignIn } from "./SignIn";
import { createSession } from "./session";
import { Trouble } from "./Trouble";
import { TEXTS } from "./texts";

const EN = TEXTS.en;

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  localStorage.clear();
});

describe("an act", () => {
  const story = storyOf(payment("conflicted"), {
    actions: ["recheck", "redeliver", "resolve"],
    resolutions: ["SUCCESSFUL", "FAILED"],
  });
  const parts = (answer: () => Promise<never> | Promise<ReturnType<typeof payment>>) => {
    const called = { act: vi.fn(answer), reload: vi.fn(async () => {}), onDone: vi.fn() };
    const { reload, onDone } = called;
    return { called, part: <Actions {...{ story, reload, onDone }} />, api: { act: called.act } };
  };

  test("that is confirmed twice is done once", async () => {
    const { called, part, api } = parts(never);
    const { click, button, main } = await show(part, { api });
    await click(EN.actions.names["recheck"] as string);
    await click(EN.actions.confirm);
    expect(button(EN.actions.busy).ariaDisabled ?? button(EN.actions.busy).getAttribute("aria-disabled")).toBe("true");
    await click(EN.actions.busy);
    expect(called.act).toHaveBeenCalledTimes(1);
    await expectAccessible(main);
  });

  test("whose answer is lost is not called failed, and can be tried again", async () => {
    const { called, part, api } = parts(() => Promise.reject(NO_ANSWER));
    const { click, find } = await show(part, { api });
    await click(EN.actions.names["recheck"] as string);
    await click(EN.actions.confirm);
    expect(find(".confirmation [role=alert]").textContent).toBe(EN.noAnswerToAct);
    expect(called.onDone).not.toHaveBeenCalled();
    await click(EN.actions.confirm);
    expect(called.act).toHaveBeenCalledTimes(2);
  });

  test("that is refused says so in the page's words, and in the API's where they are new", async () => {
    for (const [code, sentence] of [
      ["forbidden", EN.problems["forbidden"]],
      ["something_new", "refused: something_new"],
    ] as const) {
      const { part, api } = parts(() => Promise.reject(refusal(code)));
      const { click, find, main } = await show(part, { api });
      await click(EN.actions.names["recheck"] as string);
      await click(EN.actions.confirm);
      expect(find(".confirmation [role=alert]").textContent).toBe(sentence);
      await expectAccessible(main);
    }
  });

  test("needs a decision and a reason of more than blanks", async () => {
    const { called, part, api } = parts(async () => payment("successful"));
    const { click, fill, find } = await show(part, { api });
    await click(EN.actions.names["resolve"] as string);
    await click(EN.actions.confirm);
    expect(find(".confirmation [role=alert]").textContent).toBe(EN.actions.outcomeMissing);
    expect(document.activeElement).toBe(find("input[type=radio]"));
    await act(async () => find("input[value=FAILED]").click());
    await fill("input[autocomplete=off]", "   ");
    await click(EN.actions.confirm);
    expect(find(".confirmation [role=alert]").textContent).toBe(EN.actions.reasonMissing);
    expect(document.activeElement).toBe(find("input[autocomplete=off]"));
    expect(called.act).not.toHaveBeenCalled();
    await fill("input[autocomplete=off]", " money went back ");
    await click(EN.actions.confirm);
    const [reference, name, decision] = called.act.mock.calls[0] as unknown as [string, string, object];
    expect([reference, name]).toEqual([story.payment.reference, "resolve"]);
    expect(decision).toMatchObject({ status: "FAILED", reason: "money went back" });
    expect(find("p[role=status]").textContent).toBe(EN.actions.done["resolve"]);
    expect(called.onDone).toHaveBeenCalledTimes(1);
  });
});

test.each(["fr", "en"] as const)("a refund that CamPay never told of is decided by a person (%s)", async (locale) => {
  const story = storyOf(payment("refundSending"), { actions: ["resolve"], resolutions: ["FAILED", "SUCCESSFUL"] });
  const called = { act: vi.fn(async () => payment("refunded")), reload: vi.fn(async () => {}), onDone: vi.fn() };
  const { reload, onDone } = called;
  const shown = await show(<Actions {...{ story, reload, onDone }} />, { api: { act: called.act }, locale });
  const words = TEXTS[locale].actions;
  await shown.click(words.names["resolve"] ?? "");
  await vi.waitFor(() => shown.find(".outcomes b"));
  const offered = [...shown.main.querySelectorAll(".outcomes b")].map(({ textContent }) => textContent);
  const { outcomes } = REFUND_TEXTS[locale];
  expect(offered).toEqual([outcomes.SUCCESSFUL.title, outcomes.FAILED.title]);
  await expectAccessible(shown.main);
});

describe("paying back", () => {
  const words = REFUND_TEXTS.en;
  beforeAll(() => import("./RefundForm")); // so that it is there within an act()
  const amount = (value: number) => formatAmount(value, "XAF", "en");
  const twice = payment("successful", { duplicate: true });
  const charged = (shown: PaymentEvent, charges: readonly string[], paysOrder = true) =>
    storyOf(shown, {
      actions: ["recheck", "refund", "acknowledge"],
      versions: charges.map((providerReference, index) =>
        version(shown, {
          version: index + 2,
          at: `2026-01-31T16:4${index}:00Z`,
          evidence: record({ providerReference, amount: 5000, operatorReference: `1000000002${index}` }),
        }),
      ),
      order: {
        orderId: shown.orderId,
        attemptCount: 1,
        chargeCount: charges.length,
        attempts: [attempt(shown, { charges, paysOrder })],
      },
    });
  const open = async (story: PaymentStory, answer: () => Promise<PaymentEvent> = never, locale?: "fr" | "en") => {
    const called = { act: vi.fn(answer), reload: vi.fn(async () => {}), onDone: vi.fn() };
    const { reload, onDone } = called;
    const setting = { api: { act: called.act }, ...(locale && { locale }) };
    const shown = await show(<Actions {...{ story, reload, onDone }} />, setting);
    await shown.click(TEXTS[locale ?? "en"].actions.names["refund"] as string);
    return { ...shown, called };
  };
  const sent = ({ act }: { readonly act: ReturnType<typeof vi.fn> }) => act.mock.lastCall;

  test("all of the charge that came second takes two taps, and names the version that was seen", async () => {
    const { click, called, find, main } = await open(charged(twice, ["c-1", "c-2"]), async () =>
      payment("successful", { refunds: [refund()] }),
    );
    expect(find(".confirmation > p").textContent).toContain(
      `send ${amount(5000)} to the number that paid, 2376******77`,
    );
    expect(find("label:has(:checked)").textContent).toContain("id in the customer’s SMS: 10000000021 · one too many");
    await expectAccessible(main);
    await click(words.confirm(amount(5000)));
    const body = { charge: "c-2", amount: 5000, reason: words.paidTwice, version: twice.version };
    expect(sent(called)).toEqual([twice.reference, "refund", body]);
    expect(find(".actions > [role=status]").textContent).toBe(words.done.PENDING);
    expect([called.reload.mock.calls.length, called.onDone.mock.calls.length]).toEqual([1, 1]);
  });

  test("a part of another charge goes back where that is chosen, with the reason that is given", async () => {
    const { click, fill, find, main, called } = await open(charged(twice, ["c-1", "c-2"]));
    const [first] = [...main.querySelectorAll<HTMLInputElement>("input[type=radio]")];
    await act(async () => first?.click());
    await fill("input[name=amount]", "1\u202f500");
    await fill("input[name=reason]", "  braids shorter than ordered ");
    expect(find(".confirmation > p").textContent).toContain(amount(1500));
    await click(words.confirm(amount(1500)));
    const body = { charge: "c-1", amount: 1500, reason: "braids shorter than ordered", version: twice.version };
    expect(sent(called)).toEqual([twice.reference, "refund", body]);
  });

  test.each(["5001", "0", "", "-1", "5,5", "many"])("an amount of %j is not sent", async (typed) => {
    const { click, fill, find, called, main } = await open(charged(twice, ["c-1"], false));
    await fill("input[name=amount]", typed);
    const [confirm] = [...main.querySelectorAll<HTMLButtonElement>(".confirmation .primary")];
    await click(confirm?.textContent ?? "");
    expect(find(".confirmation [role=alert]").textContent).toBe(words.amountWrong(amount(5000)));
    expect(document.activeElement).toBe(find("input[name=amount]"));
    expect(called.act).not.toHaveBeenCalled();
  });

  test("a payment that is good needs a reason, and its button is not the first to press", async () => {
    const { click, find, called, button } = await open(charged(payment("successful"), ["c-1"]));
    expect(button(EN.actions.names["refund"] as string).className).toBe("quiet");
    await click(words.confirm(amount(5000)));
    expect(find(".confirmation [role=alert]").textContent).toBe(EN.actions.reasonMissing);
    expect(called.act).not.toHaveBeenCalled();
  });

  test("only what is left is offered: what is on its way is not paid back twice, what has failed is", async () => {
    const refunds = [
      refund({ charge: "c-1", amount: 2000, status: "SENDING" }),
      refund({ charge: "c-1", amount: 1000, status: "SUCCESSFUL" }),
      refund({ charge: "c-1", amount: 500, status: "FAILED" }),
      refund({ charge: "c-2", amount: 5000, status: "PENDING" }),
    ];
    const { find, main } = await open(charged({ ...twice, refunds }, ["c-1", "c-2"]));
    expect((find("input[name=amount]") as HTMLInputElement).value).toBe("2000");
    expect(main.querySelectorAll("input[type=radio]")).toHaveLength(1);
  });

  test.each(["refunds_off", "refund_not_covered"] as const)("%s is told in the page's words", async (code) => {
    for (const locale of ["fr", "en"] as const) {
      const story = charged(twice, ["c-1"], false);
      const { click, find } = await open(story, () => Promise.reject(refusal(code)), locale);
      await click(REFUND_TEXTS[locale].confirm(formatAmount(5000, "XAF", locale)));
      expect(find(".confirmation [role=alert]").textContent).toBe(TEXTS[locale].problems[code]);
    }
  });

  test("of a version that is old nothing was sent, and the new state is shown", async () => {
    const { click, find, called, main } = await open(charged(twice, ["c-1"], false), () =>
      Promise.reject(refusal("payment_changed")),
    );
    await click(words.confirm(amount(5000)));
    expect(find(".actions > [role=status]").textContent).toBe(EN.problems["payment_changed"]);
    expect(main.querySelector(".confirmation")).toBeNull();
    expect(called.reload).toHaveBeenCalledTimes(1);
  });

  test("a lost answer is not called failed", async () => {
    const { click, find } = await open(charged(twice, ["c-1"], false), () => Promise.reject(NO_ANSWER));
    await click(words.confirm(amount(5000)));
    expect(find(".confirmation [role=alert]").textContent).toBe(EN.noAnswerToAct);
  });
});

describe("sign-in", () => {
  const preferences = () => createPreferences(document.documentElement, localStorage);
  test.each([
    [refusal("invalid_api_key"), EN.signIn.wrong],
    [refusal("address_limit"), EN.problems["address_limit"]],
    [NO_ANSWER, EN.noAnswer],
  ])("says what was wrong, keeps the key and selects it", async (error, sentence) => {
    localStorage.setItem("operator-page-preferences", '{"locale": "en"}');
    const api = apiOf({ signIn: () => Promise.reject(error) });
    const { find, fill, click, main } = await show(<SignIn api={api} preferences={preferences()} hasEnded={false} />, {
      frame: "div",
    });
    await click(EN.signIn.submit); // an empty key is not sent
    expect(find("[role=alert]").textContent).toBe("");
    await fill("input[type=password]", "half-a-key");
    await click(EN.signIn.submit);
    expect(find("[role=alert]").textContent).toBe(sentence);
    const field = find("input[type=password]") as HTMLInputElement;
    expect([field.value, field.getAttribute("aria-invalid")]).toEqual(["half-a-key", "true"]);
    expect(document.activeElement).toBe(field);
    await expectAccessible(main);
  });

  test("after a session says that it goes on", async () => {
    localStorage.setItem("operator-page-preferences", '{"locale": "fr"}');
    const { main } = await show(<SignIn api={apiOf({})} preferences={preferences()} hasEnded />, { frame: "div" });
    expect(main.textContent).toContain(TEXTS.fr.signIn.ended);
  });
});

describe("the end of a session", () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: Date.parse("2026-02-01T12:00:00Z") });
  });

  test("is announced two minutes before, once, and with the hour of Douala", async () => {
    const session = createSession(localStorage);
    session.begin({ name: "paul", right: "act", expiresInSeconds: 900 });
    const { find, main, click } = await show(<SessionEnd session={session} />);
    await act(() => vi.advanceTimersByTimeAsync(779_000));
    expect(find("[role=status]").textContent).toBe("");
    await act(() => vi.advanceTimersByTimeAsync(1000));
    expect(find("[role=status]").textContent).toBe(EN.signIn.endsSoon("13:15"));
    await click(EN.signIn.renew);
    expect(session.current().name).toBe("ended");
    await act(async () => session.begin({ name: "paul", right: "act", expiresInSeconds: 900 }));
    expect(find("[role=status]").textContent).toBe("");
    await act(() => vi.advanceTimersByTimeAsync(900_000));
    expect(main.querySelector("button")).toBeNull();
  });
});

function Broken(): never {
  throw new TypeError("its part did not come");
}

test("a view that fails says so, and the next one is shown", async () => {
  vi.spyOn(console, "error").mockImplementation(() => {}); // React tells the console too
  const { find, main, again } = await show(
    <ViewBoundary key="a">
      <Broken />
    </ViewBoundary>,
  );
  expect(find("[role=alert] h1").textContent).toBe(EN.brokenView.title);
  await expectAccessible(main);
  await again(
    <ViewBoundary key="b">
      <p>the next one</p>
    </ViewBoundary>,
  );
  expect(main.textContent).toBe("the next one");
});

test("an error that comes again is announced again, and the focus outlives the button", async () => {
  const { find, main, again } = await show(<Trouble error={NO_ANSWER} onRetry={() => {}} />);
  const first = find("[role=alert] p");
  find("button").focus();
  await again(<Trouble error={NO_ANSWER} onRetry={() => {}} />);
  expect(find("[role=alert] p")).toBe(first);
  await again(<Trouble error={refusal("internal_error")} onRetry={() => {}} />);
  expect(find("[role=alert] p")).not.toBe(first);
  expect(document.activeElement).toBe(find("button"));
  await again(<Trouble error={null} onRetry={() => {}} />);
  expect(document.activeElement).toBe(main);
});

describe("a CSV file", () => {
  const HEAD = "\ufeffCreated (UTC),Order";
  const page = (...rows: string[]) => `${[HEAD, ...rows].join("\r\n")}\r\n`;

  async function saved(pages: readonly string[], since: number) {
    const files: Blob[] = [];
    vi.spyOn(URL, "createObjectURL").mockImplementation((file) => {
      files.push(file as Blob);
      return "blob:file";
    });
    vi.spyOn(URL, "revokeObjectURL").mockImplementation(() => {});
    vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(() => {});
    const asked: (string | null)[] = [];
    const historyCsv = async (query: URLSearchParams) => {
      asked.push(query.get("cursor"));
      const text = pages[asked.length - 1] ?? "";
      return { text, cursor: asked.length < pages.length ? String(asked.length) : null };
    };
    const counts: number[] = [];
    const rows = await downloadCsv(apiOf({ historyCsv }), "from=2026-02-01", since, (count) => counts.push(count));
    return { rows, asked, counts, text: (await files[0]?.arrayBuffer()) ?? new ArrayBuffer(0) };
  }
  const decoded = (bytes: ArrayBuffer) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);

  test("has each page's rows below one header", async () => {
    const pages = [page("2026-02-01T12:00:00Z,a", "2026-02-01T11:00:00Z,b"), page("2026-02-01T10:00:00Z,c"), page()];
    const { rows, asked, counts, text } = await saved(pages, 0);
    expect([rows, asked, counts]).toEqual([3, [null, "1", "2"], [2, 3, 3]]);
    expect(decoded(text)).toBe(
      `${HEAD}\r\n2026-02-01T12:00:00Z,a\r\n2026-02-01T11:00:00Z,b\r\n2026-02-01T10:00:00Z,c\r\n`,
    );
  });

  test("of the last hour ends with it, and no further page is asked for", async () => {
    const pages = [page("2026-02-01T12:00:00Z,a", "2026-02-01T11:29:59Z;b"), page("2026-02-01T10:00:00Z,c")];
    const { rows, asked, text } = await saved(pages, Date.parse("2026-02-01T11:30:00Z"));
    expect([rows, asked]).toEqual([1, [null]]);
    expect(decoded(text)).toBe(`${HEAD}\r\n2026-02-01T12:00:00Z,a\r\n`);
  });
});
