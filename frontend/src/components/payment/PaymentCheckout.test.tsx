// @vitest-environment happy-dom
import { act, StrictMode } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { payment, REFERENCE, REFUSAL } from "../../../tests/fakeWire";
import { PaymentCheckout, type PaymentCheckoutProps } from "./PaymentCheckout";

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

const nothing = () => {};
const FORM: PaymentCheckoutProps = {
  order: { orderId: "order-1", amount: 5000, currency: "XAF" },
  locale: "en",
  phase: "ready",
  isLookingUp: false,
  problem: null,
  retryAt: null,
  phoneNumber: "",
  operatorNotice: [],
  reference: null,
  payment: null,
  connection: "stopped",
  clockOffset: 0,
  givingUp: "idle",
  isSettled: false,
  prepare: nothing,
  pay: nothing,
  cancel: undefined,
  retry: undefined,
  changeNumber: undefined,
  giveUp: undefined,
  refetch: async () => {},
  stop: nothing,
};
const SENDING: PaymentCheckoutProps = { ...FORM, phase: "sending" };
const FAILED: PaymentCheckoutProps = {
  ...FORM,
  phase: "tracking",
  reference: REFERENCE,
  payment: payment({ status: "FAILED", failureCode: "not_registered" }),
  changeNumber: nothing,
};

let outside: HTMLElement;
let host: HTMLElement;
let root: Root;

beforeEach(() => {
  outside = document.body.appendChild(document.createElement("button"));
  host = document.body.appendChild(document.createElement("main"));
});

afterEach(() => {
  act(() => root.unmount());
  outside.remove();
  host.remove();
});

describe.each([
  ["in the page", () => host],
  ["in a shadow root", () => host.attachShadow({ mode: "open" })],
] as const)("the focus, %s,", (_, placeOf) => {
  let place: HTMLElement | ShadowRoot;

  beforeEach(() => {
    place = placeOf();
    root = createRoot(place);
  });

  const show = (props: PaymentCheckoutProps) =>
    act(() =>
      root.render(
        <StrictMode>
          <PaymentCheckout {...props} />
        </StrictMode>,
      ),
    );
  const find = (selector: string) => place.querySelector<HTMLElement>(selector);
  const focused = () => (place.getRootNode() as Document | ShadowRoot).activeElement;

  test("goes from the form to the payment's heading, and with the other number back to the field", () => {
    show(FORM);
    act(() => find(".bp-pay")?.focus());
    show(SENDING);
    expect(focused()).toBe(find(".bp-title"));
    show(FAILED);
    act(() => find(".bp-change-number")?.focus());
    show(FORM);
    expect(focused()).toBe(find(".bp-phone"));
  });

  test("stays in the checkout also where the form has no field", () => {
    show(FAILED);
    act(() => find(".bp-change-number")?.focus());
    show({ ...FORM, problem: { ...REFUSAL, code: "order_already_paid" } });
    expect(find(".bp-phone")).toBeNull();
    expect(focused()).toBe(find(".bp-part"));
  });

  test("is left to the shop's page where it had it", () => {
    show(FORM);
    act(() => outside.focus());
    show(SENDING);
    show(FORM);
    expect(document.activeElement).toBe(outside);
  });
});

test("the shop's name and the way to it are on the payment", () => {
  root = createRoot(host);
  act(() => root.render(<PaymentCheckout {...FAILED} merchantName="BraidSter" support="mailto:shop@example.com" />));
  expect(host.querySelector(".bp-fact-shop dd")?.textContent).toBe("BraidSter");
  expect(host.querySelector(".bp-support a")?.getAttribute("href")).toBe("mailto:shop@example.com");
});
