// @vitest-environment happy-dom
import { act } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { Problem } from "../../paymentContract";
import { ProblemWords } from "./ProblemWords";

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

const NOW = Date.parse("2026-01-15T10:00:00.000Z");
const PROBLEM: Problem = {
  code: "prompt_in_flight",
  detail: "A payment prompt is on this phone already.",
  retryable: true,
  fields: {},
  reference: null,
  retryAfter: 250,
};
let root: Root;
let page: HTMLElement;

beforeEach(() => {
  vi.useFakeTimers({ now: NOW });
  page = document.createElement("p");
  root = createRoot(page);
});

afterEach(() => {
  act(() => root.unmount());
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

function show(wait: number | null, locale: "fr" | "en" = "en"): void {
  const retryAt = wait === null ? null : NOW + wait * 1000;
  act(() => root.render(<ProblemWords problem={PROBLEM} retryAt={retryAt} locale={locale} />));
}

const wait = (seconds: number) => act(() => vi.advanceTimersByTimeAsync(seconds * 1000));

test("it shows the reason and counts down to the next try", async () => {
  show(250);
  expect(page.textContent).toBe(`${PROBLEM.detail} Try again in 4:10.`);
  await wait(1);
  expect(page.textContent).toBe(`${PROBLEM.detail} Try again in 4:09.`);
  await wait(248);
  expect(page.textContent).toBe(`${PROBLEM.detail} Try again in 0:01.`);
  await wait(1);
  expect(page.textContent).toBe(`${PROBLEM.detail} You can try again now.`);
});

test("the reason is announced, the count-down is not", () => {
  show(250);
  expect(page.querySelector("[role=alert]")?.textContent).toBe(PROBLEM.detail);
  expect(page.querySelector("[role=timer]")?.textContent).toContain("4:10");
});

test.each([
  [9, "Réessayez dans 0:09."],
  [3_600, "Réessayez dans 1:00:00."],
  [5 * 3_600 + 20 * 60 + 7, "Réessayez dans 5:20:07."],
])("%i s in French", (seconds, words) => {
  show(seconds, "fr");
  expect(page.textContent).toBe(`${PROBLEM.detail} ${words}`);
});

test("where the time is unknown, none is shown", () => {
  show(null);
  expect(page.textContent).toBe(PROBLEM.detail);
});
