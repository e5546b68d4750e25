/** Shows parts of the operators' page in a test, with an API whose answers the test scripts. */

import axe from "axe-core";
import { act, type ReactNode, StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { expect, onTestFinished } from "vitest";

import paymentEvents from "../../tests/contract/payment-events.json";
import { type Api, ApiError } from "../operator/api";
import type { AttentionList, PaymentEvent, PaymentStory } from "../operator/apiTypes";
import { AttentionOfPage } from "../operator/attention";
import { createLookups, LookupsOfPage } from "../operator/lookups";
import { PageContext, pageOf } from "../operator/page";
import type { Operator } from "../operator/session";
import type { Locale } from "../src/locale";
import { parsePaymentEvent, parseProblem, type Refund } from "../src/paymentContract";

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

/** Longer than any reference or order that the API lets through, without a place to break. */
export const LONG = "1234567890".repeat(10);

export function payment(golden: keyof typeof paymentEvents, changes: Partial<PaymentEvent> = {}): PaymentEvent {
  const parsed = parsePaymentEvent(paymentEvents[golden].event);
  if (!parsed.ok) throw new TypeError(`${golden} is no payment`);
  return { ...parsed.event, ...changes };
}

export const TWO_PAYMENTS = [
  payment("pending"),
  payment("failedDeclined", { reference: "another", orderId: "order-2" }),
];

export const LONG_PAYMENT = payment("conflicted", {
  orderId: LONG,
  providerReference: LONG,
  operatorReference: LONG,
  reason: LONG,
});

/** A list's page without a payment. */
export const EMPTY = { payments: [], phoneMarks: [], cursor: null };

/** Returns the story of a payment that is the only attempt of its order. */
export function storyOf(shown: PaymentEvent, changes: Partial<PaymentStory> = {}): PaymentStory {
  return {
    payment: shown,
    versions: [version(shown)],
    acts: [],
    delivery: { deliveredVersion: shown.version, announcedVersion: shown.version, undeliveredSince: null },
    nextCheckAt: null,
    actions: ["recheck", "redeliver"],
    resolutions: [],
    order: { orderId: shown.orderId, attemptCount: 1, chargeCount: 0, attempts: [attempt(shown)] },
    ...changes,
  };
}

export const attempt = (
  shown: PaymentEvent,
  changes: Partial<PaymentStory["order"]["attempts"][number]> = {},
): PaymentStory["order"]["attempts"][number] => ({
  payment: shown,
  active: false,
  paysOrder: false,
  acknowledged: false,
  charges: [],
  disputed: [],
  ...changes,
});

export const version = (
  shown: PaymentEvent,
  changes: Partial<PaymentStory["versions"][number]> = {},
): PaymentStory["versions"][number] => ({
  version: shown.version,
  status: shown.status,
  cause: "webhook",
  by: null,
  note: null,
  at: shown.updatedAt,
  msSinceClaim: 850,
  msSincePrevious: 850,
  evidence: null,
  changes: [],
  delivered: true,
  announced: true,
  orderEvents: [],
  ...changes,
});

export const record = (
  changes: Partial<NonNullable<PaymentStory["versions"][number]["evidence"]>> = {},
): NonNullable<PaymentStory["versions"][number]["evidence"]> => ({
  providerReference: "campay-1",
  status: "SUCCESSFUL",
  amount: 4500,
  currency: "XAF",
  fee: null,
  isIncoming: true,
  operator: "MTN",
  operatorReference: "1234567890",
  reason: null,
  ...changes,
});

export const refund = (changes: Partial<Refund> = {}): Refund => ({
  reference: "refund-1",
  charge: "campay-1",
  amount: 5000,
  status: "PENDING",
  at: "2026-01-31T16:45:00.000Z",
  version: 4,
  ...changes,
});

/** A refusal as the API words it. */
export function refusal(code: string, detail = `refused: ${code}`): ApiError {
  const problem = parseProblem({ code, detail, title: code, status: 409, retryable: false }, null);
  if (!problem) throw new TypeError("no problem");
  return new ApiError(problem);
}
export const NO_ANSWER = new ApiError(null);
/** An answer that never comes. */
export const never = <Answer,>() => new Promise<Answer>(() => {});

export const NOBODY_IS_NEEDED: AttentionList = {
  counts: {
    underReview: 0,
    duplicate: 0,
    undecided: 0,
    refundOpen: 0,
    undelivered: 0,
    statementDifference: 0,
    statementMissing: 0,
  },
  items: [],
  days: [],
  failing: [],
  timestamp: "2026-02-01T12:00:00.000Z",
};

/** Returns an API of the answers that a test scripts; each other call is an error of the test. */
export function apiOf(answers: Partial<Api>): Api {
  return new Proxy(answers as Api, {
    get: (given, name: keyof Api) => {
      if (!given[name]) throw new TypeError(`${String(name)} is not scripted`);
      return given[name];
    },
  });
}

export interface Shown {
  readonly main: HTMLElement;
  readonly find: (selector: string) => HTMLElement;
  readonly button: (text: string) => HTMLButtonElement;
  readonly click: (text: string) => Promise<void>;
  readonly fill: (selector: string, text: string) => Promise<void>;
  readonly again: (part: ReactNode) => Promise<void>;
}

interface Setting {
  readonly api?: Partial<Api>;
  readonly locale?: Locale;
  readonly right?: Operator["right"];
  /** What the part stands in: of `div`, it has a `main` of its own. */
  readonly frame?: "main" | "div";
}

let hide = async () => {};

/** Shows a part of the page in place of the last one, until the test ends. */
export async function show(
  part: ReactNode,
  { api = {}, locale = "en", right = "act", frame = "main" }: Setting = {},
): Promise<Shown> {
  await hide();
  document.documentElement.lang = locale;
  const main = document.body.appendChild(document.createElement(frame));
  main.tabIndex = -1;
  const root = createRoot(main);
  hide = async () => {
    hide = async () => {};
    await act(async () => root.unmount());
    main.remove();
  };
  onTestFinished(() => hide());
  const page = pageOf(
    apiOf({ get: async <Answer,>() => NOBODY_IS_NEEDED as Answer, ...api }),
    null,
    { name: "paul", right },
    locale,
  );
  const lookups = createLookups();
  const again = (shown: ReactNode) =>
    act(async () =>
      root.render(
        <StrictMode>
          <PageContext value={page}>
            <AttentionOfPage>
              <LookupsOfPage value={lookups}>{shown}</LookupsOfPage>
            </AttentionOfPage>
          </PageContext>
        </StrictMode>,
      ),
    );
  await again(part);
  const find = (selector: string) => {
    const found = main.querySelector<HTMLElement>(selector);
    if (!found) throw new Error(`there is no ${selector} in ${main.innerHTML}`);
    return found;
  };
  const button = (text: string) => {
    const found = [...main.querySelectorAll("button")].find(({ textContent }) => textContent === text);
    if (!found) throw new Error(`there is no button ${text} in ${main.innerHTML}`);
    return found;
  };
  return {
    main,
    find,
    button,
    again,
    click: (text) => act(async () => button(text).click()),
    fill: (selector, text) =>
      act(async () => {
        const field = find(selector) as HTMLInputElement;
        const { set } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), "value") ?? {};
        set?.call(field, text);
        field.dispatchEvent(new Event("input", { bubbles: true }));
      }),
  };
}

/** Checks what axe can see without a layout. */
export async function expectAccessible(main: HTMLElement): Promise<void> {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: false }); // clocks on the page go on meanwhile
  const { violations } = await axe.run(main, {
    preload: false,
    rules: { "color-contrast": { enabled: false }, "page-has-heading-one": { enabled: false } },
  });
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
  expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
}
