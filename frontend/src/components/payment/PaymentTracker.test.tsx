// @vitest-environment happy-dom
import axe from "axe-core";
import { act, StrictMode } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { type SampleName, samples } from "../../../gallery/samples";
import { formatAmount } from "../../currency";
import type { PaymentEvent, Problem } from "../../paymentContract";
import { PaymentTracker, type PaymentTrackerProps } from "./PaymentTracker";

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

const DEVICE_TIME = Date.parse("2020-02-02T02:02:02.000Z");
const SAMPLES = samples(DEVICE_TIME, "en");
/** The count-down's text a number of seconds after the golden payment began; the samples are 20 s old. */
function timeLeft(after: number): string {
  const { createdAt = "", expiresAt = "" } = SAMPLES.checkPhone.payment ?? {};
  const left = new Date(Date.parse(expiresAt) - Date.parse(createdAt) - after * 1000);
  return left.toISOString().slice(14, 19).replace(/^0/, "");
}
const NAMES = Object.keys(SAMPLES) as SampleName[];

let page: HTMLElement;
let root: Root;

beforeEach(() => {
  vi.useFakeTimers({ now: DEVICE_TIME });
  page = document.body.appendChild(document.createElement("main"));
  root = createRoot(page);
});

afterEach(() => {
  act(() => root.unmount());
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
  vi.unstubAllGlobals();
  page.remove();
});

function show(props: PaymentTrackerProps) {
  act(() =>
    root.render(
      <StrictMode>
        <PaymentTracker locale="en" {...props} />
      </StrictMode>,
    ),
  );
}

const wait = (milliseconds: number) => act(() => vi.advanceTimersByTimeAsync(milliseconds));
const find = (selector: string) => page.querySelector<HTMLElement>(selector);
const words = (selector: string) => find(selector)?.textContent ?? null;
const buttons = () => [...page.querySelectorAll(".bp-action")].map((button) => button.textContent);
/** Clicks, and waits for what that does at once: copying takes more than one turn. */
async function click(selector: string): Promise<void> {
  await act(async () => find(selector)?.click());
  await wait(0);
}

describe("every picture", () => {
  test.each(NAMES)("%s names itself to tests, and has a heading and its language", (name) => {
    for (const locale of ["fr", "en"] as const) {
      show({ ...SAMPLES[name], locale });
      expect(find("section.bp-tracker")?.lang).toBe(locale);
      expect(words("h2.bp-title")).not.toBe("");
      expect(page.querySelectorAll(".bp-tracker svg:not([aria-hidden])")).toHaveLength(0);
    }
  });

  test.each(NAMES)("%s has no accessibility error that can be told without a layout", async (name) => {
    show({ ...SAMPLES[name] });
    await wait(3_000);
    vi.useRealTimers();
    const { violations } = await axe.run(page, {
      preload: false,
      rules: { "color-contrast": { enabled: false }, "page-has-heading-one": { enabled: false } },
    });
    vi.useFakeTimers();
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
  });

  test("is named in the markup with the payment's status and version", () => {
    show(SAMPLES.checkPhone);
    expect(find("section")?.dataset).toMatchObject({ picture: "checkPhone", status: "PENDING", version: "2" });
    show(SAMPLES.sending);
    expect(find("section")?.dataset).toMatchObject({ picture: "sending" });
    expect(find("section")?.hasAttribute("data-status")).toBe(false);
  });
});

