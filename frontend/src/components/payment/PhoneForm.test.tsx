// @vitest-environment happy-dom
import axe from "axe-core";
import { act } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, test } from "vitest";

import { REFUSAL } from "../../../tests/fakeWire";
import { PhoneForm, type PhoneFormProps } from "./PhoneForm";

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

const ORDER = { orderId: "order-1", amount: 5000, currency: "XAF" };

let page: HTMLElement;
let root: Root;
let paid: string[];

beforeEach(() => {
  page = document.body.appendChild(document.createElement("main"));
  root = createRoot(page);
  paid = [];
});

afterEach(() => {
  act(() => root.unmount());
  page.remove();
});

const show = (props: Partial<PhoneFormProps> = {}) =>
  act(() => root.render(<PhoneForm order={ORDER} pay={(number) => paid.push(number)} locale="en" {...props} />));
const words = (selector: string) => page.querySelector(selector)?.textContent ?? null;

function type(text: string): void {
  const input = page.querySelector("input") as HTMLInputElement;
  act(() => {
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value")?.set?.call(input, text);
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

const submit = () =>
  act(() => page.querySelector("form")?.dispatchEvent(new Event("submit", { bubbles: true, cancelable: true })));

test("a number in any spelling is paid as the API spells it, and its operator named", () => {
  show();
  type("6 77 77 77 77");
  expect(words(".bp-operator")).toBe("MTN");
  submit();
  expect(paid).toEqual(["237677777777"]);
});

test("a wrong number is not paid; what is wrong is said and belongs to the field", () => {
  show();
  type("12345");
  submit();
  expect(paid).toEqual([]);
  expect(words(".bp-wrong")).toBe("Enter nine digits, the first one a 6.");
  const field = page.querySelector("input");
  expect(field?.getAttribute("aria-invalid")).toBe("true");
  expect(field?.getAttribute("aria-describedby")).toBe(page.querySelector(".bp-wrong")?.id);
});

test("the connection is prepared once a whole number is typed, and not before", () => {
  let prepared = 0;
  const prepare = () => {
    prepared += 1;
  };
  show({ prepare, phoneNumber: "237677777777" });
  expect(prepared).toBe(0);
  type("67777777");
  expect(prepared).toBe(0);
  type("677777777");
  expect(prepared).toBe(1);
});

test("a wrong number brings the focus back to its field, each time", () => {
  show();
  for (const text of ["12345", "1234"]) {
    type(text);
    act(() => page.querySelector<HTMLElement>(".bp-pay")?.focus());
    submit();
    expect(document.activeElement).toBe(page.querySelector("input"));
  }
  type("677777777");
  submit();
  expect(words(".bp-wrong")).toBeNull();
});

test("the price is on the button, from the order or from its token", () => {
  show();
  expect(words(".bp-pay")).toMatch(/^Pay FCFA.5,000$/);
  show({ order: { orderToken: `e30.${btoa(JSON.stringify({ ...ORDER, amount: 700 }))}.signature` } });
  expect(words(".bp-pay")).toMatch(/^Pay FCFA.700$/);
  show({ order: { orderToken: "no token" } });
  expect(words(".bp-pay")).toBe("Pay");
});

test("an order that is paid already is good news and has no field, another problem leaves it", () => {
  show({ problem: REFUSAL });
  expect(words(".bp-problem.bp-negative")).toContain(REFUSAL.detail);
  expect(page.querySelector("input")).not.toBeNull();
  show({ problem: { ...REFUSAL, code: "order_already_paid" } });
  expect(words(".bp-problem.bp-positive")).toContain(REFUSAL.detail);
  expect(page.querySelector("input")).toBeNull();
});

test("it warns of the operator of the number, and of all before there is one; the number is paid all the same", () => {
  show({ operatorNotice: ["MTN"] });
  expect(words(".bp-notice")).toMatch(/^Many MTN payments are failing/);
  type("699 99 99 99");
  expect(words(".bp-notice")).toBe("");
  type("677 77 77 77");
  expect(words(".bp-notice")).toMatch(/^Many MTN payments/);
  submit();
  expect(paid).toEqual(["237677777777"]);
  show({ operatorNotice: ["MTN", "Orange"], locale: "fr" });
  type("");
  expect(words(".bp-notice")).toMatch(/^En ce moment, beaucoup de paiements MTN et Orange échouent/);
  show();
  expect(words(".bp-notice")).toBe("");
});

test("it has no accessibility error that can be told without a layout", async () => {
  show({ problem: REFUSAL });
  type("1");
  submit();
  const { violations } = await axe.run(page, {
    preload: false,
    rules: { "color-contrast": { enabled: false }, "page-has-heading-one": { enabled: false } },
  });
  expect(violations.map(({ id }) => id)).toEqual([]);
});
