// @vitest-environment happy-dom
import { act, type ReactNode } from "react";
import { hydrateRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { payment, REFERENCE } from "../tests/fakeWire";
import { GatewayAndApi, until } from "../tests/gateway";
import { ConfirmationPage, CountingPage, ORDER, renderOnServer, ShopPage } from "../tests/shopPage";
import { type CheckoutAttempt, saveAttempt } from "./checkoutAttempt";

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

let server: GatewayAndApi;
let page: HTMLElement;
let root: Root | undefined;
let complaints: unknown[];

beforeEach(async () => {
  sessionStorage.clear();
  server = await new GatewayAndApi().start();
  page = document.body.appendChild(document.createElement("main"));
  complaints = [];
  vi.spyOn(console, "error").mockImplementation((...words) => void complaints.push(words));
});

afterEach(async () => {
  await act(async () => root?.unmount());
  page.remove();
  await server.stop();
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

/** Hydrates what the server has rendered. */
async function hydrate(html: string, shown: ReactNode): Promise<void> {
  page.innerHTML = html;
  const onRecoverableError = (error: unknown) => void complaints.push(error);
  await act(async () => {
    root = hydrateRoot(page, shown, { onRecoverableError });
  });
}

function speak(language: string): void {
  vi.stubGlobal("navigator", { languages: [language], onLine: true });
}

const find = (selector: string) => page.querySelector<HTMLElement>(selector);
const eventually = (condition: () => boolean) => act(() => until(condition));

const ATTEMPT: CheckoutAttempt = {
  idempotencyKey: "a-key",
  phoneNumber: "237677777777",
  startedAt: Date.now(),
  shown: { reference: REFERENCE, token: "a-token" },
  outcome: "started",
};

test.each([
  ["fr-CM", "fr"],
  ["en-GB", "en"],
])("a reload in mid-payment goes on with the payment, in the language of a browser in %s", async (language, lang) => {
  const inTime = new Date(Date.now() + 300_000).toISOString();
  server.track = () => ({ ok: true, payment: payment({ createdAt: new Date().toISOString(), expiresAt: inTime }) });
  const html = renderOnServer(<ShopPage url={server.url} />);
  saveAttempt(ORDER.orderId, ATTEMPT);
  speak(language);
  await hydrate(html, <ShopPage url={server.url} />);
  await eventually(() => find(".bp-tracker")?.dataset["picture"] === "checkPhone");
  expect(find(".bp-tracker")?.lang).toBe(lang);
  expect(find(".bp-fact-reference code")?.textContent).toBe(REFERENCE);
  expect(complaints).toEqual([]);
});

test("the confirmation page finds the token once it is in the browser", async () => {
  server.track = () => ({ ok: true, payment: payment({ version: 3, status: "SUCCESSFUL" }) });
  const html = renderOnServer(<ConfirmationPage url={server.url} />);
  saveAttempt(ORDER.orderId, ATTEMPT);
  await hydrate(html, <ConfirmationPage url={server.url} />);
  await eventually(() => find(".bp-tracker")?.dataset["picture"] === "approved");
  expect(complaints).toEqual([]);
});

test("a call whose answer was lost is repeated once, in the browser's language", async () => {
  const calls: unknown[] = [];
  server.respond = ({ url, headers }) => {
    if (url?.endsWith("/initiate")) calls.push([headers["idempotency-key"], headers["accept-language"]]);
    return [429, { code: "phone_limit", detail: "Please wait a little.", retryable: true }];
  };
  const html = renderOnServer(<ShopPage url={server.url} />);
  saveAttempt(ORDER.orderId, { ...ATTEMPT, shown: null, outcome: "asked" });
  speak("en-GB");
  await hydrate(html, <ShopPage url={server.url} />);
  await eventually(() => find("form")?.dataset["number"] === ATTEMPT.phoneNumber);
  expect(calls).toEqual([[ATTEMPT.idempotencyKey, "en"]]);
  expect(complaints).toEqual([]);
});

test("counts down by the browser's clock, which is not the server's", async () => {
  const now = Date.now();
  vi.useFakeTimers({ toFake: ["Date"], now });
  const html = renderOnServer(<CountingPage now={now} />);
  vi.setSystemTime(now + 7_000);
  speak("en-GB");
  await hydrate(html, <CountingPage now={now} />);
  const timers = Array.from(page.querySelectorAll("[role=timer]"), (timer) => timer.textContent?.trim());
  expect(timers).toEqual(["4:53", "Try again in 4:53."]);
  expect(find(".bp-tracker")?.lang).toBe("en");
  expect(complaints).toEqual([]);
});