describe("check your phone", () => {
  test.each([
    ["checkPhone", "tel:*126%23", "*126#", "MTN MoMo"],
    ["checkPhoneOrange", "tel:%23150*50%23", "#150*50#", "Orange Money"],
  ] as const)("%s: the whole code is dialled, and the operator named", (name, href, code, operator) => {
    show(SAMPLES[name]);
    expect(find(".bp-ussd")?.getAttribute("href")).toBe(href);
    expect(words(".bp-ussd")).toBe(code);
    expect(words(".bp-sentence")).toContain(operator);
    expect(words(".bp-to-do")).toContain(operator);
  });

  test("says in order what to do on the phone, by operator", () => {
    const steps = () => [...page.querySelectorAll(".bp-to-do li")].map((step) => step.textContent);
    show(SAMPLES.checkPhone);
    expect(steps()).toEqual([
      "Wait for the MTN MoMo prompt. Nothing on the screen? Dial: *126#",
      `Check the amount: ${formatAmount(5000, "XAF", "en")}.`,
      "Enter your PIN to approve.",
    ]);
    show(SAMPLES.checkPhoneOrange);
    expect(steps()[2]).toBe("Enter your secret code to approve.");
    show(SAMPLES.checkPhoneNoOperator);
    expect(steps()[0]).toBe("Wait for the mobile money prompt.");
  });

  test("says for whom, to which number, and which name the prompt shows", () => {
    show(SAMPLES.checkPhoneTyped);
    expect(words(".bp-sentence")).toBe(
      "The MTN MoMo prompt for BraidSter is coming to 6\u00a077\u00a077\u00a077\u00a077. It shows the name CAMPAY DOUALA.",
    );
    show({ ...SAMPLES.checkPhoneTyped, promptName: "BraidSter" });
    expect(words(".bp-sentence")).not.toContain("shows the name");
    show(SAMPLES.checkPhoneNoShop);
    expect(words(".bp-sentence")).toBe("The MTN MoMo prompt is coming to your phone.");
  });

  test("a number of another attempt is never shown as this payment's", () => {
    show({ ...SAMPLES.checkPhone, phoneNumber: "237677777778" });
    expect(words(".bp-sentence")).toContain("your phone");
    expect(words(".bp-fact-number dd")).toBe(SAMPLES.checkPhone.payment?.phoneNumber);
  });

  test("without a code there is none to dial", () => {
    show(SAMPLES.checkPhoneNoOperator);
    expect(find(".bp-ussd")).toBeNull();
    expect(words("[role=timer]")).toBe(timeLeft(20));
  });

  test("counts down by the server's clock on a phone that is years wrong, each second once", async () => {
    show(SAMPLES.checkPhone);
    const seen: (string | null)[] = [];
    for (let second = 0; second < 4; second += 1) {
      seen.push(words("[role=timer]"));
      await wait(1_000);
    }
    expect(seen).toEqual([20, 21, 22, 23].map(timeLeft));
  });

  test("when the time is up it is still checking, and no timer is left", async () => {
    const { payment } = SAMPLES.checkPhone;
    const expires = Date.parse(payment?.expiresAt ?? "");
    show({ ...SAMPLES.checkPhone, clockOffset: expires - 13_000 - DEVICE_TIME });
    await wait(12_000);
    expect(find("section")?.dataset["picture"]).toBe("checkPhone");
    expect(words("[role=timer]")).toBe("0:01");
    await wait(2_000);
    expect(find("section")?.dataset["picture"]).toBe("unknown");
    expect(find("[role=timer]")).toBeNull();
  });
});

describe("a prompt that is not answered", () => {
  const asked = () => words(".bp-question");

  test("is asked about after 45 s, aloud too, with what to do and the code to dial", async () => {
    show(SAMPLES.checkPhone);
    await wait(24_000);
    expect(asked()).toBeNull();
    await wait(1_000);
    expect(asked()).toBe("Nothing on your phone, or you refused?");
    expect(find(".bp-ussd")?.getAttribute("href")).toBe("tel:*126%23");
    expect(words("[role=timer]")).toBe(timeLeft(45));
    expect(words("[aria-live=polite]")).toContain("Nothing on your phone, or you refused? Dial this code");
    show(SAMPLES.checkPhoneNotAnsweredNoCode);
    expect(words(".bp-prompt")).toContain("switched on");
  });

  test("each answer has its own action", async () => {
    const done: string[] = [];
    const acts = { onGiveUp: () => void done.push("refused"), onChangeNumber: () => void done.push("change") };
    show({ ...SAMPLES.unknownNotAnswered, ...acts });
    await click(".bp-give-up");
    await click(".bp-change-number");
    expect(done).toEqual(["refused", "change"]);
  });

  test("while CamPay is asked, taps do nothing; a missing answer is shown", async () => {
    const done: string[] = [];
    const onGiveUp = () => void done.push("refused");
    show({ ...SAMPLES.givingUp, onGiveUp });
    await click(".bp-give-up");
    expect(done).toEqual([]);
    expect(words(".bp-prompt [role=status]")).toContain("checking with MTN MoMo");
    show({ ...SAMPLES.givingUpUnanswered, onGiveUp });
    expect(words(".bp-prompt [role=status]")).toContain("could not check");
    await click(".bp-give-up");
    expect(done).toEqual(["refused"]);
  });

  test("without handlers for the answers it only shows help", () => {
    const { payment, connection, clockOffset = 0 } = SAMPLES.checkPhoneNotAnswered;
    show({ payment, connection, clockOffset });
    expect(asked()).not.toBeNull();
    expect(buttons()).toEqual([]);
  });

  test("the focus survives the buttons that disappear", () => {
    show(SAMPLES.checkPhoneNotAnswered);
    find(".bp-give-up")?.focus();
    show(SAMPLES.givenUp);
    expect(document.activeElement).toBe(find(".bp-title"));
  });

  test("one that was given up has its own words", () => {
    for (const locale of ["fr", "en"] as const) {
      show({ ...SAMPLES.givenUp, locale });
      const given = words(".bp-sentence");
      show({ ...SAMPLES.expired, locale });
      expect(words(".bp-sentence")).not.toBe(given);
    }
  });
});

describe("the actions", () => {
  test("a further attempt is offered after a failure or an expiry, going on when it is paid, else nothing", () => {
    const offered = NAMES.map((name) => {
      show(SAMPLES[name]);
      return [name, buttons()] as const;
    }).filter(([, offers]) => offers.length > 0);
    const again = ["Try again", "Change the number"];
    const receipt = ["Copy the receipt", "Print"];
    expect(Object.fromEntries(offered)).toEqual({
      approved: ["Continue", ...receipt],
      approvedNoShop: ["Continue", ...receipt],
      approvedRefundOpen: ["Continue", ...receipt],
      approvedRefunded: ["Continue", ...receipt],
      duplicateRefunded: ["Continue", ...receipt],
      lateSuccess: ["Continue", ...receipt],
      duplicate: ["Continue", ...receipt],
      orderAlreadyPaid: ["Continue"],
      orderPaidAndPromptDeclined: ["Continue"],
      failed_not_enough_funds: again,
      failed_wrong_pin: again,
      failed_declined: again,
      failed_not_registered: [again[1]],
      failed_limit_reached: [again[1]],
      failed_no_answer: again,
      failed_operator_down: again,
      failed_number_not_supported: [again[1]],
      failed_refused: again,
      failed_unknown: again,
      expired: again,
      givenUp: again,
      checkPhoneNotAnswered: ["I refused it", "Change the number"],
      checkPhoneNotAnsweredNoCode: ["I refused it", "Change the number"],
      givingUp: ["I refused it", "Change the number"],
      givingUpUnanswered: ["I refused it", "Change the number"],
      unknownNotAnswered: ["I refused it", "Change the number"],
      unsent: ["Cancel"],
      unknownPastExpiry: ["I refused it", "Change the number"],
      declinedReviewed: again,
      declinedNeverSent: again,
      longWords: again,
    });
  });

  test("no action is offered without its handler", () => {
    show({ payment: SAMPLES.failed_declined.payment, connection: "connected" });
    expect(buttons()).toEqual([]);
  });

  test("each button has its own action, and the focus survives the one that disappears", async () => {
    const done: string[] = [];
    const onRetry = () => void done.push("retry");
    const onChangeNumber = () => void done.push("change");
    show({ ...SAMPLES.failed_declined, onRetry, onChangeNumber });
    await click(".bp-change-number");
    await click(".bp-retry");
    expect(done).toEqual(["change", "retry"]);
    show({ ...SAMPLES.sendingAgain, onRetry });
    expect(document.activeElement).toBe(find(".bp-title"));
  });
});

describe("the connection", () => {
  test("a short break is not mentioned, a longer one is, without taking the picture away", async () => {
    show(SAMPLES.reconnecting);
    await wait(2_900);
    expect(find(".bp-notice")).toBeNull();
    await wait(200);
    expect(words(".bp-notice")).toContain("Slow connection");
    expect(find("section")?.dataset["picture"]).toBe("checkPhone");
    show(SAMPLES.checkPhone);
    expect(find(".bp-notice")).toBeNull();
    show(SAMPLES.reconnecting);
    await wait(2_900);
    expect(find(".bp-notice")).toBeNull();
  });

  test("connecting is a break only once there is something on the screen", async () => {
    show(SAMPLES.loading);
    await wait(5_000);
    expect(find(".bp-notice")).toBeNull();
    show({ ...SAMPLES.checkPhone, connection: "connecting" });
    await wait(3_000);
    expect(find(".bp-notice")).not.toBeNull();
  });

  test("without a network, or with an invalid token, a notice is shown at once", () => {
    show(SAMPLES.offline);
    expect(words("[role=status] .bp-notice")).toContain("No internet");
    show(SAMPLES.refusedWithPayment);
    expect(words(".bp-notice")).toContain("out of date");
  });

  test("where nothing was sent, only that is said, and once", () => {
    show({ ...SAMPLES.unsent, payment: SAMPLES.expired.payment, connection: "offline" });
    expect(words(".bp-sentence")).toContain("Nothing has been sent");
    expect(find(".bp-notice")).toBeNull();
  });

  test("no notice is shown when the payment cannot change any more", async () => {
    show({ ...SAMPLES.approved, connection: "offline" });
    expect(find(".bp-notice")).toBeNull();
    show({ ...SAMPLES.approved, connection: "reconnecting" });
    await wait(5_000);
    expect(find(".bp-notice")).toBeNull();
  });
});

describe("screen readers", () => {
  test("a new picture is announced; the count-down and a newer version of the same are not", async () => {
    show(SAMPLES.checkPhone);
    const region = find("[aria-live=polite]") as HTMLElement;
    expect(region.textContent).toMatch(/^Approve on your phone\. FCFA.5,000\. The MTN MoMo .*PIN/);
    const changes: MutationRecord[] = [];
    const observer = new MutationObserver((records) => changes.push(...records));
    observer.observe(region, { childList: true, characterData: true, subtree: true });
    await wait(5_000);
    show({ ...SAMPLES.checkPhoneOrange });
    await wait(1);
    expect(changes).toHaveLength(0);
    show(SAMPLES.approved);
    await wait(1);
    expect(changes.length).toBeGreaterThan(0);
    expect(region.textContent).toBe(
      `Payment received, thank you! ${formatAmount(5000, "XAF", "en")}. Your order at BraidSter is paid.`,
    );
    observer.disconnect();
  });

  test("an urgent picture interrupts", () => {
    show(SAMPLES.checkPhone);
    show(SAMPLES.orderPaidElsewhere);
    expect(words("[aria-live=assertive]")).toContain("Decline the prompt");
    expect(words("[aria-live=polite]")).toBe("");
  });

  test("the steps say their state in words", () => {
    show(SAMPLES.failed_declined);
    const steps = [...page.querySelectorAll(".bp-step")].map((step) => step.textContent);
    expect(steps).toEqual(["Request sent, done", "Approve on your phone, stopped here", "Paid, to come"]);
    show(SAMPLES.checkPhone);
    expect(words("[aria-current=step]")).toContain("Approve");
  });
});

describe("the facts", () => {
  test("shop, order, number, operator, reference; the amount is above them", () => {
    show(SAMPLES.checkPhone);
    const { orderId, phoneNumber, reference } = SAMPLES.checkPhone.payment ?? {};
    const facts = [...page.querySelectorAll(".bp-fact dd")].map((fact) => fact.firstChild?.textContent);
    expect(facts).toEqual(["BraidSter", orderId, phoneNumber, "MTN MoMo", "0B8F-6C1E"]);
    expect(words(".bp-fact-reference code")).toBe(reference);
    expect(words(".bp-title + .bp-amount")).toBe(formatAmount(5000, "XAF", "en"));
  });

  test("a further attempt has no number and reference yet, and is not shown those of the one before", () => {
    show(SAMPLES.sendingAgain);
    expect([...page.querySelectorAll("dt")].map((label) => label.textContent)).toEqual(["Shop", "Order"]);
    expect(words(".bp-amount")).toBe(formatAmount(5000, "XAF", "en"));
  });

  test("the reference is copied, and a message shows it briefly", async () => {
    const copied: string[] = [];
    vi.stubGlobal("navigator", { clipboard: { writeText: async (text: string) => void copied.push(text) } });
    show(SAMPLES.approved);
    await click(".bp-copy");
    expect(copied).toEqual([SAMPLES.approved.payment?.reference]);
    expect(words(".bp-copy")).toContain("Copied");
    expect(words(".bp-fact-reference [role=status]")).toBe("Copied");
    await wait(3_000);
    expect(words(".bp-copy")).toBe("Copy");
    await click(".bp-copy");
    expect(words(".bp-copy")).toContain("Copied"); // unmounting now must leave no timer, which afterEach checks
  });

  test("where there is no clipboard it is left selected, and not called copied", async () => {
    vi.stubGlobal("navigator", {});
    show(SAMPLES.approved);
    await click(".bp-copy");
    expect(getSelection()?.toString()).toBe(SAMPLES.approved.payment?.reference);
    expect(words(".bp-copy")).toBe("Copy");
  });
});

describe("the receipt", () => {
  const { payment } = SAMPLES.approved;
  const RECEIPT = [
    "Receipt",
    "BraidSter",
    formatAmount(5000, "XAF", "en"),
    `Order: ${payment?.orderId}`,
    "Paid on: 15 January 2026 at 11:00",
    "Operator: MTN MoMo",
    "Transaction number: 12345678901",
    `Reference: ${payment?.reference}`,
  ].join("\n");

  test("has the date by Cameroon's clock and the operator's transaction number", () => {
    show(SAMPLES.approved);
    expect(words(".bp-fact-paidAt dd")).toBe("15 January 2026 at 11:00");
    expect(words(".bp-fact-operatorReference dd")).toBe("12345678901");
    show({ ...SAMPLES.approved, locale: "fr" });
    expect(words(".bp-fact-paidAt dd")).toMatch(/^15 janvier 2026 à 11[:h ]+00$/);
    show(SAMPLES.duplicate);
    expect(find(".bp-fact-paidAt")).toBeNull();
    show(SAMPLES.approvedNoShop);
    expect(find(".bp-fact-operatorReference")).toBeNull();
  });

  test("is shared as a message without a phone number, and printed", async () => {
    const shared: unknown[] = [];
    let isCalledOff = false;
    const share = async (data: unknown) => {
      shared.push(data);
      if (isCalledOff) throw new DOMException("nobody was chosen", "AbortError");
    };
    const print = vi.fn();
    vi.stubGlobal("navigator", { share });
    vi.stubGlobal("print", print);
    show({ ...SAMPLES.approved, phoneNumber: "237677777777" });
    await click(".bp-share");
    isCalledOff = true;
    await click(".bp-share");
    await click(".bp-print");
    expect(shared).toEqual([{ text: RECEIPT }, { text: RECEIPT }]);
    expect(print).toHaveBeenCalledTimes(1);
    expect(find(".bp-copy-receipt")).toBeNull();
  });

  test("is copied where the browser cannot share", async () => {
    const copied: string[] = [];
    vi.stubGlobal("navigator", { clipboard: { writeText: async (text: string) => void copied.push(text) } });
    show(SAMPLES.approved);
    await click(".bp-copy-receipt");
    expect(copied).toEqual([RECEIPT]);
    expect(words(".bp-copy-receipt")).toContain("Copied");
    await wait(3_000);
    expect(words(".bp-copy-receipt")).toBe("Copy the receipt");
  });

  test("without a clipboard the facts are left selected", async () => {
    vi.stubGlobal("navigator", {});
    show(SAMPLES.approved);
    await click(".bp-copy-receipt");
    expect(getSelection()?.toString()).toContain("12345678901");
    expect(words(".bp-copy-receipt")).toBe("Copy the receipt");
  });

  test("is offered for what is paid alone", () => {
    const offered = NAMES.filter((name) => {
      show(SAMPLES[name]);
      return find(".bp-receipt") !== null;
    });
    const paid = ["approved", "lateSuccess", "duplicate", "approvedNoShop"];
    expect(offered).toEqual([...paid, "approvedRefundOpen", "approvedRefunded", "duplicateRefunded"]);
  });
});

describe("money that goes back", () => {
  const amount = (value: number, locale: "fr" | "en" = "en") => formatAmount(value, "XAF", locale);
  const said = () => [...page.querySelectorAll(".bp-notice")].map((notice) => notice.textContent);

  test("is said in the page's language, what is on its way apart, and none where there is none", () => {
    show(SAMPLES.approved);
    expect(said()).toEqual([]);
    show(SAMPLES.approvedRefundOpen);
    expect(said()).toEqual([`On its way back to you: ${amount(1500)}`]);
    show(SAMPLES.approvedRefunded);
    expect(said()).toEqual([`Paid back to you: ${amount(1500)}`, `On its way back to you: ${amount(3500)}`]);
    show({ ...SAMPLES.approvedRefunded, locale: "fr" });
    expect(said()).toEqual([
      `Remboursé\u00a0: ${amount(1500, "fr")}`,
      `Remboursement en cours\u00a0: ${amount(3500, "fr")}`,
    ]);
  });

  test("is announced when it changes, and says nothing of what has failed", async () => {
    const [refund] = SAMPLES.approvedRefundOpen.payment?.refunds ?? [];
    if (!refund) throw new TypeError("the sample has a refund");
    const shown = (status: typeof refund.status, refundedAmount = 0) =>
      show({
        ...SAMPLES.approved,
        payment: { ...SAMPLES.approved.payment, refundedAmount, refunds: [{ ...refund, status }] } as PaymentEvent,
      });
    shown("SENDING");
    expect(words("[aria-live=polite]")).toContain(`On its way back to you: ${amount(1500)}`);
    shown("SUCCESSFUL", 1500);
    expect(words("[aria-live=polite]")).toContain(`Paid back to you: ${amount(1500)}`);
    shown("FAILED");
    expect(words("[aria-live=polite]")).not.toContain("back to you");
    expect(said()).toEqual([]);
  });

  test("takes the place of the promise to pay back", () => {
    show(SAMPLES.duplicate);
    expect(words(".bp-sentence")).toContain("It will contact you");
    show(SAMPLES.duplicateRefunded);
    expect(find(".bp-sentence")).toBeNull();
    expect(words(".bp-title")).toBe("This order was paid twice");
  });

  test("leaves the receipt, which says so, and names no time that is not the payment's", async () => {
    const copied: string[] = [];
    vi.stubGlobal("navigator", { clipboard: { writeText: async (text: string) => void copied.push(text) } });
    show(SAMPLES.approvedRefunded);
    await click(".bp-copy-receipt");
    expect(copied[0]?.split("\n").slice(2, 6)).toEqual([
      amount(5000),
      `Paid back to you: ${amount(1500)}`,
      `On its way back to you: ${amount(3500)}`,
      `Order: ${SAMPLES.approved.payment?.orderId}`,
    ]);
    expect(find(".bp-fact-paidAt")).toBeNull();
  });
});

describe("the way to the shop", () => {
  const address = () => new URL(find(".bp-support a")?.getAttribute("href") ?? "");

  test("is on every picture, in the same place: the last", () => {
    const without = NAMES.filter((name) => {
      show(SAMPLES[name]);
      return !page.querySelector(".bp-tracker > .bp-support:last-child");
    });
    expect(without).toEqual(["checkPhoneNoShop", "approvedNoShop"]);
  });

  test("is a message on WhatsApp with the order and the reference in its text", () => {
    const { orderId, reference } = SAMPLES.underReview.payment ?? {};
    show(SAMPLES.underReview);
    expect(address().origin + address().pathname).toBe("https://wa.me/237699001122");
    expect(address().searchParams.get("text")).toBe(
      `Hello, I am writing about my order ${orderId} (reference ${reference}).\n`,
    );
    expect(find(".bp-support a")?.getAttribute("target")).toBe("_blank");
  });

  test("has the reference also where the payment is not known", () => {
    show({ ...SAMPLES.loading, reference: "a-reference" });
    expect(address().searchParams.get("text")).toContain("my payment (reference a-reference)");
    const { problem } = SAMPLES.inProgressElsewhere;
    show({ ...SAMPLES.inProgressElsewhere, problem: { ...(problem as Problem), reference: "another" } });
    expect(address().searchParams.get("text")).toContain("(reference another)");
    show(SAMPLES.refused);
    expect(address().searchParams.get("text")).toBe("Hello, I am writing about my payment.\n");
  });

  test("may be any other address", () => {
    show({ ...SAMPLES.refused, support: "mailto:shop@example.com" });
    expect(address().href).toBe("mailto:shop@example.com");
    expect(words(".bp-support")).toBe("Contact the shop");
  });
});

test("uses the browser's language unless one is set", () => {
  vi.stubGlobal("navigator", { languages: ["de-DE", "en-GB", "fr"] });
  const { locale: _, ...untold }: PaymentTrackerProps = { ...SAMPLES.approved };
  act(() => root.render(<PaymentTracker {...untold} />));
  expect(find("section")?.lang).toBe("en");
});
